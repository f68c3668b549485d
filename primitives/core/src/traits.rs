//! The traits through which pallets know each other.

use crate::{Balance, BlockNumber, ContractId, NodeKey, Round, RoundDetails, Watched};

/// What the contracts must know of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Verifies its offers.
    pub node_key: NodeKey,
    /// Its listed price, LX-units per GiB and day: the floor of its offers.
    pub price: Balance,
    /// False once it announced its exit.
    pub accepting: bool,
}

/// Why capacity was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocationError {
    /// Not registered.
    Unknown,
    /// It announced its exit.
    Exiting,
    /// Used space would pass its capacity or what its collateral covers.
    OverCapacity,
}

/// The register of miners.
///
/// # Guarantees
/// - `used` is the sum of all `allocate` less all `release`, and never passes capacity nor what the
///   collateral covers at the moment of allocation.
/// - A provider with `used > 0` stays registered.
pub trait ProviderRegistry<AccountId> {
    /// The terms of a registered provider.
    fn terms(miner: &AccountId) -> Option<Terms>;

    /// Takes `bytes` of its free capacity.
    fn allocate(miner: &AccountId, bytes: u64) -> Result<(), AllocationError>;

    /// Gives back `bytes` taken before.
    fn release(miner: &AccountId, bytes: u64);

    /// Notes settled windows in its score, and what was proven in them in its power.
    fn settled(miner: &AccountId, proven: u32, unproven: u32, service: Service);

    /// Takes `slash` millionths of the collateral of `bytes` that it lost, as far as it goes, `finder`'s
    /// share of it included. Whoever loses too often is evicted: it takes no more contracts.
    fn slash_lost(miner: &AccountId, bytes: u64, slash: u32, finder: Option<&AccountId>);

    /// Registers `miner` with ample capacity and collateral, for benchmarks.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_register(miner: &AccountId, node_key: NodeKey, capacity: u64, price: Balance);
}

/// The bonded trackers.
///
/// # Guarantees
/// - A round's seats do not change once it began, and are known for some rounds after it ended.
/// - Whoever holds a seat has a bond that outlasts the round.
pub trait TrackerRegistry<AccountId> {
    /// The round of a block, where it is still known.
    fn round_of(block: BlockNumber) -> Option<Round>;

    /// A round with its members, where it is still known.
    fn round(round: Round) -> Option<RoundDetails<AccountId>>;

    /// Notes that a tracker judged a window in time.
    fn served(tracker: &AccountId);

    /// Notes that a tracker left a window to others. Too many in a row suspend it.
    fn missed(tracker: &AccountId);

    /// Whether an account is bonded.
    fn is_bonded(tracker: &AccountId) -> bool;

    /// Takes `amount` of a tracker's bond for `to`, as far as it goes. Returns what was taken.
    fn fine(tracker: &AccountId, amount: Balance, to: &AccountId) -> Balance;

    /// Begins a round of `members` bonded trackers, and names them, for benchmarks.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_round(members: u32) -> alloc::vec::Vec<AccountId>;
}

/// The contracts, as the audits see them.
///
/// # Guarantees
/// - [`Watched`] does not change while a contract is active, except that its client can end it early.
pub trait ContractRegistry<AccountId> {
    /// An active contract.
    fn watched(contract: &ContractId) -> Option<Watched<AccountId>>;

    /// Closes a contract whose data is gone: pays for `words` of seats on windows that are final and not settled,
    /// gives back what else is in escrow and slashes the miner by `slash` millionths of the contract's
    /// collateral. `finder` gets its share of what is slashed.
    fn convict(contract: &ContractId, words: u32, slash: u32, finder: Option<&AccountId>);

    /// Makes an active contract of one piece that began at `since`, for benchmarks and tests.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_active(contract: &ContractId, watched: Watched<AccountId>);
}

/// Service that was proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Bytes stored.
    pub bytes: u64,
    /// The first block of the windows that were settled together.
    pub from: BlockNumber,
    /// Blocks of the proven ones among them.
    pub blocks: BlockNumber,
}

/// Windows whose outcome is final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// How many, from the first that is not settled on.
    pub windows: u32,
    /// How many of them were proven.
    pub proven: u32,
    /// Whether the last of them was.
    pub last: bool,
    /// What seats said of the proven ones: each word is paid.
    pub words: u32,
    /// Of these words, those of rounds that began after that of the acceptance: who opens many contracts can keep those
    /// whose first seats it likes.
    pub aged: u32,
}

/// The seam at which audits attach to payment.
///
/// # Guarantees
/// - No window is decided twice, and each in its order.
/// - A window is decided [`crate::AuditRules::final_after`] after its end, or later while a dispute is open.
pub trait ServiceVerdicts<AccountId> {
    /// Takes the outcome of the windows that became final since the last time. `settled` is how many
    /// were taken before.
    fn take(contract: &ContractId, watched: &Watched<AccountId>, settled: u32, now: BlockNumber) -> Decided;

    /// The last block of an open dispute: its contract cannot be closed before.
    fn open_until(contract: &ContractId) -> Option<BlockNumber>;

    /// Forgets a contract that is closed; `watched` as it was, `None` if it was never accepted.
    fn closed(contract: &ContractId, watched: Option<&Watched<AccountId>>);

    /// Notes that `amount` of fees came to the trackers' pot.
    fn earned(amount: Balance);

    /// Has every window of these contracts proven, for benchmarks.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_prove(contracts: &[ContractId]);
}
