//! The trackers' pay: one pot, divided by credits.
//!
//! A credit is a judged window's fee. It is worth pot / all credits at the moment of the claim. Whoever claims takes as large a share of
//! the pot as of the credits, so what is left for the others does not change.

use crate::{AllCredits, Config, Credits, Error, Event, Pallet, PotBalance};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{fungible::Mutate, tokens::Preservation, Get},
};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_claim(tracker: T::AccountId) -> DispatchResult {
        let credits = Credits::<T>::take(&tracker).fees;
        ensure!(credits > 0, Error::<T>::NoCredits);
        let all = AllCredits::<T>::get();
        let pot = PotBalance::<T>::get();
        let amount = multiply_by_rational_with_rounding(pot, credits, all.max(1), Rounding::Down)
            .map_or(pot, |share| share.min(pot));
        // Credits are not given away for nothing.
        ensure!(amount > 0, Error::<T>::EmptyPot);
        T::Currency::transfer(&T::Pot::get(), &tracker, amount, Preservation::Preserve)?;
        AllCredits::<T>::put(all.saturating_sub(credits));
        PotBalance::<T>::put(pot.saturating_sub(amount));
        Self::deposit_event(Event::Claimed { tracker, credits, amount });
        Ok(())
    }
}
