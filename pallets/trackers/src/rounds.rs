//! Rounds: their members, their seeds, and the seats that follow from both.
//!
//! A round's seed is BLAKE2b-256 of SCALE(`"lunarx/round/v1"`, round, randomness). Where the chain gives no
//! randomness for a block, as in blocks without a VRF, the round begins in the next block that has some.

use crate::{Active, Config, CurrentRound, Event, Members, Pallet, RoundInfo, Rounds, WeightInfo};
use codec::Encode;
use frame_support::{traits::Randomness, weights::Weight};
use lunarx_core::{blake2b_256, AuditSeed, BlockNumber, Round, RoundDetails, SEATS};
use sp_core::H256;
use sp_runtime::traits::{Get, SaturatedConversion};

/// Rounds whose seats are known, the running one among them.
pub const KEPT_ROUNDS: Round = 8;

/// Sets seeds of rounds apart from whatever else is made of the same randomness.
const SEED_DOMAIN: &[u8] = b"lunarx/round/v1";

impl<T: Config> Pallet<T> {
    /// Begins a round where one is due.
    pub(crate) fn begin_block(now: BlockNumber) -> Weight {
        let round = CurrentRound::<T>::get();
        if !Rounds::<T>::get(round).is_none_or(|running| Self::is_over(&running, now)) {
            return T::WeightInfo::running_round();
        }
        let (Some(randomness), _) = T::Randomness::random(SEED_DOMAIN) else {
            return T::WeightInfo::running_round();
        };
        Self::begin_round(round.saturating_add(1), now, randomness);
        T::WeightInfo::begin_round(T::MaxTrackers::get())
    }

    /// A round that has too few members for the seats is over as soon as there are more trackers, so that a
    /// young network does not wait for those that it has.
    fn is_over(running: &RoundInfo, now: BlockNumber) -> bool {
        now.saturating_sub(running.start) >= T::RoundBlocks::get()
            || running.members < SEATS && active_count::<T>() > running.members
    }

    pub(crate) fn begin_round(round: Round, now: BlockNumber, randomness: H256) {
        let seed = AuditSeed(blake2b_256(&(SEED_DOMAIN, round, randomness).encode()));
        let active = Active::<T>::get();
        let members = active.len().saturated_into();
        CurrentRound::<T>::put(round);
        Rounds::<T>::insert(round, RoundInfo { start: now, seed, members });
        Members::<T>::insert(round, active);
        if let Some(forgotten) = round.checked_sub(KEPT_ROUNDS) {
            Rounds::<T>::remove(forgotten);
            Members::<T>::remove(forgotten);
        }
        Self::deposit_event(Event::RoundStarted { round, members });
    }

    /// The known rounds, the running one first.
    pub fn known_rounds() -> impl Iterator<Item = RoundDetails<T::AccountId>> {
        let current = CurrentRound::<T>::get();
        (0..KEPT_ROUNDS).map_while(move |back| current.checked_sub(back)).filter_map(Self::details_of)
    }

    /// A round with its members, where it is known.
    pub(crate) fn details_of(round: Round) -> Option<RoundDetails<T::AccountId>> {
        let RoundInfo { start, seed, .. } = Rounds::<T>::get(round)?;
        Some(RoundDetails { round, start, seed, members: Members::<T>::get(round).into_inner() })
    }

    /// The round of a block: the latest that had begun.
    pub(crate) fn round_at(block: BlockNumber) -> Option<Round> {
        let current = CurrentRound::<T>::get();
        (0..KEPT_ROUNDS)
            .map_while(|back| current.checked_sub(back))
            .find(|round| Rounds::<T>::get(round).is_some_and(|info| info.start <= block))
    }
}

fn active_count<T: Config>() -> u32 {
    Active::<T>::decode_len().unwrap_or_default().saturated_into()
}
