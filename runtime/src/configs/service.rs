//! The market: miners, their contracts, and the trackers that audit them.

use super::{
    consensus::{EpochDuration, MAX_AUTHORITIES},
    dynamic_params::{audits, providers, trackers},
};
use crate::{
    tx_extension, AccountId, Address, Audits, Balance, Balances, BlockNumber, Contracts, Historical,
    Issuance, Providers, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, Session, Signature, Trackers,
    TransactionPayment, UncheckedExtrinsic, DAYS, EPOCH_BLOCKS, HOURS, MINUTES,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    dispatch::GetDispatchInfo,
    parameter_types,
    traits::{ConstU32, ConstU64, Contains, Get},
    PalletId,
};
use lunarx_core::{ContractId, EraIndex, GIB};
use sp_runtime::{
    generic::Era,
    traits::{AccountIdConversion, Convert, TransactionExtension},
    Permill, SaturatedConversion,
};
use sp_staking::{offence::OffenceSeverity, SessionIndex};

/// Sessions in which an offence is still punished.
const OFFENCE_SESSIONS: u32 = 8 * DAYS / EPOCH_BLOCKS;

parameter_types! {
    /// The audited and paid unit of a contract's time, unless genesis says otherwise.
    pub const Window: BlockNumber = HOURS;
    pub const Day: BlockNumber = DAYS;
    /// Time for the miner to accept. Has slack for session rotations, which shut transactions out.
    pub const AcceptWithin: BlockNumber = 30 * MINUTES;
    pub const MaxOfferLife: BlockNumber = 2 * HOURS;
    /// Ten years of windows.
    pub const MaxWindows: u32 = 10 * 365 * 24;
    /// One for each of the most pieces that a segment has.
    pub const MaxPromises: u32 = 255;
    /// A report is weighed as if all its words took over a seat and accused in a dispute: two thirds of what a block
    /// has for one call, so that a slower machine's weights still fit.
    pub const MaxReports: u32 = 128;
    /// The most that a supplier may draw of what its users pay.
    pub const MaxCommission: Permill = Permill::from_percent(30);
    /// Holds the trackers' share until they claim it. Genesis must give it an existential deposit.
    pub TrackerPot: AccountId = PalletId(*b"lx/track").into_account_truncating();
    /// Holds what was slashed, for repair first and the treasury then.
    pub SlashDestination: AccountId = PalletId(*b"lx/slash").into_account_truncating();
}

/// Accounts whose balance is not locked by vesting: a lock counts held LX as its own, so that LX paid
/// out of escrow would be taken from under the lock.
pub struct WithoutLocks;

impl Contains<AccountId> for WithoutLocks {
    fn contains(account: &AccountId) -> bool {
        pallet_balances::Locks::<Runtime>::decode_len(account).is_none_or(|locks| locks == 0)
    }
}

/// The parameter, but always longer than offences are punished and a day: nobody withdraws in between. A second day is
/// for the era in which who announces its exit still makes blocks.
pub struct ExitDelay;

impl Get<BlockNumber> for ExitDelay {
    fn get() -> BlockNumber {
        let epoch: BlockNumber = EpochDuration::get().saturated_into();
        providers::ExitDelay::get().max(OFFENCE_SESSIONS.saturating_mul(epoch).saturating_add(2 * DAYS))
    }
}

/// The session pallets, as the register sees them.
pub struct Sessions;

impl pallet_lunarx_providers::Sessions<AccountId> for Sessions {
    fn keys(account: &AccountId) -> Option<Vec<u8>> {
        pallet_session::NextKeys::<Runtime>::get(account).map(|keys| keys.encode())
    }

    fn disable(offender: &AccountId, severity: OffenceSeverity) {
        Session::report_offence(offender.clone(), severity);
    }

    fn forget_before(session: SessionIndex) {
        Historical::prune_up_to(session);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_set_keys(account: &AccountId) {
        use codec::Decode;
        let seed = account.encode().repeat(2);
        let keys = crate::SessionKeys::decode(&mut seed.as_slice()).expect("any 64 bytes are two keys");
        pallet_session::NextKeys::<Runtime>::insert(account, keys);
    }
}

/// The running era: its first planned session has an election.
pub struct CurrentEra;

impl Get<EraIndex> for CurrentEra {
    fn get() -> EraIndex {
        pallet_lunarx_issuance::CurrentEra::<Runtime>::get()
    }
}

/// Blocks of an era, as genesis has it.
pub struct EraBlocks;

impl Get<BlockNumber> for EraBlocks {
    fn get() -> BlockNumber {
        Issuance::era_blocks()
    }
}

impl pallet_lunarx_providers::Config for Runtime {
    type BootstrapSeats = providers::BootstrapSeats;
    type CollateralPerGib = providers::CollateralPerGib;
    type Currency = Balances;
    type Era = CurrentEra;
    type EraBlocks = EraBlocks;
    type ExitDelay = ExitDelay;
    type FinderShare = providers::FinderShare;
    type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
    type MaxCandidates = ConstU32<{ 2 * MAX_AUTHORITIES }>;
    type MaxLost = providers::MaxLost;
    type MinAuthorities = ConstU32<1>;
    type MinAuthorityCollateral = providers::MinAuthorityCollateral;
    type MinAuthorityPower = providers::MinAuthorityPower;
    type MinCapacity = ConstU64<GIB>;
    type MinPrice = providers::MinPrice;
    type OffenceMemory = ConstU32<OFFENCE_SESSIONS>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sessions = Sessions;
    type SlashDestination = SlashDestination;
    type WeightInfo = crate::weights::pallet_lunarx_providers::WeightInfo<Self>;
}

impl pallet_lunarx_contracts::Config for Runtime {
    type AcceptWithin = AcceptWithin;
    type Currency = Balances;
    type Day = Day;
    type MaxCommission = MaxCommission;
    type MaxOfferLife = MaxOfferLife;
    type MaxPromises = MaxPromises;
    type MaxWindows = MaxWindows;
    type Payers = WithoutLocks;
    type Providers = Providers;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Rewards = crate::Issuance;
    type TrackerPot = TrackerPot;
    type TrackerShare = audits::TrackerShare;
    type Verdicts = Audits;
    type WeightInfo = crate::weights::pallet_lunarx_contracts::WeightInfo<Self>;
    type Window = Window;
}

/// Blocks in a window: the contracts', from which every time of the audits follows.
pub struct CurrentWindow;

impl Get<BlockNumber> for CurrentWindow {
    fn get() -> BlockNumber {
        Contracts::window()
    }
}

/// Six windows.
pub struct RoundBlocks;

impl Get<BlockNumber> for RoundBlocks {
    fn get() -> BlockNumber {
        Contracts::window().saturating_mul(6)
    }
}

impl pallet_lunarx_trackers::Config for Runtime {
    type Bonders = WithoutLocks;
    type Currency = Balances;
    type ExitDelay = ConstU32<{ 7 * DAYS }>;
    type MaxMissed = ConstU32<4>;
    type MaxTrackers = ConstU32<1_000>;
    type MaxVerifiers = ConstU32<32>;
    type MinBond = trackers::MinBond;
    type Randomness = pallet_babe::ParentBlockRandomness<Self>;
    type RoundBlocks = RoundBlocks;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = crate::weights::pallet_lunarx_trackers::WeightInfo<Self>;
}

/// The fee of the transaction that answers a dispute with so many bytes of proofs, as blocks are priced now. Of
/// the lesser fields it has the shortest, so that nobody gains by being asked; a longer one costs some bytes more.
pub struct AnswerCost;

impl Convert<u32, Balance> for AnswerCost {
    fn convert(bytes: u32) -> Balance {
        let extension = tx_extension(0, Era::Immortal);
        let call = RuntimeCall::Audits(pallet_lunarx_audits::Call::answer {
            contract: ContractId([0; 32]),
            opened: 0,
            proofs: Default::default(),
        });
        let mut info = call.get_dispatch_info();
        info.extension_weight = extension.weight(&call);
        let miner = Address::Id(AccountId::new([0; 32]));
        let signature = Signature::Sr25519(Default::default());
        let empty = UncheckedExtrinsic::new_signed(call, miner, signature, extension).encoded_size();
        let length = bytes.saturating_add(empty.saturated_into());
        TransactionPayment::compute_fee(length, &info, 0)
    }
}

impl pallet_lunarx_audits::Config for Runtime {
    type AnswerCost = AnswerCost;
    type Contracts = Contracts;
    type Currency = Balances;
    type FineDestination = SlashDestination;
    type LieFine = audits::LieFine;
    type LossSlash = audits::LossSlash;
    type MaxReports = MaxReports;
    type Openers = WithoutLocks;
    type Pot = TrackerPot;
    type Rewards = crate::Issuance;
    type Providers = Providers;
    type Randomness = pallet_babe::ParentBlockRandomness<Self>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type SurrenderSlash = audits::SurrenderSlash;
    type Trackers = Trackers;
    type WeightInfo = crate::weights::pallet_lunarx_audits::WeightInfo<Self>;
    type Window = CurrentWindow;
}
