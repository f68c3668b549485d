//! The market: miners and their contracts.

use super::{consensus::MAX_AUTHORITIES, dynamic_params::providers};
use crate::{
    AccountId, Balances, BlockNumber, Historical, Providers, Runtime, RuntimeEvent, RuntimeHoldReason,
    Session, DAYS, EPOCH_BLOCKS, HOURS, MINUTES,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, Contains, Get},
    PalletId,
};
use lunarx_core::{ElapsedIsProven, GIB};
use sp_runtime::traits::AccountIdConversion;
use sp_staking::{offence::OffenceSeverity, SessionIndex};

/// Sessions in which an offence is still punished.
const OFFENCE_SESSIONS: u32 = 8 * DAYS / EPOCH_BLOCKS;

parameter_types! {
    /// The audited and paid unit of a contract's time.
    pub const Window: BlockNumber = HOURS;
    pub const Day: BlockNumber = DAYS;
    /// Time for the miner to accept. Has slack for session rotations, which shut transactions out.
    pub const AcceptWithin: BlockNumber = 30 * MINUTES;
    pub const MaxOfferLife: BlockNumber = 2 * HOURS;
    /// Ten years of windows.
    pub const MaxWindows: u32 = 10 * 365 * 24;
    /// One for each of the most pieces that a segment has.
    pub const MaxPromises: u32 = 255;
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

/// The parameter, but always a day longer than offences are punished: nobody withdraws in between.
pub struct ExitDelay;

impl Get<BlockNumber> for ExitDelay {
    fn get() -> BlockNumber {
        providers::ExitDelay::get().max(OFFENCE_SESSIONS * EPOCH_BLOCKS + DAYS)
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
}

impl pallet_lunarx_providers::Config for Runtime {
    type CollateralPerGib = providers::CollateralPerGib;
    type Currency = Balances;
    type Electorate = pallet_lunarx_providers::StandingSet;
    type ExitDelay = ExitDelay;
    type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
    type MinAuthorities = ConstU32<1>;
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
    type MaxOfferLife = MaxOfferLife;
    type MaxPromises = MaxPromises;
    type MaxWindows = MaxWindows;
    type Payers = WithoutLocks;
    type Providers = Providers;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Verdicts = ElapsedIsProven;
    type WeightInfo = crate::weights::pallet_lunarx_contracts::WeightInfo<Self>;
    type Window = Window;
}
