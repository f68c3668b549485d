//! The life of a tracker, from its bond to its withdrawal.

use crate::{Active, Config, Error, Event, HoldReason, NodeIds, Pallet, Tracker, Trackers, Verifiers};
use alloc::collections::BTreeSet;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::hold::{Inspect, Mutate},
        tokens::Precision,
        Contains,
    },
};
use frame_system::pallet_prelude::BlockNumberFor;
use lunarx_core::{bond_payload, Balance, BlockNumber, NodeKey, NodeSignature, TrackerDetails, TrackerState};
use sp_core::ed25519;
use sp_runtime::{
    traits::{Get, Zero},
    SaturatedConversion,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_bond(
        who: T::AccountId,
        node_key: NodeKey,
        node_signature: NodeSignature,
        details: TrackerDetails,
        bond: Balance,
    ) -> DispatchResult {
        let node_id = node_key.node_id();
        ensure!(!Trackers::<T>::contains_key(&who), Error::<T>::AlreadyBonded);
        ensure!(!NodeIds::<T>::contains_key(node_id), Error::<T>::NodeIdTaken);
        ensure!(T::Bonders::contains(&who), Error::<T>::LockedBalance);
        Self::ensure_valid(&details)?;
        ensure!(bond >= T::MinBond::get(), Error::<T>::BondTooSmall);
        ensure!(Self::node_agrees(&node_key, &node_signature, &who), Error::<T>::BadNodeSignature);

        Self::activate(&who)?;
        Self::hold_bond(&who, bond)?;
        NodeIds::<T>::insert(node_id, &who);
        let state = TrackerState::Active;
        let tracker = Tracker {
            node_key,
            details,
            bond,
            state,
            missed: 0,
            missed_in: 0,
            verifiers: Verifiers::<T>::new(),
        };
        Trackers::<T>::insert(&who, tracker);
        Self::deposit_event(Event::Bonded { account: who, node_id, bond });
        Ok(())
    }

    pub(crate) fn do_update(who: T::AccountId, details: TrackerDetails) -> DispatchResult {
        let mut tracker = Self::bonded(&who)?;
        Self::ensure_valid(&details)?;
        tracker.details = details;
        Trackers::<T>::insert(&who, tracker);
        Self::deposit_event(Event::Updated { account: who });
        Ok(())
    }

    pub(crate) fn do_top_up(who: T::AccountId, amount: Balance) -> DispatchResult {
        let mut tracker = Self::bonded(&who)?;
        ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
        Self::hold_bond(&who, amount)?;
        // Saturates only past every LX there is.
        tracker.bond = tracker.bond.saturating_add(amount);
        Self::deposit_event(Event::ToppedUp { account: who.clone(), amount, bond: tracker.bond });
        Trackers::<T>::insert(&who, tracker);
        Ok(())
    }

    pub(crate) fn do_set_verifiers(who: T::AccountId, verifiers: Verifiers<T>) -> DispatchResult {
        let mut tracker = Self::bonded(&who)?;
        let distinct: BTreeSet<_> = verifiers.iter().collect();
        ensure!(distinct.len() == verifiers.len(), Error::<T>::VerifierTwice);
        let count = verifiers.len().saturated_into();
        tracker.verifiers = verifiers;
        Trackers::<T>::insert(&who, tracker);
        Self::deposit_event(Event::VerifiersSet { account: who, count });
        Ok(())
    }

    pub(crate) fn do_resume(who: T::AccountId) -> DispatchResult {
        let mut tracker = Self::bonded(&who)?;
        ensure!(tracker.state == TrackerState::Suspended, Error::<T>::NotSuspended);
        ensure!(tracker.bond >= T::MinBond::get(), Error::<T>::BondTooSmall);
        Self::activate(&who)?;
        tracker.state = TrackerState::Active;
        tracker.missed = 0;
        Trackers::<T>::insert(&who, tracker);
        Self::deposit_event(Event::Resumed { account: who });
        Ok(())
    }

    pub(crate) fn do_announce_exit(who: T::AccountId) -> DispatchResult {
        let mut tracker = Self::bonded(&who)?;
        ensure!(!matches!(tracker.state, TrackerState::Leaving { .. }), Error::<T>::Leaving);
        let exit_at = Self::now().saturating_add(T::ExitDelay::get());
        Self::deactivate(&who);
        tracker.state = TrackerState::Leaving { exit_at };
        Trackers::<T>::insert(&who, tracker);
        Self::deposit_event(Event::ExitAnnounced { account: who, exit_at });
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
        let tracker = Self::bonded(&who)?;
        let TrackerState::Leaving { exit_at } = tracker.state else {
            return Err(Error::<T>::NotLeaving.into());
        };
        ensure!(Self::now() >= exit_at, Error::<T>::ExitDelayNotOver);
        T::Currency::release(&HoldReason::Bond.into(), &who, tracker.bond, Precision::Exact)?;
        NodeIds::<T>::remove(tracker.node_key.node_id());
        Trackers::<T>::remove(&who);
        Self::deposit_event(Event::Withdrawn { account: who, bond: tracker.bond });
        Ok(())
    }

    fn bonded(who: &T::AccountId) -> Result<Tracker<Verifiers<T>>, Error<T>> {
        Trackers::<T>::get(who).ok_or(Error::<T>::NotBonded)
    }

    /// Takes a tracker into the next round's members.
    fn activate(who: &T::AccountId) -> DispatchResult {
        let mut active = Active::<T>::get();
        if let Err(place) = active.binary_search(who) {
            active.try_insert(place, who.clone()).map_err(|_| Error::<T>::TooManyTrackers)?;
            Active::<T>::put(active);
        }
        Ok(())
    }

    /// Takes a tracker out of the next round's members.
    pub(crate) fn deactivate(who: &T::AccountId) {
        let mut active = Active::<T>::get();
        if let Ok(place) = active.binary_search(who) {
            active.remove(place);
            Active::<T>::put(active);
        }
    }

    fn hold_bond(who: &T::AccountId, amount: Balance) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        let reason = HoldReason::Bond.into();
        ensure!(T::Currency::can_hold(&reason, who, amount), Error::<T>::InsufficientBalance);
        T::Currency::hold(&reason, who, amount)
    }

    /// Whether the node's key signed to belong to `who` on this chain.
    fn node_agrees(node_key: &NodeKey, signature: &NodeSignature, who: &T::AccountId) -> bool {
        let payload = bond_payload(&Self::genesis_hash(), who);
        let signature = ed25519::Signature::from_raw(signature.0);
        sp_io::crypto::ed25519_verify(&signature, &payload, &ed25519::Public::from_raw(node_key.0))
    }

    /// What tells this chain from any other.
    pub(crate) fn genesis_hash() -> [u8; 32] {
        frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()).0
    }

    pub(crate) fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }
}
