//! Rounds: their members, their seeds, and the seats that follow from both.
//!
//! A round's seed is BLAKE2b-256 of SCALE(`"lunarx/round/v1"`, round, randomness). Where the chain gives no
//! randomness for a block, as in blocks without a VRF, the round begins in the next block that has some.

use crate::{
    Active, Config, CurrentRound, Event, Members, Pallet, RoundInfo, RoundLength, Rounds, WeightInfo,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{traits::Randomness, weights::Weight};
use lunarx_core::{blake2b_256, AuditSeed, BlockNumber, ContractId, Round, SEATS};
use sp_core::H256;
use sp_runtime::traits::{Get, SaturatedConversion};

/// Rounds whose seats are known, the running one among them.
pub const KEPT_ROUNDS: Round = 8;

/// Sets seeds of rounds apart from whatever else is made of the same randomness.
const SEED_DOMAIN: &[u8] = b"lunarx/round/v1";

impl<T: Config> Pallet<T> {
    /// Blocks of a round.
    pub fn round_blocks() -> BlockNumber {
        RoundLength::<T>::get().unwrap_or_else(T::RoundBlocks::get).max(1)
    }

    /// Begins a round where one is due.
    pub(crate) fn begin_block(now: BlockNumber) -> Weight {
        let round = CurrentRound::<T>::get();
        let due = Rounds::<T>::get(round)
            .is_none_or(|running| now.saturating_sub(running.start) >= Self::round_blocks());
        if !due {
            return T::WeightInfo::running_round();
        }
        let (Some(randomness), _) = T::Randomness::random(SEED_DOMAIN) else {
            return T::WeightInfo::running_round();
        };
        Self::begin_round(round.saturating_add(1), now, randomness);
        T::WeightInfo::begin_round(T::MaxTrackers::get())
    }

    fn begin_round(round: Round, now: BlockNumber, randomness: H256) {
        let seed = AuditSeed(blake2b_256(&(SEED_DOMAIN, round, randomness).encode()));
        let members = Active::<T>::get();
        let count = members.len().saturated_into();
        CurrentRound::<T>::put(round);
        Rounds::<T>::insert(round, RoundInfo { start: now, seed });
        Members::<T>::insert(round, members);
        if let Some(forgotten) = round.checked_sub(KEPT_ROUNDS) {
            Rounds::<T>::remove(forgotten);
            Members::<T>::remove(forgotten);
        }
        Self::deposit_event(Event::RoundStarted { round, members: count });
    }

    /// The round of a block: the latest that had begun.
    pub fn round_of(block: BlockNumber) -> Option<Round> {
        let current = CurrentRound::<T>::get();
        (0..KEPT_ROUNDS)
            .map_while(|back| current.checked_sub(back))
            .find(|round| Rounds::<T>::get(round).is_some_and(|info| info.start <= block))
    }

    /// Who holds the seats of a contract in a round.
    pub fn seats_of(contract: &ContractId, round: Round) -> Vec<T::AccountId> {
        let Some(info) = Rounds::<T>::get(round) else {
            return Vec::new();
        };
        let members = Members::<T>::get(round);
        let count = members.len().saturated_into();
        lunarx_proof::seats(&info.seed, contract, count, SEATS)
            .into_iter()
            .filter_map(|place| members.get(usize::try_from(place).ok()?).cloned())
            .collect()
    }
}
