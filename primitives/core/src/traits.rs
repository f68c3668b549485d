//! The traits through which pallets know each other.

use crate::{Balance, BlockNumber, ContractId, NodeKey, Round};
use alloc::vec::Vec;

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

    /// Who holds the seats of `contract` in `round`: [`crate::SEATS`], or fewer where fewer are bonded.
    fn seats(contract: &ContractId, round: Round) -> Vec<AccountId>;

    /// Notes that a tracker judged a window in time.
    fn served(tracker: &AccountId);

    /// Notes that a tracker left a window to others. Too many in a row suspend it.
    fn missed(tracker: &AccountId);

    /// Takes `amount` of a tracker's bond for `to`, as far as it goes. Returns what was taken.
    fn fine(tracker: &AccountId, amount: Balance, to: &AccountId) -> Balance;
}

/// The seam at which audits attach to payment: how many of a contract's windows were proven.
pub trait ServiceVerdicts {
    /// Of the `elapsed` windows of `contract` that begin with number `first`, how many count as
    /// proven service. Never more than `elapsed`.
    fn proven_windows(contract: &ContractId, first: u32, elapsed: u32) -> u32;
}

/// The stand-in until the audits attach: every elapsed window counts as proven.
pub struct ElapsedIsProven;

impl ServiceVerdicts for ElapsedIsProven {
    fn proven_windows(_: &ContractId, _: u32, elapsed: u32) -> u32 {
        elapsed
    }
}
