//! What must hold at the end of every block.
#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{
    Active, Config, CurrentRound, HoldReason, Members, NodeIds, Pallet, Rounds, Trackers, KEPT_ROUNDS,
};
use frame_support::{dispatch::DispatchResult, ensure, traits::fungible::hold::Inspect};
use lunarx_core::TrackerState;
use sp_runtime::SaturatedConversion;

impl<T: Config> Pallet<T> {
    /// Checks that
    /// - each tracker's bond is what is held from it,
    /// - the active list is sorted, and is the trackers that are active,
    /// - node ids and trackers match one to one,
    /// - only the latest rounds are kept.
    pub fn do_try_state() -> DispatchResult {
        let active = Active::<T>::get();
        ensure!(active.windows(2).all(|pair| pair[0] < pair[1]), "the active trackers are not in order");
        let (mut trackers, mut of_them_active) = (0u32, 0u32);
        for (account, tracker) in Trackers::<T>::iter() {
            let held = T::Currency::balance_on_hold(&HoldReason::Bond.into(), &account);
            ensure!(held == tracker.bond, "a bond is not what is held");
            let listed = active.binary_search(&account).is_ok();
            ensure!(
                listed == (tracker.state == TrackerState::Active),
                "the active list is not who is active"
            );
            let owner = NodeIds::<T>::get(tracker.node_key.node_id());
            ensure!(owner == Some(account), "a tracker's node id is not its own");
            trackers = trackers.saturating_add(1);
            of_them_active = of_them_active.saturating_add(listed.into());
        }
        ensure!(of_them_active == active.len().saturated_into::<u32>(), "a stranger is active");
        let node_ids = NodeIds::<T>::iter_keys().fold(0u32, |count, _| count.saturating_add(1));
        ensure!(node_ids == trackers, "a node id has no tracker");
        let current = CurrentRound::<T>::get();
        for round in Rounds::<T>::iter_keys().chain(Members::<T>::iter_keys()) {
            ensure!(current < round.saturating_add(KEPT_ROUNDS), "an old round is kept");
        }
        Ok(())
    }
}
