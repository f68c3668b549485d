//! Runtime APIs of the LunarX chain: what RPC and workers read of its state.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::vec::Vec;
use codec::Codec;
use lunarx_core::{
    AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ChallengeInfo, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};

/// Most entries of one page. A longer `limit` is cut to it.
pub const MAX_PAGE: u32 = 256;

sp_api::decl_runtime_apis! {
    /// Supply, providers, contracts, trackers and audits.
    ///
    /// Pages are in storage order: pass the last entry's key as `after` to go on. A page shorter
    /// than `limit` is the last one.
    pub trait LunarxApi<AccountId> where AccountId: Codec {
        /// The state of LX.
        fn supply() -> Supply;
        /// How much LX is made, and for whom.
        fn economy() -> EconomyInfo<AccountId>;
        /// What an account can claim, one entry an era.
        fn due_rewards(account: AccountId) -> Vec<DueReward>;
        /// How an account stands as maker of blocks.
        fn authority(account: AccountId) -> AuthorityInfo;
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
        /// A page of all live contracts.
        fn contracts(after: Option<ContractId>, limit: u32) -> Vec<ContractInfo<AccountId>>;
        /// The seeds of `count` blocks from `from` on, one entry a block, fewer where the chain ends: `None`
        /// where there is none, or not any more. Cut to [`MAX_PAGE`].
        fn audit_seeds(from: BlockNumber, count: u32) -> Vec<Option<AuditSeed>>;
        /// The running round and those before it that are still known, newest first.
        fn rounds() -> Vec<RoundDetails<AccountId>>;
        /// A bonded tracker.
        fn tracker(account: AccountId) -> Option<TrackerInfo<AccountId>>;
        /// A page of trackers.
        fn trackers(after: Option<AccountId>, limit: u32) -> Vec<TrackerInfo<AccountId>>;
        /// Who holds the seats of an active contract in the running round.
        fn seats(contract: ContractId) -> Vec<AccountId>;
        /// How the windows of an active contract stand.
        fn audit(contract: ContractId) -> Option<AuditInfo<AccountId>>;
        /// A page of the open disputes.
        fn disputes(after: Option<ContractId>, limit: u32) -> Vec<DisputeInfo<AccountId>>;
        /// Those of `contracts` that `block` challenges. Contracts beyond [`MAX_PAGE`] are not looked at.
        fn challenges(block: BlockNumber, contracts: Vec<ContractId>) -> Vec<ChallengeInfo<AccountId>>;
    }
}
