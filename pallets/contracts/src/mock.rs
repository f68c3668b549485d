//! A runtime of balances and contracts, with a small register of miners and verdicts set by the test.

use crate::{self as pallet_lunarx_contracts, EndReason, Error};
use frame_support::{
    assert_ok, derive_impl, parameter_types, storage_alias,
    traits::{ConstU128, ConstU32, Contains, Hooks},
    weights::Weight,
    BoundedVec, Twox64Concat,
};
use lunarx_core::{
    AllocationError, Balance, BatchRoot, BlockNumber, Commission, ContractId, Decided, NodeKey,
    NodeSignature, Offer, Promise, ProviderRegistry, Service, ServiceVerdicts, Terms, Watched, GIB, LX,
};
use sp_core::{ed25519, Pair};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{BuildStorage, Permill};

/// Opens contracts.
pub const CLIENT: u64 = 1;
/// Another client.
pub const OTHER_CLIENT: u64 = 2;
/// Stores.
pub const MINER: u64 = 11;
/// Another miner.
pub const OTHER_MINER: u64 = 12;
/// An application's supplier.
pub const SUPPLIER: u64 = 21;
/// The trackers' pot.
pub const POT: u64 = 31;
/// Neither.
pub const STRANGER: u64 = 99;
/// Least balance of an account.
pub const EXISTENTIAL_DEPOSIT: Balance = LX / 1_000;
/// What every account but the stranger begins with.
pub const ENDOWMENT: Balance = 1_000 * LX;
/// Bytes that a miner begins with.
pub const CAPACITY: u64 = 100 * GIB;
/// A miner's listed price.
pub const PRICE: Balance = LX;
/// Blocks in a window.
pub const WINDOW: BlockNumber = 10;
/// Blocks in a day.
pub const DAY: BlockNumber = 70;
/// Blocks to accept.
pub const ACCEPT_WITHIN: BlockNumber = 25;
/// Blocks that an offer may live.
pub const MAX_OFFER_LIFE: BlockNumber = 50;
/// Blocks after a window's end in which its outcome is not final.
pub const FINAL: BlockNumber = 3 * WINDOW;
/// Most windows.
pub const MAX_WINDOWS: u32 = 30;
/// Most promises.
pub const MAX_PROMISES: u32 = 5;

/// The fee of a window of the promise that [`Deal::default`] makes: a seventh of an LX, rounded up.
pub const WINDOW_FEE: Balance = LX.div_ceil(7);

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Contracts: pallet_lunarx_contracts,
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
    /// Gets the trackers' share.
    pub const Pot: u64 = POT;
    /// Share of the trackers.
    pub static TrackerShare: Permill = Permill::zero();
    /// The most a supplier draws.
    pub const MaxCommission: Permill = Permill::from_percent(30);
    /// A dispute is open until this block.
    pub static Disputed: Option<BlockNumber> = None;
    /// What came to the pot, as the audits were told.
    pub static Earned: Balance = 0;
    /// Words on each window.
    pub static Words: u32 = 3;
    /// The most words of rounds that began after the contract.
    pub static Aged: u32 = u32::MAX;
    /// What was told of the miners' and the suppliers' work.
    pub static Told: (Balance, Balance) = (0, 0);
    /// Windows of each settlement that fail their audit.
    pub static Unproven: u32 = 0;
    /// Windows that the verdicts claim for each settlement though they did not elapse.
    pub static Invented: u32 = 0;
}

impl crate::Config for Test {
    type AcceptWithin = ConstU32<ACCEPT_WITHIN>;
    type Currency = Balances;
    type Day = ConstU32<DAY>;
    type MaxOfferLife = ConstU32<MAX_OFFER_LIFE>;
    type MaxPromises = ConstU32<MAX_PROMISES>;
    type MaxWindows = ConstU32<MAX_WINDOWS>;
    type Payers = Unlocked;
    type Rewards = Tell;
    type Providers = Register;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type MaxCommission = MaxCommission;
    type TrackerPot = Pot;
    type TrackerShare = TrackerShare;
    type Verdicts = Audits;
    type WeightInfo = ();
    type Window = ConstU32<WINDOW>;
}

/// The accounts without locked balances.
pub struct Unlocked;

impl Contains<u64> for Unlocked {
    fn contains(who: &u64) -> bool {
        System::account(who).data.frozen == 0
    }
}

/// Every window [`FINAL`] blocks after its end: all but [`Unproven`] of each settlement are proven, the last
/// ones not, and [`Invented`] ones. Nothing while [`Disputed`].
pub struct Audits;

impl ServiceVerdicts<u64> for Audits {
    fn take(_: &ContractId, watched: &Watched<u64>, settled: u32, now: BlockNumber) -> Decided {
        if Disputed::get().is_some_and(|until| now <= until) {
            return Decided::default();
        }
        let is_final = |window: &u32| watched.end_of(*window) + FINAL <= now;
        let windows = u32::try_from((settled..watched.windows).take_while(is_final).count()).expect("small");
        let proven = windows.saturating_sub(Unproven::get()).saturating_add(Invented::get());
        let words = Words::get().saturating_mul(proven);
        Decided { windows, proven, last: Unproven::get() == 0, words, aged: words.min(Aged::get()) }
    }

    fn open_until(_: &ContractId) -> Option<BlockNumber> {
        Disputed::get()
    }

    fn closed(_: &ContractId, _: Option<&Watched<u64>>) {}

    fn earned(amount: Balance) {
        Earned::mutate(|earned| *earned += amount);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_prove(_: &[ContractId]) {}
}

/// Sums up what is told.
pub struct Tell;

impl lunarx_core::Rewards<u64> for Tell {
    fn served(_: &u64, pay: Balance) {
        Told::mutate(|told| told.0 += pay);
    }

    fn audited(_: &u64, _: Balance) {}

    fn contributed(_: &u64, fees: Balance, pay: Balance) {
        Told::mutate(|told| told.1 += fees.min(pay));
    }
}

/// A registered miner.
#[derive(Clone, codec::Encode, codec::Decode)]
pub struct Entry {
    pub node_key: NodeKey,
    pub price: Balance,
    pub accepting: bool,
    pub capacity: u64,
    pub used: u64,
    /// Windows settled, proven and not.
    pub settled: (u32, u32),
    /// What it proved, in bytes times blocks.
    pub byte_blocks: u128,
    /// Bytes, millionths, finder.
    pub slashes: Vec<(u64, u32, Option<u64>)>,
}

impl Entry {
    fn new(node_key: NodeKey, price: Balance, capacity: u64) -> Self {
        Self {
            node_key,
            price,
            accepting: true,
            capacity,
            used: 0,
            settled: (0, 0),
            byte_blocks: 0,
            slashes: Vec::new(),
        }
    }
}

#[storage_alias]
type Entries = StorageMap<Register, Twox64Concat, u64, Entry>;

/// The register of miners. It lies in storage, so that failed calls leave no trace in it.
pub struct Register;

impl frame_support::traits::StorageInstance for Register {
    const STORAGE_PREFIX: &'static str = "Entries";

    fn pallet_prefix() -> &'static str {
        "Register"
    }
}

impl Register {
    pub fn change(miner: u64, change: impl FnOnce(&mut Entry)) {
        Entries::mutate(miner, |entry| change(entry.as_mut().expect("registered")));
    }

    pub fn get(miner: u64) -> Entry {
        Entries::get(miner).expect("registered")
    }

    pub fn used(miner: u64) -> u64 {
        Self::get(miner).used
    }
}

impl ProviderRegistry<u64> for Register {
    fn terms(miner: &u64) -> Option<Terms> {
        let Entry { node_key, price, accepting, .. } = Entries::get(miner)?;
        Some(Terms { node_key, price, accepting })
    }

    fn allocate(miner: &u64, bytes: u64) -> Result<(), AllocationError> {
        let mut entry = Entries::get(miner).ok_or(AllocationError::Unknown)?;
        if !entry.accepting {
            return Err(AllocationError::Exiting);
        }
        entry.used += bytes;
        if entry.used > entry.capacity {
            return Err(AllocationError::OverCapacity);
        }
        Entries::insert(miner, entry);
        Ok(())
    }

    fn release(miner: &u64, bytes: u64) {
        Register::change(*miner, |entry| entry.used -= bytes);
    }

    fn settled(miner: &u64, proven: u32, unproven: u32, service: Service) {
        Register::change(*miner, |entry| {
            entry.byte_blocks += u128::from(service.bytes) * u128::from(service.blocks);
            entry.settled = (entry.settled.0 + proven, entry.settled.1 + unproven)
        });
    }

    fn slash_lost(miner: &u64, bytes: u64, slash: u32, finder: Option<&u64>) {
        Register::change(*miner, |entry| entry.slashes.push((bytes, slash, finder.copied())));
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_register(miner: &u64, node_key: NodeKey, capacity: u64, price: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::set_balance(miner, LX);
        Entries::insert(miner, Entry::new(node_key, price, capacity));
    }
}

/// The node key of a miner of the mock.
pub fn node(miner: u64) -> ed25519::Pair {
    ed25519::Pair::from_seed(&lunarx_core::blake2b_256(&miner.to_le_bytes()))
}

/// What client and miner agree on; each test changes what it is about.
#[derive(Clone)]
pub struct Deal {
    pub offer: Offer<u64>,
    pub pieces: u32,
    pub bytes: u64,
    pub windows: u32,
    pub commission: Option<Commission<u64>>,
}

impl Default for Deal {
    /// One GiB for three windows.
    fn default() -> Self {
        let offer = Offer {
            miner: MINER,
            client: CLIENT,
            max_bytes: GIB,
            max_windows: 10,
            price: PRICE,
            expires: System::block_number().saturating_add(MAX_OFFER_LIFE.into()).try_into().expect("small"),
            nonce: 0,
        };
        Self { offer, pieces: 1, bytes: GIB, windows: 3, commission: None }
    }
}

impl Deal {
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut deal = Self::default();
        change(&mut deal);
        deal
    }

    /// Made distinct.
    pub fn number(nonce: u64) -> Self {
        Self::with(|deal| deal.offer.nonce = nonce)
    }

    pub fn id(&self) -> ContractId {
        self.offer.contract_id(&Contracts::genesis())
    }

    /// Signed by the miner's node.
    pub fn promise(&self) -> Promise<u64> {
        self.promise_by(&node(self.offer.miner))
    }

    /// Signed by `node`.
    pub fn promise_by(&self, node: &ed25519::Pair) -> Promise<u64> {
        let signature = NodeSignature(node.sign(&self.offer.payload(&Contracts::genesis())).0);
        let Self { offer, pieces, bytes, windows, commission } = self.clone();
        Promise { offer, signature, root: BatchRoot([7; 32]), pieces, bytes, windows, commission }
    }

    /// The offer's client opens it.
    pub fn open(&self) -> ContractId {
        assert_ok!(open(self.offer.client, &[self.promise()]));
        self.id()
    }

    /// Opened, and accepted in the same block.
    pub fn open_and_accept(&self) -> ContractId {
        let id = self.open();
        assert_ok!(accept(self.offer.miner, &[id]));
        id
    }
}

pub fn batch(ids: &[ContractId]) -> BoundedVec<ContractId, ConstU32<MAX_PROMISES>> {
    ids.to_vec().try_into().expect("within the limit")
}

pub type CallResult = Result<(), sp_runtime::DispatchError>;

/// Dispatches as a transaction would: all or nothing.
fn dispatch(who: u64, call: crate::Call<Test>) -> CallResult {
    use frame_support::traits::UnfilteredDispatchable;
    call.dispatch_bypass_filter(RuntimeOrigin::signed(who)).map(|_| ()).map_err(|error| error.error)
}

pub fn open(who: u64, promises: &[Promise<u64>]) -> CallResult {
    let promises = promises.to_vec().try_into().expect("within the limit");
    dispatch(who, crate::Call::open { promises })
}

pub fn accept(who: u64, ids: &[ContractId]) -> CallResult {
    dispatch(who, crate::Call::accept { ids: batch(ids) })
}

pub fn settle(who: u64, ids: &[ContractId]) -> CallResult {
    dispatch(who, crate::Call::settle { ids: batch(ids) })
}

pub fn end(who: u64, ids: &[ContractId]) -> CallResult {
    dispatch(who, crate::Call::end { ids: batch(ids) })
}

pub fn expire(who: u64, ids: &[ContractId]) -> CallResult {
    dispatch(who, crate::Call::expire { ids: batch(ids) })
}

/// The running block.
pub fn now() -> BlockNumber {
    Contracts::now()
}

/// Passes `blocks` in which `on_idle` is skipped.
pub fn pass_busy(blocks: BlockNumber) {
    System::set_block_number(System::block_number() + u64::from(blocks));
}

/// Passes `blocks` with room for `on_idle`.
pub fn pass(blocks: BlockNumber) {
    for _ in 0..blocks {
        pass_busy(1);
        Contracts::on_idle(System::block_number(), Weight::MAX);
    }
}

/// Held from `who` in escrow.
pub fn held(who: u64) -> Balance {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&crate::HoldReason::Escrow.into(), &who)
}

/// What `who` has beyond holds.
pub fn free(who: u64) -> Balance {
    Balances::free_balance(who)
}

/// The pallet's events of this block and before, the latest last.
pub fn events() -> Vec<crate::Event<Test>> {
    let ours = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
        RuntimeEvent::Contracts(event) => Some(event),
        _ => None,
    };
    System::events().into_iter().filter_map(ours).collect()
}

/// Why the contracts closed so far were closed, in order.
pub fn endings() -> Vec<(ContractId, EndReason)> {
    let ending = |event| match event {
        crate::Event::Ended { id, reason, .. } => Some((id, reason)),
        _ => None,
    };
    events().into_iter().filter_map(ending).collect()
}

/// The pallet's error as a call gives it.
pub fn failure(error: Error<Test>) -> CallResult {
    Err(error.into())
}

/// Block 1: two funded clients, two registered miners.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let accounts = [CLIENT, OTHER_CLIENT, MINER, OTHER_MINER, POT];
    let balances = accounts.map(|who| (who, ENDOWMENT)).to_vec();
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
        ..Default::default()
    };
    let mut ext = sp_io::TestExternalities::new(genesis.build_storage().expect("valid genesis"));
    ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
    ext.execute_with(|| {
        System::set_block_number(1);
        for miner in [MINER, OTHER_MINER] {
            let node_key = NodeKey(node(miner).public().0);
            Entries::insert(miner, Entry::new(node_key, PRICE, CAPACITY));
        }
    });
    ext
}

/// Runs `test` at block 1 and checks the state afterwards: the invariants, no LX made or lost, and the
/// miners' used bytes those of the live contracts.
pub fn run(test: impl FnOnce()) {
    Unproven::set(0);
    Invented::set(0);
    Earned::set(0);
    Disputed::set(None);
    TrackerShare::set(Permill::zero());
    Words::set(3);
    Aged::set(u32::MAX);
    Told::set((0, 0));
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        check(issuance);
    });
}

/// The checks of [`run`], for tests that look in between.
pub fn check(issuance: Balance) {
    assert_ok!(Contracts::do_try_state());
    assert_eq!(Balances::total_issuance(), issuance, "LX was made or lost");
    for miner in [MINER, OTHER_MINER] {
        let live: u64 =
            crate::Contracts::<Test>::iter_values().filter(|c| c.miner == miner).map(|c| c.bytes).sum();
        assert_eq!(Register::used(miner), live, "used bytes are not those of the live contracts");
    }
}
