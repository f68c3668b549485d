//! The trackers as other pallets and the runtime API use them.

use crate::{Config, Pallet, Trackers};
use alloc::vec::Vec;
use lunarx_core::{Balance, BlockNumber, Round, RoundDetails, TrackerInfo, TrackerRegistry};

impl<T: Config> TrackerRegistry<T::AccountId> for Pallet<T> {
    fn round_of(block: BlockNumber) -> Option<Round> {
        Self::round_at(block)
    }

    fn round(round: Round) -> Option<RoundDetails<T::AccountId>> {
        Self::details_of(round)
    }

    fn is_bonded(tracker: &T::AccountId) -> bool {
        Trackers::<T>::contains_key(tracker)
    }

    fn served(tracker: &T::AccountId) {
        Self::note_served(tracker);
    }

    fn missed(tracker: &T::AccountId) {
        Self::note_missed(tracker);
    }

    fn fine(tracker: &T::AccountId, amount: Balance, to: &T::AccountId) -> Balance {
        Self::take(tracker, amount, to)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_round(members: u32) -> Vec<T::AccountId> {
        crate::benchmarking::begin_crowded_round::<T>(members)
    }
}

impl<T: Config> Pallet<T> {
    /// A bonded tracker.
    pub fn info(account: T::AccountId) -> Option<TrackerInfo<T::AccountId>> {
        let tracker = Trackers::<T>::get(&account)?;
        Some(TrackerInfo {
            account,
            node_key: tracker.node_key,
            details: tracker.details,
            bond: tracker.bond,
            state: tracker.state,
            missed: tracker.missed,
            verifiers: tracker.verifiers.into_inner(),
            // Counted by the audits.
            credits: 0,
        })
    }

    /// At most `limit` trackers in storage order, those behind `after` if it is given. The caller bounds
    /// `limit`.
    pub fn page(after: Option<T::AccountId>, limit: u32) -> Vec<TrackerInfo<T::AccountId>> {
        let keys = match after {
            Some(account) => Trackers::<T>::iter_keys_from(Trackers::<T>::hashed_key_for(account)),
            None => Trackers::<T>::iter_keys(),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        keys.take(limit).filter_map(Self::info).collect()
    }
}
