//! Miners as registered on chain.

use crate::{Balance, BlockNumber, EncryptionKey, NodeId, NodeKey, Score};
use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Most addresses a provider registers.
pub const MAX_ADDRESSES: u32 = 8;
/// Longest address, in bytes of its text.
pub const MAX_ADDRESS_BYTES: u32 = 128;
/// Longest region name, in bytes.
pub const MAX_REGION_BYTES: u32 = 16;

/// A multiaddr in text form, without the peer id.
pub type Address = BoundedVec<u8, ConstU32<MAX_ADDRESS_BYTES>>;
/// Where a provider can be reached.
pub type Addresses = BoundedVec<Address, ConstU32<MAX_ADDRESSES>>;
/// A region's name, as the provider states it: lower-case ASCII letters, digits and `-`.
pub type Region = BoundedVec<u8, ConstU32<MAX_REGION_BYTES>>;

/// Sets registrations apart from anything else that a node key signs.
const REGISTRATION_DOMAIN: &[u8] = b"lunarx/provider/v1";

/// What the node key signs to show that it agrees to belong to `account` on the chain `genesis`.
pub fn registration_payload<AccountId: Encode>(genesis: &[u8; 32], account: &AccountId) -> Vec<u8> {
    (REGISTRATION_DOMAIN, genesis, account).encode()
}

/// Services a provider offers: a set of bits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Services(pub u16);

impl Services {
    /// Stores pieces.
    pub const STORAGE: Self = Self(1);
    /// Hosts encrypted indexes.
    pub const INDEX: Self = Self(1 << 1);
    /// Serves content near its readers.
    pub const DELIVERY: Self = Self(1 << 2);
    /// Every service known to this version.
    pub const KNOWN: Self = Self(0b111);

    /// Whether all of `other` is offered.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a provider says of itself, at registration and at each update.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ProviderDetails {
    /// Its X25519 key.
    pub encryption_key: EncryptionKey,
    /// Where it can be reached: one address at least.
    pub addresses: Addresses,
    /// Where it says it is.
    pub region: Region,
    /// What it offers.
    pub services: Services,
    /// Bytes it promises.
    pub capacity: u64,
    /// LX-units per GiB and day: the floor of its offers.
    pub price: Balance,
}

/// A registered miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProviderInfo<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Its node's public key.
    pub node_key: NodeKey,
    /// Its X25519 key.
    pub encryption_key: EncryptionKey,
    /// Where it can be reached.
    pub addresses: Addresses,
    /// Where it says it is.
    pub region: Region,
    /// What it offers.
    pub services: Services,
    /// Bytes promised.
    pub capacity: u64,
    /// Bytes under pending and active contracts.
    pub used: u64,
    /// LX-units per GiB and day.
    pub price: Balance,
    /// Held from its account.
    pub collateral: Balance,
    /// Set once it announced its exit: the block from which the collateral can be withdrawn.
    pub exit_at: Option<BlockNumber>,
    /// How its contracts went so far.
    pub score: Score,
}

impl<AccountId> ProviderInfo<AccountId> {
    /// Its place in the DHT.
    pub fn node_id(&self) -> NodeId {
        self.node_key.node_id()
    }

    /// Bytes that new contracts may still take.
    pub fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}
