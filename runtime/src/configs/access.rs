//! Batches, shared accounts, proxies, and the development presets' sudo key.

use crate::{Balance, Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, System, LX};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    parameter_types,
    traits::{ConstU32, Contains, InstanceFilter},
};
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

/// Deposit for an entry of storage and for each of its bytes.
const fn deposit(items: Balance, bytes: Balance) -> Balance {
    items * LX / 10 + bytes * LX / 10_000
}

parameter_types! {
    pub const DepositBase: Balance = deposit(1, 88);
    pub const DepositFactor: Balance = deposit(0, 32);
    pub const ProxyDepositBase: Balance = deposit(1, 8);
    pub const ProxyDepositFactor: Balance = deposit(0, 33);
    pub const AnnouncementDepositBase: Balance = deposit(1, 8);
    pub const AnnouncementDepositFactor: Balance = deposit(0, 66);
}

impl pallet_utility::Config for Runtime {
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_utility::weights::SubstrateWeight<Self>;
}

impl pallet_multisig::Config for Runtime {
    type BlockNumberProvider = System;
    type Currency = Balances;
    type DepositBase = DepositBase;
    type DepositFactor = DepositFactor;
    type MaxSignatories = ConstU32<100>;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Self>;
}

/// The calls that are open. Vesting is granted at genesis and by governance only: a lock bars an account
/// from escrow (`service::WithoutLocks`), and anybody could put one on anybody's account.
pub struct OpenCalls;

impl Contains<RuntimeCall> for OpenCalls {
    fn contains(call: &RuntimeCall) -> bool {
        !matches!(call, RuntimeCall::Vesting(pallet_vesting::Call::vested_transfer { .. }))
    }
}

/// What a proxy may do in its principal's name.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    #[codec(index = 0)]
    Any,
    /// Everything that moves no LX to others.
    #[codec(index = 1)]
    NonTransfer,
    /// Run a miner: what it says of itself, its session keys, its contracts.
    #[codec(index = 2)]
    Miner,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            Self::NonTransfer => matches!(
                call,
                RuntimeCall::System(_)
                    | RuntimeCall::Timestamp(_)
                    | RuntimeCall::Babe(_)
                    | RuntimeCall::Grandpa(_)
                    | RuntimeCall::Session(_)
                    | RuntimeCall::Providers(_)
                    | RuntimeCall::Trackers(_)
                    | RuntimeCall::Utility(_)
            ),
            Self::Miner => matches!(
                call,
                RuntimeCall::Session(pallet_session::Call::set_keys { .. })
                    | RuntimeCall::Utility(_)
                    | RuntimeCall::Providers(
                        pallet_lunarx_providers::Call::update { .. }
                            | pallet_lunarx_providers::Call::stand {}
                    )
                    | RuntimeCall::Contracts(
                        pallet_lunarx_contracts::Call::accept { .. }
                            | pallet_lunarx_contracts::Call::settle { .. }
                    )
                    | RuntimeCall::Audits(
                        pallet_lunarx_audits::Call::answer { .. }
                            | pallet_lunarx_audits::Call::surrender { .. }
                    )
            ),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        self == &Self::Any || self == other
    }
}

impl pallet_proxy::Config for Runtime {
    type AnnouncementDepositBase = AnnouncementDepositBase;
    type AnnouncementDepositFactor = AnnouncementDepositFactor;
    type BlockNumberProvider = System;
    type CallHasher = BlakeTwo256;
    type Currency = Balances;
    type MaxPending = ConstU32<32>;
    type MaxProxies = ConstU32<32>;
    type ProxyDepositBase = ProxyDepositBase;
    type ProxyDepositFactor = ProxyDepositFactor;
    type ProxyType = ProxyType;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Self>;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Self>;
}
