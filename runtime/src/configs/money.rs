//! LX: balances, fees, vesting, issuance.

use super::dynamic_params::issuance;
use crate::{
    AccountId, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, System,
    Vesting, DAYS, LX,
};
use frame_support::{
    parameter_types,
    traits::{
        fungible::{Balanced, Credit},
        ConstU32, ConstU8, Get, OnUnbalanced, VariantCountOf, WithdrawReasons,
    },
    weights::{ConstantMultiplier, IdentityFee},
};
use lunarx_core::ByClass;
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{
    traits::{Bounded, ConvertInto},
    FixedPointNumber, Permill, Perquintill,
};

parameter_types! {
    /// Least balance of an account: 0.001 LX.
    pub const ExistentialDeposit: Balance = LX / 1_000;
    /// Fee of a transaction's byte: 0.000001 LX.
    pub const TransactionByteFee: Balance = LX / 1_000_000;
    /// Fullness of blocks at which fees stay as they are.
    pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
    pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(1, 100_000);
    pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_rational(1, 10);
    pub MaximumMultiplier: Multiplier = Bounded::max_value();
    pub const MinVestedTransfer: Balance = LX;
    pub UnvestedFundsAllowedWithdrawReasons: WithdrawReasons =
        WithdrawReasons::except(WithdrawReasons::TRANSFER | WithdrawReasons::RESERVE);
}

impl pallet_balances::Config for Runtime {
    type AccountStore = System;
    type Balance = Balance;
    type DoneSlashHandler = ();
    type DustRemoval = ();
    type ExistentialDeposit = ExistentialDeposit;
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type ReserveIdentifier = [u8; 8];
    type RuntimeEvent = RuntimeEvent;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Self>;
}

/// Fees and tips go to the block's author.
pub struct ToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToAuthor {
    fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
        if let Some(author) = pallet_authorship::Pallet::<Runtime>::author() {
            // Too little for an account of its own is burned, as dust is.
            let _ = Balances::resolve(&author, credit);
        }
    }
}

impl pallet_transaction_payment::Config for Runtime {
    type FeeMultiplierUpdate = TargetedFeeAdjustment<
        Self,
        TargetBlockFullness,
        AdjustmentVariable,
        MinimumMultiplier,
        MaximumMultiplier,
    >;
    type LengthToFee = ConstantMultiplier<Balance, TransactionByteFee>;
    type OnChargeTransaction = FungibleAdapter<Balances, ToAuthor>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type RuntimeEvent = RuntimeEvent;
    // One second of computing costs one LX.
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Self>;
    type WeightToFee = IdentityFee<Balance>;
}

impl pallet_vesting::Config for Runtime {
    type BlockNumberProvider = System;
    type BlockNumberToBalance = ConvertInto;
    type Currency = Balances;
    type MinVestedTransfer = MinVestedTransfer;
    type RuntimeEvent = RuntimeEvent;
    type UnvestedFundsAllowedWithdrawReasons = UnvestedFundsAllowedWithdrawReasons;
    type WeightInfo = pallet_vesting::weights::SubstrateWeight<Self>;

    const MAX_VESTING_SCHEDULES: u32 = 28;
}

/// How an era's promise is divided.
pub struct Split;

impl Get<ByClass<Permill>> for Split {
    fn get() -> ByClass<Permill> {
        ByClass {
            miners: issuance::MinersPart::get(),
            trackers: issuance::TrackersPart::get(),
            authors: issuance::AuthorsPart::get(),
            contributors: issuance::ContributorsPart::get(),
        }
    }
}

/// The most that rewards are, of what trackers were paid for the same service.
pub struct Caps;

impl Get<ByClass<Permill>> for Caps {
    fn get() -> ByClass<Permill> {
        ByClass {
            miners: issuance::MinersCap::get(),
            trackers: issuance::TrackersCap::get(),
            authors: Permill::one(),
            contributors: issuance::ContributorsCap::get(),
        }
    }
}

impl pallet_lunarx_issuance::Config for Runtime {
    type Caps = Caps;
    type Currency = Balances;
    type EraBlocks = ConstU32<DAYS>;
    type EraRate = issuance::EraRate;
    type RuntimeEvent = RuntimeEvent;
    type Split = Split;
    type Vesting = Vesting;
    type WeightInfo = crate::weights::pallet_lunarx_issuance::WeightInfo<Self>;
}
