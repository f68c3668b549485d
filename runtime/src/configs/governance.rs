//! Who decides: a council for what cannot wait, all holders of LX by referendum for everything, and a treasury that
//! either can spend from. `docs/governance.md` says why.

use crate::{
    AccountId, Balance, Balances, BlockNumber, OriginCaller, Preimage, Referenda, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, Scheduler, System, Treasury, DAYS, LX,
};
use alloc::borrow::Cow;
use frame_support::{
    parameter_types,
    traits::{
        fungible::HoldConsideration,
        tokens::{PayFromAccount, UnityAssetBalanceConversion},
        ConstU32, EitherOf, EitherOfDiverse, EqualPrivilegeOnly, LinearStoragePrice,
    },
    weights::Weight,
    PalletId,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess, EnsureSigned, EnsureWithSuccess};
use pallet_collective::EnsureProportionAtLeast;
use pallet_referenda::{Curve, Track, TrackInfo};
use sp_runtime::{
    str_array as s,
    traits::{AccountIdConversion, IdentityLookup},
    Perbill, Permill,
};

/// The council.
pub type CouncilInstance = pallet_collective::Instance1;
/// Two thirds of the council.
type TwoThirds = EnsureProportionAtLeast<AccountId, CouncilInstance, 2, 3>;
/// Root, which only a referendum (and `sudo` in development presets) is; or two thirds of the council.
pub type RootOrTwoThirds = EitherOfDiverse<EnsureRoot<AccountId>, TwoThirds>;

/// The core team's funds and their parts of its share, in hundredths. No key opens them: a referendum spends what has
/// vested (`utility.dispatch_as`).
pub fn funds() -> [(AccountId, Balance); 4] {
    let fund = |id: &[u8; 8], part| (PalletId(*id).into_account_truncating(), part);
    [fund(b"lx/resea", 40), fund(b"lx/team.", 30), fund(b"lx/commu", 20), fund(b"lx/marke", 10)]
}

/// The accounts that hold LX for a purpose, by their names.
pub fn named_accounts() -> [(&'static str, AccountId); 7] {
    let [(research, _), (team, _), (community, _), (marketing, _)] = funds();
    [
        ("research", research),
        ("team", team),
        ("community", community),
        ("marketing", marketing),
        ("treasury", TreasuryAccount::get()),
        ("slashed", super::SlashDestination::get()),
        ("trackers", super::TrackerPot::get()),
    ]
}

/// The most weight that a proposal of the council, or what the scheduler does in a block, may have.
pub struct HalfBlock;

impl frame_support::traits::Get<Weight> for HalfBlock {
    fn get() -> Weight {
        super::MAXIMUM_BLOCK_WEIGHT / 2
    }
}

parameter_types! {
    pub const MotionDuration: BlockNumber = 5 * DAYS;
    pub const TreasuryPalletId: PalletId = PalletId(*b"lx/treas");
    pub TreasuryAccount: AccountId = TreasuryPalletId::get().into_account_truncating();
    pub const SpendPeriod: BlockNumber = DAYS;
    pub const PayoutPeriod: BlockNumber = 30 * DAYS;
    pub const NoBurn: Permill = Permill::zero();
    /// The most that the council spends at once. A referendum has no limit.
    pub const CouncilSpend: Balance = 50_000 * LX;
    pub const AnySpend: Balance = Balance::MAX;
    pub const PreimageBaseDeposit: Balance = LX;
    pub const PreimageByteDeposit: Balance = LX / 10_000;
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    pub const SubmissionDeposit: Balance = 10 * LX;
    pub const UndecidingTimeout: BlockNumber = 14 * DAYS;
    pub const VoteLockingPeriod: BlockNumber = 7 * DAYS;
}

impl pallet_collective::Config<CouncilInstance> for Runtime {
    type Consideration = ();
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type MaxMembers = ConstU32<13>;
    type MaxProposalWeight = HalfBlock;
    type MaxProposals = ConstU32<20>;
    type MotionDuration = MotionDuration;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    // Holders seat and unseat the council.
    type SetMembersOrigin = EnsureRoot<AccountId>;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Self>;
}

impl pallet_treasury::Config for Runtime {
    type AssetKind = ();
    type BalanceConverter = UnityAssetBalanceConversion;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type Beneficiary = AccountId;
    type BeneficiaryLookup = IdentityLookup<AccountId>;
    type BlockNumberProvider = System;
    type Burn = NoBurn;
    type BurnDestination = ();
    type Currency = Balances;
    type MaxApprovals = ConstU32<100>;
    type PalletId = TreasuryPalletId;
    type Paymaster = PayFromAccount<Balances, TreasuryAccount>;
    type PayoutPeriod = PayoutPeriod;
    type RejectOrigin = RootOrTwoThirds;
    type RuntimeEvent = RuntimeEvent;
    type SpendFunds = ();
    type SpendOrigin = EitherOf<
        EnsureRootWithSuccess<AccountId, AnySpend>,
        EnsureWithSuccess<TwoThirds, AccountId, CouncilSpend>,
    >;
    type SpendPeriod = SpendPeriod;
    type WeightInfo = pallet_treasury::weights::SubstrateWeight<Self>;
}

impl pallet_preimage::Config for Runtime {
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Self>;
}

impl pallet_scheduler::Config for Runtime {
    type BlockNumberProvider = System;
    type MaxScheduledPerBlock = ConstU32<50>;
    type MaximumWeight = HalfBlock;
    type OriginPrivilegeCmp = EqualPrivilegeOnly;
    type PalletsOrigin = OriginCaller;
    type Preimages = Preimage;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Self>;
}

/// One track: whoever submits asks for root.
pub struct Tracks;

impl pallet_referenda::TracksInfo<Balance, BlockNumber> for Tracks {
    type Id = u16;
    type RuntimeOrigin = OriginCaller;

    fn tracks() -> impl Iterator<Item = Cow<'static, Track<Self::Id, Balance, BlockNumber>>> {
        let info = TrackInfo {
            name: s("root"),
            max_deciding: 5,
            decision_deposit: 1_000 * LX,
            prepare_period: DAYS,
            decision_period: 14 * DAYS,
            confirm_period: 2 * DAYS,
            min_enactment_period: 2 * DAYS,
            // At first nearly all votes, in the end more than half of them.
            min_approval: Curve::LinearDecreasing {
                length: Perbill::one(),
                floor: Perbill::from_percent(50),
                ceil: Perbill::from_percent(90),
            },
            // Of all LX that can vote; so that a few cannot decide while nobody looks.
            min_support: Curve::LinearDecreasing {
                length: Perbill::one(),
                floor: Perbill::from_percent(2),
                ceil: Perbill::from_percent(25),
            },
        };
        core::iter::once(Cow::Owned(Track { id: 0, info }))
    }

    fn track_for(origin: &Self::RuntimeOrigin) -> Result<Self::Id, ()> {
        match origin {
            OriginCaller::system(frame_system::RawOrigin::Root) => Ok(0),
            _ => Err(()),
        }
    }
}

impl pallet_referenda::Config for Runtime {
    type AlarmInterval = ConstU32<1>;
    type BlockNumberProvider = System;
    type CancelOrigin = RootOrTwoThirds;
    type Currency = Balances;
    type KillOrigin = EnsureRoot<AccountId>;
    type MaxQueued = ConstU32<100>;
    type Preimages = Preimage;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type Scheduler = Scheduler;
    type Slash = Treasury;
    type SubmissionDeposit = SubmissionDeposit;
    type SubmitOrigin = frame_support::traits::AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type Tally = pallet_conviction_voting::TallyOf<Runtime>;
    type Tracks = Tracks;
    type UndecidingTimeout = UndecidingTimeout;
    type Votes = pallet_conviction_voting::VotesOf<Runtime>;
    type WeightInfo = pallet_referenda::weights::SubstrateWeight<Self>;
}

impl pallet_conviction_voting::Config for Runtime {
    type BlockNumberProvider = System;
    type Currency = Balances;
    type MaxTurnout = frame_support::traits::tokens::currency::ActiveIssuanceOf<Balances, AccountId>;
    type MaxVotes = ConstU32<128>;
    type Polls = Referenda;
    type RuntimeEvent = RuntimeEvent;
    type VoteLockingPeriod = VoteLockingPeriod;
    type VotingHooks = ();
    type WeightInfo = pallet_conviction_voting::weights::SubstrateWeight<Self>;
}
