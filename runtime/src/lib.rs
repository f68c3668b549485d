//! The LunarX runtime: composition only. Rules live in `pallets/*`, types in `primitives/*`; here they
//! are configured (`configs`), given their measured weights (`weights`), shown to the node (`apis`) and
//! started (`genesis`).
#![cfg_attr(not(feature = "std"), no_std)]
// The macros that compose a runtime expand to more than the default.
#![recursion_limit = "512"]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod genesis;
pub mod migrations;
pub mod weights;

use alloc::vec::Vec;
use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub use lunarx_core::{Balance, BlockNumber, DECIMALS, LX};

/// A wallet's signature: sr25519, ed25519 or ECDSA.
pub type Signature = MultiSignature;
/// An account, equal to the public key of the signature.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Count of an account's transactions.
pub type Nonce = u32;
/// Hash of blocks and state.
pub type Hash = sp_core::H256;
/// How accounts are named in transactions.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What each transaction carries beside its call and signature.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// That of a transaction without a tip.
pub fn tx_extension(nonce: Nonce, era: generic::Era) -> TxExtension {
    (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(era),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_system::WeightReclaim::new(),
    )
}

/// A transaction as it comes from the wire.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// The bytes that a wallet signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Runs blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

/// Types as the node knows them: it moves transactions about without reading them.
pub mod opaque {
    /// A block whose transactions are bytes.
    pub type Block = sp_runtime::generic::Block<super::Header, sp_runtime::OpaqueExtrinsic>;
}

impl_opaque_keys! {
    /// The keys of an authority.
    pub struct SessionKeys {
        /// Makes blocks.
        pub babe: Babe,
        /// Finalizes them.
        pub grandpa: Grandpa,
    }
}

/// Version of the runtime. `spec_version` rises with each change of behaviour, `transaction_version` with each change of
/// how a call that existed before is encoded.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: alloc::borrow::Cow::Borrowed("lunarx"),
    impl_name: alloc::borrow::Cow::Borrowed("lunarx-node"),
    authoring_version: 1,
    spec_version: 2,
    impl_version: 0,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 2,
    system_version: 1,
};

/// Milliseconds between blocks.
pub const BLOCK_MILLIS: u64 = 3_000;
/// Blocks a minute, an hour, a day.
pub const MINUTES: BlockNumber = 20;
/// Blocks an hour.
pub const HOURS: BlockNumber = 60 * MINUTES;
/// Blocks a day.
pub const DAYS: BlockNumber = 24 * HOURS;
/// Blocks of an epoch, which is also a session.
pub const EPOCH_BLOCKS: BlockNumber = 10 * MINUTES;
/// BABE's constant c: a quarter of the slots has a primary author; the rest fall to secondary ones.
pub const PRIMARY_PROBABILITY: (u64, u64) = (1, 4);

/// The BABE configuration at genesis.
pub const BABE_GENESIS_EPOCH_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
    sp_consensus_babe::BabeEpochConfiguration {
        c: PRIMARY_PROBABILITY,
        allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
    };

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(3)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(4)]
    pub type MultiBlockMigrations = pallet_migrations;

    #[runtime::pallet_index(10)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(11)]
    pub type TransactionPayment = pallet_transaction_payment;
    // Before `Vesting` and everything else that looks at balances at genesis: it makes them.
    #[runtime::pallet_index(12)]
    pub type Issuance = pallet_lunarx_issuance;
    #[runtime::pallet_index(13)]
    pub type Vesting = pallet_vesting;

    #[runtime::pallet_index(20)]
    pub type Providers = pallet_lunarx_providers;
    #[runtime::pallet_index(21)]
    pub type Contracts = pallet_lunarx_contracts;
    #[runtime::pallet_index(22)]
    pub type Trackers = pallet_lunarx_trackers;
    #[runtime::pallet_index(23)]
    pub type Audits = pallet_lunarx_audits;

    #[runtime::pallet_index(30)]
    pub type Offences = pallet_offences;
    #[runtime::pallet_index(31)]
    pub type Historical = pallet_session::historical;
    #[runtime::pallet_index(32)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(33)]
    pub type Grandpa = pallet_grandpa;

    #[runtime::pallet_index(40)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(41)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(42)]
    pub type Proxy = pallet_proxy;
    #[runtime::pallet_index(43)]
    pub type Parameters = pallet_parameters;
    #[runtime::pallet_index(44)]
    pub type Sudo = pallet_sudo;

    #[runtime::pallet_index(50)]
    pub type Council = pallet_collective<Instance1>;
    #[runtime::pallet_index(51)]
    pub type Treasury = pallet_treasury;
    #[runtime::pallet_index(52)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(53)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(54)]
    pub type Referenda = pallet_referenda;
    #[runtime::pallet_index(55)]
    pub type ConvictionVoting = pallet_conviction_voting;
}
