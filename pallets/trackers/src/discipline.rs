//! What becomes of trackers that are absent or that lie.

use crate::{Config, CurrentRound, Event, HoldReason, Pallet, Trackers};
use frame_support::{
    storage::with_storage_layer,
    traits::{
        fungible::hold::Mutate,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use lunarx_core::{Balance, TrackerState};
use sp_runtime::{traits::Get, DispatchError};

impl<T: Config> Pallet<T> {
    /// Notes that a tracker judged a window in time.
    pub(crate) fn note_served(account: &T::AccountId) {
        Trackers::<T>::mutate_extant(account, |tracker| tracker.missed = 0);
    }

    /// Notes that a tracker left a window to others. Counts once a round: one outage of an hour misses
    /// windows of all its contracts.
    pub(crate) fn note_missed(account: &T::AccountId) {
        let Some(mut tracker) = Trackers::<T>::get(account) else {
            return;
        };
        let round = CurrentRound::<T>::get();
        if tracker.missed_in == round {
            return;
        }
        tracker.missed_in = round;
        tracker.missed = tracker.missed.saturating_add(1);
        if tracker.missed >= T::MaxMissed::get() && tracker.state == TrackerState::Active {
            tracker.state = TrackerState::Suspended;
            Self::deactivate(account);
            Self::deposit_event(Event::Suspended { account: account.clone() });
        }
        Trackers::<T>::insert(account, tracker);
    }

    /// Takes of a tracker's bond, as far as it goes. Below the minimum it is suspended.
    pub(crate) fn take(account: &T::AccountId, amount: Balance, to: &T::AccountId) -> Balance {
        let Some(mut tracker) = Trackers::<T>::get(account) else {
            return 0;
        };
        let due = amount.min(tracker.bond);
        let taken = with_storage_layer::<_, DispatchError, _>(|| {
            let (best_effort, free, force) = (Precision::BestEffort, Restriction::Free, Fortitude::Force);
            let reason = HoldReason::Bond.into();
            T::Currency::transfer_on_hold(&reason, account, to, due, best_effort, free, force)
        })
        // What `to` cannot take, as less than an existential deposit, stays where it is.
        .unwrap_or(0);
        if taken == 0 {
            return 0;
        }
        tracker.bond = tracker.bond.saturating_sub(taken);
        Self::deposit_event(Event::Fined {
            account: account.clone(),
            amount: taken,
            to: to.clone(),
            bond: tracker.bond,
        });
        if tracker.bond < T::MinBond::get() && tracker.state == TrackerState::Active {
            tracker.state = TrackerState::Suspended;
            Self::deactivate(account);
            Self::deposit_event(Event::Suspended { account: account.clone() });
        }
        Trackers::<T>::insert(account, tracker);
        taken
    }
}
