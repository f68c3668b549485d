//! Weights of the calls. The runtime uses those that `scripts/benchmark weights` measured
//! (`runtime/src/weights/`). The figures of `()` are for mocks only: database accesses are counted, time is
//! not.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// One function a benchmark.
pub trait WeightInfo {
    /// `n`: promises, each by another miner.
    fn open(n: u32) -> Weight;
    /// `n`: contracts.
    fn accept(n: u32) -> Weight;
    /// `n`: contracts, each at its term and with another miner.
    fn settle(n: u32) -> Weight;
    /// `n`: contracts, each active and with another miner.
    fn end(n: u32) -> Weight;
    /// `n`: contracts, each with another miner.
    fn expire(n: u32) -> Weight;
    /// Reading and moving the cursor.
    fn on_idle_base() -> Weight;
    /// Leaving a slot behind.
    fn empty_slot() -> Weight;
    /// Closing a contract that was not accepted in time.
    fn expire_step() -> Weight;
    /// Settling and closing a contract at its term.
    fn close_step() -> Weight;
    /// Migrating a contract whose term is over.
    fn migrate_step() -> Weight;
}

impl WeightInfo for () {
    fn open(n: u32) -> Weight {
        batch(n, 7, 6)
    }

    fn accept(n: u32) -> Weight {
        batch(n, 2, 3)
    }

    fn settle(n: u32) -> Weight {
        batch(n, 6, 8)
    }

    fn end(n: u32) -> Weight {
        batch(n, 6, 8)
    }

    fn expire(n: u32) -> Weight {
        batch(n, 5, 7)
    }

    fn on_idle_base() -> Weight {
        RocksDbWeight::get().reads_writes(1, 1)
    }

    fn empty_slot() -> Weight {
        RocksDbWeight::get().reads(1)
    }

    fn expire_step() -> Weight {
        RocksDbWeight::get().reads_writes(6, 7)
    }

    fn close_step() -> Weight {
        RocksDbWeight::get().reads_writes(7, 8)
    }

    fn migrate_step() -> Weight {
        RocksDbWeight::get().reads_writes(8, 9)
    }
}

/// The accesses of `n` elements and of the call around them.
fn batch(n: u32, reads: u64, writes: u64) -> Weight {
    let n = u64::from(n);
    let weight = RocksDbWeight::get();
    weight.reads_writes(3, 2).saturating_add(weight.reads_writes(reads, writes).saturating_mul(n))
}
