//! Weights of `pallet_lunarx_contracts`: written by `scripts/benchmark weights`, not by hand.
//!
//! Measured on the runtime's compiled Wasm, 12 steps, 8 repeats.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_contracts::WeightInfo for WeightInfo<T> {
    fn open(n: u32) -> Weight {
        Weight::from_parts(365_592_000, 0)
            .saturating_add(Weight::from_parts(112_204_746, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().reads(2).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(5).saturating_mul(n.into()))
    }

    fn accept(n: u32) -> Weight {
        Weight::from_parts(41_488_000, 0)
            .saturating_add(Weight::from_parts(29_908_454, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(3).saturating_mul(n.into()))
    }

    fn settle(n: u32) -> Weight {
        Weight::from_parts(665_982_000, 0)
            .saturating_add(Weight::from_parts(495_139_625, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().reads(6).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(4))
            .saturating_add(T::DbWeight::get().writes(9).saturating_mul(n.into()))
    }

    fn end(n: u32) -> Weight {
        Weight::from_parts(103_754_000, 0)
            .saturating_add(Weight::from_parts(107_808_802, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(3).saturating_mul(n.into()))
    }

    fn expire(n: u32) -> Weight {
        Weight::from_parts(152_755_000, 0)
            .saturating_add(Weight::from_parts(176_795_320, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(4).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(6).saturating_mul(n.into()))
    }

    fn on_idle_base() -> Weight {
        Weight::from_parts(6_683_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }

    fn empty_slot() -> Weight {
        Weight::from_parts(17_713_000, 0).saturating_add(T::DbWeight::get().reads(1))
    }

    fn expire_step() -> Weight {
        Weight::from_parts(238_174_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(8))
    }

    fn close_step() -> Weight {
        Weight::from_parts(887_064_000, 0)
            .saturating_add(T::DbWeight::get().reads(26))
            .saturating_add(T::DbWeight::get().writes(13))
    }

    fn migrate_step() -> Weight {
        Weight::from_parts(275_905_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(9))
    }
}
