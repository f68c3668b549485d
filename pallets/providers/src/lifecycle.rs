//! The life of a provider, from registration to withdrawal.

use crate::{
    types::Power, Authorities, Config, Error, Event, HoldReason, NodeIds, Pallet, Provider, Providers,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::hold::{Inspect, Mutate},
        tokens::Precision,
    },
};
use frame_system::pallet_prelude::BlockNumberFor;
use lunarx_core::{
    collateral_for, registration_payload, Balance, BlockNumber, NodeKey, NodeSignature, ProviderDetails,
    Score,
};
use sp_core::ed25519;
use sp_runtime::{
    traits::{Get, Zero},
    SaturatedConversion,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register(
        who: T::AccountId,
        node_key: NodeKey,
        node_signature: NodeSignature,
        details: ProviderDetails,
    ) -> DispatchResult {
        let node_id = node_key.node_id();
        ensure!(!Providers::<T>::contains_key(&who), Error::<T>::AlreadyRegistered);
        ensure!(!NodeIds::<T>::contains_key(node_id), Error::<T>::NodeIdTaken);
        Self::ensure_valid(&details)?;
        ensure!(Self::node_agrees(&node_key, &node_signature, &who), Error::<T>::BadNodeSignature);

        let collateral = collateral_for(details.capacity, T::CollateralPerGib::get());
        Self::hold_collateral(&who, collateral)?;
        Self::deposit_event(Event::Registered {
            account: who.clone(),
            node_id,
            capacity: details.capacity,
            price: details.price,
            collateral,
        });
        NodeIds::<T>::insert(node_id, &who);
        Providers::<T>::insert(
            &who,
            Provider {
                node_key,
                details,
                used: 0,
                collateral,
                exit_at: None,
                score: Score::default(),
                power: Power::default(),
            },
        );
        Ok(())
    }

    pub(crate) fn do_update(who: T::AccountId, details: ProviderDetails) -> DispatchResult {
        let mut provider = Providers::<T>::get(&who).ok_or(Error::<T>::NotRegistered)?;
        Self::ensure_valid(&details)?;
        ensure!(details.capacity >= provider.used, Error::<T>::CapacityBelowUsed);
        // A leaving miner serves its contracts to their end, so it may move and be found again.
        let grows = details.capacity > provider.details.capacity;
        ensure!(!grows || provider.exit_at.is_none(), Error::<T>::Exiting);

        if grows {
            let needed = collateral_for(details.capacity, T::CollateralPerGib::get());
            Self::hold_collateral(&who, needed.saturating_sub(provider.collateral))?;
            provider.collateral = provider.collateral.max(needed);
        }
        provider.details = details;
        Self::deposit_event(Event::Updated {
            account: who.clone(),
            capacity: provider.details.capacity,
            price: provider.details.price,
            collateral: provider.collateral,
        });
        Providers::<T>::insert(&who, provider);
        Ok(())
    }

    pub(crate) fn do_top_up(who: T::AccountId, amount: Balance) -> DispatchResult {
        let mut provider = Providers::<T>::get(&who).ok_or(Error::<T>::NotRegistered)?;
        ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);

        Self::hold_collateral(&who, amount)?;
        // Saturates only past every LX there is.
        provider.collateral = provider.collateral.saturating_add(amount);
        Self::deposit_event(Event::ToppedUp {
            account: who.clone(),
            amount,
            collateral: provider.collateral,
        });
        Providers::<T>::insert(&who, provider);
        Ok(())
    }

    pub(crate) fn do_announce_exit(who: T::AccountId) -> DispatchResult {
        let mut provider = Providers::<T>::get(&who).ok_or(Error::<T>::NotRegistered)?;
        ensure!(provider.exit_at.is_none(), Error::<T>::Exiting);

        let exit_at = Self::now().saturating_add(T::ExitDelay::get());
        provider.exit_at = Some(exit_at);
        Self::deposit_event(Event::ExitAnnounced { account: who.clone(), exit_at });
        Providers::<T>::insert(&who, provider);
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
        let provider = Providers::<T>::get(&who).ok_or(Error::<T>::NotRegistered)?;
        let exit_at = provider.exit_at.ok_or(Error::<T>::NotExiting)?;
        ensure!(Self::now() >= exit_at, Error::<T>::ExitDelayNotOver);
        ensure!(provider.used == 0, Error::<T>::StillUsed);
        ensure!(!Authorities::<T>::get().contains(&who), Error::<T>::StillAuthority);

        let node_id = provider.node_key.node_id();
        T::Currency::release(&HoldReason::Collateral.into(), &who, provider.collateral, Precision::Exact)?;
        NodeIds::<T>::remove(node_id);
        Providers::<T>::remove(&who);
        Self::deposit_event(Event::Withdrawn { account: who, node_id, collateral: provider.collateral });
        Ok(())
    }

    fn hold_collateral(who: &T::AccountId, amount: Balance) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        let reason = HoldReason::Collateral.into();
        ensure!(T::Currency::can_hold(&reason, who, amount), Error::<T>::InsufficientBalance);
        T::Currency::hold(&reason, who, amount)
    }

    /// Whether the node's key signed to belong to `who` on this chain.
    fn node_agrees(node_key: &NodeKey, signature: &NodeSignature, who: &T::AccountId) -> bool {
        let payload = registration_payload(&Self::genesis_hash(), who);
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
