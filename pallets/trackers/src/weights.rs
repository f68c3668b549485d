//! Weights of the calls. No measured ones are there yet, and until `scripts/benchmark weights` made them no
//! runtime composes this pallet. The figures of `()` are for mocks only: database accesses are counted, time
//! is not.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// One function a benchmark.
pub trait WeightInfo {
    /// `a`: addresses.
    fn bond(a: u32) -> Weight;
    /// `a`: addresses.
    fn update(a: u32) -> Weight;
    /// Adds to a bond.
    fn top_up() -> Weight;
    /// Names verifiers.
    fn set_verifiers() -> Weight;
    /// Ends a suspension.
    fn resume() -> Weight;
    /// Begins an exit.
    fn announce_exit() -> Weight;
    /// Ends an exit.
    fn withdraw() -> Weight;
    /// A block in which no round begins.
    fn running_round() -> Weight;
    /// A block in which a round of `m` members begins.
    fn begin_round(m: u32) -> Weight;
}

impl WeightInfo for () {
    fn bond(_: u32) -> Weight {
        RocksDbWeight::get().reads_writes(5, 5)
    }

    fn update(_: u32) -> Weight {
        RocksDbWeight::get().reads_writes(1, 1)
    }

    fn top_up() -> Weight {
        RocksDbWeight::get().reads_writes(3, 3)
    }

    fn set_verifiers() -> Weight {
        RocksDbWeight::get().reads_writes(1, 1)
    }

    fn resume() -> Weight {
        RocksDbWeight::get().reads_writes(2, 2)
    }

    fn announce_exit() -> Weight {
        RocksDbWeight::get().reads_writes(2, 2)
    }

    fn withdraw() -> Weight {
        RocksDbWeight::get().reads_writes(3, 4)
    }

    fn running_round() -> Weight {
        RocksDbWeight::get().reads(3)
    }

    fn begin_round(_: u32) -> Weight {
        RocksDbWeight::get().reads_writes(5, 5)
    }
}
