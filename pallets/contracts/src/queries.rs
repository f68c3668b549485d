//! What the runtime API reads. Not for calls: pages have no weight.

use crate::{migrations::FromV1, ByAccount, Config, Contract, Contracts, Pallet};
use alloc::vec::Vec;
use frame_support::traits::Get;
use lunarx_core::{window_fee, Balance, ContractId, ContractInfo, Quote};
use sp_runtime::SaturatedConversion;

impl<T: Config> Pallet<T> {
    /// A live contract, also while contracts are being migrated: whoever does not see one deletes its data.
    pub fn info(id: ContractId) -> Option<ContractInfo<T::AccountId>> {
        let contract = Contracts::<T>::get(id).or_else(|| FromV1::<T>::not_yet(&id))?;
        Some(describe(id, contract))
    }

    /// At most `limit` of the live contracts in which `account` is client or miner, in storage order,
    /// from behind `after` on, be that live or not.
    pub fn page_of(
        account: &T::AccountId,
        after: Option<ContractId>,
        limit: u32,
    ) -> Vec<ContractInfo<T::AccountId>> {
        let ids = match after {
            Some(after) => {
                ByAccount::<T>::iter_key_prefix_from(account, ByAccount::<T>::hashed_key_for(account, after))
            }
            None => ByAccount::<T>::iter_key_prefix(account),
        };
        ids.filter_map(Self::info).take(limit.saturated_into()).collect()
    }

    /// At most `limit` of all live contracts, in storage order, from behind `after` on.
    pub fn page(after: Option<ContractId>, limit: u32) -> Vec<ContractInfo<T::AccountId>> {
        // By keys: entries that are not migrated yet would be passed over.
        let ids = match after {
            Some(after) => Contracts::<T>::iter_keys_from(Contracts::<T>::hashed_key_for(after)),
            None => Contracts::<T>::iter_keys(),
        };
        ids.filter_map(Self::info).take(limit.saturated_into()).collect()
    }

    /// What a contract opened now would cost at `price` LX-units per GiB and day. `None` on overflow.
    pub fn quote(bytes: u64, windows: u32, price: Balance) -> Option<Quote> {
        let window_fee = window_fee(price, bytes, Self::window(), T::Day::get())?;
        let total = window_fee.checked_mul(Balance::from(windows))?;
        Some(Quote { window_fee, total })
    }
}

fn describe<AccountId>(id: ContractId, contract: Contract<AccountId>) -> ContractInfo<AccountId> {
    let Contract { client, miner, root, pieces, bytes, window, windows, window_fee, last_fee, .. } = contract;
    let Contract { word_pay, ended, escrow, paid, commission, state, .. } = contract;
    ContractInfo {
        id,
        client,
        miner,
        root,
        pieces,
        bytes,
        window,
        windows,
        window_fee,
        last_fee,
        word_pay,
        ended,
        escrow,
        paid,
        commission,
        state,
    }
}
