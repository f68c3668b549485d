//! What governance can change without a new runtime.

use crate::{Balance, BlockNumber, Runtime, RuntimeEvent, DAYS, LX};
use frame_support::{
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    traits::AsEnsureOriginWithArg,
};
use frame_system::EnsureRoot;

/// The parameters and their initial values.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
    use super::*;

    /// Of `pallet_lunarx_providers`.
    #[dynamic_pallet_params]
    #[codec(index = 0)]
    pub mod providers {
        /// Collateral held for each GiB of promised capacity.
        #[codec(index = 0)]
        pub static CollateralPerGib: Balance = LX / 10;

        /// Lowest price that a provider may list, for a GiB and a day.
        #[codec(index = 1)]
        pub static MinPrice: Balance = LX / 1_000_000;

        /// Blocks from the announcement of an exit to the withdrawal. Counts only where it is longer
        /// than offences are punished (`service::ExitDelay`).
        #[codec(index = 2)]
        pub static ExitDelay: BlockNumber = 9 * DAYS;
    }
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
    fn default() -> Self {
        Self::Providers(dynamic_params::providers::Parameters::CollateralPerGib(
            dynamic_params::providers::CollateralPerGib,
            Some(LX),
        ))
    }
}

impl pallet_parameters::Config for Runtime {
    type AdminOrigin = AsEnsureOriginWithArg<EnsureRoot<Self::AccountId>>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeParameters = RuntimeParameters;
    // The pallet ships its measured weights as the implementation for `()`.
    type WeightInfo = ();
}
