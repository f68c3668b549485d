//! Weights of `pallet_lunarx_providers`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_providers::WeightInfo for WeightInfo<T> {
    fn register(a: u32) -> Weight {
        Weight::from_parts(192_009_017, 0)
            .saturating_add(Weight::from_parts(7_026_857, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn update(_a: u32) -> Weight {
        Weight::from_parts(169_049_892, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn top_up() -> Weight {
        Weight::from_parts(116_827_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn announce_exit() -> Weight {
        Weight::from_parts(43_201_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn withdraw() -> Weight {
        Weight::from_parts(92_312_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }

    fn on_offence(n: u32) -> Weight {
        Weight::from_parts(129_551_000, 0)
            .saturating_add(Weight::from_parts(175_156_400, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().reads(4).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(4).saturating_mul(n.into()))
    }

    fn stand() -> Weight {
        Weight::from_parts(190_816_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn plan(s: u32, c: u32) -> Weight {
        Weight::from_parts(7_056_683_000, 0)
            .saturating_add(Weight::from_parts(10_388_057, 0).saturating_mul(s.into()))
            .saturating_add(Weight::from_parts(23_253_142, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(613))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().writes(6))
            .saturating_add(T::DbWeight::get().writes(2).saturating_mul(s.into()))
    }

    fn migrate_step() -> Weight {
        Weight::from_parts(83_085_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
