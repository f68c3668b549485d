//! Weights of `pallet_lunarx_contracts`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_contracts::WeightInfo for WeightInfo<T> {
    fn open(n: u32) -> Weight {
        Weight::from_parts(162_790_000, 0)
            .saturating_add(Weight::from_parts(76_872_036, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(5).saturating_mul(n.into()))
    }

    fn accept(n: u32) -> Weight {
        Weight::from_parts(31_076_000, 0)
            .saturating_add(Weight::from_parts(13_747_120, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(3).saturating_mul(n.into()))
    }

    fn settle(n: u32) -> Weight {
        Weight::from_parts(102_852_000, 0)
            .saturating_add(Weight::from_parts(82_602_787, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(3).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(6).saturating_mul(n.into()))
    }

    fn end(n: u32) -> Weight {
        Weight::from_parts(149_190_000, 0)
            .saturating_add(Weight::from_parts(126_299_034, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(3).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(6).saturating_mul(n.into()))
    }

    fn expire(n: u32) -> Weight {
        Weight::from_parts(93_429_000, 0)
            .saturating_add(Weight::from_parts(73_194_601, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(5).saturating_mul(n.into()))
    }

    fn on_idle_base() -> Weight {
        Weight::from_parts(3_345_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn empty_slot() -> Weight {
        Weight::from_parts(6_149_000, 0).saturating_add(T::DbWeight::get().reads(1))
    }

    fn expire_step() -> Weight {
        Weight::from_parts(96_533_000, 0)
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(7))
    }

    fn close_step() -> Weight {
        Weight::from_parts(102_572_000, 0)
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(8))
    }
}
