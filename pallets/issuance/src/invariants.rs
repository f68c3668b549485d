//! What holds after every block.
#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{Config, CurrentEra, Earned, EraStart, Eras, Pallet, Promised, CLAIM_WITHIN};
use frame_support::{dispatch::DispatchResult, ensure};
use lunarx_core::{Balance, CAP};

impl<T: Config> Pallet<T> {
    /// Checks that
    /// - issued and unminted make up the cap, and what circulates was issued,
    /// - what is promised is what is left of the eras, and can be issued,
    /// - an era has room for all that can be claimed of it.
    pub fn do_try_state() -> DispatchResult {
        let supply = Self::supply();
        ensure!(supply.issued <= supply.cap, "more is issued than the cap allows");
        ensure!(
            supply.issued.checked_add(supply.unminted) == Some(supply.cap),
            "issued and unminted do not make up the cap"
        );
        ensure!(supply.circulating <= supply.issued, "more circulates than was issued");

        let current = CurrentEra::<T>::get();
        let mut promised: Balance = 0;
        for (era, info) in Eras::<T>::iter() {
            ensure!(era <= current, "an era is yet to come");
            ensure!(era.saturating_add(CLAIM_WITHIN) >= current, "an expired era is kept");
            ensure!(era < current || info.left == 0, "the running era has promised something");
            promised = promised.saturating_add(info.left);
            let mut due: Balance = 0;
            for who in Earned::<T>::iter_key_prefix(era) {
                due = due.saturating_add(Self::due_reward(era, &who).map_or(0, |reward| reward.total()));
            }
            ensure!(era == current || due <= info.left, "more is due of an era than is left");
        }
        ensure!(promised == Promised::<T>::get(), "what is promised is not what is left");
        ensure!(supply.issued.saturating_add(promised) <= CAP, "more is promised than can be issued");
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now >= EraStart::<T>::get().into(), "the era is yet to begin");
        Ok(())
    }
}
