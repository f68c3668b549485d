//! A runtime of balances, sessions, offences and providers.

use crate as pallet_lunarx_providers;
use frame_support::{
    derive_impl, parameter_types,
    traits::{fungible::InspectHold, ConstU128, ConstU32, ConstU64, Hooks},
};
use lunarx_core::{
    registration_payload, Address, Balance, BlockNumber, EncryptionKey, NodeKey, NodeSignature,
    ProviderDetails, Services, GIB, LX,
};
use pallet_session::historical as pallet_session_historical;
use sp_core::{crypto::key_types::DUMMY, ed25519, Pair};
use sp_runtime::{impl_opaque_keys, testing::UintAuthorityId, traits::ConvertInto, BuildStorage};

/// Accounts with [`ENDOWMENT`].
pub const MINER: u64 = 11;
pub const OTHER: u64 = 12;
pub const STRANGER: u64 = 13;
/// Has next to nothing.
pub const POOR: u64 = 14;
/// Gets what is slashed. Does not exist at genesis.
pub const SLASHED: u64 = 99;
/// The authorities at genesis: all have session keys and [`ENDOWMENT`].
pub const AUTHORITIES: [u64; 4] = [1, 2, 3, 4];
/// Has session keys, but is no authority.
pub const CANDIDATE: u64 = 5;
/// So do all from [`CANDIDATE`] up to this one.
pub const CANDIDATES_TO: u64 = 10;
/// A session key that no account is named after.
pub const ROTATED: u64 = 1_003;

pub const ENDOWMENT: Balance = 1_000 * LX;
pub const EXISTENTIAL_DEPOSIT: Balance = LX / 1_000;
pub const SESSION_BLOCKS: u64 = 5;
pub const ERA_BLOCKS: BlockNumber = 1_000_000;
pub const EXIT_DELAY: BlockNumber = 100;
pub const OFFENCE_MEMORY: u32 = 3;
pub const MIN_PRICE: Balance = 1_000;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Balances: pallet_balances,
        Providers: pallet_lunarx_providers,
        Offences: pallet_offences,
        Historical: pallet_session_historical,
        Session: pallet_session,
    }
);

impl_opaque_keys! {
    pub struct MockSessionKeys {
        pub dummy: UintAuthorityId,
    }
}

parameter_types! {
    pub const FinderShare: sp_runtime::Perbill = sp_runtime::Perbill::from_percent(10);
    /// LX-units a GiB. Tests change it.
    pub static CollateralPerGib: Balance = LX;
    /// The running era. Tests change it.
    pub static Era: u32 = 0;
    /// Tests change it.
    pub static BootstrapSeats: u32 = 4;
    /// Tests change it.
    pub static MinAuthorityPower: u128 = 2;
    /// The keys that the consensus was last told to use.
    pub static Active: Vec<u64> = Vec::new();
    /// Who makes each block: everybody, as if a block were a turn. Tests change it.
    pub static Authors: Vec<u64> = (1..=CANDIDATES_TO).collect();
    /// Whether these were told as changed.
    pub static Changed: bool = false;
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

impl pallet_timestamp::Config for Test {
    type MinimumPeriod = ConstU64<1>;
    type Moment = u64;
    type OnTimestampSet = ();
    type WeightInfo = ();
}

/// Plays the consensus.
pub struct Consensus;

impl pallet_session::SessionHandler<u64> for Consensus {
    const KEY_TYPE_IDS: &'static [sp_runtime::KeyTypeId] = &[DUMMY];

    fn on_genesis_session<K: sp_runtime::traits::OpaqueKeys>(validators: &[(u64, K)]) {
        Active::set(validators.iter().map(|(account, _)| *account).collect());
    }

    fn on_new_session<K: sp_runtime::traits::OpaqueKeys>(
        changed: bool,
        validators: &[(u64, K)],
        _: &[(u64, K)],
    ) {
        let known = |who: u64, key: UintAuthorityId| key.0 == who || key.0 == ROTATED;
        assert!(validators.iter().all(|(who, keys)| keys.get(DUMMY).is_some_and(|key| known(*who, key))));
        Changed::set(changed);
        Active::set(validators.iter().map(|(account, _)| *account).collect());
    }

    fn on_disabled(_: u32) {}
}

impl pallet_session::Config for Test {
    type Currency = Balances;
    type DisablingStrategy = pallet_session::disabling::UpToLimitWithReEnablingDisablingStrategy;
    type KeyDeposit = ConstU128<0>;
    type Keys = MockSessionKeys;
    type NextSessionRotation = pallet_session::PeriodicSessions<ConstU64<SESSION_BLOCKS>, ConstU64<0>>;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = Consensus;
    type SessionManager = pallet_session_historical::NoteHistoricalRoot<Test, Providers>;
    type ShouldEndSession = pallet_session::PeriodicSessions<ConstU64<SESSION_BLOCKS>, ConstU64<0>>;
    type ValidatorId = u64;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = ();
}

impl pallet_session_historical::Config for Test {
    type FullIdentification = ();
    type FullIdentificationOf = crate::IdentifiedByAccount;
    type RuntimeEvent = RuntimeEvent;
}

impl pallet_offences::Config for Test {
    type IdentificationTuple = pallet_session_historical::IdentificationTuple<Self>;
    type OnOffenceHandler = Providers;
    type RuntimeEvent = RuntimeEvent;
}

/// The real pallets; what they are told to do about offenders is noted.
pub struct MockSessions;

impl crate::Sessions<u64> for MockSessions {
    fn keys(account: &u64) -> Option<Vec<u8>> {
        pallet_session::NextKeys::<Test>::get(account).map(|keys| codec::Encode::encode(&keys))
    }

    fn disable(offender: &u64, severity: sp_staking::offence::OffenceSeverity) {
        Session::report_offence(*offender, severity);
    }

    fn forget_before(session: u32) {
        Historical::prune_up_to(session);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_set_keys(account: &u64) {
        let keys = MockSessionKeys { dummy: UintAuthorityId(*account) };
        pallet_session::NextKeys::<Test>::insert(account, keys);
    }
}

impl crate::Config for Test {
    type CollateralPerGib = CollateralPerGib;
    type BootstrapSeats = BootstrapSeats;
    type Currency = Balances;
    type Era = Era;
    type EraBlocks = ConstU32<ERA_BLOCKS>;
    type ExitDelay = ConstU32<EXIT_DELAY>;
    type FinderShare = FinderShare;
    type MaxLost = ConstU32<3>;
    type MaxAuthorities = ConstU32<5>;
    type MaxCandidates = ConstU32<6>;
    type MinAuthorities = ConstU32<3>;
    type MinAuthorityCollateral = ConstU128<{ 2 * LX }>;
    type MinAuthorityPower = MinAuthorityPower;
    type MinCapacity = ConstU64<GIB>;
    type MinPrice = ConstU128<MIN_PRICE>;
    type OffenceMemory = ConstU32<OFFENCE_MEMORY>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sessions = MockSessions;
    type SlashDestination = frame_support::traits::ConstU64<SLASHED>;
    type WeightInfo = ();
}

/// The chain at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    with_authorities(&AUTHORITIES)
}

/// The chain at block 1 with these genesis authorities.
pub fn with_authorities(authorities: &[u64]) -> sp_io::TestExternalities {
    let rich = AUTHORITIES.into_iter().chain(CANDIDATE..=STRANGER);
    let balances = rich.map(|who| (who, ENDOWMENT)).chain([(POOR, EXISTENTIAL_DEPOSIT)]).collect();
    let keys = 1..=CANDIDATES_TO;
    let keys = keys.map(|who| (who, who, MockSessionKeys { dummy: UintAuthorityId(who) })).collect();
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
        providers: crate::GenesisConfig { authorities: authorities.to_vec(), session_blocks: None },
        session: pallet_session::GenesisConfig { keys, ..Default::default() },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities =
        genesis.build_storage().expect("the mock's genesis is well-formed").into();
    let keystore = sp_keystore::testing::MemoryKeystore::new();
    ext.register_extension(sp_keystore::KeystoreExt::new(keystore));
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs `test` on a new chain. Afterwards the state must hold and no LX may have come or gone.
pub fn run(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let before = Balances::total_issuance();
        test();
        Providers::do_try_state().expect("the state holds after every test");
        assert_eq!(Balances::total_issuance(), before, "money is conserved");
    });
}

/// Goes on to block `number`, as the executive would.
pub fn run_to(number: u64) {
    while System::block_number() < number {
        System::set_block_number(System::block_number() + 1);
        Session::on_initialize(System::block_number());
        for author in Authors::get() {
            Providers::authored(&author);
        }
    }
}

/// Goes on to the first block of the next session.
pub fn next_session() {
    run_to((System::block_number() / SESSION_BLOCKS + 1) * SESSION_BLOCKS);
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
    NodeSignature(node(seed).sign(&registration_payload(&Providers::genesis_hash(), &who)).0)
}

/// Valid details with a capacity of `gib` GiB.
pub fn details(gib: u64) -> ProviderDetails {
    ProviderDetails {
        encryption_key: EncryptionKey([7; 32]),
        addresses: vec![address("/ip4/127.0.0.1/udp/4001/quic-v1")].try_into().expect("one is few"),
        region: b"eu-1".to_vec().try_into().expect("it is short"),
        services: Services::STORAGE,
        capacity: gib * GIB,
        price: MIN_PRICE,
    }
}

pub fn address(text: &str) -> Address {
    text.as_bytes().to_vec().try_into().expect("the test's addresses are short")
}

/// Registers `who` with its own number as node and `gib` GiB.
pub fn register(who: u64, gib: u64) {
    let seed = u8::try_from(who).expect("the mock's accounts are small");
    let (key, signature) = (node_key(seed), agreement(seed, who));
    Providers::register(RuntimeOrigin::signed(who), key, signature, details(gib))
        .expect("the mock's details are valid");
}

/// Held as collateral from `who`.
pub fn held(who: u64) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::Collateral.into(), &who)
}
