//! Weights of `pallet_lunarx_audits`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_audits::WeightInfo for WeightInfo<T> {
    fn draw() -> Weight {
        Weight::from_parts(6_069_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn report(n: u32) -> Weight {
        Weight::from_parts(132_995_056, 0)
            .saturating_add(Weight::from_parts(22_084_159, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().reads(3).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(3))
            .saturating_add(T::DbWeight::get().writes(1).saturating_mul(n.into()))
    }

    fn further_round(n: u32) -> Weight {
        Weight::from_parts(45_928_544, 0)
            .saturating_add(Weight::from_parts(1_800_385, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
    }

    fn substitute() -> Weight {
        Weight::from_parts(12_499_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn young() -> Weight {
        T::DbWeight::get().reads(8)
    }

    fn accuse() -> Weight {
        T::DbWeight::get().reads_writes(1, 1)
    }

    fn dispute() -> Weight {
        Weight::from_parts(279_106_000, 0)
            .saturating_add(T::DbWeight::get().reads(13))
            .saturating_add(T::DbWeight::get().writes(7))
    }

    fn verify_proofs(n: u32) -> Weight {
        Weight::from_parts(784_942, 0)
            .saturating_add(Weight::from_parts(11_469_041, 0).saturating_mul(n.into()))
    }

    fn answer() -> Weight {
        Weight::from_parts(489_420_000, 0)
            .saturating_add(T::DbWeight::get().reads(15))
            .saturating_add(T::DbWeight::get().writes(6))
    }

    fn vouch() -> Weight {
        Weight::from_parts(457_232_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn convict() -> Weight {
        Weight::from_parts(692_443_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(14))
    }

    fn surrender() -> Weight {
        Weight::from_parts(271_966_000, 0)
            .saturating_add(T::DbWeight::get().reads(14))
            .saturating_add(T::DbWeight::get().writes(14))
    }

    fn resolve() -> Weight {
        Weight::from_parts(644_872_000, 0)
            .saturating_add(T::DbWeight::get().reads(36))
            .saturating_add(T::DbWeight::get().writes(25))
    }

    fn claim() -> Weight {
        Weight::from_parts(57_246_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(5))
    }

    fn on_idle_base() -> Weight {
        Weight::from_parts(2_464_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn empty_slot() -> Weight {
        Weight::from_parts(3_245_000, 0).saturating_add(T::DbWeight::get().reads(1))
    }

    fn deadline_step() -> Weight {
        Weight::from_parts(644_441_000, 0)
            .saturating_add(T::DbWeight::get().reads(37))
            .saturating_add(T::DbWeight::get().writes(25))
    }
}
