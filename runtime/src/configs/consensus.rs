//! Who makes and finalizes blocks, and what becomes of those who cheat at it.

use crate::{
    AccountId, Babe, Balance, Balances, Historical, Offences, Providers, Runtime, RuntimeCall, RuntimeEvent,
    Session, SessionKeys, UncheckedExtrinsic, BLOCK_MILLIS, DAYS, EPOCH_BLOCKS, LX,
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, Get, KeyOwnerProofSystem},
};
use sp_core::crypto::KeyTypeId;
use sp_runtime::{
    traits::{ConvertInto, OpaqueKeys},
    ConsensusEngineId,
};

/// Most authorities of a session.
pub const MAX_AUTHORITIES: u32 = 256;

parameter_types! {
    /// Blocks in which an unsigned report stays in the transaction pool. How long an offence is punished is
    /// `OffenceMemory` of the providers, for as long the authority sets can be proven.
    pub const ReportLongevity: u64 = 7 * DAYS as u64;
    /// Held while session keys are registered.
    pub const KeyDeposit: Balance = LX;
    /// Sessions whose authority sets can be proven.
    pub const MaxSetIdSessionEntries: u64 = (7 * DAYS / EPOCH_BLOCKS) as u64;
}

/// Blocks of an epoch, and so of a session: what genesis says, or [`EPOCH_BLOCKS`]. It never changes afterwards, as BABE
/// asks for.
pub struct EpochDuration;

impl Get<u64> for EpochDuration {
    fn get() -> u64 {
        pallet_lunarx_providers::SessionBlocks::<Runtime>::get().unwrap_or(EPOCH_BLOCKS).into()
    }
}

impl pallet_babe::Config for Runtime {
    type DisabledValidators = Session;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type EpochDuration = EpochDuration;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
    type ExpectedBlockTime = ConstU64<BLOCK_MILLIS>;
    type KeyOwnerProof = <Historical as KeyOwnerProofSystem<(KeyTypeId, pallet_babe::AuthorityId)>>::Proof;
    type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
    type MaxNominators = ConstU32<0>;
    // The pallet ships its measured weights as the implementation for `()`.
    type WeightInfo = ();
}

impl pallet_grandpa::Config for Runtime {
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
    type KeyOwnerProof = <Historical as KeyOwnerProofSystem<(KeyTypeId, pallet_grandpa::AuthorityId)>>::Proof;
    type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
    type RuntimeEvent = RuntimeEvent;
    // The pallet ships its measured weights as the implementation for `()`.
    type WeightInfo = ();
}

/// Rewards the authors of blocks, and notes that they are there.
pub struct NoteAuthors;

impl pallet_authorship::EventHandler<crate::AccountId, crate::BlockNumber> for NoteAuthors {
    fn note_author(author: crate::AccountId) {
        crate::Issuance::authored(&author);
        Providers::authored(&author);
    }
}

/// Who made a block. Its digest names a number in the set of its epoch; in the first block of an epoch the session
/// pallet has that set only planned when it is asked.
pub struct FindAuthor;

impl frame_support::traits::FindAuthor<AccountId> for FindAuthor {
    fn find_author<'a, I>(digests: I) -> Option<AccountId>
    where
        I: 'a + IntoIterator<Item = (ConsensusEngineId, &'a [u8])>,
    {
        let number =
            usize::try_from(<Babe as frame_support::traits::FindAuthor<u32>>::find_author(digests)?).ok()?;
        let begins = Babe::should_epoch_change(frame_system::Pallet::<Runtime>::block_number());
        match begins {
            true => {
                pallet_session::QueuedKeys::<Runtime>::get().get(number).map(|(account, _)| account.clone())
            }
            false => pallet_session::Validators::<Runtime>::get().get(number).cloned(),
        }
    }
}

impl pallet_authorship::Config for Runtime {
    type EventHandler = NoteAuthors;
    type FindAuthor = FindAuthor;
}

impl pallet_session::Config for Runtime {
    type Currency = Balances;
    type DisablingStrategy = pallet_session::disabling::UpToLimitWithReEnablingDisablingStrategy;
    type KeyDeposit = KeyDeposit;
    type Keys = SessionKeys;
    type NextSessionRotation = Babe;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type SessionManager = pallet_session::historical::NoteHistoricalRoot<Self, Providers>;
    type ShouldEndSession = Babe;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Self>;
}

impl pallet_session::historical::Config for Runtime {
    type FullIdentification = ();
    type FullIdentificationOf = pallet_lunarx_providers::IdentifiedByAccount;
    type RuntimeEvent = RuntimeEvent;
}

impl pallet_offences::Config for Runtime {
    type IdentificationTuple = pallet_session::historical::IdentificationTuple<Self>;
    type OnOffenceHandler = Providers;
    type RuntimeEvent = RuntimeEvent;
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
    RuntimeCall: From<LocalCall>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
    RuntimeCall: From<LocalCall>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}
