//! Weights of the calls. The runtime uses those that `scripts/benchmark weights` measured
//! (`runtime/src/weights/`). The figures of `()` are for mocks only: database accesses are counted, time is
//! not.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// One function a benchmark.
pub trait WeightInfo {
    /// Drawing a block's seed.
    fn draw() -> Weight;
    /// `n`: contracts, with all of their open windows, in one round.
    fn report(n: u32) -> Weight;
    /// One more round, and the seats of `n` contracts in it.
    fn further_round(n: u32) -> Weight;
    /// Taking over another's seat.
    fn substitute() -> Weight;
    /// Noting that a word accuses its speaker.
    fn accuse() -> Weight;
    /// Reading the seeds that draw the seats of the round of an acceptance.
    fn young() -> Weight;
    /// With a named challenge, three seats to accuse, and in the place of another dispute.
    fn dispute() -> Weight;
    /// Verifying `n` proofs of the greatest length.
    fn verify_proofs(n: u32) -> Weight;
    /// With short proofs, for both draws; every window of the contract is open.
    fn answer() -> Weight;
    /// With short proofs.
    fn vouch() -> Weight;
    /// With short proofs, all right but the last.
    fn convict() -> Weight;
    /// With a dispute and three accused.
    fn surrender() -> Weight;
    /// With three accused.
    fn resolve() -> Weight;
    /// Paying a tracker.
    fn claim() -> Weight;
    /// Reading and moving the cursor.
    fn on_idle_base() -> Weight;
    /// Leaving a slot behind.
    fn empty_slot() -> Weight;
    /// Ending a dispute with three accused.
    fn deadline_step() -> Weight;
}

impl WeightInfo for () {
    fn draw() -> Weight {
        RocksDbWeight::get().reads_writes(2, 2)
    }

    fn report(n: u32) -> Weight {
        RocksDbWeight::get()
            .reads_writes(8, 4)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 2) * u64::from(n))
    }

    fn further_round(_: u32) -> Weight {
        RocksDbWeight::get().reads(2)
    }

    fn substitute() -> Weight {
        RocksDbWeight::get().reads_writes(2, 2)
    }

    fn young() -> Weight {
        RocksDbWeight::get().reads(8)
    }

    fn accuse() -> Weight {
        RocksDbWeight::get().reads_writes(1, 1)
    }

    fn dispute() -> Weight {
        RocksDbWeight::get().reads_writes(10, 4)
    }

    fn verify_proofs(n: u32) -> Weight {
        Weight::from_parts(50_000_000, 0).saturating_mul(n.into())
    }

    fn answer() -> Weight {
        RocksDbWeight::get().reads_writes(10, 8)
    }

    fn vouch() -> Weight {
        RocksDbWeight::get().reads_writes(6, 1)
    }

    fn convict() -> Weight {
        RocksDbWeight::get().reads_writes(12, 14)
    }

    fn surrender() -> Weight {
        RocksDbWeight::get().reads_writes(12, 14)
    }

    fn resolve() -> Weight {
        RocksDbWeight::get().reads_writes(12, 14)
    }

    fn claim() -> Weight {
        RocksDbWeight::get().reads_writes(5, 5)
    }

    fn on_idle_base() -> Weight {
        RocksDbWeight::get().reads_writes(1, 1)
    }

    fn empty_slot() -> Weight {
        RocksDbWeight::get().reads(1)
    }

    fn deadline_step() -> Weight {
        RocksDbWeight::get().reads_writes(12, 14)
    }
}
