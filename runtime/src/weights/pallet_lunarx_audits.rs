//! Weights of `pallet_lunarx_audits`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_audits::WeightInfo for WeightInfo<T> {
    fn draw() -> Weight {
        Weight::from_parts(12_073_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn report(n: u32) -> Weight {
        Weight::from_parts(77_328_450, 0)
            .saturating_add(Weight::from_parts(71_177_026, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(13))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(5))
            .saturating_add(T::DbWeight::get().writes(1).saturating_mul(n.into()))
    }

    fn further_round(n: u32) -> Weight {
        Weight::from_parts(59_566_407, 0)
            .saturating_add(Weight::from_parts(3_350_326, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
    }

    fn substitute() -> Weight {
        Weight::from_parts(29_254_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn young() -> Weight {
        Weight::from_parts(38_011_000, 0).saturating_add(T::DbWeight::get().reads(8))
    }

    fn accuse() -> Weight {
        Weight::from_parts(41_297_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn dispute() -> Weight {
        Weight::from_parts(743_967_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(8))
    }

    fn verify_proofs(n: u32) -> Weight {
        Weight::from_parts(127_312_545, 0)
            .saturating_add(Weight::from_parts(22_973_985, 0).saturating_mul(n.into()))
    }

    fn answer() -> Weight {
        Weight::from_parts(1_030_703_000, 0)
            .saturating_add(T::DbWeight::get().reads(15))
            .saturating_add(T::DbWeight::get().writes(6))
    }

    fn vouch() -> Weight {
        Weight::from_parts(665_942_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn convict() -> Weight {
        Weight::from_parts(1_058_444_000, 0)
            .saturating_add(T::DbWeight::get().reads(21))
            .saturating_add(T::DbWeight::get().writes(15))
    }

    fn surrender() -> Weight {
        Weight::from_parts(707_249_000, 0)
            .saturating_add(T::DbWeight::get().reads(18))
            .saturating_add(T::DbWeight::get().writes(15))
    }

    fn resolve() -> Weight {
        Weight::from_parts(2_124_723_000, 0)
            .saturating_add(T::DbWeight::get().reads(55))
            .saturating_add(T::DbWeight::get().writes(36))
    }

    fn claim() -> Weight {
        Weight::from_parts(176_950_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(5))
    }

    fn on_idle_base() -> Weight {
        Weight::from_parts(8_956_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn empty_slot() -> Weight {
        Weight::from_parts(13_265_000, 0).saturating_add(T::DbWeight::get().reads(1))
    }

    fn deadline_step() -> Weight {
        Weight::from_parts(1_708_016_000, 0)
            .saturating_add(T::DbWeight::get().reads(56))
            .saturating_add(T::DbWeight::get().writes(36))
    }
}
