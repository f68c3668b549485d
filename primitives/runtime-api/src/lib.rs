//! Runtime APIs of the LunarX chain: what RPC and workers read of its state.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::vec::Vec;
use codec::Codec;
use lunarx_core::{Balance, ChainParameters, ContractId, ContractInfo, NodeId, ProviderInfo, Quote, Supply};

/// Most entries of one page. A longer `limit` is cut to it.
pub const MAX_PAGE: u32 = 256;

sp_api::decl_runtime_apis! {
    /// Supply, providers and contracts.
    ///
    /// Pages are in storage order: pass the last entry's key as `after` to go on. A page shorter
    /// than `limit` is the last one.
    pub trait LunarxApi<AccountId> where AccountId: Codec {
        /// The state of LX.
        fn supply() -> Supply;
        /// The configuration that workers must know.
        fn parameters() -> ChainParameters;
        /// A registered miner.
        fn provider(account: AccountId) -> Option<ProviderInfo<AccountId>>;
        /// The miner to whom a node id belongs.
        fn provider_of_node(node: NodeId) -> Option<ProviderInfo<AccountId>>;
        /// A page of miners.
        fn providers(after: Option<AccountId>, limit: u32) -> Vec<ProviderInfo<AccountId>>;
        /// A live contract.
        fn contract(id: ContractId) -> Option<ContractInfo<AccountId>>;
        /// A page of the live contracts in which `account` is client or miner.
        fn contracts_of(account: AccountId, after: Option<ContractId>, limit: u32) -> Vec<ContractInfo<AccountId>>;
        /// What `bytes` for `windows` windows cost at `price` LX-units per GiB and day. `None` on
        /// overflow.
        fn quote(bytes: u64, windows: u32, price: Balance) -> Option<Quote>;
    }
}
