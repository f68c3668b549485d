//! # Providers
//!
//! The register of miners: who they are, what they promise, what they ask for it, and the collateral
//! that stands behind the promise. Beside it the authorities that make blocks, because both are
//! punished through the same collateral.
//!
//! ## Design goals
//!
//! - **A node belongs to one account.** Registration carries the node key's signature over the chain
//!   and the account, so nobody registers somebody else's node, and a node id is registered once.
//! - **Capacity is backed.** Each promised GiB holds collateral. Space given to contracts never passes
//!   the capacity, nor what the collateral covers at the current rate: after a slash or a higher rate,
//!   running contracts stay and new ones wait for a top-up.
//! - **Leaving is slow.** Collateral comes back when the exit delay is over and no contract is left. The
//!   delay must outlast the time in which offences can be reported.
//! - **Nothing is held for ever.** Every unit held under [`HoldReason::Collateral`] is counted in
//!   [`Provider::collateral`], comes back by `withdraw` or goes away by a slash.
//! - **Who serves makes blocks.** Authorities are elected from miners by the service that they proved, once an era.
//!   Those of genesis begin, and yield to them.
//!
//! ## Terms
//!
//! - **Provider**: an account registered as miner. **Node id**: BLAKE2b-256 of its node key.
//! - **Used**: bytes under pending and active contracts. **Covered**: bytes that the collateral backs.
//! - **Authority**: an account whose session keys make and finalize blocks. Purging its session keys is
//!   how an authority resigns.
//! - **Power**: proven service, in bytes times blocks. **Candidate**: a miner that stands for election.
//! - **Excluded**: barred from the authorities after an offence.
//!
//! ## Flow
//!
//! `register` → (`update` · `top_up`)* → `announce_exit` → exit delay, contracts end → `withdraw`.
//! `stand` makes a miner a candidate; it needs session keys. An authority leaves by its exit, with the next election.
//! Contracts take and give back space through [`lunarx_core::ProviderRegistry`].
//!
//! ## Place in a runtime
//!
//! Before `pallet_session`, whose genesis asks for the authorities. The session manager is
//! `pallet_session::historical::NoteHistoricalRoot<Runtime, Providers>`; the full identification is
//! `()`, see [`Identification`].
//!
//! ## Files
//!
//! `details` rules of what providers say of themselves · `lifecycle` the calls · `registry` what other
//! pallets and the runtime API use · `authorities` the session manager · `election` by
//! proven power · `slashing` offences · `migrations` from older formats ·
//! `invariants` what `try_state` checks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod authorities;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod details;
mod election;
mod invariants;
mod lifecycle;
pub mod migrations;
mod registry;
mod slashing;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use authorities::{Sessions, SILENT_TURNS};
pub use pallet::*;
pub use slashing::{Identification, IdentifiedByAccount};
pub use types::{Candidate, Power, Provider, Slash};
pub use weights::WeightInfo;

#[frame_support::pallet]
#[allow(missing_docs)] // of what the macro adds
pub mod pallet {
    use crate::{
        details::address_count, types::AuthoritySet, Candidate, Provider, Sessions, Slash, WeightInfo,
    };
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{self, hold},
    };
    use frame_system::pallet_prelude::*;
    use lunarx_core::{
        Balance, BlockNumber, EraIndex, Hurdle, NodeId, NodeKey, NodeSignature, ProviderDetails,
    };
    use sp_core::H256;
    use sp_runtime::Perbill;
    use sp_staking::SessionIndex;

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

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

        /// LX-units held for each GiB of promised capacity. May change; zero asks for none.
        type CollateralPerGib: Get<Balance>;

        /// Fewest bytes that a provider promises.
        #[pallet::constant]
        type MinCapacity: Get<u64>;

        /// Lowest price that a provider lists, in LX-units per GiB and day.
        type MinPrice: Get<Balance>;

        /// Blocks between the announcement of an exit and the withdrawal.
        type ExitDelay: Get<BlockNumber>;

        /// Most authorities of a session, and most accounts remembered as excluded.
        #[pallet::constant]
        type MaxAuthorities: Get<u32>;

        /// Fewest authorities: no exclusion and no election leaves fewer.
        #[pallet::constant]
        type MinAuthorities: Get<u32>;

        /// Sessions after which an offence is no longer punished. The exit delay must be longer.
        #[pallet::constant]
        type OffenceMemory: Get<SessionIndex>;

        /// The share of what is slashed for lost data that goes to whoever showed it.
        type FinderShare: Get<Perbill>;

        /// Contracts whose data a miner may lose before it is evicted.
        type MaxLost: Get<u32>;

        /// Gets what is slashed.
        type SlashDestination: Get<Self::AccountId>;

        /// The running era: each has an election.
        type Era: Get<EraIndex>;

        /// Blocks of an era.
        type EraBlocks: Get<BlockNumber>;

        /// The least collateral of an elected authority.
        type MinAuthorityCollateral: Get<Balance>;

        /// The least power of an elected authority, in bytes times blocks.
        type MinAuthorityPower: Get<u128>;

        /// Most miners that stand for election.
        #[pallet::constant]
        type MaxCandidates: Get<u32>;

        /// The authorities of genesis fill up to so many seats what is elected.
        type BootstrapSeats: Get<u32>;

        /// The pallets that run sessions.
        type Sessions: Sessions<Self::AccountId>;

        /// Measured weights.
        type WeightInfo: WeightInfo;
    }

    /// Why LX is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Stands behind promised capacity.
        #[codec(index = 0)]
        Collateral,
    }

    /// The registered miners.
    #[pallet::storage]
    pub type Providers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Provider>;

    /// To whom a node id belongs.
    #[pallet::storage]
    pub type NodeIds<T: Config> = StorageMap<_, Blake2_128Concat, NodeId, T::AccountId>;

    /// Who shall be authority from the next planned session on.
    #[pallet::storage]
    pub type Authorities<T: Config> = StorageValue<_, AuthoritySet<T>, ValueQuery>;

    /// Hash of the accounts and session keys that were planned last.
    #[pallet::storage]
    pub type PlannedKeys<T: Config> = StorageValue<_, [u8; 32]>;

    /// Who is barred from the authorities, the earliest first. When full, the earliest is forgotten.
    #[pallet::storage]
    pub type Excluded<T: Config> = StorageValue<_, AuthoritySet<T>, ValueQuery>;

    /// What was slashed for the offences of a session, for [`Config::OffenceMemory`] sessions.
    #[pallet::storage]
    pub type Slashes<T: Config> =
        StorageDoubleMap<_, Twox64Concat, SessionIndex, Blake2_128Concat, T::AccountId, Slash>;

    /// The running session.
    #[pallet::storage]
    pub type CurrentSession<T: Config> = StorageValue<_, SessionIndex, ValueQuery>;

    /// The authorities of genesis.
    #[pallet::storage]
    pub type Bootstrap<T: Config> = StorageValue<_, AuthoritySet<T>, ValueQuery>;

    /// The miners that stand for election, in the order of the last one, newcomers behind it.
    #[pallet::storage]
    pub type Candidates<T: Config> =
        StorageValue<_, BoundedVec<Candidate<T::AccountId>, T::MaxCandidates>, ValueQuery>;

    /// The era of the last election.
    #[pallet::storage]
    pub type ElectedIn<T: Config> = StorageValue<_, EraIndex>;

    /// The last block that an authority made, or the one in which it began to make them.
    #[pallet::storage]
    pub type LastBlocks<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumber>;

    /// Blocks of a session, where genesis chose other ones than the runtime. Never changes.
    #[pallet::storage]
    pub type SessionBlocks<T: Config> = StorageValue<_, BlockNumber>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A miner registered.
        #[codec(index = 0)]
        Registered {
            /// Its account.
            account: T::AccountId,
            /// Its node.
            node_id: NodeId,
            /// Bytes promised.
            capacity: u64,
            /// LX-units per GiB and day.
            price: Balance,
            /// Held from it.
            collateral: Balance,
        },
        /// A miner changed its details.
        #[codec(index = 1)]
        Updated {
            /// Its account.
            account: T::AccountId,
            /// Bytes promised now.
            capacity: u64,
            /// LX-units per GiB and day now.
            price: Balance,
            /// Held from it now.
            collateral: Balance,
        },
        /// A miner added collateral.
        #[codec(index = 2)]
        ToppedUp {
            /// Its account.
            account: T::AccountId,
            /// Added.
            amount: Balance,
            /// Held from it now.
            collateral: Balance,
        },
        /// A miner is leaving: it takes no more contracts.
        #[codec(index = 3)]
        ExitAnnounced {
            /// Its account.
            account: T::AccountId,
            /// The block from which it can withdraw.
            exit_at: BlockNumber,
        },
        /// A miner left.
        #[codec(index = 4)]
        Withdrawn {
            /// Its account.
            account: T::AccountId,
            /// Its node, free to be registered again.
            node_id: NodeId,
            /// Given back.
            collateral: Balance,
        },
        /// A miner lost collateral for an offence as authority.
        #[codec(index = 5)]
        Slashed {
            /// Its account.
            account: T::AccountId,
            /// Taken.
            amount: Balance,
            /// Held from it now.
            collateral: Balance,
            /// Session of the offence.
            session: SessionIndex,
        },
        /// An offender leaves the authorities with the next planned session, and is barred from them.
        #[codec(index = 6)]
        AuthorityExcluded {
            /// The offender.
            account: T::AccountId,
        },
        /// An offender stays authority, because too few others are left.
        #[codec(index = 7)]
        AuthoritySpared {
            /// The offender.
            account: T::AccountId,
        },
        /// The authorities change.
        #[codec(index = 8)]
        AuthoritiesChanged {
            /// The session from which the new set makes blocks.
            session: SessionIndex,
            /// How many it has.
            count: u32,
        },
        /// An offence was reported too late to be punished.
        #[codec(index = 9)]
        OffenceTooOld {
            /// Session of the offence.
            session: SessionIndex,
        },
        /// A miner lost a contract's data, and collateral for it.
        #[codec(index = 10)]
        DataLost {
            /// Its account.
            account: T::AccountId,
            /// Bytes of the contract.
            bytes: u64,
            /// Taken, the finder's share included.
            amount: Balance,
            /// Held from it now.
            collateral: Balance,
        },
        /// A miner lost too many contracts: it takes no more.
        #[codec(index = 11)]
        Evicted {
            /// Its account.
            account: T::AccountId,
            /// The block from which it can withdraw.
            exit_at: BlockNumber,
        },
        /// A miner stands for election.
        #[codec(index = 12)]
        Stood {
            /// Its account.
            account: T::AccountId,
            /// Bytes times blocks that it proved.
            power: u128,
        },
        /// A miner does not stand for election any more.
        #[codec(index = 13)]
        CandidateDropped {
            /// Its account.
            account: T::AccountId,
            /// Why. `None`: a stronger one took its place.
            hurdle: Option<Hurdle>,
        },
        /// An authority made no blocks: it loses its seat, and does not stand for election any more.
        #[codec(index = 14)]
        AuthoritySilent {
            /// Its account.
            account: T::AccountId,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is registered.
        #[codec(index = 0)]
        AlreadyRegistered,
        /// The account is not registered.
        #[codec(index = 1)]
        NotRegistered,
        /// The node belongs to another account.
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
        /// There is no service, or one that this runtime does not know.
        #[codec(index = 7)]
        BadServices,
        /// The capacity is under the minimum.
        #[codec(index = 8)]
        CapacityTooSmall,
        /// The price is under the minimum.
        #[codec(index = 9)]
        PriceTooLow,
        /// The account is too poor for the collateral.
        #[codec(index = 10)]
        InsufficientBalance,
        /// Contracts use more than the new capacity.
        #[codec(index = 11)]
        CapacityBelowUsed,
        /// The account announced its exit.
        #[codec(index = 12)]
        Exiting,
        /// The account has not announced its exit.
        #[codec(index = 13)]
        NotExiting,
        /// The exit delay is not over.
        #[codec(index = 14)]
        ExitDelayNotOver,
        /// Contracts still use space.
        #[codec(index = 15)]
        StillUsed,
        /// The amount is zero.
        #[codec(index = 16)]
        ZeroAmount,
        /// The account was barred from the authorities for an offence.
        #[codec(index = 17)]
        Barred,
        /// The account has registered no session keys.
        #[codec(index = 18)]
        NoSessionKeys,
        /// The collateral is less than an authority's must be.
        #[codec(index = 19)]
        TooLittleCollateral,
        /// The account has proven less service lately than an authority must.
        #[codec(index = 20)]
        TooLittlePower,
        /// The account stands for election.
        #[codec(index = 21)]
        AlreadyCandidate,
        /// All places of candidates are taken by stronger ones.
        #[codec(index = 22)]
        TooWeak,
        /// The account is an authority until the next election.
        #[codec(index = 23)]
        StillAuthority,
    }

    /// The first authorities.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// In the order in which the session takes them. If empty, the session starts with whoever has
        /// keys.
        pub authorities: Vec<T::AccountId>,
        /// Blocks of a session, in place of the runtime's.
        pub session_blocks: Option<BlockNumber>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Pallet::<T>::build_authorities(&self.authorities);
            assert!(self.session_blocks != Some(0), "a session has blocks");
            crate::SessionBlocks::<T>::set(self.session_blocks);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::MinCapacity::get() > 0, "`MinCapacity` must not be zero");
            assert!(T::MinAuthorities::get() > 0, "a chain without authorities halts");
            assert!(
                T::MinAuthorities::get() <= T::MaxAuthorities::get(),
                "`MinAuthorities` must be at most `MaxAuthorities`"
            );
            assert!(
                T::OffenceMemory::get() > 0,
                "an offence is reported in the next session at the earliest"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Registers the caller as miner and holds its collateral.
        ///
        /// `node_signature` is `node_key`'s over [`lunarx_core::registration_payload`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register(address_count(details)))]
        pub fn register(
            origin: OriginFor<T>,
            node_key: NodeKey,
            node_signature: NodeSignature,
            details: ProviderDetails,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register(who, node_key, node_signature, details)
        }

        /// Replaces the caller's details. More capacity holds more collateral; less releases none.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update(address_count(details)))]
        pub fn update(origin: OriginFor<T>, details: ProviderDetails) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_update(who, details)
        }

        /// Adds to the caller's collateral, for more cover after a slash or a higher rate.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::top_up())]
        pub fn top_up(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_top_up(who, amount)
        }

        /// Begins the caller's exit: no new contracts from now on.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::announce_exit())]
        pub fn announce_exit(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_announce_exit(who)
        }

        /// Ends the caller's exit: all collateral comes back, account and node id are free again.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw(who)
        }

        /// Makes the caller a candidate of the elections of authorities. It needs session keys, proven service and
        /// the collateral of an authority, and stays one for as long as it has these.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::stand())]
        pub fn stand(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_stand(who)
        }
    }
}
