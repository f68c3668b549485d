//! Weights of `pallet_lunarx_providers`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_providers::WeightInfo for WeightInfo<T> {
    fn register(a: u32) -> Weight {
        Weight::from_parts(107_833_651, 0)
            .saturating_add(Weight::from_parts(17_806, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn update(a: u32) -> Weight {
        Weight::from_parts(67_237_017, 0)
            .saturating_add(Weight::from_parts(567_732, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn top_up() -> Weight {
        Weight::from_parts(63_655_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn announce_exit() -> Weight {
        Weight::from_parts(20_711_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn withdraw() -> Weight {
        Weight::from_parts(48_432_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(4))
    }

    fn on_offence(n: u32) -> Weight {
        Weight::from_parts(73_259_000, 0)
            .saturating_add(Weight::from_parts(79_344_073, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().reads(4).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(4).saturating_mul(n.into()))
    }
}
