//! What the pallet's work costs. The runtime has measured weights; `()` is for tests.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// One function a benchmark.
pub trait WeightInfo {
    /// A block in which no era ends, its author noted.
    fn running_era() -> Weight;
    /// Ending an era, with another that expires; the block's author noted.
    fn end_era() -> Weight;
    /// Claiming for `n` eras, in every class.
    fn claim(n: u32) -> Weight;
    /// Forgetting `n` accounts of an expired era.
    fn clean(n: u32) -> Weight;
}

impl WeightInfo for () {
    fn running_era() -> Weight {
        RocksDbWeight::get().reads(2)
    }

    fn end_era() -> Weight {
        RocksDbWeight::get().reads_writes(8, 6)
    }

    fn claim(n: u32) -> Weight {
        RocksDbWeight::get()
            .reads_writes(4, 3)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 2) * u64::from(n))
    }

    fn clean(n: u32) -> Weight {
        RocksDbWeight::get()
            .reads_writes(2, 1)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1) * u64::from(n))
    }
}
