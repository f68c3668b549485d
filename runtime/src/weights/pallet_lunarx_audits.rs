//! Weights of `pallet_lunarx_audits`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_audits::WeightInfo for WeightInfo<T> {
    fn draw() -> Weight {
        Weight::from_parts(6_489_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn report(n: u32) -> Weight {
        Weight::from_parts(125_953_011, 0)
            .saturating_add(Weight::from_parts(23_015_446, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().reads(3).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(3))
            .saturating_add(T::DbWeight::get().writes(1).saturating_mul(n.into()))
    }

    fn further_round(n: u32) -> Weight {
        Weight::from_parts(60_000_000, 0)
            .saturating_add(Weight::from_parts(8_000_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
    }

    fn substitute() -> Weight {
        Weight::from_parts(12_599_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn dispute() -> Weight {
        Weight::from_parts(216_653_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(4))
    }

    fn verify_proofs(n: u32) -> Weight {
        Weight::from_parts(11_607_000, 0)
            .saturating_add(Weight::from_parts(10_489_022, 0).saturating_mul(n.into()))
    }

    fn answer() -> Weight {
        Weight::from_parts(439_846_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(6))
    }

    fn vouch() -> Weight {
        Weight::from_parts(487_707_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn convict() -> Weight {
        Weight::from_parts(991_929_000, 0)
            .saturating_add(T::DbWeight::get().reads(29))
            .saturating_add(T::DbWeight::get().writes(25))
    }

    fn surrender() -> Weight {
        Weight::from_parts(542_209_000, 0)
            .saturating_add(T::DbWeight::get().reads(26))
            .saturating_add(T::DbWeight::get().writes(25))
    }

    fn resolve() -> Weight {
        Weight::from_parts(621_507_000, 0)
            .saturating_add(T::DbWeight::get().reads(29))
            .saturating_add(T::DbWeight::get().writes(25))
    }

    fn claim() -> Weight {
        Weight::from_parts(58_878_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(5))
    }

    fn on_idle_base() -> Weight {
        Weight::from_parts(2_684_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn empty_slot() -> Weight {
        Weight::from_parts(3_596_000, 0).saturating_add(T::DbWeight::get().reads(1))
    }

    fn deadline_step() -> Weight {
        Weight::from_parts(627_636_000, 0)
            .saturating_add(T::DbWeight::get().reads(30))
            .saturating_add(T::DbWeight::get().writes(25))
    }
}
