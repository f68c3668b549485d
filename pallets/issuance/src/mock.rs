//! A runtime of balances, vesting and issuance.

use crate::{self as pallet_lunarx_issuance, Allocation, Share};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU128, ConstU32, Hooks, WithdrawReasons},
};
use lunarx_core::{Balance, ByClass, INVESTOR_SHARE, LX, TEAM_SHARE};
use sp_runtime::{traits::ConvertInto, BuildStorage, Permill, Perquintill};

/// An early core team member, all of it under vesting.
pub const FOUNDER: u64 = 1;
/// A core team member with a liquid part.
pub const ENGINEER: u64 = 2;
/// Holds the whole investors' share.
pub const INVESTOR: u64 = 3;
/// Has nothing at genesis.
pub const MINER: u64 = 4;
/// Least balance of an account.
pub const EXISTENTIAL_DEPOSIT: Balance = LX / 1_000;
/// Blocks over which the mock's allocations vest.
pub const VESTING_BLOCKS: u32 = 1_000;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Issuance: pallet_lunarx_issuance,
        Vesting: pallet_vesting,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type AccountData = pallet_balances::AccountData<Balance>;
    type Block = Block;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

parameter_types! {
    pub UnvestedFundsAllowedWithdrawReasons: WithdrawReasons =
        WithdrawReasons::except(WithdrawReasons::TRANSFER | WithdrawReasons::RESERVE);
}

impl pallet_vesting::Config for Test {
    type BlockNumberProvider = System;
    type BlockNumberToBalance = ConvertInto;
    type Currency = Balances;
    type MinVestedTransfer = ConstU128<LX>;
    type RuntimeEvent = RuntimeEvent;
    type UnvestedFundsAllowedWithdrawReasons = UnvestedFundsAllowedWithdrawReasons;
    type WeightInfo = ();

    const MAX_VESTING_SCHEDULES: u32 = 3;
}

/// Blocks of an era.
pub const ERA: u32 = 2;

parameter_types! {
    /// Half in 1,461 eras: four years of days.
    pub static EraRate: Perquintill = Perquintill::from_parts(474_320_862_749_566);
    pub Split: ByClass<Permill> = ByClass {
        miners: Permill::from_percent(40),
        trackers: Permill::from_percent(10),
        authors: Permill::from_percent(40),
        contributors: Permill::from_percent(10),
    };
    pub Caps: ByClass<Permill> = ByClass {
        miners: Permill::from_percent(30),
        trackers: Permill::from_percent(4),
        authors: Permill::one(),
        contributors: Permill::from_percent(30),
    };
}

impl crate::Config for Test {
    type Caps = Caps;
    type Currency = Balances;
    type EraBlocks = ConstU32<ERA>;
    type EraRate = EraRate;
    type RuntimeEvent = RuntimeEvent;
    type Split = Split;
    type Vesting = Vesting;
    type WeightInfo = ();
}

/// Goes on to the first block of the next era, as the executive would.
pub fn next_era() {
    let era = crate::CurrentEra::<Test>::get();
    while crate::CurrentEra::<Test>::get() == era {
        let number = System::block_number() + 1;
        System::set_block_number(number);
        Issuance::on_initialize(number);
        Issuance::on_idle(number, frame_support::weights::Weight::MAX);
    }
}

/// One allocation that vests from block 10.
pub fn allocation(who: u64, share: Share, amount: Balance, liquid: Balance) -> Allocation<u64> {
    Allocation { who, share, amount, liquid, vesting_start: 10, vesting_blocks: VESTING_BLOCKS }
}

/// Both shares, given away in full.
pub fn shares() -> Vec<Allocation<u64>> {
    vec![
        allocation(FOUNDER, Share::Team, TEAM_SHARE - 1_000 * LX, 0),
        allocation(ENGINEER, Share::Team, 1_000 * LX, 400 * LX),
        allocation(INVESTOR, Share::Investor, INVESTOR_SHARE, 0),
    ]
}

/// An empty chain, for benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub fn new_test_ext() -> sp_io::TestExternalities {
    RuntimeGenesisConfig::default().build_storage().expect("well-formed").into()
}

/// Runs `test` at block 1 of a chain with these allocations, and checks the state afterwards.
pub fn with_genesis(allocations: Vec<Allocation<u64>>, test: impl FnOnce()) {
    let genesis = RuntimeGenesisConfig {
        issuance: crate::GenesisConfig { allocations, ..Default::default() },
        ..Default::default()
    };
    let storage = genesis.build_storage().expect("the mock's genesis is well-formed");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
        Issuance::do_try_state().expect("the state holds after every test");
    });
}
