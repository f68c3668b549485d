//! # Contracts
//!
//! One miner's promise to keep a batch of pieces for a client: opened on the miner's signed offer, the
//! whole fee held from the client, paid window by window, and closed by itself when its term is over.
//!
//! ## Design goals
//!
//! - **Both sides agreed.** A contract grows from an offer that the miner's node key signed for this
//!   client and this chain, and begins only when the miner accepts what the client says was stored.
//! - **The fee is there.** It is held from the client at `open` under [`HoldReason::Escrow`], for the
//!   whole term, out of what it could have spent freely. Locks that come later do not touch it.
//! - **Nothing is held for ever.** Every contract stands in [`Schedule`] at the block that ends it.
//!   `on_idle` works the schedule off, whoever forgets it; a cursor catches up after busy blocks.
//! - **Closing cannot be blocked.** A payment that the miner's account cannot take goes back to the
//!   client. A refund that the client's account cannot take is noted in [`Owed`] and given back with the
//!   next one. No LX is lost either way.
//! - **Terms are fixed.** A contract keeps its window's length and fee as they were at `open`; a runtime
//!   that changes them changes new contracts only.
//! - **Work is bounded.** Every batch is, and so are the steps of `on_idle` in a block, each charged at
//!   its measured weight before it is made.
//!
//! ## Terms
//!
//! - **Offer**: the miner's signed reservation. **Promise**: an offer with what was stored under it.
//! - **Window**: the audited and paid unit of time. **Term**: a number of windows.
//! - **Pending**: opened, not accepted; refunded when its deadline passes. **Active**: accepted.
//! - **Escrow**: what is left of a contract's held fee: the fees of the windows not yet settled.
//! - **Due**: the block from which a contract is wound up by itself: past its deadline, or when the outcome
//!   of its last window is final.
//! - **Slot**: a stretch of [`SLOT_BLOCKS`] blocks, the grain of the schedule.
//!
//! ## Flow
//!
//! ```text
//! open ──► pending ── accept ──► active ── settle* ──► last window final: settled, closed
//!             │                    ├─ end: the term ends now, what is left of it refunded
//!             │                    └─ convicted: everything unsettled refunded, the miner slashed
//!             ├─ end: refunded
//!             └─ deadline passed, expire: refunded
//! ```
//!
//! ## The seam of the audits
//!
//! Money reaches a miner only by what `settlement::settle_decided` does, and it asks [`Config::Verdicts`]
//! which windows are final, and which of those were proven. Of a proven window's fee each seat that judged it gets
//! its part of [`Config::TrackerShare`], the supplier its commission, the miner the rest. Whoever lost the data
//! is paid for nothing that is not settled by then; the trackers are, for their words on what was proven.
//!
//! ## Place in a runtime
//!
//! Miners are known through [`lunarx_core::ProviderRegistry`] only. [`Config::Payers`] should leave out
//! accounts with locked balances: holds and locks overlap in `pallet_balances`, so an account under
//! vesting could pay an accomplice from escrow and thereby move out what is locked.
//!
//! ## Files
//!
//! `types` what is stored · `opening` open and accept · `settlement` settle, end and convict ·
//! `escrow` the moves of money · `schedule` deadlines, expire and `on_idle` · `records` a contract and
//! what points at it · `queries` the runtime API's reads · `migrations` from older formats ·
//! `invariants` what `try_state` checks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod escrow;
mod invariants;
pub mod migrations;
mod opening;
mod queries;
mod records;
mod schedule;
mod settlement;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use schedule::{MAX_STEPS, SLOT_BLOCKS};
pub use types::{Contract, EndReason};
pub use weights::WeightInfo;

#[frame_support::pallet]
#[allow(missing_docs)] // of what the macro adds
pub mod pallet {
    use crate::{types::batch_len, Contract, EndReason, WeightInfo};
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{self, hold},
            Contains,
        },
    };
    use frame_system::pallet_prelude::*;
    use lunarx_core::{
        Balance, BlockNumber, ContractId, Promise, ProviderRegistry, Rewards, ServiceVerdicts,
    };
    use sp_core::H256;
    use sp_runtime::{Permill, SaturatedConversion};

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

        /// The register of miners.
        type Providers: ProviderRegistry<Self::AccountId>;

        /// Says which windows were proven.
        type Verdicts: ServiceVerdicts<Self::AccountId>;

        /// Gets the trackers' share.
        type TrackerPot: Get<Self::AccountId>;

        /// The trackers' share of what is paid.
        type TrackerShare: Get<Permill>;

        /// Is told who served, and who supplied.
        type Rewards: Rewards<Self::AccountId>;

        /// The most that a supplier may draw of what is paid.
        #[pallet::constant]
        type MaxCommission: Get<Permill>;

        /// The accounts that may put LX in escrow: those without locked balances.
        type Payers: Contains<Self::AccountId>;

        /// Blocks in a window of new contracts, unless genesis says otherwise.
        #[pallet::constant]
        type Window: Get<BlockNumber>;

        /// Blocks in a day, the unit of prices.
        #[pallet::constant]
        type Day: Get<BlockNumber>;

        /// Blocks after `open` in which the miner may accept. Needs slack: transactions may be shut out
        /// of some blocks.
        #[pallet::constant]
        type AcceptWithin: Get<BlockNumber>;

        /// The farthest in the future that an offer may expire.
        #[pallet::constant]
        type MaxOfferLife: Get<BlockNumber>;

        /// Most windows in a term.
        #[pallet::constant]
        type MaxWindows: Get<u32>;

        /// Most promises or contracts in a call.
        #[pallet::constant]
        type MaxPromises: Get<u32>;

        /// Measured weights.
        type WeightInfo: WeightInfo;
    }

    /// Why LX is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Fees of windows not yet settled.
        #[codec(index = 0)]
        Escrow,
    }

    /// A batch of contracts.
    pub type ContractIds<T> = BoundedVec<ContractId, <T as Config>::MaxPromises>;

    /// A batch of promises.
    pub type Promises<T> =
        BoundedVec<Promise<<T as frame_system::Config>::AccountId>, <T as Config>::MaxPromises>;

    /// The live contracts.
    #[pallet::storage]
    pub type Contracts<T: Config> = StorageMap<_, Blake2_128Concat, ContractId, Contract<T::AccountId>>;

    /// The live contracts of an account, be it client or miner.
    #[pallet::storage]
    pub type ByAccount<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, ContractId, ()>;

    /// Which contracts are over by themselves in which slot.
    #[pallet::storage]
    pub type Schedule<T: Config> = StorageDoubleMap<_, Twox64Concat, u32, Blake2_128Concat, ContractId, ()>;

    /// The first slot not worked off.
    #[pallet::storage]
    pub type NextSlot<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// Blocks in a window of new contracts, where genesis said so.
    #[pallet::storage]
    pub type WindowBlocks<T: Config> = StorageValue<_, BlockNumber>;

    /// What is still held from a client though its contracts are closed, because its account could not
    /// take it: with nothing free, it cannot take less than the existential deposit. Given back with the
    /// client's next refund, or before its next fee is held.
    #[pallet::storage]
    pub type Owed<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Balance, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A client opened a contract: it waits for the miner.
        #[codec(index = 0)]
        Opened {
            /// The contract.
            id: ContractId,
            /// Who pays.
            client: T::AccountId,
            /// Who stores.
            miner: T::AccountId,
            /// Bytes of its pieces.
            bytes: u64,
            /// Its term.
            windows: u32,
            /// Held from the client: the fee of the whole term.
            fee: Balance,
        },
        /// The miner accepted: window 0 begins.
        #[codec(index = 1)]
        Accepted {
            /// The contract.
            id: ContractId,
            /// Who pays.
            client: T::AccountId,
            /// Who stores.
            miner: T::AccountId,
        },
        /// Windows were settled: the audits say what was proven, and both sides see who got what.
        #[codec(index = 2)]
        ServiceConfirmed {
            /// The contract.
            id: ContractId,
            /// Who pays.
            client: T::AccountId,
            /// Who stores.
            miner: T::AccountId,
            /// Windows settled just now.
            windows: u32,
            /// How many of them were proven.
            proven: u32,
            /// Paid to the miner.
            paid: Balance,
            /// Paid to the trackers' pot.
            trackers: Balance,
            /// Paid to the supplier.
            supplier: Balance,
            /// Given back to the client.
            refunded: Balance,
        },
        /// A contract is closed and no longer on chain.
        #[codec(index = 3)]
        Ended {
            /// The contract.
            id: ContractId,
            /// Who paid.
            client: T::AccountId,
            /// Who stored.
            miner: T::AccountId,
            /// Why.
            reason: EndReason,
            /// Paid in all: to the miner, the trackers and the supplier.
            paid: Balance,
            /// Given back to the client by the closing itself.
            refunded: Balance,
        },
        /// The miner's account could not take a payment; it goes back to the client.
        #[codec(index = 4)]
        PaymentFailed {
            /// The contract.
            id: ContractId,
            /// Who could not be paid.
            miner: T::AccountId,
            /// The payment.
            amount: Balance,
        },
        /// The client's account could not take a refund; it stays held, to be given back later.
        #[codec(index = 5)]
        RefundDelayed {
            /// Whose it is.
            client: T::AccountId,
            /// All that is owed to it in this way.
            amount: Balance,
        },
        /// The client ended a contract early. It is closed when the outcome of its windows is final.
        #[codec(index = 6)]
        Shortened {
            /// The contract.
            id: ContractId,
            /// Who pays.
            client: T::AccountId,
            /// Who stores.
            miner: T::AccountId,
            /// Windows of its term now, the last one short.
            windows: u32,
            /// Given back to the client.
            refunded: Balance,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// The batch is empty.
        #[codec(index = 0)]
        EmptyBatch,
        /// The account has a locked balance and cannot put LX in escrow: pay from another one.
        #[codec(index = 1)]
        LockedBalance,
        /// The offer was made to another client.
        #[codec(index = 2)]
        NotYourOffer,
        /// Client and miner are the same account.
        #[codec(index = 3)]
        SelfDealing,
        /// The offer has expired.
        #[codec(index = 4)]
        OfferExpired,
        /// The offer expires later than offers may.
        #[codec(index = 5)]
        OfferLivesTooLong,
        /// The miner is not registered.
        #[codec(index = 6)]
        UnknownMiner,
        /// The miner is leaving and takes no contracts.
        #[codec(index = 7)]
        MinerNotAccepting,
        /// The miner's node key did not sign this offer for this chain.
        #[codec(index = 8)]
        BadOfferSignature,
        /// The offer's price is under the miner's listed one.
        #[codec(index = 9)]
        UnderPriced,
        /// The bytes are none, or more than the offer's.
        #[codec(index = 10)]
        BadSize,
        /// The term has no windows, or more than the offer or the chain allows.
        #[codec(index = 11)]
        BadTerm,
        /// There are no pieces.
        #[codec(index = 12)]
        NoPieces,
        /// A contract on this offer is live.
        #[codec(index = 13)]
        AlreadyOpen,
        /// The miner has too little free capacity, or too little collateral for it.
        #[codec(index = 14)]
        OverCapacity,
        /// The fee is more than LX can count.
        #[codec(index = 15)]
        FeeOverflow,
        /// The client's spendable balance is under the fee.
        #[codec(index = 16)]
        CannotHoldFee,
        /// No such contract is live.
        #[codec(index = 17)]
        NotFound,
        /// The caller is not the contract's miner.
        #[codec(index = 18)]
        NotMiner,
        /// The caller is not the contract's client.
        #[codec(index = 19)]
        NotClient,
        /// The contract was accepted before.
        #[codec(index = 20)]
        AlreadyAccepted,
        /// The deadline to accept has passed.
        #[codec(index = 21)]
        TooLate,
        /// No contract of the batch has a window to settle.
        #[codec(index = 22)]
        NothingDue,
        /// The contract is not past its deadline to accept.
        #[codec(index = 23)]
        NotExpired,
        /// The terms of all contracts of the batch are over.
        #[codec(index = 24)]
        AlreadyEnded,
        /// The supplier's share is more than the chain allows.
        #[codec(index = 25)]
        BadCommission,
    }

    /// How long windows are.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Blocks in a window of new contracts; [`Config::Window`] if it is missing. Every other time of the
        /// audits is a multiple of it.
        pub window_blocks: Option<BlockNumber>,
        /// Nothing: the runtime's type has to stand somewhere.
        #[serde(skip)]
        pub _runtime: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            assert_ne!(self.window_blocks, Some(0), "a window must have blocks");
            WindowBlocks::<T>::set(self.window_blocks);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_idle(now: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::work_off(now.saturated_into(), remaining)
        }

        fn integrity_test() {
            Self::check_configuration();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Opens one contract on each promise and holds the fees from the caller. All or none.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::open(batch_len(promises)))]
        pub fn open(origin: OriginFor<T>, promises: Promises<T>) -> DispatchResult {
            let client = ensure_signed(origin)?;
            Self::do_open(client, promises)
        }

        /// The miner accepts pending contracts, whose pieces it has and whose roots are its own. All or
        /// none.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::accept(batch_len(ids)))]
        pub fn accept(origin: OriginFor<T>, ids: ContractIds<T>) -> DispatchResult {
            let miner = ensure_signed(origin)?;
            Self::do_accept(miner, ids)
        }

        /// Settles the windows whose outcome is final, and closes what has no others. Anybody may call.
        /// Skips contracts with nothing due; fails if there are no others.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::settle(batch_len(ids)))]
        pub fn settle(origin: OriginFor<T>, ids: ContractIds<T>) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_settle(ids)
        }

        /// The client ends contracts now: their terms end with this block, the started window counts by its
        /// blocks, and the rest of the fee comes back. Passes over contracts whose term is over; fails if
        /// there are no others. All or none.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::end(batch_len(ids)))]
        pub fn end(origin: OriginFor<T>, ids: ContractIds<T>) -> DispatchResult {
            let client = ensure_signed(origin)?;
            Self::do_end(client, ids)
        }

        /// Closes contracts that were not accepted in time and gives the fees back. Anybody may call.
        /// All or none.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::expire(batch_len(ids)))]
        pub fn expire(origin: OriginFor<T>, ids: ContractIds<T>) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_expire(ids)
        }
    }
}
