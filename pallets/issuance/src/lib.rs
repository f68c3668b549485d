//! # Issuance
//!
//! How LX comes into being: 45 million at genesis, the other 55 million only as rewards, and never
//! more than 100 million in all.
//!
//! ## Design goals
//!
//! - One counter, [`Issued`], counts every LX ever made. It only grows, and never past
//!   [`lunarx_core::CAP`]. Burning lowers what circulates and gives no room to mint anew.
//! - One function, [`Pallet::mint_reward`], makes LX after genesis. No call mints: whoever mints is
//!   another pallet of the runtime, by [`RewardMint`].
//! - The genesis shares (25 million core team, 20 million early investors) are exact, or the chain does
//!   not start. What is not liquid at genesis is locked by vesting.
//!
//! ## Terms
//!
//! - **Share**: a part of the cap that is given away at genesis.
//! - **Allocation**: one account's piece of a share, part of it liquid, the rest under vesting.
//! - **Issued**: made since genesis. **Unminted**: cap less issued. **Circulating**: on accounts now.
//!
//! ## Place in a runtime
//!
//! After the pallet of the currency and before any that looks at balances at genesis. Genesis must
//! endow nobody by other means, or `try_state` fails: such LX would not be counted.
//!
//! There are no calls, so there are no weights: the cost of minting is part of the benchmarks of
//! whoever mints.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod genesis;
mod mint;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use genesis::{Allocation, Share};
pub use mint::RewardMint;
pub use pallet::*;

#[frame_support::pallet]
#[allow(missing_docs)] // of what the macro adds
pub mod pallet {
    use crate::Allocation;
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::{fungible, Currency, VestingSchedule},
    };
    use frame_system::pallet_prelude::*;
    use lunarx_core::{Balance, CAP, INVESTOR_SHARE, REWARD_SHARE, TEAM_SHARE};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

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
    }

    /// LX-units made since genesis. At most [`CAP`]; never falls.
    #[pallet::storage]
    pub type Issued<T: Config> = StorageValue<_, Balance, ValueQuery>;

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
    }

    /// Why nothing was minted.
    #[pallet::error]
    pub enum Error<T> {
        /// More than the cap of 100 million LX would be issued.
        #[codec(index = 0)]
        CapReached,
    }

    /// The genesis shares.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Who gets which piece of which share. Either empty (in tests of other pallets) or exactly
        /// all of both shares.
        pub allocations: Vec<Allocation<T::AccountId>>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Pallet::<T>::build_shares(&self.allocations);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
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
}
