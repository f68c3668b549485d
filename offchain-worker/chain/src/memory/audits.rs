//! Seeds, verdicts and when they are final, as in the pallet `audits`.

use super::contracts::settled;
use super::disputes::Dispute;
use super::world::{refuse, World};
use crate::ChainError;
use lunarx_core::{
    blake2b_256, AccountId, AuditInfo, AuditRules, AuditSeed, Balance, BlockNumber, ContractId, ContractInfo,
    Dues, Report, Round, RoundDetails, Verdict, WindowVotes, SEATS,
};
use lunarx_proof::{seat_holders, BIRTH_BLOCKS};
use std::collections::{BTreeMap, BTreeSet};

/// Sets the seeds of blocks apart from all others.
const SEED_DOMAIN: &[u8] = b"lunarx/memory-chain/seed";

/// Who holds each seat.
pub(super) type Holders = [AccountId; SEATS as usize];

/// What was said and asked of a contract.
#[derive(Clone, Default)]
pub(super) struct Audit {
    /// Of the windows of which something was said.
    pub votes: BTreeMap<u32, WindowVotes>,
    pub dispute: Option<Dispute>,
    /// The holder of a seat that asked last, and when.
    pub last_seat: Option<(AccountId, BlockNumber)>,
    /// Seats that have drawn their pay for a window.
    pub drawn: BTreeSet<(u32, u32)>,
}

/// A seat's word on a proven window, whose pay was not drawn.
struct Due {
    window: u32,
    seat: u32,
    round: Round,
}

pub(super) fn audits(error: &str, docs: &str) -> ChainError {
    refuse("Audits", error, docs)
}

pub(super) fn require(holds: bool, error: &str, docs: &str) -> Result<(), ChainError> {
    if holds {
        Ok(())
    } else {
        Err(audits(error, docs))
    }
}

impl World {
    /// The seed of a block, as long as it is known.
    pub(super) fn seed(&self, rules: &AuditRules, block: BlockNumber) -> Option<AuditSeed> {
        if block > self.height || block.saturating_add(rules.seed_history) <= self.height {
            return None;
        }
        self.any_seed(block)
    }

    /// The seed of a block, however old.
    fn any_seed(&self, block: BlockNumber) -> Option<AuditSeed> {
        let own = || Some(AuditSeed(blake2b_256(&[SEED_DOMAIN, &block.to_le_bytes()].concat())));
        self.seeds.get(&block).copied().unwrap_or_else(own)
    }

    /// How the windows of an active contract stand.
    pub(super) fn audit(&self, rules: &AuditRules, id: &ContractId) -> Option<AuditInfo<AccountId>> {
        let contract = self.contracts.get(id)?;
        let watched = contract.watched()?;
        let first = self.finals(rules, contract);
        let proven = (settled(contract)..first).filter(|window| self.is_proven(id, *window)).count();
        Some(AuditInfo {
            first,
            proven: u32::try_from(proven).unwrap_or(u32::MAX),
            votes: (first..watched.elapsed(self.height)).map(|window| self.votes(id, window)).collect(),
            dues: self.dues(rules, id),
            dispute: self.dispute_info(rules, id),
        })
    }

    /// Windows of a contract whose outcome is final.
    pub(super) fn finals(&self, rules: &AuditRules, contract: &ContractInfo<AccountId>) -> u32 {
        let then = self.height.saturating_sub(rules.final_after);
        contract.watched().map_or(0, |watched| watched.elapsed(then))
    }

    /// Windows to settle now: none while a dispute is open.
    pub(super) fn due(&self, rules: &AuditRules, contract: &ContractInfo<AccountId>) -> u32 {
        if self.audits.get(&contract.id).is_some_and(|audit| audit.dispute.is_some()) {
            return 0;
        }
        self.finals(rules, contract).saturating_sub(settled(contract))
    }

    /// Whether a window is paid for.
    pub(super) fn is_proven(&self, id: &ContractId, window: u32) -> bool {
        let mut votes = self.votes(id, window);
        if let Some(verdict) = self.unspoken {
            (0..SEATS).for_each(|seat| {
                votes.cast(seat, verdict);
            });
        }
        votes.is_proven()
    }

    /// What was said of a window.
    pub(super) fn votes(&self, id: &ContractId, window: u32) -> WindowVotes {
        self.audits.get(id).and_then(|audit| audit.votes.get(&window)).copied().unwrap_or_default()
    }

    /// Notes the verdicts of a tracker's seats. What does not count is passed over, unless nothing counts.
    pub(super) fn report(
        &mut self,
        rules: &AuditRules,
        tracker: AccountId,
        reports: &[Report],
    ) -> Result<(), ChainError> {
        let mut counted = false;
        for report in reports {
            for (window, verdict) in (report.window..=u32::MAX).zip(&report.verdicts) {
                counted |= self.speak(rules, tracker, report.contract, window, *verdict) == Some(true);
            }
            counted |= self.draw(rules, tracker, report);
        }
        require(counted, "NothingCounted", "no seat of the caller could say anything of it")
    }

    /// Credits a tracker for its words on final windows: of all rounds, or where it says something, of those in which
    /// the windows ended of which it does. Whether there are any.
    fn draw(&mut self, rules: &AuditRules, tracker: AccountId, report: &Report) -> bool {
        let id = report.contract;
        let Some(watched) = self.contracts.get(&id).and_then(ContractInfo::watched) else { return false };
        let said = report.verdicts.iter().zip(report.window..).map(|(_, window)| watched.end_of(window));
        let met: Vec<_> = said.filter_map(|end| self.round_of(end)).collect();
        let mine = |due: &Due| {
            (met.is_empty() || met.contains(&due.round)) && self.seat_of(&id, due) == Some(tracker)
        };
        let dues: Vec<Due> = self.words_due(rules, &id).into_iter().filter(mine).collect();
        for due in &dues {
            self.audits.entry(id).or_default().drawn.insert((due.window, due.seat));
            self.credit(tracker, watched.word_pay);
        }
        !dues.is_empty()
    }

    /// Credits what nobody drew of a contract that is closed.
    pub(super) fn credit_rest(&mut self, rules: &AuditRules, id: &ContractId) {
        let word_pay = self.contracts.get(id).map_or(0, |contract| contract.word_pay);
        for due in self.words_due(rules, id) {
            if let Some(holder) = self.seat_of(id, &due) {
                self.credit(holder, word_pay);
            }
        }
    }

    fn credit(&mut self, tracker: AccountId, pay: Balance) {
        if let Some(entry) = self.trackers.get_mut(&tracker) {
            entry.credits = entry.credits.saturating_add(pay);
        }
    }

    fn seat_of(&self, id: &ContractId, due: &Due) -> Option<AccountId> {
        let rounds = self.rounds();
        let round = rounds.iter().find(|round| round.round == due.round)?;
        self.holders_in(round, id)?.get(usize::try_from(due.seat).ok()?).copied()
    }

    fn round_of(&self, block: BlockNumber) -> Option<Round> {
        self.rounds().iter().find(|round| round.start <= block).map(|round| round.round)
    }

    fn words_due(&self, rules: &AuditRules, id: &ContractId) -> Vec<Due> {
        let found = || {
            let (contract, audit) = (self.contracts.get(id)?, self.audits.get(id)?);
            let (watched, end) = (contract.watched()?, self.finals(rules, contract));
            let mut dues = Vec::new();
            for (window, votes) in audit.votes.range(..end) {
                let Some(round) = self.round_of(watched.end_of(*window)) else { continue };
                let said = (0..SEATS).filter(|seat| votes.of(*seat).is_some() && votes.is_proven());
                let due =
                    said.filter(|seat| watched.pays(*window) && !audit.drawn.contains(&(*window, *seat)));
                dues.extend(due.map(|seat| {
                    let round = round.saturating_add(votes.is_substituted(seat).into());
                    Due { window: *window, seat, round }
                }));
            }
            Some(dues)
        };
        found().unwrap_or_default()
    }

    fn dues(&self, rules: &AuditRules, id: &ContractId) -> Dues {
        let mut dues = Dues::default();
        self.words_due(rules, id).into_iter().for_each(|due| dues.add(due.round, due.seat));
        dues
    }

    /// Says `verdict` of a window from all seats of `tracker` that may. Whether there are any.
    fn speak(
        &mut self,
        rules: &AuditRules,
        tracker: AccountId,
        id: ContractId,
        window: u32,
        verdict: Verdict,
    ) -> Option<bool> {
        let contract = self.contracts.get(&id)?;
        let watched = contract.watched()?;
        let judged = self.finals(rules, contract)..watched.elapsed(self.height);
        if !judged.contains(&window) {
            return None;
        }
        let end = watched.end_of(window);
        let own = self.holders(&id, end);
        let late = self.height >= end.saturating_add(rules.report_within);
        let running = if late { self.holders(&id, self.height) } else { None };
        let audit = self.audits.entry(id).or_default();
        let votes = audit.votes.entry(window).or_default();
        let before = *votes;
        for (seat, at) in (0..SEATS).zip(0..) {
            let holds = |holders: &Option<Holders>| {
                holders.as_ref().and_then(|holders| holders.get(at)) == Some(&tracker)
            };
            if holds(&own) {
                votes.cast(seat, verdict);
            } else if holds(&running) && votes.cast(seat, verdict) {
                votes.substitute(seat);
            }
        }
        let after = *votes;
        if let Some(dispute) = audit.dispute.as_mut().filter(|_| after != before) {
            let named = dispute.challenge.and_then(|block| watched.window_of(block));
            if verdict == Verdict::Valid && named == Some(window) {
                dispute.accused.insert(tracker);
            }
        }
        Some(after != before)
    }

    /// Who holds the seats of a contract in the round of a block.
    pub(super) fn holders(&self, id: &ContractId, block: BlockNumber) -> Option<Holders> {
        let rounds = self.rounds();
        let round = rounds.iter().find(|round| round.start <= block)?;
        self.holders_in(round, id)
    }

    fn holders_in(&self, round: &RoundDetails<AccountId>, id: &ContractId) -> Option<Holders> {
        let since = self.contracts.get(id)?.watched()?.since;
        let last = since.saturating_add(BIRTH_BLOCKS);
        let seeds = || (since.saturating_add(1)..=last).filter_map(|block| self.any_seed(block)).collect();
        let birth = || (self.height >= last).then(seeds);
        Some(seat_holders(round, id, since, birth)?.map(|holder| *holder))
    }
}
