//! Which seats an account holds, by the rounds that the chain knows.

use lunarx_core::{AccountId, AuditRules, AuditSeed, BlockNumber, ContractId, RoundDetails, Watched};
use lunarx_proof::{seat_holders, BIRTH_BLOCKS};
use std::{collections::BTreeMap, ops::Range};

/// What seats follow from.
#[derive(Clone, Copy)]
pub(crate) struct Rounds<'a> {
    /// The rounds that are known, newest first.
    pub(crate) known: &'a [RoundDetails<AccountId>],
    /// The seeds of the blocks `read`, without those that have none.
    pub(crate) seeds: &'a BTreeMap<BlockNumber, AuditSeed>,
    pub(crate) read: &'a Range<BlockNumber>,
}

impl Rounds<'_> {
    /// The seats that `account` holds in a round.
    pub(crate) fn held_in(
        self,
        round: &RoundDetails<AccountId>,
        account: &AccountId,
        contract: &ContractId,
        since: BlockNumber,
    ) -> Vec<u32> {
        let holders = seat_holders(round, contract, since, || self.birth(since));
        let seats = (0..).zip(holders.into_iter().flatten());
        seats.filter(|(_, holder)| *holder == account).map(|(seat, _)| seat).collect()
    }

    /// The seeds that draw the seats in the round of an acceptance, once all these blocks were read.
    fn birth(self, since: BlockNumber) -> Option<Vec<AuditSeed>> {
        let (first, last) = (since.saturating_add(1), since.saturating_add(BIRTH_BLOCKS));
        let read = self.read.contains(&first) && self.read.contains(&last);
        read.then(|| self.seeds.range(first..=last).map(|(_, seed)| *seed).collect())
    }
}

/// The seats of a contract that `account` holds in the round of `block`.
pub(crate) fn held(
    rounds: Rounds<'_>,
    account: &AccountId,
    contract: &ContractId,
    since: BlockNumber,
    block: BlockNumber,
) -> Vec<u32> {
    let round = rounds.known.iter().find(|round| round.start <= block);
    round.map_or_else(Vec::new, |round| rounds.held_in(round, account, contract, since))
}

/// The seats of a window: those of the round in which it ends. A window that still runs is watched by whoever
/// would judge it if it ended now.
pub(crate) fn own(
    rounds: Rounds<'_>,
    account: &AccountId,
    contract: &ContractId,
    watched: &Watched<AccountId>,
    window: u32,
    now: BlockNumber,
) -> Vec<u32> {
    held(rounds, account, contract, watched.since, watched.end_of(window).min(now))
}

/// The seats with which `account` judges a window at height `now`, until it is final: its own, and once its time
/// is over, those of the running round too.
pub(crate) fn judging(
    rounds: Rounds<'_>,
    account: &AccountId,
    contract: &ContractId,
    watched: &Watched<AccountId>,
    window: u32,
    now: BlockNumber,
    rules: &AuditRules,
) -> Vec<u32> {
    let end = watched.end_of(window);
    if now >= end.saturating_add(rules.final_after) {
        return Vec::new();
    }
    let mut seats = own(rounds, account, contract, watched, window, now);
    if now >= end.saturating_add(rules.report_within) {
        seats.extend(held(rounds, account, contract, watched.since, now));
        seats.sort_unstable();
        seats.dedup();
    }
    seats
}

/// Windows that are not final yet, the running one included, as `first..past`.
pub(crate) fn open_windows(
    watched: &Watched<AccountId>,
    now: BlockNumber,
    rules: &AuditRules,
) -> std::ops::Range<u32> {
    let first = now.checked_sub(rules.final_after).map_or(0, |before| watched.elapsed(before));
    let running = watched.elapsed(now).saturating_add(1).min(watched.windows);
    first..running
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::BatchRoot;

    fn watched() -> Watched<AccountId> {
        Watched {
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 1,
            since: 100,
            window: 10,
            windows: 5,
            word_pay: 1,
            ended: None,
        }
    }

    fn round(round: u32, start: BlockNumber, members: &[u8]) -> RoundDetails<AccountId> {
        let members = members.iter().map(|byte| AccountId([*byte; 32])).collect();
        RoundDetails { round, start, seed: AuditSeed([7; 32]), members }
    }

    #[test]
    fn a_window_is_judged_by_its_round_then_by_the_running_one_too() {
        let (old, new) = (AccountId([8; 32]), AccountId([9; 32]));
        let known = [round(2, 121, &[9]), round(1, 101, &[8])];
        let (seeds, read) = (BTreeMap::new(), 0..0);
        let rounds = Rounds { known: &known, seeds: &seeds, read: &read };
        let rules = AuditRules::of_window(10);
        let contract = ContractId([3; 32]);
        let judges = |account, window, now| {
            !judging(rounds, account, &contract, &watched(), window, now, &rules).is_empty()
        };
        // Window 1 is 110..120, so the first round judges it, until 130 alone.
        for (now, by_old, by_new) in
            [(110, true, false), (120, true, false), (129, true, false), (130, true, true), (149, true, true)]
        {
            assert_eq!((judges(&old, 1, now), judges(&new, 1, now)), (by_old, by_new), "{now}");
        }
        assert!(!judges(&new, 1, 150), "it is final");
        assert!(judges(&new, 2, 125), "the running window");
        assert!(held(rounds, &old, &contract, 100, 0).is_empty(), "before the first round");
    }

    #[test]
    fn the_first_seats_are_known_with_the_seeds_after_the_acceptance() {
        let (old, contract) = (AccountId([8; 32]), ContractId([3; 32]));
        let known = [round(1, 1, &[8])];
        let seeds: BTreeMap<_, _> = (101..=108).map(|block| (block, AuditSeed([1; 32]))).collect();
        let seats = |seeds: &BTreeMap<_, _>, read: Range<BlockNumber>| {
            held(Rounds { known: &known, seeds, read: &read }, &old, &contract, 100, 120)
        };
        assert_eq!(seats(&seeds, 50..109), [0, 1, 2]);
        assert!(seats(&seeds, 50..108).is_empty() && seats(&seeds, 102..200).is_empty(), "not all were read");
        assert!(seats(&BTreeMap::new(), 50..109).is_empty(), "there are none");
    }

    #[test]
    fn open_windows_end_with_the_term() {
        let rules = AuditRules::of_window(10);
        let at = |now| open_windows(&watched(), now, &rules);
        assert_eq!(at(100), 0..1);
        assert_eq!(at(125), 0..3);
        assert_eq!(at(140), 1..5);
        assert_eq!(at(179), 4..5);
        assert!(at(180).is_empty());
    }
}
