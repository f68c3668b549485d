//! What the runtime API reads. Not for calls: pages have no weight.

use crate::{Config, Credits, Disputes, Pallet, Seeds};
use alloc::vec::Vec;
use lunarx_core::{
    AuditInfo, AuditRules, AuditSeed, Balance, BlockNumber, ChallengeInfo, ContractId, ContractRegistry,
    DisputeInfo, TrackerRegistry,
};
use lunarx_proof::challenged;
use sp_runtime::SaturatedConversion;

impl<T: Config> Pallet<T> {
    /// Seeds of at most `count` blocks from `from` on; fewer where the chain ends.
    pub fn seeds(from: BlockNumber, count: u32) -> Vec<Option<AuditSeed>> {
        let end = from.saturating_add(count).min(Self::now().saturating_add(1));
        (from..end).map(Seeds::<T>::get).collect()
    }

    /// How the windows of an active contract stand.
    pub fn info(contract: ContractId) -> Option<AuditInfo<T::AccountId>> {
        let watched = T::Contracts::watched(&contract)?;
        let tally = Self::tally(&contract, &watched, Self::now());
        Some(AuditInfo {
            first: tally.first,
            proven: tally.proven,
            votes: tally.votes.into_inner(),
            dues: tally.dues,
            dispute: Self::dispute_of(contract),
        })
    }

    /// The open dispute of a contract.
    pub fn dispute_of(contract: ContractId) -> Option<DisputeInfo<T::AccountId>> {
        let watched = T::Contracts::watched(&contract)?;
        let dispute = Disputes::<T>::get(contract)?;
        Some(DisputeInfo {
            contract,
            positions: Self::positions_of(&contract, &watched, &dispute).unwrap_or_default(),
            opener: dispute.opener,
            standing: dispute.standing,
            challenge: dispute.challenge,
            opened: dispute.opened,
            deadline: dispute.deadline,
            replaced: dispute.replaced,
        })
    }

    /// At most `limit` of the open disputes, in storage order, from behind `after` on.
    pub fn disputes(after: Option<ContractId>, limit: u32) -> Vec<DisputeInfo<T::AccountId>> {
        let ids = match after {
            Some(after) => Disputes::<T>::iter_keys_from(Disputes::<T>::hashed_key_for(after)),
            None => Disputes::<T>::iter_keys(),
        };
        ids.filter_map(Self::dispute_of).take(limit.saturated_into()).collect()
    }

    /// Which of `contracts` are challenged in a block, who watches them, and what is asked.
    pub fn challenges(block: BlockNumber, contracts: Vec<ContractId>) -> Vec<ChallengeInfo<T::AccountId>> {
        let Some(seed) = Seeds::<T>::get(block) else {
            return Vec::new();
        };
        let round = T::Trackers::round_of(block).and_then(T::Trackers::round);
        let challenge = |contract: ContractId| {
            let watched = T::Contracts::watched(&contract)?;
            watched.window_of(block)?;
            let rules = AuditRules::of_window(watched.window);
            let positions = challenged(&seed, &contract, watched.bytes, &rules)?;
            let holders = round.as_ref().and_then(|round| Self::holders(round, &contract, watched.since));
            let seats = holders.map_or_else(Vec::new, Vec::from);
            Some(ChallengeInfo { contract, miner: watched.miner, block, seats, positions })
        };
        contracts.into_iter().filter_map(challenge).collect()
    }

    /// Who holds the seats of an active contract in the running round; nobody where it has no members, and until the
    /// seats are drawn.
    pub fn seats(contract: ContractId) -> Vec<T::AccountId> {
        let found = || {
            let watched = T::Contracts::watched(&contract)?;
            let round = T::Trackers::round(T::Trackers::round_of(Self::now())?)?;
            Self::holders(&round, &contract, watched.since)
        };
        found().map_or_else(Vec::new, Vec::from)
    }

    /// What a tracker drew for its words and was not yet paid.
    pub fn credits(tracker: &T::AccountId) -> Balance {
        Credits::<T>::get(tracker).amount
    }
}
