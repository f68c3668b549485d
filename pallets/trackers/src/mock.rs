//! A runtime of balances and trackers.

use crate as pallet_lunarx_trackers;
use frame_support::{
    derive_impl, parameter_types,
    traits::{fungible::InspectHold, ConstU128, ConstU32, Contains, Hooks, Randomness},
};
use lunarx_core::{
    bond_payload, Address, Balance, BlockNumber, EncryptionKey, NodeKey, NodeSignature, TrackerDetails, LX,
};
use sp_core::{ed25519, Pair, H256};
use sp_runtime::BuildStorage;

pub const TRACKER: u64 = 11;
pub const OTHER: u64 = 12;
pub const STRANGER: u64 = 13;
/// Has next to nothing.
pub const POOR: u64 = 14;
/// Has a locked balance.
pub const VESTING: u64 = 15;
/// Does not exist.
pub const NOBODY: u64 = 99;

pub const ENDOWMENT: Balance = 1_000 * LX;
pub const EXISTENTIAL_DEPOSIT: Balance = LX / 1_000;
pub const MIN_BOND: Balance = 10 * LX;
pub const EXIT_DELAY: BlockNumber = 100;
pub const ROUND_BLOCKS: BlockNumber = 10;
pub const MAX_TRACKERS: u32 = 5;
pub const MAX_MISSED: u32 = 3;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Trackers: pallet_lunarx_trackers,
    }
);

parameter_types! {
    /// What the chain draws. Tests change it.
    pub static Drawn: Option<H256> = Some(H256([1; 32]));
}

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

pub struct TestRandomness;

impl Randomness<Option<H256>, u64> for TestRandomness {
    fn random(_: &[u8]) -> (Option<H256>, u64) {
        (Drawn::get(), 0)
    }
}

pub struct WithoutLocks;

impl Contains<u64> for WithoutLocks {
    fn contains(account: &u64) -> bool {
        *account != VESTING
    }
}

impl crate::Config for Test {
    type Bonders = WithoutLocks;
    type Currency = Balances;
    type ExitDelay = ConstU32<EXIT_DELAY>;
    type MaxMissed = ConstU32<MAX_MISSED>;
    type MaxTrackers = ConstU32<MAX_TRACKERS>;
    type MaxVerifiers = ConstU32<4>;
    type MinBond = ConstU128<MIN_BOND>;
    type Randomness = TestRandomness;
    type RoundBlocks = ConstU32<ROUND_BLOCKS>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = ();
}

/// The chain at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let rich = [TRACKER, OTHER, STRANGER, VESTING].into_iter().chain(20..30);
    let balances = rich.map(|who| (who, ENDOWMENT)).chain([(POOR, EXISTENTIAL_DEPOSIT)]).collect();
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities =
        genesis.build_storage().expect("the mock's genesis is well-formed").into();
    let keystore = sp_keystore::testing::MemoryKeystore::new();
    ext.register_extension(sp_keystore::KeystoreExt::new(keystore));
    ext.execute_with(|| run_to(1));
    ext
}

/// Runs `test` on a new chain. Afterwards the state must hold and no LX may have come or gone.
pub fn run(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let before = Balances::total_issuance();
        test();
        Trackers::do_try_state().expect("the state holds after every test");
        assert_eq!(Balances::total_issuance(), before, "money is conserved");
    });
}

/// Goes on to block `number`, as the executive would.
pub fn run_to(number: u64) {
    while System::block_number() < number {
        System::set_block_number(System::block_number() + 1);
        Trackers::on_initialize(System::block_number());
    }
}

/// Goes on to the first block of the next round.
pub fn next_round() {
    let before = crate::CurrentRound::<Test>::get();
    while crate::CurrentRound::<Test>::get() == before {
        run_to(System::block_number() + 1);
    }
}

/// The node key pair number `seed`.
pub fn node(seed: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[seed; 32])
}

pub fn node_key(seed: u8) -> NodeKey {
    NodeKey(node(seed).public().0)
}

/// The signature with which node `seed` agrees to belong to `who`.
pub fn agreement(seed: u8, who: u64) -> NodeSignature {
    NodeSignature(node(seed).sign(&bond_payload(&Trackers::genesis_hash(), &who)).0)
}

pub fn details() -> TrackerDetails {
    TrackerDetails {
        encryption_key: EncryptionKey([7; 32]),
        addresses: vec![address("/ip4/127.0.0.1/udp/4001/quic-v1")].try_into().expect("one is few"),
        region: b"eu-1".to_vec().try_into().expect("it is short"),
    }
}

pub fn address(text: &str) -> Address {
    text.as_bytes().to_vec().try_into().expect("the test's addresses are short")
}

/// Bonds `who` with its own number as node.
pub fn bond(who: u64, amount: Balance) {
    let seed = u8::try_from(who).expect("the mock's accounts are small");
    let (key, signature) = (node_key(seed), agreement(seed, who));
    Trackers::bond(RuntimeOrigin::signed(who), key, signature, details(), amount)
        .expect("the mock's details are valid");
}

/// Held as bond from `who`.
pub fn held(who: u64) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::Bond.into(), &who)
}
