//! Trackers as registered on chain.

use crate::{provider::Addresses, AuditSeed, Balance, BlockNumber, EncryptionKey, NodeId, NodeKey, Region};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Trackers that watch a contract in a round, where so many are bonded.
pub const SEATS: u32 = 3;

/// Number of a round: the time for which trackers hold their seats.
pub type Round = u32;

/// Sets bonds apart from anything else that a node key signs.
const BOND_DOMAIN: &[u8] = b"lunarx/tracker/v1";

/// What the node key signs to show that it agrees to belong to `account` on the chain `genesis`.
pub fn bond_payload<AccountId: Encode>(genesis: &[u8; 32], account: &AccountId) -> Vec<u8> {
    (BOND_DOMAIN, genesis, account).encode()
}

/// What a tracker says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TrackerDetails {
    /// Its X25519 key.
    pub encryption_key: EncryptionKey,
    /// Where it can be reached: one address at least.
    pub addresses: Addresses,
    /// Where it says it is.
    pub region: Region,
}

/// A round: who its members are, and from which seed their seats follow.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RoundDetails<AccountId> {
    /// Its number.
    pub round: Round,
    /// Its first block.
    pub start: BlockNumber,
    /// Gives the seats of every contract (`lunarx_proof::seats`).
    pub seed: AuditSeed,
    /// In the order to which seats refer.
    pub members: Vec<AccountId>,
}

/// Where a tracker stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum TrackerState {
    /// Drawn for seats from the next round on.
    #[codec(index = 0)]
    Active,
    /// Not drawn, because it left windows to others in too many rounds or its bond is under the minimum, until it
    /// says that it is back.
    #[codec(index = 1)]
    Suspended,
    /// Not drawn any more: it announced its exit.
    #[codec(index = 2)]
    Leaving {
        /// The block from which the bond can be withdrawn.
        exit_at: BlockNumber,
    },
}

/// A bonded tracker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TrackerInfo<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Its node's public key.
    pub node_key: NodeKey,
    /// What it says of itself.
    pub details: TrackerDetails,
    /// Held from its account.
    pub bond: Balance,
    /// Where it stands.
    pub state: TrackerState,
    /// Rounds in a row in which it left windows to others.
    pub missed: u32,
    /// Node keys of the verifiers that work for it.
    pub verifiers: Vec<NodeKey>,
    /// Pay for its words on proven windows that it drew and was not yet paid out, in LX-units.
    pub credits: Balance,
}

impl<AccountId> TrackerInfo<AccountId> {
    /// Its place in the DHT.
    pub fn node_id(&self) -> NodeId {
        self.node_key.node_id()
    }
}
