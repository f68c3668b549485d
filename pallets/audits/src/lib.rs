//! # Audits
//!
//! Says which windows of which contracts were served: draws the challenges, counts the trackers' verdicts,
//! and lets a miner be asked on chain where trackers and miner disagree. `docs/audits.md` is the protocol.
//!
//! ## Design goals
//!
//! - **Nobody chooses a challenge.** A block's seed comes from the chain's randomness; contract and bytes
//!   follow from it (`lunarx_proof::challenged`).
//! - **Two bytes a window.** Three seats speak once each; nothing else is stored of a window, and only until
//!   its outcome is final.
//! - **No loop over contracts or miners.** A report costs what it reports. Deadlines stand in a schedule that
//!   `on_idle` works off within its weight.
//! - **Words have a price, answers do not.** Who disputes pays the answer if it comes. Who vouches for a
//!   miner must have seen its answer.
//! - **Money is conserved.** Deposits come back or pay the answer; a word is credited with what its contract pays
//!   for it, no more.
//!
//! ## Terms
//!
//! - **Seed**: what a block's challenges follow from. **Tally**: a contract's windows that are not final.
//! - **Dispute**: a question to a miner on chain. **Opener**: who asked. **Accused**: seats that called the
//!   window of the named challenge valid, and have not shown the answer.
//! - **Word**: what a seat said of a window. **Dues**: words on proven windows whose seats have not drawn their
//!   pay. **Credit**: pay that was drawn and not yet paid out.
//!
//! ## Flow
//!
//! ```text
//! window over ── report × 3 ──► majority ── final_after ──► taken by the contracts: paid or refunded
//! silence ── dispute ──► answer: windows proven, the deposit pays it
//!                   └──► deadline, surrender, convict: contract closed, miner slashed, accused fined
//! ```
//!
//! ## Place in a runtime
//!
//! [`Config::Contracts`] and the contracts' `Verdicts` point at each other through traits of `lunarx_core`.
//! `on_initialize` must run before transactions read the block's seed, as FRAME sees to.
//!
//! ## Files
//!
//! `types` what is stored · `seeds` · `seats` · `tally` windows and outcomes · `reports` · `disputes` and their ends ·
//! `deadlines` the schedule · `pot` the trackers' pay · `queries` reads · `invariants` what `try_state`
//! checks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod deadlines;
mod disputes;
mod invariants;
mod pot;
mod queries;
mod reports;
mod seats;
mod seeds;
mod tally;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use deadlines::{MAX_STEPS, SLOT_BLOCKS};
pub use pallet::*;
pub use types::{Cause, Credit, Dispute, Tally};
pub use weights::WeightInfo;

#[frame_support::pallet]
#[allow(missing_docs)] // of what the macro adds
pub mod pallet {
    use crate::{Cause, Credit, Dispute, Tally, WeightInfo};
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{self, hold},
            Contains, Randomness,
        },
    };
    use frame_system::pallet_prelude::*;
    use lunarx_core::{
        AuditSeed, Balance, BlockNumber, ContractId, ContractRegistry, ProviderRegistry, Report, Rewards,
        TrackerRegistry,
    };
    use lunarx_proof::{Answer, Proofs};
    use sp_core::H256;
    use sp_runtime::{traits::Convert, SaturatedConversion};

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

        /// The contracts.
        type Contracts: ContractRegistry<Self::AccountId>;

        /// The register of miners.
        type Providers: ProviderRegistry<Self::AccountId>;

        /// The trackers and their rounds.
        type Trackers: TrackerRegistry<Self::AccountId>;

        /// Draws a block's seed, at its start.
        type Randomness: Randomness<Option<H256>, BlockNumberFor<Self>>;

        /// Blocks in a window of new contracts: how long seeds are known follows from it.
        type Window: Get<BlockNumber>;

        /// The accounts that may open disputes: those without locked balances, because a deposit may go to
        /// the miner.
        type Openers: Contains<Self::AccountId>;

        /// What it costs to answer on chain, by the bytes of the proofs: the deposit of a dispute, and what
        /// its answer is paid.
        type AnswerCost: Convert<u32, Balance>;

        /// Millionths of the collateral of a contract's bytes that its loss costs.
        type LossSlash: Get<u32>;

        /// Millionths of it that a loss costs which the miner itself reports.
        type SurrenderSlash: Get<u32>;

        /// Fine of a seat that called a window valid and cannot show the answer.
        type LieFine: Get<Balance>;

        /// Gets the fines.
        type FineDestination: Get<Self::AccountId>;

        /// Account of the trackers' pot. Must exist, with more than the pot in it.
        type Pot: Get<Self::AccountId>;

        /// Is told what trackers are credited.
        type Rewards: Rewards<Self::AccountId>;

        /// Most contracts in a report.
        #[pallet::constant]
        type MaxReports: Get<u32>;

        /// Measured weights.
        type WeightInfo: WeightInfo;
    }

    /// Why LX is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Pays the answer to a dispute.
        #[codec(index = 0)]
        Dispute,
    }

    /// A batch of reports.
    pub type Reports<T> = BoundedVec<Report, <T as Config>::MaxReports>;

    /// Seeds of the latest blocks.
    #[pallet::storage]
    pub type Seeds<T: Config> = StorageMap<_, Twox64Concat, BlockNumber, AuditSeed>;

    /// How the windows of a contract stand. Missing until somebody speaks of one.
    #[pallet::storage]
    pub type Tallies<T: Config> = StorageMap<_, Blake2_128Concat, ContractId, Tally>;

    /// The open disputes: one at a time a contract.
    #[pallet::storage]
    pub type Disputes<T: Config> = StorageMap<_, Blake2_128Concat, ContractId, Dispute<T::AccountId>>;

    /// Which disputes end in which slot, if nobody answers.
    #[pallet::storage]
    pub type Deadlines<T: Config> = StorageDoubleMap<_, Twox64Concat, u32, Blake2_128Concat, ContractId, ()>;

    /// The first slot not worked off.
    #[pallet::storage]
    pub type NextSlot<T: Config> = StorageValue<_, u32, ValueQuery>;

    /// Which seat's holder asked last about a contract, and when.
    #[pallet::storage]
    pub type LastSeats<T: Config> = StorageMap<_, Blake2_128Concat, ContractId, (T::AccountId, BlockNumber)>;

    /// What trackers earned and were not yet paid.
    #[pallet::storage]
    pub type Credits<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Credit, ValueQuery>;

    /// All of [`Credits`].
    #[pallet::storage]
    pub type AllCredits<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// What contracts paid for words and no tracker was paid yet.
    #[pallet::storage]
    pub type PotBalance<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A tracker spoke.
        #[codec(index = 0)]
        Reported {
            /// Who.
            tracker: T::AccountId,
            /// Contracts of the report.
            contracts: u32,
            /// Windows on which its word counts.
            windows: u32,
        },
        /// A miner is asked on chain.
        #[codec(index = 1)]
        Disputed {
            /// The contract.
            contract: ContractId,
            /// Who must answer.
            miner: T::AccountId,
            /// Who asks.
            opener: T::AccountId,
            /// The block of the challenge that was not answered, if one is named.
            challenge: Option<BlockNumber>,
            /// The last block in which the miner can answer.
            deadline: BlockNumber,
        },
        /// The miner answered a dispute.
        #[codec(index = 2)]
        Answered {
            /// The contract.
            contract: ContractId,
            /// Who answered.
            miner: T::AccountId,
            /// Paid to it out of the deposit.
            paid: Balance,
        },
        /// A contract's data is gone. The contract is closed, the miner slashed.
        #[codec(index = 3)]
        Convicted {
            /// The contract.
            contract: ContractId,
            /// Who lost the data.
            miner: T::AccountId,
            /// How it shows.
            cause: Cause,
        },
        /// An accused seat showed the answer that it had seen.
        #[codec(index = 4)]
        Vouched {
            /// The contract.
            contract: ContractId,
            /// The seat's holder.
            tracker: T::AccountId,
        },
        /// A seat called a window valid and could not show the answer.
        #[codec(index = 5)]
        LieFined {
            /// The contract.
            contract: ContractId,
            /// The seat's holder.
            tracker: T::AccountId,
            /// Taken of its bond.
            amount: Balance,
        },
        /// A tracker was paid for its verdicts.
        #[codec(index = 6)]
        Claimed {
            /// Who.
            tracker: T::AccountId,
            /// Paid.
            amount: Balance,
            /// Credited and not paid: contracts have not paid for it yet.
            left: Balance,
        },
        /// A dispute ended without a verdict: the chain drew no bytes to ask for.
        #[codec(index = 7)]
        Dropped {
            /// The contract.
            contract: ContractId,
        },
        /// A dispute gave way to one of more standing; its deposit is back.
        #[codec(index = 8)]
        Superseded {
            /// The contract.
            contract: ContractId,
            /// Who had asked.
            opener: T::AccountId,
        },
        /// An answer came to a question whose place another had taken while it was on its way. It cost no fee.
        #[codec(index = 9)]
        AnsweredFormer {
            /// The contract.
            contract: ContractId,
        },
    }

    /// Why a call failed.
    #[pallet::error]
    pub enum Error<T> {
        /// None of the reported windows takes the caller's word: not its seat, not over, final, or it has
        /// spoken.
        #[codec(index = 0)]
        NothingCounted,
        /// No such contract is active.
        #[codec(index = 1)]
        NotActive,
        /// The contract is disputed already, and who asked has no less standing than the caller.
        #[codec(index = 2)]
        AlreadyDisputed,
        /// The contract is not disputed.
        #[codec(index = 3)]
        NotDisputed,
        /// The block's seed is not known: too old, in the future, or there was none.
        #[codec(index = 4)]
        UnknownSeed,
        /// The contract was not challenged in that block.
        #[codec(index = 5)]
        NotChallenged,
        /// The account has a locked balance and cannot hold a deposit: use another one.
        #[codec(index = 6)]
        LockedBalance,
        /// The account is too poor for the deposit.
        #[codec(index = 7)]
        CannotHoldDeposit,
        /// The caller is not the contract's miner.
        #[codec(index = 8)]
        NotMiner,
        /// The deadline has passed.
        #[codec(index = 9)]
        TooLate,
        /// The bytes that the dispute asks for are drawn eight blocks after it.
        #[codec(index = 10)]
        NotDrawnYet,
        /// A proof is missing, too much, or wrong.
        #[codec(index = 11)]
        WrongProofs,
        /// The miner's node key did not sign this.
        #[codec(index = 12)]
        BadSignature,
        /// The caller is not accused.
        #[codec(index = 13)]
        NotAccused,
        /// The signed answer is right: no evidence of anything.
        #[codec(index = 14)]
        RightAnswer,
        /// The deadline has not passed.
        #[codec(index = 15)]
        NotOver,
        /// The caller has no credits.
        #[codec(index = 16)]
        NoCredits,
        /// There is nothing in the pot for the caller's credits yet.
        #[codec(index = 17)]
        EmptyPot,
        /// The named challenge is so old that its seed would be forgotten before the dispute ends.
        #[codec(index = 18)]
        ChallengeTooOld,
        /// The answer is to another question than the open one.
        #[codec(index = 19)]
        OtherQuestion,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::draw(now.saturated_into())
        }

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
        /// A tracker's verdicts on windows that are over, of contracts in which it holds a seat. Passes over
        /// what does not take its word; fails if there is nothing else. Draws its pay for words on windows that are
        /// final; a report without verdicts does that alone. Free if all of it counts, 64 times a window.
        #[pallet::call_index(0)]
        #[pallet::weight(Pallet::<T>::weight_of(
            reports.len().saturated_into(),
            Pallet::<T>::seats_in(reports),
            1,
            Pallet::<T>::words_in(reports),
            reports.len().saturated_into(),
        ))]
        pub fn report(origin: OriginFor<T>, reports: Reports<T>) -> DispatchResultWithPostInfo {
            let tracker = ensure_signed(origin)?;
            Self::do_report(tracker, reports)
        }

        /// Asks a contract's miner on chain, with a deposit that pays the answer. `challenge` names the block
        /// of a challenge that was not answered: its bytes are asked for beside those that the next eight blocks
        /// draw. The holder of a seat who names one takes the place of a dispute of anybody else, and of a seat that
        /// asked twice in a row.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::dispute())]
        pub fn dispute(
            origin: OriginFor<T>,
            contract: ContractId,
            challenge: Option<BlockNumber>,
        ) -> DispatchResult {
            let opener = ensure_signed(origin)?;
            Self::do_dispute(opener, contract, challenge)
        }

        /// The miner proves the bytes that the dispute of block `opened` asks for, in their order. Once for each
        /// dispute that took another's place, an answer to the other one is free, and ignored.
        #[pallet::call_index(2)]
        #[pallet::weight(Pallet::<T>::weight_with_proofs(T::WeightInfo::answer()))]
        pub fn answer(
            origin: OriginFor<T>,
            contract: ContractId,
            opened: BlockNumber,
            proofs: Proofs,
        ) -> DispatchResultWithPostInfo {
            let miner = ensure_signed(origin)?;
            Self::do_answer(miner, contract, opened, proofs)
        }

        /// An accused seat shows the miner's right answer to the challenge that a dispute names.
        #[pallet::call_index(3)]
        #[pallet::weight(Pallet::<T>::weight_with_proofs(T::WeightInfo::vouch()))]
        pub fn vouch(origin: OriginFor<T>, contract: ContractId, answer: Answer) -> DispatchResult {
            let tracker = ensure_signed(origin)?;
            Self::do_vouch(tracker, contract, answer)
        }

        /// Shows a wrong answer that the miner signed. Convicts at once.
        #[pallet::call_index(4)]
        #[pallet::weight(Pallet::<T>::weight_with_proofs(T::WeightInfo::convict()))]
        pub fn convict(
            origin: OriginFor<T>,
            contract: ContractId,
            block: BlockNumber,
            answer: Answer,
        ) -> DispatchResult {
            let finder = ensure_signed(origin)?;
            Self::do_convict(finder, contract, block, answer)
        }

        /// The miner says that the data is gone, which costs it less than silence.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::surrender())]
        pub fn surrender(origin: OriginFor<T>, contract: ContractId) -> DispatchResult {
            let miner = ensure_signed(origin)?;
            Self::do_surrender(miner, contract)
        }

        /// Ends a dispute whose deadline has passed without an answer. Anybody may call; `on_idle` does it by
        /// itself where blocks have room.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::resolve())]
        pub fn resolve(origin: OriginFor<T>, contract: ContractId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_resolve(contract)
        }

        /// Pays the caller's credits out of the trackers' pot, as far as contracts have paid for them.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim(origin: OriginFor<T>) -> DispatchResult {
            let tracker = ensure_signed(origin)?;
            Self::do_claim(tracker)
        }
    }
}
