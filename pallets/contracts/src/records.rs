//! A contract and what points at it, written and removed together.

use crate::{schedule::slot_of, ByAccount, Config, Contract, Contracts, EndReason, Event, Pallet, Schedule};
use lunarx_core::{BlockNumber, ContractId, ProviderRegistry, ServiceVerdicts};

impl<T: Config> Pallet<T> {
    /// Records a new contract.
    pub(crate) fn record(id: &ContractId, contract: &Contract<T::AccountId>) {
        ByAccount::<T>::insert(&contract.client, id, ());
        ByAccount::<T>::insert(&contract.miner, id, ());
        Schedule::<T>::insert(slot_of(contract.due), id, ());
        Contracts::<T>::insert(id, contract);
    }

    /// Stores a contract that is due at another block than before.
    pub(crate) fn schedule(id: &ContractId, mut contract: Contract<T::AccountId>, due: BlockNumber) {
        Schedule::<T>::remove(slot_of(contract.due), id);
        contract.due = due;
        Schedule::<T>::insert(slot_of(due), id, ());
        Contracts::<T>::insert(id, contract);
    }

    /// Closes a contract: what is left in escrow goes back to the client, the capacity to the miner.
    pub(crate) fn close(id: &ContractId, mut contract: Contract<T::AccountId>, reason: EndReason) {
        let rest = contract.escrow;
        let refunded = Self::refund(&mut contract, rest);
        T::Providers::release(&contract.miner, contract.bytes);
        ByAccount::<T>::remove(&contract.client, id);
        ByAccount::<T>::remove(&contract.miner, id);
        Schedule::<T>::remove(slot_of(contract.due), id);
        Contracts::<T>::remove(id);
        T::Verdicts::closed(id, contract.watched().as_ref());
        let Contract { client, miner, paid, .. } = contract;
        Self::deposit_event(Event::Ended { id: *id, client, miner, reason, paid, refunded });
    }
}
