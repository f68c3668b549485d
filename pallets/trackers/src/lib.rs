//! # Trackers
//!
//! The bonded accounts that watch miners: who they are, what stands behind their word, and who watches
//! which contract when.
//!
//! ## Design goals
//!
//! - **A lie has a price.** Each tracker holds a bond, which outlasts everything that it may have said:
//!   fines reach it until it is withdrawn.
//! - **Nobody chooses whom he watches.** Time is cut into rounds. At the start of each, the active trackers
//!   become its members, and a seed is drawn from the chain's randomness; from both follow the seats of
//!   every contract (`lunarx_proof::seats`), without anything stored a contract.
//! - **An absent tracker harms no miner.** Windows left to others are counted; too many in a row suspend a
//!   tracker from the draws until it says that it is back.
//! - **Work is bounded.** A round's start copies one bounded list and drops the oldest one.
//!
//! ## Terms
//!
//! - **Member**: a tracker of a round. **Seat**: a member's duty to watch one contract for a round.
//! - **Verifier**: a node that works for a tracker; named by its key, holds no bond.
//!
//! ## Flow
//!
//! `bond` → (`update` · `top_up` · `set_verifiers` · `resume`)* → `announce_exit` → exit delay →
//! `withdraw`.
//!
//! ## Files
//!
//! `details` rules of what trackers say of themselves · `lifecycle` the calls · `rounds` members, seeds and
//! seats · `discipline` absences and fines · `registry` reads · `invariants` what `try_state` checks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod details;
mod discipline;
mod invariants;
mod lifecycle;
mod registry;
mod rounds;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use rounds::KEPT_ROUNDS;
pub use types::{RoundInfo, Tracker};
pub use weights::WeightInfo;

#[frame_support::pallet]
#[allow(missing_docs)] // of what the macro adds
pub mod pallet {
    use crate::{types::address_count, RoundInfo, Tracker, WeightInfo};
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{self, hold},
            Contains, Randomness,
        },
    };
    use frame_system::pallet_prelude::*;
    use lunarx_core::{Balance, BlockNumber, NodeId, NodeKey, NodeSignature, Round, TrackerDetails};
    use sp_core::H256;
    use sp_runtime::SaturatedConversion;

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime chooses.
    #[pallet::config]
    pub trait Config: frame_system::Config<Hash = H256> {
        /// The runtime's events.
        #[allow(deprecated)]
        type RuntimeEvent: From<Event<Self>> + IsType<<Self as frame_system::Config>::RuntimeEvent>;

        /// LX.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's reasons to hold.
        type RuntimeHoldReason: From<HoldReason>;

        /// The accounts that may bond: those without locked balances. Locks count held LX as their own, so
        /// that a fine would move out what is locked.
        type Bonders: Contains<Self::AccountId>;

        /// Draws the seed of a round, at its start.
        type Randomness: Randomness<Option<H256>, BlockNumberFor<Self>>;

        /// The least bond with which a tracker is drawn for seats.
        type MinBond: Get<Balance>;

        /// Blocks between the announcement of an exit and the withdrawal: longer than verdicts can be
        /// disputed.
        type ExitDelay: Get<BlockNumber>;

        /// Blocks of a round.
        type RoundBlocks: Get<BlockNumber>;

        /// Rounds in a row in which a tracker left windows to others that suspend it.
        #[pallet::constant]
        type MaxMissed: Get<u32>;

        /// Most members of a round.
        #[pallet::constant]
        type MaxTrackers: Get<u32>;

        /// Most verifiers of a tracker.
        #[pallet::constant]
        type MaxVerifiers: Get<u32>;

        /// Measured weights.
        type WeightInfo: WeightInfo;
    }

    /// Why LX is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Stands behind a tracker's verdicts.
        #[codec(index = 0)]
        Bond,
    }

    /// Node keys of a tracker's verifiers.
    pub type Verifiers<T> = BoundedVec<NodeKey, <T as Config>::MaxVerifiers>;

    /// The bonded trackers.
    #[pallet::storage]
    pub type Trackers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Tracker<Verifiers<T>>>;

    /// To whom a node id belongs.
    #[pallet::storage]
    pub type NodeIds<T: Config> = StorageMap<_, Blake2_128Concat, NodeId, T::AccountId>;

    /// The active trackers, sorted: the members of the next round.
    #[pallet::storage]
    pub type Active<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxTrackers>, ValueQuery>;

    /// The running round.
    #[pallet::storage]
    pub type CurrentRound<T: Config> = StorageValue<_, Round, ValueQuery>;

    /// When the latest rounds began, and their seeds.
    #[pallet::storage]
    pub type Rounds<T: Config> = StorageMap<_, Twox64Concat, Round, RoundInfo>;

    /// The members of the latest rounds.
    #[pallet::storage]
    pub type Members<T: Config> =
        StorageMap<_, Twox64Concat, Round, BoundedVec<T::AccountId, T::MaxTrackers>, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A tracker bonded.
        #[codec(index = 0)]
        Bonded {
            /// Its account.
            account: T::AccountId,
            /// Its node.
            node_id: NodeId,
            /// Held from it.
            bond: Balance,
        },
        /// A tracker changed its details.
        #[codec(index = 1)]
        Updated {
            /// Its account.
            account: T::AccountId,
        },
        /// A tracker added to its bond.
        #[codec(index = 2)]
        ToppedUp {
            /// Its account.
            account: T::AccountId,
            /// Added.
            amount: Balance,
            /// Held from it now.
            bond: Balance,
        },
        /// A tracker named its verifiers.
        #[codec(index = 3)]
        VerifiersSet {
            /// Its account.
            account: T::AccountId,
            /// How many they are.
            count: u32,
        },
        /// A tracker is not drawn until it resumes: it left windows to others in too many rounds, or its bond is too small.
        #[codec(index = 4)]
        Suspended {
            /// Its account.
            account: T::AccountId,
        },
        /// A suspended tracker is back.
        #[codec(index = 5)]
        Resumed {
            /// Its account.
            account: T::AccountId,
        },
        /// A tracker is leaving.
        #[codec(index = 6)]
        ExitAnnounced {
            /// Its account.
            account: T::AccountId,
            /// The block from which it can withdraw.
            exit_at: BlockNumber,
        },
        /// A tracker left.
        #[codec(index = 7)]
        Withdrawn {
            /// Its account.
            account: T::AccountId,
            /// Given back.
            bond: Balance,
        },
        /// A tracker was fined.
        #[codec(index = 8)]
        Fined {
            /// Its account.
            account: T::AccountId,
            /// Taken.
            amount: Balance,
            /// Who got it.
            to: T::AccountId,
            /// Held from it now.
            bond: Balance,
        },
        /// A round began.
        #[codec(index = 9)]
        RoundStarted {
            /// Its number.
            round: Round,
            /// How many members it has.
            members: u32,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is bonded.
        #[codec(index = 0)]
        AlreadyBonded,
        /// The account is not bonded.
        #[codec(index = 1)]
        NotBonded,
        /// The node belongs to another tracker.
        #[codec(index = 2)]
        NodeIdTaken,
        /// The node key did not sign for this account and chain.
        #[codec(index = 3)]
        BadNodeSignature,
        /// There is no address.
        #[codec(index = 4)]
        NoAddress,
        /// An address is empty or not printable ASCII.
        #[codec(index = 5)]
        BadAddress,
        /// The region is empty or has more than lower-case ASCII letters, digits and `-`.
        #[codec(index = 6)]
        BadRegion,
        /// The bond is under the minimum.
        #[codec(index = 7)]
        BondTooSmall,
        /// The account is too poor for the bond.
        #[codec(index = 8)]
        InsufficientBalance,
        /// There are as many trackers as there can be.
        #[codec(index = 9)]
        TooManyTrackers,
        /// The amount is zero.
        #[codec(index = 10)]
        ZeroAmount,
        /// A verifier is named twice.
        #[codec(index = 11)]
        VerifierTwice,
        /// The tracker is not suspended.
        #[codec(index = 12)]
        NotSuspended,
        /// The tracker announced its exit.
        #[codec(index = 13)]
        Leaving,
        /// The tracker has not announced its exit.
        #[codec(index = 14)]
        NotLeaving,
        /// The exit delay is not over.
        #[codec(index = 15)]
        ExitDelayNotOver,
        /// The account has a locked balance and cannot bond: use another one.
        #[codec(index = 16)]
        LockedBalance,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::begin_block(now.saturated_into())
        }

        fn integrity_test() {
            assert!(T::MaxTrackers::get() > 0, "there must be room for a tracker");
            assert!(T::MaxMissed::get() > 0, "a tracker must be able to serve");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes the caller a tracker, drawn for seats from the next round on, and holds its bond.
        ///
        /// `node_signature` is `node_key`'s over [`lunarx_core::bond_payload`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::bond(address_count(details)))]
        pub fn bond(
            origin: OriginFor<T>,
            node_key: NodeKey,
            node_signature: NodeSignature,
            details: TrackerDetails,
            #[pallet::compact] bond: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond(who, node_key, node_signature, details, bond)
        }

        /// Replaces the caller's details.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update(address_count(details)))]
        pub fn update(origin: OriginFor<T>, details: TrackerDetails) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_update(who, details)
        }

        /// Adds to the caller's bond.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::top_up())]
        pub fn top_up(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_top_up(who, amount)
        }

        /// Names all verifiers that work for the caller, in place of those named before.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::set_verifiers())]
        pub fn set_verifiers(origin: OriginFor<T>, verifiers: Verifiers<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_verifiers(who, verifiers)
        }

        /// Ends the caller's suspension.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::resume())]
        pub fn resume(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_resume(who)
        }

        /// Begins the caller's exit: it is drawn for no more rounds.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::announce_exit())]
        pub fn announce_exit(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_announce_exit(who)
        }

        /// Ends the caller's exit: its bond comes back, account and node id are free again.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw(who)
        }
    }
}
