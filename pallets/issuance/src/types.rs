//! What is stored.

use codec::{Decode, Encode, MaxEncodedLen};
use lunarx_core::{Balance, ByClass};
use scale_info::TypeInfo;

/// An era.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Era {
    /// What was earned by all, in units of each class.
    pub earned: ByClass<u128>,
    /// What it promised each class. Nothing while it runs.
    pub budget: ByClass<Balance>,
    /// Of that, what was not claimed.
    pub left: Balance,
}

/// What one account did in an era, in one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Work {
    /// Its part of what all earned, in units of the class.
    pub weight: u128,
    /// The most that it can be rewarded, in LX-units: a share of what drawn trackers were paid for it, so that whoever
    /// pays oneself loses.
    pub most: Balance,
}
