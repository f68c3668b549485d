//! Weights of `pallet_lunarx_contracts`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_contracts::WeightInfo for WeightInfo<T> {
    fn open(n: u32) -> Weight {
        Weight::from_parts(35_363_080, 0)
            .saturating_add(Weight::from_parts(61_497_882, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(5).saturating_mul(n.into()))
    }

    fn accept(n: u32) -> Weight {
        Weight::from_parts(5_333_415, 0)
            .saturating_add(Weight::from_parts(10_461_578, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(3).saturating_mul(n.into()))
    }

    fn settle(n: u32) -> Weight {
        Weight::from_parts(171_105_000, 0)
            .saturating_add(Weight::from_parts(148_399_046, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().reads(6).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(4))
            .saturating_add(T::DbWeight::get().writes(8).saturating_mul(n.into()))
    }

    fn end(n: u32) -> Weight {
        Weight::from_parts(60_400_000, 0)
            .saturating_add(Weight::from_parts(43_023_888, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(3).saturating_mul(n.into()))
    }

    fn expire(n: u32) -> Weight {
        Weight::from_parts(73_259_000, 0)
            .saturating_add(Weight::from_parts(57_200_457, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(3).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(6).saturating_mul(n.into()))
    }

    fn on_idle_base() -> Weight {
        Weight::from_parts(2_413_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn empty_slot() -> Weight {
        Weight::from_parts(3_525_000, 0).saturating_add(T::DbWeight::get().reads(1))
    }

    fn expire_step() -> Weight {
        Weight::from_parts(73_239_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(8))
    }

    fn close_step() -> Weight {
        Weight::from_parts(168_852_000, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().writes(12))
    }
}
