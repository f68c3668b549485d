//! What a tracker does behind the protocol, and the messages for it.

use super::wire::Refusal;
use async_trait::async_trait;
use codec::{Decode, Encode};
use lunarx_core::{Balance, BlockNumber, ContractId, NodeKey, PieceId};
use lunarx_proof::{Answer, BatchEntry, MAX_BATCH_PIECES};

/// Most entries in an [`Announcement`]: those of the largest batch.
pub const MAX_ENTRIES: u32 = MAX_BATCH_PIECES;
/// Most nodes that a [`ResolveRequest`] excludes.
pub const MAX_EXCLUDED: u32 = 64;
/// Most nodes that a [`ResolveRequest`] asks for, and that any answer names.
pub const MAX_NODES: u32 = 255;
/// Most tasks in one answer.
pub const MAX_TASKS: u32 = 64;

/// What a miner tells a tracker of a contract that it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Announcement {
    /// The contract.
    pub contract: ContractId,
    /// Its batch, in order; [`MAX_ENTRIES`] at most.
    pub entries: Vec<BatchEntry>,
}

/// Which miners a client looks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ResolveRequest {
    /// Bytes that each must have free.
    pub bytes: u64,
    /// How many miners; [`MAX_NODES`] at most.
    pub count: u32,
    /// The most that each may ask, LX-units per GiB and day.
    pub max_price: Balance,
    /// Miners not to name; [`MAX_EXCLUDED`] at most.
    pub exclude: Vec<NodeKey>,
}

/// A challenge that a verifier takes off its tracker's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Task {
    /// The contract.
    pub contract: ContractId,
    /// The block whose seed challenges it.
    pub block: BlockNumber,
    /// Whom to ask.
    pub miner: NodeKey,
}

/// What became of a [`Task`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TaskResult {
    /// The contract.
    pub contract: ContractId,
    /// The block whose seed challenges it.
    pub block: BlockNumber,
    /// What the miner did.
    pub outcome: TaskOutcome,
}

/// What a miner did when a verifier asked it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TaskOutcome {
    /// It answered. The tracker verifies the answer itself.
    #[codec(index = 0)]
    Answered(Answer),
    /// It was there and did not answer.
    #[codec(index = 1)]
    Refused,
    /// It could not be reached.
    #[codec(index = 2)]
    Unreachable,
}

/// A tracker's answers. `miner` and `verifier` are the keys that the connection proved.
///
/// # Guarantees given
/// Lists are within their bounds, nothing else is checked: entries, prices and proofs are what the peer
/// says.
///
/// # Guarantees asked of an implementation
/// Lists in answers beyond their bounds are cut.
#[async_trait]
pub trait TrackerService: Send + Sync + 'static {
    /// Notes which pieces a miner keeps under a contract.
    async fn announce(&self, miner: NodeKey, announcement: Announcement) -> Result<(), Refusal>;

    /// Miners that keep a piece; [`MAX_NODES`] at most.
    async fn locate(&self, piece: PieceId) -> Result<Vec<NodeKey>, Refusal>;

    /// Miners for new pieces, the best first; `request.count` at most.
    async fn resolve(&self, request: ResolveRequest) -> Result<Vec<NodeKey>, Refusal>;

    /// Challenges for a verifier of this tracker; the lesser of `most` and [`MAX_TASKS`] at most.
    async fn tasks(&self, verifier: NodeKey, most: u32) -> Result<Vec<Task>, Refusal>;

    /// Takes what became of a task.
    async fn result(&self, verifier: NodeKey, result: TaskResult) -> Result<(), Refusal>;
}
