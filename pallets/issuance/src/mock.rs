//! A runtime of balances, vesting and issuance.

use crate::{self as pallet_lunarx_issuance, Allocation, Share};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU128, WithdrawReasons},
};
use lunarx_core::{Balance, INVESTOR_SHARE, LX, TEAM_SHARE};
use sp_runtime::{traits::ConvertInto, BuildStorage};

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

impl crate::Config for Test {
    type Currency = Balances;
    type RuntimeEvent = RuntimeEvent;
    type Vesting = Vesting;
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

/// Runs `test` at block 1 of a chain with these allocations, and checks the state afterwards.
pub fn with_genesis(allocations: Vec<Allocation<u64>>, test: impl FnOnce()) {
    let genesis =
        RuntimeGenesisConfig { issuance: crate::GenesisConfig { allocations }, ..Default::default() };
    let storage = genesis.build_storage().expect("the mock's genesis is well-formed");
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
        Issuance::do_try_state().expect("the state holds after every test");
    });
}
