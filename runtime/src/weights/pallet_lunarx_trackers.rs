//! Weights of `pallet_lunarx_trackers`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_trackers::WeightInfo for WeightInfo<T> {
    fn bond(a: u32) -> Weight {
        Weight::from_parts(137_005_741, 0)
            .saturating_add(Weight::from_parts(487_300, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(4))
    }

    fn update(a: u32) -> Weight {
        Weight::from_parts(19_037_794, 0)
            .saturating_add(Weight::from_parts(422_830, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn top_up() -> Weight {
        Weight::from_parts(63_014_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn set_verifiers() -> Weight {
        Weight::from_parts(22_494_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn resume() -> Weight {
        Weight::from_parts(46_590_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn announce_exit() -> Weight {
        Weight::from_parts(28_843_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn withdraw() -> Weight {
        Weight::from_parts(51_847_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn running_round() -> Weight {
        Weight::from_parts(7_451_000, 0).saturating_add(T::DbWeight::get().reads(4))
    }

    fn begin_round(m: u32) -> Weight {
        Weight::from_parts(11_943_046, 0)
            .saturating_add(Weight::from_parts(8_218, 0).saturating_mul(m.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(5))
    }
}
