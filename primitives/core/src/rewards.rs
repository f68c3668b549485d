//! Rewards: what earns newly made LX, as pallets report it and wallets read it.

use crate::{Balance, BlockNumber};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Number of an era: the time for which rewards are reckoned up.
pub type EraIndex = u32;

/// One value for each class of those who earn rewards.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ByClass<Value> {
    /// Who stores: by windows that were proven, each by its price.
    pub miners: Value,
    /// Who audits: by pay for words.
    pub trackers: Value,
    /// Who makes blocks: by blocks.
    pub authors: Value,
    /// Who supplies and creates: by what is paid where they draw a commission.
    pub contributors: Value,
}

impl<Value> ByClass<Value> {
    /// The values, in the order of the fields.
    pub fn as_array(&self) -> [&Value; 4] {
        [&self.miners, &self.trackers, &self.authors, &self.contributors]
    }
}

/// What earns rewards, reported by the pallets in which it happens. Nothing is made here: the earner pulls it when
/// the era is over.
///
/// `pay` is what trackers were paid for the service, those of rounds that began after it did: the part of a fee that
/// nobody can pay to oneself. It measures all work but blocks.
pub trait Rewards<AccountId> {
    /// A miner served, and proved it.
    fn served(miner: &AccountId, pay: Balance);

    /// A tracker was credited for its words.
    fn audited(tracker: &AccountId, pay: Balance);

    /// A supplier drew a commission of `fees`.
    fn contributed(supplier: &AccountId, fees: Balance, pay: Balance);
}

impl<AccountId> Rewards<AccountId> for () {
    fn served(_: &AccountId, _: Balance) {}

    fn audited(_: &AccountId, _: Balance) {}

    fn contributed(_: &AccountId, _: Balance, _: Balance) {}
}

/// How much LX is made, and for whom. Amounts in LX-units.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct EconomyInfo<AccountId> {
    /// The most that may ever be issued.
    pub cap: Balance,
    /// Issued since genesis.
    pub issued: Balance,
    /// Left to issue: `cap - issued`.
    pub unminted: Balance,
    /// On accounts now.
    pub circulating: Balance,
    /// Of `unminted`: promised for eras that are over, and not claimed yet.
    pub promised: Balance,
    /// The running era.
    pub era: EraIndex,
    /// Its first block.
    pub era_start: BlockNumber,
    /// Blocks of an era.
    pub era_blocks: BlockNumber,
    /// What the running era will promise at most, if all classes earn.
    pub emission: Balance,
    /// Of that, for each class.
    pub budget: ByClass<Balance>,
    /// Eras for which a reward can be claimed after its own.
    pub claim_within: EraIndex,
    /// The accounts that hold shares for a purpose.
    pub funds: Vec<FundInfo<AccountId>>,
}

/// An account that holds LX for a purpose.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct FundInfo<AccountId> {
    /// For what.
    pub name: Vec<u8>,
    /// Its account.
    pub account: AccountId,
    /// What it holds.
    pub balance: Balance,
    /// Of that, what has not vested.
    pub vesting: Balance,
}

/// What an account can claim for one era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DueReward {
    /// The era.
    pub era: EraIndex,
    /// By class.
    pub due: ByClass<Balance>,
    /// The last era in which it can be claimed.
    pub until: EraIndex,
}

impl DueReward {
    /// All classes together.
    pub fn total(&self) -> Balance {
        self.due.as_array().into_iter().fold(0, |sum: Balance, due| sum.saturating_add(*due))
    }
}
