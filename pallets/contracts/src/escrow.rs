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
use lunarx_core::{Balance, Commission, ContractId, ServiceVerdicts, SEATS};
use sp_runtime::{traits::Get, DispatchError, Permill};

/// What each seat that judges a window gets of its fee, of which all of them have `share`.
pub(crate) fn word_pay(share: Permill, window_fee: Balance) -> Balance {
    share.mul_floor(window_fee).div_euclid(SEATS.into())
}

/// Who got what of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paid {
    pub miner: Balance,
    pub trackers: Balance,
    pub supplier: Balance,
}

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

    /// Pays `amount` from the contract's escrow: for the `words` of trackers' seats, the supplier's commission, the
    /// rest to the miner. What supplier or trackers cannot take is the miner's; what the miner's account cannot
    /// take goes back to the client.
    pub(crate) fn pay(
        id: &ContractId,
        contract: &mut Contract<T::AccountId>,
        amount: Balance,
        words: u32,
    ) -> Paid {
        let amount = amount.min(contract.escrow);
        // Before all others: trackers are credited for these words already.
        let trackers = Self::pay_words(contract, words, amount);
        let supplier = contract.commission.clone().map_or(0, |Commission { supplier, share }| {
            let share = Permill::from_parts(share).mul_floor(amount);
            Self::transfer(contract, &supplier, share.min(amount.saturating_sub(trackers)))
        });
        let rest = amount.saturating_sub(supplier).saturating_sub(trackers);
        let recipient = contract.miner.clone();
        let miner = Self::transfer(contract, &recipient, rest);
        if miner < rest {
            Self::deposit_event(Event::PaymentFailed { id: *id, miner: recipient, amount: rest });
            Self::refund(contract, rest);
        }
        Paid { miner, trackers, supplier }
    }

    /// Pays the trackers' pot for `words`, out of `fees` that are in escrow. Returns what it got.
    pub(crate) fn pay_words(contract: &mut Contract<T::AccountId>, words: u32, fees: Balance) -> Balance {
        let pay = contract.word_pay.saturating_mul(words.into()).min(fees);
        let paid = Self::transfer(contract, &T::TrackerPot::get(), pay);
        if paid > 0 {
            T::Verdicts::earned(paid);
        }
        paid
    }

    /// Moves `amount` of a contract's escrow to `to`. Returns what was moved: all or nothing.
    fn transfer(contract: &mut Contract<T::AccountId>, to: &T::AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let moved = with_storage_layer(|| -> Result<Balance, DispatchError> {
            T::Currency::transfer_on_hold(
                &HoldReason::Escrow.into(),
                &contract.client,
                to,
                amount,
                Precision::Exact,
                Restriction::Free,
                // Locks that the client got after `open` must not cost the miner its pay.
                Fortitude::Force,
            )
        });
        if moved.is_err() {
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
