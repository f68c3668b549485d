//! The trackers' pay: what contracts pay for words goes to one pot, and leaves it by credits.
//!
//! A word on a proven window is worth what the contract pays for it, to whoever said it and draws it in time. So
//! nobody gains by paying oneself. The pot gets the money when the contract is settled, or lost; that can be later
//! than the word is credited. Until then all credits share what is there alike, and the rest of them stays.

use crate::{tally::is_aged, AllCredits, Config, Credits, Error, Event, Pallet, PotBalance};
use alloc::vec::Vec;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{fungible::Mutate, tokens::Preservation, Get},
};
use lunarx_core::{ContractId, Dues, Rewards, TrackerRegistry, Watched, SEATS};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

impl<T: Config> Pallet<T> {
    /// Credits the words of a contract that is closed, which nobody can draw their pay for any more.
    pub(crate) fn credit_dues(contract: &ContractId, watched: &Watched<T::AccountId>, mut dues: Dues) {
        let first = T::Trackers::round_of(watched.since);
        for round in dues.rounds().collect::<Vec<_>>() {
            let details = T::Trackers::round(round);
            let holders = details.and_then(|details| Self::holders(&details, contract, watched.since));
            for (seat, holder) in (0..SEATS).zip(holders.into_iter().flatten()) {
                let pay = watched.word_pay.saturating_mul(dues.take(round, seat).into());
                if pay > 0 {
                    if is_aged(round, first) {
                        T::Rewards::audited(&holder, pay);
                    }
                    Credits::<T>::mutate(&holder, |credit| credit.amount = credit.amount.saturating_add(pay));
                    AllCredits::<T>::mutate(|all| *all = all.saturating_add(pay));
                }
            }
        }
    }

    pub(crate) fn do_claim(tracker: T::AccountId) -> DispatchResult {
        let credits = Credits::<T>::get(&tracker).amount;
        ensure!(credits > 0, Error::<T>::NoCredits);
        let all = AllCredits::<T>::get().max(1);
        let pot = PotBalance::<T>::get();
        let amount = multiply_by_rational_with_rounding(pot.min(all), credits, all, Rounding::Down)
            .map_or(0, |share| share.min(pot).min(credits));
        ensure!(amount > 0, Error::<T>::EmptyPot);
        T::Currency::transfer(&T::Pot::get(), &tracker, amount, Preservation::Preserve)?;
        Credits::<T>::mutate(&tracker, |credit| credit.amount = credit.amount.saturating_sub(amount));
        AllCredits::<T>::mutate(|all| *all = all.saturating_sub(amount));
        PotBalance::<T>::put(pot.saturating_sub(amount));
        Self::deposit_event(Event::Claimed { tracker, amount, left: credits.saturating_sub(amount) });
        Ok(())
    }
}
