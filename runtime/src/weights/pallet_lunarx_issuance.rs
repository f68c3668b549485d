//! Weights of `pallet_lunarx_issuance`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_issuance::WeightInfo for WeightInfo<T> {
    fn running_era() -> Weight {
        Weight::from_parts(25_738_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn end_era() -> Weight {
        Weight::from_parts(91_731_000, 0)
            .saturating_add(T::DbWeight::get().reads(13))
            .saturating_add(T::DbWeight::get().writes(6))
    }

    fn claim(n: u32) -> Weight {
        Weight::from_parts(56_706_126, 0)
            .saturating_add(Weight::from_parts(19_564_191, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(3))
            .saturating_add(T::DbWeight::get().writes(2).saturating_mul(n.into()))
    }

    fn clean(n: u32) -> Weight {
        Weight::from_parts(16_773_928, 0)
            .saturating_add(Weight::from_parts(1_104_356, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(1).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(1).saturating_mul(n.into()))
    }
}
