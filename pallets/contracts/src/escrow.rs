//! The moves of money: held from the client, paid to the miner, given back.
//!
//! Invariant: what is held from a client under `Escrow` is the escrow of its contracts and what it is
//! owed. Holding can fail; paying and giving back always leave the invariant true and never fail.

use crate::{Config, Contract, Error, Event, HoldReason, Owed, Pallet};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    storage::with_storage_layer,
    traits::{
        fungible::{hold::Mutate as _, Inspect as _},
        tokens::{Fortitude, Precision, Preservation, Restriction},
    },
};
use lunarx_core::{Balance, ContractId};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Holds `fee` from what `client` can spend freely while its account stays alive.
    pub(crate) fn hold_fee(client: &T::AccountId, fee: Balance) -> DispatchResult {
        if Owed::<T>::contains_key(client) {
            Self::give_back(client, 0);
        }
        if fee == 0 {
            return Ok(());
        }
        // `hold` alone would also take what is locked.
        let spendable = T::Currency::reducible_balance(client, Preservation::Preserve, Fortitude::Polite);
        ensure!(fee <= spendable, Error::<T>::CannotHoldFee);
        T::Currency::hold(&HoldReason::Escrow.into(), client, fee)
            .map_err(|_| Error::<T>::CannotHoldFee.into())
    }

    /// Pays `amount` from the contract's escrow to its miner; if the miner's account cannot take it,
    /// gives it back to the client. Returns what the miner got.
    pub(crate) fn pay(id: &ContractId, contract: &mut Contract<T::AccountId>, amount: Balance) -> Balance {
        let amount = amount.min(contract.escrow);
        if amount == 0 {
            return 0;
        }
        let moved = with_storage_layer(|| -> Result<Balance, DispatchError> {
            T::Currency::transfer_on_hold(
                &HoldReason::Escrow.into(),
                &contract.client,
                &contract.miner,
                amount,
                Precision::Exact,
                Restriction::Free,
                // Locks that the client got after `open` must not cost the miner its pay.
                Fortitude::Force,
            )
        });
        if moved.is_err() {
            Self::deposit_event(Event::PaymentFailed { id: *id, miner: contract.miner.clone(), amount });
            Self::refund(contract, amount);
            return 0;
        }
        contract.escrow = contract.escrow.saturating_sub(amount);
        contract.paid = contract.paid.saturating_add(amount);
        amount
    }

    /// Gives `amount` of the contract's escrow back to its client. Returns what left the escrow.
    pub(crate) fn refund(contract: &mut Contract<T::AccountId>, amount: Balance) -> Balance {
        let amount = amount.min(contract.escrow);
        if amount > 0 {
            contract.escrow = contract.escrow.saturating_sub(amount);
            Self::give_back(&contract.client, amount);
        }
        amount
    }

    /// Releases `amount` and what is owed from before. What the account cannot take stays owed.
    fn give_back(client: &T::AccountId, amount: Balance) {
        let before = Owed::<T>::get(client);
        let owed = before.saturating_add(amount);
        let released = with_storage_layer(|| -> Result<Balance, DispatchError> {
            T::Currency::release(&HoldReason::Escrow.into(), client, owed, Precision::Exact)
        });
        match released {
            Ok(_) if before > 0 => Owed::<T>::remove(client),
            Ok(_) => {}
            Err(_) => {
                Owed::<T>::insert(client, owed);
                Self::deposit_event(Event::RefundDelayed { client: client.clone(), amount: owed });
            }
        }
    }
}
