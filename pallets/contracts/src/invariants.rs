//! What must hold at the end of every block.
#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{
    schedule::slot_of, ByAccount, Config, Contract, Contracts, HoldReason, NextSlot, Owed, Pallet, Schedule,
};
use alloc::collections::BTreeMap;
use frame_support::{dispatch::DispatchResult, ensure, traits::fungible::hold::Inspect};
use lunarx_core::{Balance, ContractId, ContractState};

impl<T: Config> Pallet<T> {
    /// Checks that
    /// - each contract's escrow is the fees of its unsettled windows,
    /// - what is held from a client is its contracts' escrow and what it is owed,
    /// - each contract is listed for client and miner, and stands in the schedule once, in a slot that
    ///   the cursor has not left, and nothing else is listed or stands there.
    pub fn do_try_state() -> DispatchResult {
        let mut held: BTreeMap<T::AccountId, Balance> = Owed::<T>::iter().collect();
        let mut contracts = 0usize;
        for (id, contract) in Contracts::<T>::iter() {
            Self::check_contract(&id, &contract)?;
            contracts = contracts.saturating_add(1);
            let sum = held.entry(contract.client).or_default();
            *sum = sum.saturating_add(contract.escrow);
        }
        for (client, sum) in held {
            let on_hold = T::Currency::balance_on_hold(&HoldReason::Escrow.into(), &client);
            ensure!(on_hold == sum, "what is held is not the sum of escrows and what is owed");
        }
        ensure!(Schedule::<T>::iter_keys().count() == contracts, "the schedule has strangers");
        let listed = ByAccount::<T>::iter_keys().count();
        ensure!(listed == contracts.saturating_mul(2), "an account lists a strange contract");
        Ok(())
    }

    fn check_contract(id: &ContractId, contract: &Contract<T::AccountId>) -> DispatchResult {
        ensure!(contract.client != contract.miner, "client and miner are the same");
        ensure!(contract.windows > 0 && contract.window > 0, "a contract has no term");
        if let ContractState::Active { settled, .. } = contract.state {
            ensure!(settled < contract.windows, "a settled contract is open");
        }
        let unsettled = Balance::from(contract.windows.saturating_sub(contract.settled()));
        let whole = contract.window_fee.checked_mul(unsettled.saturating_sub(1));
        let fees = whole.and_then(|whole| whole.checked_add(contract.last_fee));
        ensure!(fees == Some(contract.escrow), "escrow is not the fees of the unsettled windows");
        ensure!(contract.last_fee <= contract.window_fee, "the last window costs more than a whole one");
        ensure!(
            contract.ended.is_some() || contract.last_fee == contract.window_fee,
            "a whole window costs less than the others"
        );
        let slot = slot_of(contract.due);
        ensure!(Schedule::<T>::contains_key(slot, id), "a contract is not in the schedule");
        ensure!(slot >= NextSlot::<T>::get(), "the cursor has left a contract behind");
        ensure!(ByAccount::<T>::contains_key(&contract.client, id), "its client does not list a contract");
        ensure!(ByAccount::<T>::contains_key(&contract.miner, id), "its miner does not list a contract");
        Ok(())
    }
}
