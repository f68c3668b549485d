//! Offers: what a miner signs when it reserves space, and what a client brings to the chain.

use crate::{blake2b_256, Balance, BatchRoot, BlockNumber, Commission, ContractId, NodeSignature};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Sets offers apart from anything else that a node key signs.
const OFFER_DOMAIN: &[u8] = b"lunarx/offer/v1";

/// A miner's reservation of space for one client, signed with its node key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Offer<AccountId> {
    /// The miner's account.
    pub miner: AccountId,
    /// The only account that may open a contract on this offer.
    pub client: AccountId,
    /// Most bytes stored under it.
    pub max_bytes: u64,
    /// Most windows of service.
    pub max_windows: u32,
    /// LX-units per GiB and day.
    pub price: Balance,
    /// Last block in which it can be opened.
    pub expires: BlockNumber,
    /// Chosen by the miner: makes offers of the same terms distinct.
    pub nonce: u64,
}

impl<AccountId: Encode> Offer<AccountId> {
    /// The bytes that the miner's node key signs. `genesis` binds them to one chain.
    pub fn payload(&self, genesis: &[u8; 32]) -> Vec<u8> {
        (OFFER_DOMAIN, genesis, self).encode()
    }

    /// The id of the contract that this offer can become.
    pub fn contract_id(&self, genesis: &[u8; 32]) -> ContractId {
        ContractId(blake2b_256(&self.payload(genesis)))
    }
}

/// An offer together with what the client stored under it: one element of `contracts.open`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Promise<AccountId> {
    /// What the miner signed.
    pub offer: Offer<AccountId>,
    /// The miner's node key over `Offer::payload`.
    pub signature: NodeSignature,
    /// Root over the pieces stored.
    pub root: BatchRoot,
    /// Pieces under `root`.
    pub pieces: u32,
    /// Bytes of these pieces, at most `offer.max_bytes`.
    pub bytes: u64,
    /// Term, at most `offer.max_windows`.
    pub windows: u32,
    /// What the client lets an application's supplier draw from the fees.
    pub commission: Option<Commission<AccountId>>,
}
