//! What must hold at the end of every block.
#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{
    deadlines::slot_of, AllCredits, Config, Credits, Deadlines, Disputes, HoldReason, LastSeats, NextSlot,
    Pallet, PotBalance, Tallies,
};
use alloc::collections::BTreeMap;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::{hold::Inspect as _, Inspect as _},
        Get,
    },
};
use lunarx_core::{Balance, ContractRegistry, SEATS};

impl<T: Config> Pallet<T> {
    /// Checks that
    /// - tallies and disputes are of active contracts,
    /// - what is held from an account is the deposits of its disputes,
    /// - each dispute stands in the schedule once, in a slot that the cursor has not left,
    /// - the credits of all trackers are counted, and the pot's account has the pot,
    /// - credits and dues are covered by the pot and by what contracts have yet to pay for words.
    pub fn do_try_state() -> DispatchResult {
        let (mut owed, mut coming): (Balance, Balance) = (0, 0);
        for (contract, tally) in Tallies::<T>::iter() {
            let watched = T::Contracts::watched(&contract).ok_or("a tally has no active contract")?;
            ensure!(tally.first <= watched.windows, "a tally is past its contract's term");
            ensure!(tally.proven <= tally.first, "more windows are proven than there were");
            let disputed = Disputes::<T>::contains_key(contract);
            ensure!(tally.disputed == disputed, "a tally does not say whether there is a dispute");
            ensure!(tally.aged <= tally.words, "more words are aged than were said");
            ensure!(tally.words <= tally.proven.saturating_mul(SEATS), "more was said than there are seats");
            let dues: u32 =
                tally.dues.latest.iter().chain(&tally.dues.former).map(|words| u32::from(*words)).sum();
            let worth = |words: u32| watched.word_pay.saturating_mul(words.into());
            owed = owed.saturating_add(worth(dues));
            coming = coming.saturating_add(worth(tally.words));
        }
        let mut held: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        let mut disputes = 0usize;
        for (contract, dispute) in Disputes::<T>::iter() {
            ensure!(T::Contracts::watched(&contract).is_some(), "a dispute has no active contract");
            ensure!(Tallies::<T>::contains_key(contract), "a dispute has no tally");
            let slot = slot_of(dispute.deadline);
            ensure!(Deadlines::<T>::contains_key(slot, contract), "a dispute has no deadline");
            ensure!(slot >= NextSlot::<T>::get(), "the cursor has left a dispute behind");
            let sum = held.entry(dispute.opener).or_default();
            *sum = sum.saturating_add(dispute.deposit);
            disputes = disputes.saturating_add(1);
        }
        ensure!(Deadlines::<T>::iter_keys().count() == disputes, "the schedule has strangers");
        for (opener, sum) in held {
            let on_hold = T::Currency::balance_on_hold(&HoldReason::Dispute.into(), &opener);
            ensure!(on_hold == sum, "what is held is not the deposits");
        }
        for contract in LastSeats::<T>::iter_keys() {
            ensure!(T::Contracts::watched(&contract).is_some(), "a seat has asked about no active contract");
        }
        let credits = Credits::<T>::iter_values().fold(0, |sum: Balance, one| sum.saturating_add(one.amount));
        ensure!(credits == AllCredits::<T>::get(), "credits are not counted");
        let covered = PotBalance::<T>::get().saturating_add(coming);
        ensure!(credits.saturating_add(owed) <= covered, "nobody pays for a credit");
        ensure!(T::Currency::balance(&T::Pot::get()) >= PotBalance::<T>::get(), "the pot is not there");
        Ok(())
    }
}
