//! Weights of the calls. The runtime uses those that `scripts/benchmark weights` measured
//! (`runtime/src/weights/`). The figures of `()` are for mocks only: database accesses are counted, time is
//! not.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// One function a benchmark.
pub trait WeightInfo {
    /// `a`: addresses.
    fn register(a: u32) -> Weight;
    /// `a`: addresses.
    fn update(a: u32) -> Weight;
    /// Adds collateral.
    fn top_up() -> Weight;
    /// Begins an exit.
    fn announce_exit() -> Weight;
    /// Ends an exit.
    fn withdraw() -> Weight;
    /// `n`: offenders, each a provider.
    fn on_offence(n: u32) -> Weight;
    /// Stands for election.
    fn stand() -> Weight;
    /// Plans a session: `s` standing authorities, `c` candidates of an election; none of these without one.
    fn plan(s: u32, c: u32) -> Weight;
    /// Migrating a miner, the last one.
    fn migrate_step() -> Weight;
}

impl WeightInfo for () {
    fn register(_: u32) -> Weight {
        RocksDbWeight::get().reads_writes(6, 4)
    }

    fn update(_: u32) -> Weight {
        RocksDbWeight::get().reads_writes(4, 3)
    }

    fn top_up() -> Weight {
        RocksDbWeight::get().reads_writes(3, 3)
    }

    fn announce_exit() -> Weight {
        RocksDbWeight::get().reads_writes(1, 1)
    }

    fn withdraw() -> Weight {
        RocksDbWeight::get().reads_writes(3, 4)
    }

    fn on_offence(n: u32) -> Weight {
        let n = u64::from(n);
        RocksDbWeight::get()
            .reads_writes(n.saturating_mul(5).saturating_add(3), n.saturating_mul(5).saturating_add(1))
    }

    fn stand() -> Weight {
        RocksDbWeight::get().reads_writes(5, 1)
    }

    fn plan(s: u32, c: u32) -> Weight {
        let (s, c) = (u64::from(s), u64::from(c));
        RocksDbWeight::get().reads_writes(
            s.saturating_mul(3).saturating_add(c.saturating_mul(2)).saturating_add(8),
            s.saturating_add(5),
        )
    }

    fn migrate_step() -> Weight {
        RocksDbWeight::get().reads_writes(3, 3)
    }
}
