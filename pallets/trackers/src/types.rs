//! What is stored.

use codec::{Decode, Encode, MaxEncodedLen};
use lunarx_core::{
    AuditSeed, Balance, BlockNumber, NodeKey, Round, TrackerDetails, TrackerState, MAX_ADDRESSES,
};
use scale_info::TypeInfo;

/// A bonded tracker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Tracker<Verifiers> {
    /// Its node's public key. Does not change.
    pub node_key: NodeKey,
    /// What it says of itself.
    pub details: TrackerDetails,
    /// Held from its account.
    pub bond: Balance,
    /// Where it stands.
    pub state: TrackerState,
    /// Rounds in a row in which it left windows to others.
    pub missed: u32,
    /// The last such round.
    pub missed_in: Round,
    /// Node keys of the verifiers that work for it.
    pub verifiers: Verifiers,
}

/// A round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct RoundInfo {
    /// Its first block.
    pub start: BlockNumber,
    /// From which its seats follow.
    pub seed: AuditSeed,
    /// How many members it has.
    pub members: u32,
}

/// How many addresses there are to check and store.
pub(crate) fn address_count(details: &TrackerDetails) -> u32 {
    u32::try_from(details.addresses.len()).unwrap_or(MAX_ADDRESSES)
}
