//! What is stored.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use lunarx_core::{Balance, BlockNumber, Dues, Standing, WindowVotes, SEATS};
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
    /// Whether a dispute is open: so that reports need not look.
    pub disputed: bool,
    /// Words on the proven ones: the contracts have not paid for them.
    pub words: u32,
    /// Of these, those of rounds that began after the acceptance.
    pub aged: u32,
    /// Words for which their seats have not drawn their pay.
    pub dues: Dues,
    /// What the seats said of the windows from `first` on.
    pub votes: BoundedVec<WindowVotes, ConstU32<MAX_OPEN_WINDOWS>>,
}

/// What a tracker earned, and when it speaks for free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Credit {
    /// Pay for its words that it drew and was not yet paid out, in LX-units.
    pub amount: Balance,
    /// From this block on its next report is free.
    pub free_from: BlockNumber,
}

/// A question to a miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Dispute<AccountId> {
    /// Who asked.
    pub opener: AccountId,
    /// As what it asked.
    pub standing: Standing,
    /// Held from it.
    pub deposit: Balance,
    /// The block of the challenge that it says was not answered.
    pub challenge: Option<BlockNumber>,
    /// The block of the question.
    pub opened: BlockNumber,
    /// The last block in which the miner can answer.
    pub deadline: BlockNumber,
    /// The block of the question whose place this one took: an answer to it may be on its way.
    pub replaced: Option<BlockNumber>,
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
