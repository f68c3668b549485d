//! # Issuance
//!
//! How LX comes into being: 45 million at genesis, the other 55 million only as rewards, and never
//! more than 100 million in all.
//!
//! ## Design goals
//!
//! - One counter, [`Issued`], counts every LX ever made. It only grows, and never past
//!   [`lunarx_core::CAP`]. Burning lowers what circulates and gives no room to mint anew.
//! - One function makes LX after genesis, and one call uses it: [`Pallet::claim`], which pulls the caller's own
//!   rewards for eras that are over.
//! - No loop over accounts: pallets report what earns rewards by [`lunarx_core::Rewards`], an era's end is a few sums,
//!   and what nobody claims in time goes back to the pool.
//! - Paying oneself loses: work is measured by what drawn trackers were paid for it, and a reward is at most a share of
//!   that pay.
//! - The genesis shares (25 million core team, 20 million early investors) are exact, or the chain does
//!   not start. What is not liquid at genesis is locked by vesting.
//!
//! ## Terms
//!
//! - **Share**: a part of the cap that is given away at genesis.
//! - **Allocation**: one account's piece of a share, part of it liquid, the rest under vesting.
//! - **Issued**: made since genesis. **Unminted**: cap less issued. **Circulating**: on accounts now.
//! - **Era**: the time for which rewards are reckoned up. **Promised**: for eras that are over, not claimed yet.
//! - **Class**: miners, trackers, authors, contributors. Each has its part of what an era promises.
//!
//! ## Place in a runtime
//!
//! After the pallet of the currency and before any that looks at balances at genesis. Genesis must
//! endow nobody by other means, or `try_state` fails: such LX would not be counted.
//!
//! What it costs to note work is part of the benchmarks of whoever reports it.
//!
//! ## Files
//!
//! `genesis` the shares · `mint` the only way to new LX · `eras` budgets and expiry · `rewards` work and claims ·
//! `types` what is stored · `migrations` from older formats · `invariants` what `try_state` checks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod eras;
mod genesis;
mod invariants;
pub mod migrations;
mod mint;
mod rewards;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use eras::{CLAIM_WITHIN, MAX_CLEANED};
pub use genesis::{Allocation, Share};
pub use pallet::*;
pub use types::{Era, Work};
pub use weights::WeightInfo;

#[frame_support::pallet]
#[allow(missing_docs)] // of what the macro adds
pub mod pallet {
    use crate::{Allocation, Era, WeightInfo, Work, CLAIM_WITHIN};
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::{fungible, Currency, VestingSchedule},
    };
    use frame_system::pallet_prelude::*;
    use lunarx_core::{
        Balance, BlockNumber, ByClass, EraIndex, CAP, INVESTOR_SHARE, REWARD_SHARE, TEAM_SHARE,
    };
    use sp_runtime::{Permill, Perquintill, SaturatedConversion};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime chooses.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// The runtime's events.
        #[allow(deprecated)]
        type RuntimeEvent: From<Event<Self>> + IsType<<Self as frame_system::Config>::RuntimeEvent>;

        /// LX.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>;

        /// Locks what of the genesis shares is not liquid yet. Over the same LX.
        type Vesting: VestingSchedule<
            Self::AccountId,
            Moment = BlockNumberFor<Self>,
            Currency: Currency<Self::AccountId, Balance = Balance>,
        >;

        /// Blocks of an era, where genesis does not say otherwise.
        type EraBlocks: Get<BlockNumber>;

        /// What of the pool an era promises.
        type EraRate: Get<Perquintill>;

        /// How that is divided.
        type Split: Get<ByClass<Permill>>;

        /// The most that a reward can be, of what trackers were paid for the same service. Not looked at for authors.
        type Caps: Get<ByClass<Permill>>;

        /// Measured weights.
        type WeightInfo: WeightInfo;
    }

    /// Eras of one claim.
    pub type ClaimedEras = BoundedVec<EraIndex, ConstU32<CLAIM_WITHIN>>;

    /// LX-units made since genesis. At most [`CAP`]; never falls.
    #[pallet::storage]
    pub type Issued<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// The running era.
    #[pallet::storage]
    pub type CurrentEra<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// Its first block.
    #[pallet::storage]
    pub type EraStart<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// Blocks of an era, where genesis says so.
    #[pallet::storage]
    pub type EraBlocks<T: Config> = StorageValue<_, BlockNumber>;

    /// The running era and those that can be claimed for.
    #[pallet::storage]
    pub type Eras<T: Config> = StorageMap<_, Twox64Concat, EraIndex, Era, ValueQuery>;

    /// Who did what in an era, and has not claimed for it.
    #[pallet::storage]
    pub type Earned<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        EraIndex,
        Blake2_128Concat,
        T::AccountId,
        ByClass<Work>,
        ValueQuery,
    >;

    /// Promised for eras that are over, and not claimed.
    #[pallet::storage]
    pub type Promised<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// The first era of which accounts may still be known.
    #[pallet::storage]
    pub type NextClean<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// LX was made and given to an account.
        #[codec(index = 0)]
        Minted {
            /// Who earned it.
            who: T::AccountId,
            /// How much.
            amount: Balance,
            /// Issued since genesis, this included.
            issued: Balance,
        },
        /// An era is over.
        #[codec(index = 1)]
        EraEnded {
            /// Which.
            era: EraIndex,
            /// What it promised.
            promised: Balance,
            /// To each class.
            budget: ByClass<Balance>,
        },
        /// An account pulled its rewards.
        #[codec(index = 2)]
        Claimed {
            /// Who.
            who: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// The time to claim for an era is over. What is left of it is no longer promised.
        #[codec(index = 3)]
        Expired {
            /// Which.
            era: EraIndex,
            /// How much.
            left: Balance,
        },
    }

    /// Why nothing was minted.
    #[pallet::error]
    pub enum Error<T> {
        /// More than the cap of 100 million LX would be issued.
        #[codec(index = 0)]
        CapReached,
        /// The list of eras is empty.
        #[codec(index = 1)]
        NoEras,
        /// The era is running, or is yet to come.
        #[codec(index = 2)]
        NotOver,
        /// The time to claim for the era is over.
        #[codec(index = 3)]
        Expired,
        /// The caller earned nothing in the era, or has claimed it.
        #[codec(index = 4)]
        NothingEarned,
    }

    /// The genesis shares.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Who gets which piece of which share. Either empty (in tests of other pallets) or exactly
        /// all of both shares.
        pub allocations: Vec<Allocation<T::AccountId>>,
        /// Blocks of an era, in place of the runtime's.
        pub era_blocks: Option<BlockNumber>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Pallet::<T>::build_shares(&self.allocations);
            EraBlocks::<T>::set(self.era_blocks);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::begin_block(now.saturated_into())
        }

        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::clean(remaining)
        }

        fn integrity_test() {
            assert!(T::EraBlocks::get() > 0, "an era has blocks");
            assert_eq!(
                TEAM_SHARE.checked_add(INVESTOR_SHARE).and_then(|sum| sum.checked_add(REWARD_SHARE)),
                Some(CAP),
                "the shares must make up the cap"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pulls the caller's rewards for eras that are over. All or nothing.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::claim(eras.len().saturated_into()))]
        pub fn claim(origin: OriginFor<T>, eras: ClaimedEras) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_claim(who, &eras)
        }
    }
}
