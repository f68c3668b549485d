//! What is stored.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use lunarx_core::{Balance, BlockNumber, WindowVotes, SEATS};
use scale_info::TypeInfo;

/// Most windows of a contract that are over and not final: three whole ones, and a short last one.
pub const MAX_OPEN_WINDOWS: u32 = 5;

/// How the windows of a contract stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Tally {
    /// The first window that is not final.
    pub first: u32,
    /// Of the windows before it that the contracts have not taken: how many were proven.
    pub proven: u32,
    /// Whether the one before it was.
    pub last: bool,
    /// What the seats said of the windows from `first` on.
    pub votes: BoundedVec<WindowVotes, ConstU32<MAX_OPEN_WINDOWS>>,
}

/// What a tracker's verdicts earned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Credit {
    /// The fees of the windows that it judged and was not yet paid for: its share of the pot.
    pub fees: Balance,
    /// From this block on its next report is free.
    pub free_from: BlockNumber,
}

/// A question to a miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Dispute<AccountId> {
    /// Who asked.
    pub opener: AccountId,
    /// Whether it named a challenge and held a seat of the contract when it asked. Such a question takes the place
    /// of one that is not seated, and nobody takes its place.
    pub seated: bool,
    /// Held from it.
    pub deposit: Balance,
    /// The block of the challenge that it says was not answered.
    pub challenge: Option<BlockNumber>,
    /// The block of the question.
    pub opened: BlockNumber,
    /// The last block in which the miner can answer.
    pub deadline: BlockNumber,
    /// Who called the window of `challenge` valid, and has not shown the answer.
    pub accused: BoundedVec<AccountId, ConstU32<SEATS>>,
}

/// How a loss shows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Cause {
    /// A dispute was not answered in time.
    #[codec(index = 0)]
    Unanswered,
    /// The miner signed a wrong answer.
    #[codec(index = 1)]
    WrongAnswer,
    /// The miner said so.
    #[codec(index = 2)]
    Surrendered,
}
