//! Weights of `pallet_lunarx_trackers`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_trackers::WeightInfo for WeightInfo<T> {
    fn bond(a: u32) -> Weight {
        Weight::from_parts(364_872_151, 0)
            .saturating_add(Weight::from_parts(9_593_848, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(4))
    }

    fn update(_a: u32) -> Weight {
        Weight::from_parts(51_299_375, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn top_up() -> Weight {
        Weight::from_parts(113_852_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn set_verifiers() -> Weight {
        Weight::from_parts(44_193_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn resume() -> Weight {
        Weight::from_parts(107_190_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn announce_exit() -> Weight {
        Weight::from_parts(68_819_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn withdraw() -> Weight {
        Weight::from_parts(95_849_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn running_round() -> Weight {
        Weight::from_parts(12_864_000, 0).saturating_add(T::DbWeight::get().reads(4))
    }

    fn begin_round(m: u32) -> Weight {
        Weight::from_parts(29_450_936, 0)
            .saturating_add(Weight::from_parts(25_892, 0).saturating_mul(m.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(5))
    }
}
