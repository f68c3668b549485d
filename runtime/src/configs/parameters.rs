//! What governance can change without a new runtime.

use crate::{Balance, BlockNumber, Runtime, RuntimeEvent, DAYS, LX};
use frame_support::{
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    traits::AsEnsureOriginWithArg,
};

/// The parameters and their initial values.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
    use super::*;
    use lunarx_core::GIB;
    use sp_runtime::{Perbill, Permill, Perquintill};

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
        pub static ExitDelay: BlockNumber = 10 * DAYS;

        /// Share of what is slashed for lost data that goes to whoever showed it.
        #[codec(index = 3)]
        pub static FinderShare: Perbill = Perbill::from_percent(10);

        /// Contracts whose data a miner may lose before it is evicted.
        #[codec(index = 4)]
        pub static MaxLost: u32 = 3;

        /// The least collateral of an elected authority.
        #[codec(index = 5)]
        pub static MinAuthorityCollateral: Balance = 100 * LX;

        /// The authorities of genesis fill up to so many seats what is elected.
        #[codec(index = 6)]
        pub static BootstrapSeats: u32 = 4;

        /// The least power of an elected authority, in bytes times blocks: a hundred GiB for a day.
        #[codec(index = 7)]
        pub static MinAuthorityPower: u128 = 100 * (GIB as u128) * (DAYS as u128);
    }

    /// Of `pallet_lunarx_trackers`.
    #[dynamic_pallet_params]
    #[codec(index = 1)]
    pub mod trackers {
        /// The least bond with which a tracker is drawn for seats.
        #[codec(index = 0)]
        pub static MinBond: Balance = 1_000 * LX;
    }

    /// Of `pallet_lunarx_audits`, and what the contracts pay for audits.
    #[dynamic_pallet_params]
    #[codec(index = 2)]
    pub mod audits {
        /// Millionths of the collateral of a contract's bytes that its loss costs.
        #[codec(index = 0)]
        pub static LossSlash: u32 = 1_000_000;

        /// Millionths of it that a loss costs which the miner itself reports.
        #[codec(index = 1)]
        pub static SurrenderSlash: u32 = 500_000;

        /// Fine of a seat that called a window valid and cannot show the answer.
        #[codec(index = 2)]
        pub static LieFine: Balance = 100 * LX;

        /// The trackers' share of what contracts pay.
        #[codec(index = 3)]
        pub static TrackerShare: Permill = Permill::from_percent(5);
    }

    /// Of `pallet_lunarx_issuance`. The caps must be less than the whole together: see `docs/economy.md`.
    #[dynamic_pallet_params]
    #[codec(index = 3)]
    pub mod issuance {
        /// What of the pool an era promises: half of it in 1,461 eras.
        #[codec(index = 0)]
        pub static EraRate: Perquintill = Perquintill::from_parts(474_320_862_749_566);

        /// The miners' part of it.
        #[codec(index = 1)]
        pub static MinersPart: Permill = Permill::from_percent(40);

        /// The trackers'.
        #[codec(index = 2)]
        pub static TrackersPart: Permill = Permill::from_percent(10);

        /// The block authors'.
        #[codec(index = 3)]
        pub static AuthorsPart: Permill = Permill::from_percent(40);

        /// The contributors'.
        #[codec(index = 4)]
        pub static ContributorsPart: Permill = Permill::from_percent(10);

        /// The most that a miner is rewarded, of what trackers were paid for its service.
        #[codec(index = 5)]
        pub static MinersCap: Permill = Permill::from_percent(30);

        /// The most that a tracker is, of the pay for its words.
        #[codec(index = 6)]
        pub static TrackersCap: Permill = Permill::from_percent(4);

        /// The most that a contributor is, of what trackers were paid where it draws commissions.
        #[codec(index = 7)]
        pub static ContributorsCap: Permill = Permill::from_percent(30);
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
    type AdminOrigin = AsEnsureOriginWithArg<super::governance::RootOrTwoThirds>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeParameters = RuntimeParameters;
    // The pallet ships its measured weights as the implementation for `()`.
    type WeightInfo = ();
}
