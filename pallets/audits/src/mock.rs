//! A runtime of balances, miners, trackers, contracts and audits: the real pallets, with randomness that is
//! counted up.

use crate::{self as pallet_lunarx_audits, Cause, Error};
use frame_support::{
    assert_ok, derive_impl, parameter_types,
    traits::{
        fungible::InspectHold, ConstU128, ConstU32, ConstU64, Everything, Hooks, Randomness,
        UnfilteredDispatchable,
    },
    weights::Weight,
};
use lunarx_core::{
    blake2b_256, bond_payload, registration_payload, AuditRules, AuditSeed, Balance, BlockNumber, ContractId,
    EncryptionKey, NodeKey, NodeSignature, Offer, Promise, ProviderDetails, Report, Services, TrackerDetails,
    TrackerRegistry, Verdict, GIB, LX,
};
use lunarx_proof::{
    batch_path, batch_root, challenged, commit, prove_chunk, Answer, BatchEntry, LeafProof, Proofs,
    CHUNK_BYTES,
};
use sp_core::{ed25519, Pair, H256};
use sp_runtime::{traits::Convert, BuildStorage, Perbill, Permill};

pub const CLIENT: u64 = 1;
pub const MINER: u64 = 11;
pub const OTHER_MINER: u64 = 12;
/// The bonded trackers.
pub const TRACKERS: [u64; 5] = [21, 22, 23, 24, 25];
pub const STRANGER: u64 = 31;
/// Gets slashes and fines.
pub const SLASHED: u64 = 90;
/// The trackers' pot.
pub const POT: u64 = 91;

pub const ENDOWMENT: Balance = 10_000 * LX;
pub const BOND: Balance = 1_000 * LX;
pub const LIE_FINE: Balance = 100 * LX;
pub const COLLATERAL_PER_GIB: Balance = 10 * LX;
pub const PRICE: Balance = 7 * LX;
pub const WINDOW: BlockNumber = 10;
pub const DAY: BlockNumber = 240;
/// Of an answer's byte.
pub const BYTE_COST: Balance = LX / 1_000_000;
pub const EXISTENTIAL_DEPOSIT: Balance = LX / 1_000;

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Providers: pallet_lunarx_providers,
        Contracts: pallet_lunarx_contracts,
        Trackers: pallet_lunarx_trackers,
        Audits: pallet_lunarx_audits,
    }
);

parameter_types! {
    pub const FinderShare: Perbill = Perbill::from_percent(10);
    pub const TrackerShare: Permill = Permill::from_percent(5);
    pub const MaxCommission: Permill = Permill::from_percent(30);
    /// Whether the chain draws seeds.
    pub static Draws: bool = true;
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

/// Something else in each block.
pub struct Counted;

impl Randomness<Option<H256>, u64> for Counted {
    fn random(_: &[u8]) -> (Option<H256>, u64) {
        let block = System::block_number();
        (Draws::get().then(|| H256(blake2b_256(&block.to_le_bytes()))), block)
    }
}

pub struct NoSessions;

impl pallet_lunarx_providers::Sessions<u64> for NoSessions {
    fn keys(_: &u64) -> Option<Vec<u8>> {
        None
    }

    fn disable(_: &u64, _: sp_staking::offence::OffenceSeverity) {}

    fn forget_before(_: u32) {}

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_set_keys(_: &u64) {}
}

impl pallet_lunarx_providers::Config for Test {
    type BootstrapSeats = ConstU32<4>;
    type CollateralPerGib = ConstU128<COLLATERAL_PER_GIB>;
    type Currency = Balances;
    type Era = ConstU32<0>;
    type EraBlocks = ConstU32<1_000>;
    type ExitDelay = ConstU32<1_000>;
    type FinderShare = FinderShare;
    type MaxAuthorities = ConstU32<5>;
    type MaxCandidates = ConstU32<5>;
    type MaxLost = ConstU32<3>;
    type MinAuthorities = ConstU32<1>;
    type MinAuthorityCollateral = ConstU128<1>;
    type MinAuthorityPower = ConstU128<1>;
    type MinCapacity = ConstU64<GIB>;
    type MinPrice = ConstU128<1>;
    type OffenceMemory = ConstU32<3>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sessions = NoSessions;
    type SlashDestination = ConstU64<SLASHED>;
    type WeightInfo = ();
}

impl pallet_lunarx_contracts::Config for Test {
    type Rewards = ();
    type AcceptWithin = ConstU32<25>;
    type Currency = Balances;
    type Day = ConstU32<DAY>;
    type MaxCommission = MaxCommission;
    type MaxOfferLife = ConstU32<50>;
    type MaxPromises = ConstU32<5>;
    type MaxWindows = ConstU32<100>;
    type Payers = Everything;
    type Providers = Providers;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type TrackerPot = ConstU64<POT>;
    type TrackerShare = TrackerShare;
    type Verdicts = Audits;
    type WeightInfo = ();
    type Window = ConstU32<WINDOW>;
}

impl pallet_lunarx_trackers::Config for Test {
    type Bonders = Everything;
    type Currency = Balances;
    type ExitDelay = ConstU32<1_000>;
    type MaxMissed = ConstU32<3>;
    type MaxTrackers = ConstU32<100>;
    type MaxVerifiers = ConstU32<4>;
    type MinBond = ConstU128<{ BOND / 2 }>;
    type Randomness = Counted;
    type RoundBlocks = ConstU32<{ 6 * WINDOW }>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = ();
}

pub struct AnswerCost;

impl Convert<u32, Balance> for AnswerCost {
    fn convert(bytes: u32) -> Balance {
        BYTE_COST * Balance::from(bytes)
    }
}

impl crate::Config for Test {
    type Rewards = ();
    type AnswerCost = AnswerCost;
    type Contracts = Contracts;
    type Currency = Balances;
    type FineDestination = ConstU64<SLASHED>;
    type LieFine = ConstU128<LIE_FINE>;
    type LossSlash = ConstU32<1_000_000>;
    type MaxReports = ConstU32<10>;
    type Openers = Everything;
    type Pot = ConstU64<POT>;
    type Providers = Providers;
    type Randomness = Counted;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type SurrenderSlash = ConstU32<500_000>;
    type Trackers = Trackers;
    type WeightInfo = ();
    type Window = ConstU32<WINDOW>;
}

/// The rules of the mock's windows.
pub fn rules() -> AuditRules {
    AuditRules::of_window(WINDOW)
}

pub fn node(who: u64) -> ed25519::Pair {
    ed25519::Pair::from_seed(&blake2b_256(&who.to_le_bytes()))
}

fn genesis_hash() -> [u8; 32] {
    System::block_hash(0).0
}

fn text<const N: u32>(text: &str) -> frame_support::BoundedVec<u8, ConstU32<N>> {
    text.as_bytes().to_vec().try_into().expect("short")
}

fn register(miner: u64) {
    let details = ProviderDetails {
        encryption_key: EncryptionKey([7; 32]),
        addresses: vec![text("/ip4/127.0.0.1/udp/4001/quic-v1")].try_into().expect("one"),
        region: text("eu-1"),
        services: Services::STORAGE,
        capacity: 10 * GIB,
        price: PRICE,
    };
    let signature = node(miner).sign(&registration_payload(&genesis_hash(), &miner));
    assert_ok!(Providers::register(
        RuntimeOrigin::signed(miner),
        NodeKey(node(miner).public().0),
        NodeSignature(signature.0),
        details
    ));
}

fn bond(tracker: u64) {
    let details = TrackerDetails {
        encryption_key: EncryptionKey([7; 32]),
        addresses: vec![text("/ip4/127.0.0.1/udp/4001/quic-v1")].try_into().expect("one"),
        region: text("eu-1"),
    };
    let signature = node(tracker).sign(&bond_payload(&genesis_hash(), &tracker));
    assert_ok!(Trackers::bond(
        RuntimeOrigin::signed(tracker),
        NodeKey(node(tracker).public().0),
        NodeSignature(signature.0),
        details,
        BOND
    ));
}

/// A piece that a miner stores, and what it proves with.
pub struct Stored {
    pub id: ContractId,
    pub miner: u64,
    bytes: Vec<u8>,
    outboard: Vec<u8>,
    entries: Vec<BatchEntry>,
}

impl Stored {
    /// A contract of `windows` windows over 100,000 bytes, accepted now.
    pub fn accepted(miner: u64, nonce: u64, windows: u32) -> Self {
        Self::opened_by(CLIENT, miner, nonce, windows)
    }

    /// The same, opened by any client.
    pub fn opened_by(client: u64, miner: u64, nonce: u64, windows: u32) -> Self {
        let len = 100_000;
        let bytes: Vec<u8> =
            (0..len).map(|i| u8::try_from((i * 7 + i / 256 + nonce) % 251).expect("< 251")).collect();
        let (piece, outboard) = commit(bytes.as_slice(), len).expect("in memory");
        let entries = vec![BatchEntry { piece, len }];
        let offer = Offer {
            miner,
            client,
            max_bytes: len,
            max_windows: windows,
            price: PRICE * 100,
            expires: now() + 20,
            nonce,
        };
        let signature = NodeSignature(node(miner).sign(&offer.payload(&genesis_hash())).0);
        let id = offer.contract_id(&genesis_hash());
        let root = batch_root(&entries);
        let promise = Promise { offer, signature, root, pieces: 1, bytes: len, windows, commission: None };
        let promises = vec![promise].try_into().expect("one");
        assert_ok!(Contracts::open(RuntimeOrigin::signed(client), promises));
        assert_ok!(Contracts::accept(RuntimeOrigin::signed(miner), vec![id].try_into().expect("one")));
        Self { id, miner, bytes, outboard, entries }
    }

    pub fn fee(&self) -> Balance {
        pallet_lunarx_contracts::Contracts::<Test>::get(self.id).expect("live").window_fee
    }

    pub fn word_pay(&self) -> Balance {
        pallet_lunarx_contracts::Contracts::<Test>::get(self.id).expect("live").word_pay
    }

    pub fn is_live(&self) -> bool {
        pallet_lunarx_contracts::Contracts::<Test>::contains_key(self.id)
    }

    /// One right proof a position.
    pub fn prove(&self, positions: &[u64]) -> Proofs {
        let proofs: Vec<_> = positions.iter().map(|position| self.proof(*position)).collect();
        proofs.try_into().expect("within the limit")
    }

    fn proof(&self, position: u64) -> LeafProof {
        let entry = self.entries[0];
        let proof = prove_chunk(self.bytes.as_slice(), &self.outboard, entry.len, position / CHUNK_BYTES)
            .expect("in memory");
        LeafProof {
            index: 0,
            entry,
            batch_path: batch_path(&self.entries, 0).expect("one").try_into().expect("short"),
            chunk: proof.bytes.try_into().expect("a chunk"),
            chunk_path: proof.path.try_into().expect("short"),
        }
    }

    /// The positions that a block asks for, if it does.
    pub fn challenge(&self, block: BlockNumber) -> Option<Vec<u64>> {
        challenged(&seed(block)?, &self.id, 100_000, &rules())
    }

    /// The first block from `from` on, of those that have been, that challenges.
    pub fn challenged_since(&self, from: BlockNumber) -> Option<BlockNumber> {
        (from..=now()).find(|block| self.challenge(*block).is_some())
    }

    /// The answer to a block's challenge, signed by the miner.
    pub fn answer(&self, block: BlockNumber) -> Answer {
        self.signed(block, self.prove(&self.challenge(block).expect("challenged")))
    }

    /// The same, with a byte of the last proof flipped.
    pub fn wrong_answer(&self, block: BlockNumber) -> Answer {
        let mut proofs = self.answer(block).proofs;
        proofs.last_mut().expect("not empty").chunk[0] ^= 1;
        self.signed(block, proofs)
    }

    pub fn signed(&self, block: BlockNumber, proofs: Proofs) -> Answer {
        let seed = seed(block).expect("drawn");
        let payload = Answer::payload(&genesis_hash(), &self.id, block, &seed, &proofs);
        Answer { signature: NodeSignature(node(self.miner).sign(&payload).0), proofs }
    }

    /// The holders of its seats in the round of a block.
    pub fn seats(&self, block: BlockNumber) -> [u64; 3] {
        let number = <Trackers as TrackerRegistry<u64>>::round_of(block).expect("known");
        let round = <Trackers as TrackerRegistry<u64>>::round(number).expect("known");
        let since =
            <Contracts as lunarx_core::ContractRegistry<u64>>::watched(&self.id).expect("active").since;
        Audits::holders(&round, &self.id, since).expect("members")
    }

    /// The end of a window.
    pub fn end_of(&self, window: u32) -> BlockNumber {
        use lunarx_core::ContractRegistry;
        <Contracts as ContractRegistry<u64>>::watched(&self.id).expect("active").end_of(window)
    }

    /// The own seats of a window speak.
    pub fn votes(&self, window: u32, verdicts: [Verdict; 3]) {
        for (who, verdict) in self.seats(self.end_of(window)).into_iter().zip(verdicts) {
            assert_ok!(report(who, self, window, &[verdict]));
        }
    }

    pub fn dispute(&self) -> Option<crate::Dispute<u64>> {
        crate::Disputes::<Test>::get(self.id)
    }

    /// What a dispute asks for.
    pub fn asked(&self) -> Vec<u64> {
        Audits::dispute_of(self.id).expect("disputed").positions
    }
}

pub type CallResult = Result<(), sp_runtime::DispatchError>;

/// Dispatches as a transaction would: all or nothing.
pub fn call(who: u64, call: impl Into<RuntimeCall>) -> CallResult {
    let call: RuntimeCall = call.into();
    call.dispatch_bypass_filter(RuntimeOrigin::signed(who)).map(|_| ()).map_err(|error| error.error)
}

pub fn report(who: u64, stored: &Stored, window: u32, verdicts: &[Verdict]) -> CallResult {
    let verdicts = verdicts.to_vec().try_into().expect("few");
    let reports = vec![Report { contract: stored.id, window, verdicts }].try_into().expect("one");
    call(who, crate::Call::report { reports })
}

pub fn dispute(who: u64, stored: &Stored, challenge: Option<BlockNumber>) -> CallResult {
    call(who, crate::Call::dispute { contract: stored.id, challenge })
}

pub fn answer(stored: &Stored, proofs: Proofs) -> CallResult {
    let opened = stored.dispute().map_or(0, |open| open.opened);
    answer_to(stored, opened, proofs)
}

pub fn answer_to(stored: &Stored, opened: BlockNumber, proofs: Proofs) -> CallResult {
    call(stored.miner, crate::Call::answer { contract: stored.id, opened, proofs })
}

/// Draws a tracker's pay for words on final windows.
pub fn draw(who: u64, stored: &Stored) -> CallResult {
    report(who, stored, 0, &[])
}

pub fn settle(stored: &Stored) -> CallResult {
    call(STRANGER, pallet_lunarx_contracts::Call::settle { ids: vec![stored.id].try_into().expect("one") })
}

pub fn now() -> BlockNumber {
    Audits::now()
}

pub fn seed(block: BlockNumber) -> Option<AuditSeed> {
    crate::Seeds::<Test>::get(block)
}

/// Goes on by `blocks`, as the executive would.
pub fn pass(blocks: BlockNumber) {
    for _ in 0..blocks {
        let number = System::block_number() + 1;
        System::set_block_number(number);
        Trackers::on_initialize(number);
        Audits::on_initialize(number);
        Contracts::on_idle(number, Weight::MAX);
        Audits::on_idle(number, Weight::MAX);
    }
}

pub fn pass_to(block: BlockNumber) {
    pass(block.saturating_sub(now()));
}

pub fn free(who: u64) -> Balance {
    Balances::free_balance(who)
}

pub fn collateral(miner: u64) -> Balance {
    let reason = pallet_lunarx_providers::HoldReason::Collateral.into();
    Balances::balance_on_hold(&reason, &miner)
}

pub fn bonded(tracker: u64) -> Balance {
    Balances::balance_on_hold(&pallet_lunarx_trackers::HoldReason::Bond.into(), &tracker)
}

pub fn deposit(who: u64) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::Dispute.into(), &who)
}

/// The convictions so far.
pub fn convictions() -> Vec<(ContractId, Cause)> {
    let conviction = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
        RuntimeEvent::Audits(crate::Event::Convicted { contract, cause, .. }) => Some((contract, cause)),
        _ => None,
    };
    System::events().into_iter().filter_map(conviction).collect()
}

pub fn failure(error: Error<Test>) -> CallResult {
    Err(error.into())
}

/// A few blocks in, with two miners and a round of five trackers.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let accounts = [CLIENT, MINER, OTHER_MINER, STRANGER, POT, SLASHED].into_iter().chain(TRACKERS);
    let balances = accounts.map(|who| (who, ENDOWMENT)).collect();
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("valid genesis").into();
    let keystore = sp_keystore::testing::MemoryKeystore::new();
    ext.register_extension(sp_keystore::KeystoreExt::new(keystore));
    ext.execute_with(|| {
        pass(1);
        [MINER, OTHER_MINER].into_iter().for_each(register);
        TRACKERS.into_iter().for_each(bond);
        pass(2);
    });
    ext
}

/// Runs `test`. Afterwards the state must hold and no LX may have come or gone.
pub fn run(test: impl FnOnce()) {
    Draws::set(true);
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        check(issuance);
    });
}

/// The checks of [`run`], for tests that look in between.
pub fn check(issuance: Balance) {
    assert_ok!(Providers::do_try_state());
    assert_ok!(Contracts::do_try_state());
    assert_ok!(Trackers::do_try_state());
    assert_ok!(Audits::do_try_state());
    assert_eq!(Balances::total_issuance(), issuance, "LX was made or lost");
}
