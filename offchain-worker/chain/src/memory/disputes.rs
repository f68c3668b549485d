//! Questions to miners on chain, and what follows, as in the pallet `audits`.

use super::audits::{audits, require};
use super::providers::verifies;
use super::world::World;
use super::{MemoryChain, GENESIS};
use crate::ChainError;
use lunarx_core::{
    collateral_for, AccountId, AuditRules, Balance, BlockNumber, ChainParameters, ContractId, ContractInfo,
    DisputeInfo, Standing, Verdict, Watched, SEATS,
};
use lunarx_proof::{
    challenged, dispute_seed, proves_all, questioned, Answer, Covered, Proofs, DISPUTE_BLOCKS,
};
use std::collections::BTreeSet;

/// One part in so many of what is slashed is the finder's.
const TENTH: Balance = 10;

/// Contracts lost with which a miner is evicted: its exit begins.
const MAX_LOST: u32 = 3;

/// An open question.
#[derive(Clone)]
pub(super) struct Dispute {
    opener: AccountId,
    standing: Standing,
    pub challenge: Option<BlockNumber>,
    pub opened: BlockNumber,
    pub deadline: BlockNumber,
    /// The block of the question whose place it took.
    replaced: Option<BlockNumber>,
    /// Trackers that said *valid* of the window of the named challenge, and have not vouched for it.
    pub accused: BTreeSet<AccountId>,
}

/// How much of a contract's collateral its miner loses.
enum Loss {
    Whole,
    /// It said so itself.
    Half,
}

impl World {
    pub(super) fn dispute(
        &mut self,
        rules: &AuditRules,
        opener: AccountId,
        id: &ContractId,
        challenge: Option<BlockNumber>,
    ) -> Result<(), ChainError> {
        let (contract, watched) = self.active(id)?;
        let standing = challenge
            .map_or(Standing::Anybody, |block| self.standing_of(rules, &opener, id, &watched, block));
        let former = self.open_dispute(id).ok().cloned();
        let free = former.as_ref().is_none_or(|former| standing > former.standing);
        require(free, "AlreadyDisputed", "a dispute of the contract is open")?;
        let named =
            challenge.map(|block| self.challenge(rules, contract, block).map(|_| block)).transpose()?;
        let accused = named.map_or_else(BTreeSet::new, |block| self.vouchers(id, &watched, block));
        let opened = self.height;
        let replaced = former.as_ref().map(|former| former.opened);
        let mut deadline = opened.saturating_add(rules.return_within);
        if let Some(former) = former {
            deadline = former.deadline.max(opened.saturating_add(rules.final_after));
            self.pay_held(former.opener, former.opener, MemoryChain::DEPOSIT);
        }
        self.hold(opener, MemoryChain::DEPOSIT)
            .ok_or_else(|| audits("CannotHoldDeposit", "the account is too poor for the deposit"))?;
        let audit = self.audits.entry(*id).or_default();
        audit.last_seat = if standing.is_seat() { Some((opener, opened)) } else { audit.last_seat };
        audit.dispute = Some(Dispute { opener, standing, challenge, opened, deadline, replaced, accused });
        Ok(())
    }

    pub(super) fn answer(
        &mut self,
        rules: &AuditRules,
        miner: AccountId,
        id: &ContractId,
        opened: BlockNumber,
        proofs: &Proofs,
    ) -> Result<(), ChainError> {
        let (contract, watched) = self.active(id)?;
        require(contract.miner == miner, "NotMiner", "the caller is not the contract's miner")?;
        let dispute = self.open_dispute(id)?.clone();
        if opened != dispute.opened {
            require(dispute.replaced == Some(opened), "OtherQuestion", "the answer is to another question")?;
            if let Some(dispute) = self.audits.entry(*id).or_default().dispute.as_mut() {
                dispute.replaced = None;
            }
            return Ok(());
        }
        require(self.height <= dispute.deadline, "TooLate", "the time to answer is over")?;
        let positions = self.positions(rules, contract, &dispute);
        require(!positions.is_empty(), "NotDrawnYet", "the bytes asked for are drawn eight blocks after it")?;
        let right = proves_all(&covered(contract), &positions, proofs);
        require(right, "WrongProofs", "the proofs do not prove the bytes asked for")?;
        let open = self.finals(rules, contract)..watched.elapsed(self.height);
        let audit = self.audits.entry(*id).or_default();
        open.for_each(|window| audit.votes.entry(window).or_default().answer());
        audit.dispute = None;
        self.pay_held(dispute.opener, dispute.opener, MemoryChain::DEPOSIT);
        Ok(())
    }

    pub(super) fn vouch(
        &mut self,
        rules: &AuditRules,
        tracker: AccountId,
        id: &ContractId,
        answer: &Answer,
    ) -> Result<(), ChainError> {
        let (contract, _) = self.active(id)?;
        let dispute = self.open_dispute(id)?;
        let not_accused = || audits("NotAccused", "the caller is not accused");
        let block =
            dispute.challenge.filter(|_| dispute.accused.contains(&tracker)).ok_or_else(not_accused)?;
        let right = self.judge(rules, contract, block, answer)?;
        require(right, "WrongProofs", "the proofs do not prove the bytes asked for")?;
        if let Some(dispute) = self.audits.entry(*id).or_default().dispute.as_mut() {
            dispute.accused.remove(&tracker);
        }
        Ok(())
    }

    pub(super) fn convict(
        &mut self,
        parameters: &ChainParameters,
        finder: AccountId,
        id: &ContractId,
        block: BlockNumber,
        answer: &Answer,
    ) -> Result<(), ChainError> {
        let (contract, _) = self.active(id)?;
        let right = self.judge(&parameters.audit, contract, block, answer)?;
        require(!right, "RightAnswer", "the answer proves the bytes asked for")?;
        self.close_faulty(parameters, id, &Loss::Whole, Some(finder));
        Ok(())
    }

    pub(super) fn surrender(
        &mut self,
        parameters: &ChainParameters,
        miner: AccountId,
        id: &ContractId,
    ) -> Result<(), ChainError> {
        let (contract, _) = self.active(id)?;
        require(contract.miner == miner, "NotMiner", "the caller is not the contract's miner")?;
        self.close_faulty(parameters, id, &Loss::Half, None);
        Ok(())
    }

    pub(super) fn resolve(
        &mut self,
        parameters: &ChainParameters,
        id: &ContractId,
    ) -> Result<(), ChainError> {
        let dispute = self.open_dispute(id)?;
        require(self.height > dispute.deadline, "NotOver", "the miner still has time to answer")?;
        let opener = dispute.opener;
        let drawn = match self.contracts.get(id) {
            Some(contract) => !self.positions(&parameters.audit, contract, dispute).is_empty(),
            None => true,
        };
        if !drawn {
            // Nobody could have answered it.
            self.pay_held(opener, opener, MemoryChain::DEPOSIT);
            self.audits.entry(*id).or_default().dispute = None;
            return Ok(());
        }
        self.close_faulty(parameters, id, &Loss::Whole, Some(opener));
        Ok(())
    }

    /// Ends all disputes whose deadline has passed.
    pub(super) fn sweep_disputes(&mut self, parameters: &ChainParameters) {
        let ids: Vec<ContractId> = self.audits.keys().copied().collect();
        for id in ids {
            // One that has no dispute, or still has time, is left alone.
            let _ = self.resolve(parameters, &id);
        }
    }

    /// All open disputes.
    pub(super) fn disputes(&self, rules: &AuditRules) -> Vec<DisputeInfo<AccountId>> {
        self.audits.keys().filter_map(|id| self.dispute_info(rules, id)).collect()
    }

    pub(super) fn dispute_info(&self, rules: &AuditRules, id: &ContractId) -> Option<DisputeInfo<AccountId>> {
        let dispute = self.open_dispute(id).ok()?;
        let contract = self.contracts.get(id)?;
        Some(DisputeInfo {
            contract: *id,
            opener: dispute.opener,
            standing: dispute.standing,
            challenge: dispute.challenge,
            opened: dispute.opened,
            deadline: dispute.deadline,
            replaced: dispute.replaced,
            positions: self.positions(rules, contract, dispute),
        })
    }

    fn standing_of(
        &self,
        rules: &AuditRules,
        account: &AccountId,
        id: &ContractId,
        watched: &Watched<AccountId>,
        block: BlockNumber,
    ) -> Standing {
        let last = self.audits.get(id).and_then(|audit| audit.last_seat);
        let recent =
            |at: BlockNumber| self.height <= at.saturating_add(rules.return_within + rules.final_after);
        match self.is_seated(account, id, watched, block) {
            false => Standing::Anybody,
            true if last.is_some_and(|(last, at)| last == *account && recent(at)) => Standing::SeatAgain,
            true => Standing::Seat,
        }
    }

    /// Whether an account, other than the miner, holds a seat now or in the round of the window of `block`, and did
    /// not call that window valid.
    fn is_seated(
        &self,
        account: &AccountId,
        id: &ContractId,
        watched: &Watched<AccountId>,
        block: BlockNumber,
    ) -> bool {
        let own = watched.window_of(block).map(|window| watched.end_of(window));
        let rounds = own.into_iter().chain([self.height]);
        let holds = |block| self.holders(id, block).is_some_and(|holders| holders.contains(account));
        *account != watched.miner
            && !self.vouchers(id, watched, block).contains(account)
            && rounds.into_iter().any(holds)
    }

    /// Every byte that an answer must prove; none until they are drawn.
    fn positions(
        &self,
        rules: &AuditRules,
        contract: &ContractInfo<AccountId>,
        dispute: &Dispute,
    ) -> Vec<u64> {
        let last = dispute.opened.saturating_add(DISPUTE_BLOCKS);
        let blocks = dispute.opened.saturating_add(1)..=last;
        let seeds: Vec<_> = blocks.filter_map(|block| self.seed(rules, block)).collect();
        let drawn = dispute_seed(dispute.opened, &seeds).filter(|_| self.height >= last);
        let Some(seed) = drawn else { return Vec::new() };
        let named = dispute.challenge.and_then(|block| self.challenge(rules, contract, block).ok());
        let mut positions = named.unwrap_or_default();
        positions.extend(questioned(&seed, &contract.id, contract.bytes, rules));
        positions
    }

    /// The bytes that the challenge of `block` asks for.
    fn challenge(
        &self,
        rules: &AuditRules,
        contract: &ContractInfo<AccountId>,
        block: BlockNumber,
    ) -> Result<Vec<u64>, ChainError> {
        let within = contract.watched().and_then(|watched| watched.window_of(block)).is_some();
        require(within, "NotChallenged", "the block lies in no window of the contract")?;
        let unknown = || audits("UnknownSeed", "the block's seed is not known, or not any more");
        let seed = self.seed(rules, block).ok_or_else(unknown)?;
        challenged(&seed, &contract.id, contract.bytes, rules)
            .ok_or_else(|| audits("NotChallenged", "the block does not challenge the contract"))
    }

    /// Whether an answer that the miner signed is right.
    fn judge(
        &self,
        rules: &AuditRules,
        contract: &ContractInfo<AccountId>,
        block: BlockNumber,
        answer: &Answer,
    ) -> Result<bool, ChainError> {
        let positions = self.challenge(rules, contract, block)?;
        let unknown = || audits("UnknownSeed", "the block's seed is not known, or not any more");
        let seed = self.seed(rules, block).ok_or_else(unknown)?;
        let whole = positions.len() == answer.proofs.len();
        require(whole, "WrongProofs", "the answer has another number of proofs than the challenge asks for")?;
        let payload = Answer::payload(&GENESIS, &contract.id, block, &seed, &answer.proofs);
        let miner = self.providers.get(&contract.miner);
        let signed = miner.is_some_and(|miner| verifies(&miner.node_key, &payload, &answer.signature));
        require(signed, "BadSignature", "the miner's node key did not sign this answer")?;
        Ok(proves_all(&covered(contract), &positions, &answer.proofs))
    }

    /// The holders of seats that called the window of `block` valid, without substitutes.
    fn vouchers(
        &self,
        id: &ContractId,
        watched: &Watched<AccountId>,
        block: BlockNumber,
    ) -> BTreeSet<AccountId> {
        let Some(window) = watched.window_of(block) else { return BTreeSet::new() };
        let Some(holders) = self.holders(id, watched.end_of(window)) else { return BTreeSet::new() };
        let votes = self.votes(id, window);
        let valid = |seat| votes.of(seat) == Some(Verdict::Valid) && !votes.is_substituted(seat);
        (0..SEATS).zip(holders).filter(|(seat, _)| valid(*seat)).map(|(_, holder)| holder).collect()
    }

    /// Closes a contract whose data is gone: what is in escrow goes back, the miner is slashed, and so are
    /// the accused.
    fn close_faulty(
        &mut self,
        parameters: &ChainParameters,
        id: &ContractId,
        loss: &Loss,
        finder: Option<AccountId>,
    ) {
        if let Ok(dispute) = self.open_dispute(id).cloned() {
            for tracker in &dispute.accused {
                self.fine(*tracker, MemoryChain::LIE_FINE, MemoryChain::SLASHED);
            }
            self.pay_held(dispute.opener, dispute.opener, MemoryChain::DEPOSIT);
        }
        if let Some((miner, bytes)) = self.contracts.get(id).map(|contract| (contract.miner, contract.bytes))
        {
            let whole = collateral_for(bytes, parameters.collateral_per_gib);
            let amount = match loss {
                Loss::Whole => whole,
                Loss::Half => whole.div_ceil(2),
            };
            self.slash(parameters, miner, amount, finder);
        }
        self.credit_rest(&parameters.audit, id);
        self.close(*id);
    }

    /// Takes collateral, and evicts a miner that lost too many contracts.
    fn slash(
        &mut self,
        parameters: &ChainParameters,
        miner: AccountId,
        amount: Balance,
        finder: Option<AccountId>,
    ) {
        let exit_at = self.height.saturating_add(parameters.exit_delay);
        let Some(entry) = self.providers.get_mut(&miner) else { return };
        let amount = amount.min(entry.collateral);
        entry.collateral = entry.collateral.saturating_sub(amount);
        entry.score.lost = entry.score.lost.saturating_add(1);
        entry.score.slashed = entry.score.slashed.saturating_add(amount);
        if entry.score.lost >= MAX_LOST {
            entry.exit_at.get_or_insert(exit_at);
        }
        // A miner gets no share of its own slash.
        let finder = finder.filter(|finder| *finder != miner);
        let share = finder.map_or(0, |_| amount.div_euclid(TENTH));
        if let Some(finder) = finder {
            self.pay_held(miner, finder, share);
        }
        self.pay_held(miner, MemoryChain::SLASHED, amount.saturating_sub(share));
    }

    fn active(&self, id: &ContractId) -> Result<(&ContractInfo<AccountId>, Watched<AccountId>), ChainError> {
        let contract = self.contracts.get(id);
        contract
            .and_then(|contract| Some((contract, contract.watched()?)))
            .ok_or_else(|| audits("NotActive", "no such contract is active"))
    }

    fn open_dispute(&self, id: &ContractId) -> Result<&Dispute, ChainError> {
        let dispute = self.audits.get(id).and_then(|audit| audit.dispute.as_ref());
        dispute.ok_or_else(|| audits("NotDisputed", "no dispute of the contract is open"))
    }
}

fn covered(contract: &ContractInfo<AccountId>) -> Covered {
    Covered { root: contract.root, pieces: contract.pieces, bytes: contract.bytes }
}
