//! What a miner does behind the protocol.

use super::wire::{Refusal, ReserveRequest, SignedOffer};
use async_trait::async_trait;
use bytes::Bytes;
use codec::{Decode, Encode};
use lunarx_core::{BlockNumber, ContractId, NodeKey, PieceId};
use lunarx_proof::Answer;

/// A range of a piece with the hashes that prove it: `lunarx_proof::range::encode_range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRange {
    /// Bytes of the whole piece.
    pub piece_len: u64,
    /// The encoding.
    pub bytes: Vec<u8>,
}

/// That a miner is there, and how full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Heartbeat {
    /// Bytes that can still be reserved.
    pub free: u64,
    /// Bytes stored.
    pub stored: u64,
}

/// A miner's answers. Every call names the peer by the key that its connection proved.
///
/// # Guarantees asked of an implementation
/// - Calls for different pieces may come at the same time; calls of one stream come one after another.
/// - `append` returns once the bytes are taken over: the protocol reads no further until then, which is
///   what holds up a sender that is faster than the disk.
/// - A refusal ends the stream.
#[async_trait]
pub trait PieceService: Send + Sync + 'static {
    /// Holds space and signs an offer.
    async fn reserve(&self, peer: NodeKey, request: ReserveRequest) -> Result<SignedOffer, Refusal>;

    /// Bytes of the piece that are here: where the upload goes on.
    async fn written(&self, peer: NodeKey, contract: ContractId, index: u32) -> Result<u64, Refusal>;

    /// Takes the bytes at `offset`, which follow those that came before; at most 1 MiB.
    async fn append(
        &self,
        peer: NodeKey,
        contract: ContractId,
        index: u32,
        offset: u64,
        bytes: Bytes,
    ) -> Result<(), Refusal>;

    /// Completes a piece of `len` bytes, durably, and says what it hashes to. Idempotent.
    async fn finish(
        &self,
        peer: NodeKey,
        contract: ContractId,
        index: u32,
        len: u64,
    ) -> Result<PieceId, Refusal>;

    /// Reads bytes `offset..offset + len` of a piece, at most `MAX_RANGE_BYTES`, and encodes them.
    async fn read(
        &self,
        peer: NodeKey,
        piece: PieceId,
        offset: u64,
        len: u64,
    ) -> Result<EncodedRange, Refusal>;

    /// Gives up a reservation of this peer that has not become a contract: drops its pieces and frees its
    /// space and quota. `NotFound` if nothing is reserved under it: a repeated release may say so.
    async fn release(&self, peer: NodeKey, contract: ContractId) -> Result<(), Refusal>;

    /// Answers the challenge of a contract in a block, if there is one. A service that keeps no contracts
    /// refuses.
    async fn prove(
        &self,
        _peer: NodeKey,
        _contract: ContractId,
        _block: BlockNumber,
    ) -> Result<Answer, Refusal> {
        Err(Refusal::Unavailable)
    }

    /// Says that the miner is there. A service that counts no space refuses.
    async fn heartbeat(&self) -> Result<Heartbeat, Refusal> {
        Err(Refusal::Unavailable)
    }
}
