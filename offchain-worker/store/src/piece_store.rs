//! The store as its callers see it.

use crate::{BatchEntry, StoreError, Usage};
use lunarx_core::{BlockNumber, ContractId, NodeKey, PieceId};
use lunarx_proof::ChunkProof;

/// Space promised to a client before it pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The node that may write; the store notes it for its caller, who checks it.
    pub owner: NodeKey,
    /// Most bytes of all pieces together. There may be one piece for each 4 KiB of it, but at least one and
    /// no more than [`MAX_PIECES_PER_CONTRACT`](crate::MAX_PIECES_PER_CONTRACT).
    pub max_bytes: u64,
    /// Last block in which a contract can be opened on it; the caller removes it afterwards.
    pub expires: BlockNumber,
    /// The signed offer, opaque here; at most [`MAX_OFFER_BYTES`](crate::MAX_OFFER_BYTES).
    pub offer: Vec<u8>,
}

/// One contract as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredContract {
    /// Its id.
    pub contract: ContractId,
    /// How it began.
    pub reservation: Reservation,
    /// Whether it is kept: closed for writing, and charged for what it holds.
    pub kept: bool,
    /// Bytes of its finished pieces that are not lost.
    pub bytes: u64,
    /// Bytes of those that were found lost or damaged.
    pub lost: u64,
}

/// A range of a piece as it goes over the wire: for `lunarx_proof::verify_range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRange {
    /// Bytes of the whole piece.
    pub piece_len: u64,
    /// The range and the hashes that prove it.
    pub bytes: Vec<u8>,
}

/// What one step of the garbage collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Entries deleted; 0 if there was nothing to delete that can be deleted now.
    pub entries: usize,
    /// Bytes given back.
    pub bytes: u64,
}

/// What one step of the scrubber saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Pieces read.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pieces that could not be looked at this time: nothing is known of them.
    pub unread: u64,
    /// What was found damaged and was not known to be. It is not served any more.
    pub faults: Vec<Fault>,
    /// Whether all has been read; the next step begins anew.
    pub ended: bool,
}

/// A damaged piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose it is.
    pub contract: ContractId,
    /// Its number in it.
    pub index: u32,
    /// The piece.
    pub piece: PieceId,
    /// What is wrong with it.
    pub reason: String,
}

/// Pieces under contracts.
///
/// # Guarantees
/// - What `reserve`, `finish`, `keep` and `remove` report as done survives a crash.
/// - Appended bytes that were not finished may be lost by a crash, and damaged by a power cut. `written` then
///   says how far to go back, or the finished piece has another id than its sender computed.
/// - An error leaves everything as it was, unless [`StoreError::is_fatal`]. Nothing that failed to reach
///   the disk is reported as done later.
pub trait PieceStore: Send + Sync + 'static {
    /// Sets space aside for `contract`: `max_bytes`, at least 4 KiB, and the hashes that go with them.
    fn reserve(&self, contract: ContractId, reservation: Reservation) -> Result<(), StoreError>;

    /// Bytes of piece `index` so far: the offset at which to go on.
    fn written(&self, contract: ContractId, index: u32) -> Result<u64, StoreError>;

    /// Appends `bytes` at `offset`, which must be where the piece ends. Returns its new length.
    fn append(&self, contract: ContractId, index: u32, offset: u64, bytes: &[u8]) -> Result<u64, StoreError>;

    /// Ends a piece of `len` bytes: from now on it is readable and does not change. Doing it again
    /// gives the same answer, also once the contract is kept. If its bytes did not reach the disk, the piece
    /// starts again: `written` is 0 after the error.
    fn finish(&self, contract: ContractId, index: u32, len: u64) -> Result<PieceId, StoreError>;

    /// The finished pieces of a contract in the order of their indices, without those lost.
    fn batch(&self, contract: ContractId) -> Result<Vec<BatchEntry>, StoreError>;

    /// Closes a contract for writing and charges it for its finished pieces only. Unfinished ones are
    /// dropped. Doing it again changes nothing.
    fn keep(&self, contract: ContractId) -> Result<(), StoreError>;

    /// Drops a contract with all its pieces and frees their space. An unknown contract is no error.
    fn remove(&self, contract: ContractId) -> Result<(), StoreError>;

    /// Up to `most` contracts that come after `after`, in the order of their ids.
    fn contracts(&self, after: Option<ContractId>, most: usize) -> Result<Vec<StoredContract>, StoreError>;

    /// Bytes `offset..offset + len` of a finished piece and the hashes that prove them; at most
    /// `lunarx_proof::MAX_RANGE_BYTES`.
    fn read_range(&self, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, StoreError>;

    /// Chunk `chunk` of a finished piece and its siblings. With a bad disk they prove nothing.
    fn prove_chunk(&self, piece: PieceId, chunk: u64) -> Result<ChunkProof, StoreError>;

    /// Gives back the space of what was removed: in one step some `most` bytes, so that the caller sets the
    /// rate. Nothing that a contract holds is touched.
    fn collect(&self, most: u64) -> Result<Collected, StoreError>;

    /// Compares some `most` bytes of finished pieces with their ids, going on where the last step ended, also
    /// over restarts. A damaged piece counts as lost from then on, and as whole if a later step finds it so.
    fn scrub(&self, most: u64) -> Result<Scrubbed, StoreError>;

    /// The space as it stands.
    fn usage(&self) -> Usage;
}
