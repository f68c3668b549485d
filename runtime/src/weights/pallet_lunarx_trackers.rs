//! Weights of `pallet_lunarx_trackers`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_trackers::WeightInfo for WeightInfo<T> {
    fn bond(a: u32) -> Weight {
        Weight::from_parts(147_308_982, 0)
            .saturating_add(Weight::from_parts(443_872, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(4))
    }

    fn update(a: u32) -> Weight {
        Weight::from_parts(19_749_482, 0)
            .saturating_add(Weight::from_parts(545_330, 0).saturating_mul(a.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn top_up() -> Weight {
        Weight::from_parts(66_639_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn set_verifiers() -> Weight {
        Weight::from_parts(23_816_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn resume() -> Weight {
        Weight::from_parts(52_548_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn announce_exit() -> Weight {
        Weight::from_parts(30_015_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }

    fn withdraw() -> Weight {
        Weight::from_parts(55_012_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }

    fn running_round() -> Weight {
        Weight::from_parts(7_872_000, 0).saturating_add(T::DbWeight::get().reads(4))
    }

    fn begin_round(m: u32) -> Weight {
        Weight::from_parts(12_264_484, 0)
            .saturating_add(Weight::from_parts(9_068, 0).saturating_mul(m.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(5))
    }
}
