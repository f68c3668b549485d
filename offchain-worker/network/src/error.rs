//! What can go wrong, told with the node it went wrong with.

use crate::Refusal;
use libp2p::Multiaddr;
use lunarx_core::{NodeKey, PieceId};
use lunarx_proof::range::RangeError;
use std::{path::PathBuf, time::Duration};

/// Errors of the network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The node's secret could not be read or made.
    #[error("node secret at {path}: {reason}")]
    Secret {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An address in the configuration cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// Why not.
        reason: String,
    },
    /// The transports could not be set up.
    #[error("transport: {0}")]
    Transport(String),
    /// A service is given to a node that was constructed not to serve.
    #[error("this node was constructed with serve = false, expected true")]
    NotServing,
    /// The runner has ended.
    #[error("the network has stopped")]
    Stopped,
    /// The key is no ed25519 public key, so nobody can prove it.
    #[error("node key {0} is not an ed25519 public key")]
    InvalidKey(NodeKey),
    /// Nobody knows where the node is.
    #[error("no address known for node {node}, neither from the chain nor in the DHT")]
    NoAddress {
        /// The node.
        node: NodeKey,
    },
    /// None of its addresses answers.
    #[error("node {node} cannot be reached: {reason}")]
    Unreachable {
        /// The node.
        node: NodeKey,
        /// What the dials said.
        reason: String,
    },
    /// Another node answers at the address.
    #[error("expected node {expected} at {address}, found node {actual}")]
    WrongIdentity {
        /// The key dialled.
        expected: NodeKey,
        /// The key that the handshake proved.
        actual: NodeKey,
        /// Where it answered.
        address: Multiaddr,
    },
    /// The node broke the protocol before and is kept out for now.
    #[error("node {node} broke the protocol and is blocked for now")]
    Blocked {
        /// The node.
        node: NodeKey,
    },
    /// The node does not serve pieces on this chain.
    #[error("node {node} does not serve pieces of this chain")]
    Unsupported {
        /// The node.
        node: NodeKey,
    },
    /// The connection ended in the middle.
    #[error("connection to node {node} lost: {reason}")]
    ConnectionLost {
        /// The node.
        node: NodeKey,
        /// What the transport said.
        reason: String,
    },
    /// The node took too long.
    #[error("node {node} did not {what} within {after:?}")]
    TimedOut {
        /// The node.
        node: NodeKey,
        /// What it did not do.
        what: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// The node said no.
    #[error("node {node} refused: {refusal}")]
    Refused {
        /// The node.
        node: NodeKey,
        /// Why.
        refusal: Refusal,
    },
    /// The node answered something that the protocol does not allow.
    #[error("node {node} broke the protocol: {reason}")]
    Protocol {
        /// The node.
        node: NodeKey,
        /// What it did.
        reason: String,
    },
    /// The offer is not what was asked for, or not signed by the node.
    #[error("node {node} made a bad offer: {reason}")]
    BadOffer {
        /// The node.
        node: NodeKey,
        /// What is wrong with it.
        reason: String,
    },
    /// The node's bytes are not those of the piece.
    #[error("node {node} sent corrupt bytes of piece {piece} at offset {offset}: {reason}")]
    Corrupt {
        /// The node at fault.
        node: NodeKey,
        /// The piece.
        piece: PieceId,
        /// Start of the range that failed.
        offset: u64,
        /// What the verification said.
        reason: RangeError,
    },
    /// The caller asked for bytes that the piece does not have.
    #[error("bytes {offset}+{len} are outside a piece of {piece_len} bytes")]
    OutsidePiece {
        /// First byte.
        offset: u64,
        /// How many.
        len: u64,
        /// What the piece has.
        piece_len: u64,
    },
    /// The caller put more into a request than it can carry.
    #[error("{count} {what} in one request, expected at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The most.
        max: u32,
    },
}

impl NetworkError {
    /// Whether the same call may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoAddress { .. }
            | Self::Unreachable { .. }
            | Self::ConnectionLost { .. }
            | Self::TimedOut { .. } => true,
            Self::Refused { refusal, .. } => refusal.is_retryable(),
            Self::Secret { .. }
            | Self::Listen { .. }
            | Self::Transport(_)
            | Self::NotServing
            | Self::Stopped
            | Self::InvalidKey(_)
            | Self::WrongIdentity { .. }
            | Self::Blocked { .. }
            | Self::Unsupported { .. }
            | Self::Protocol { .. }
            | Self::BadOffer { .. }
            | Self::Corrupt { .. }
            | Self::OutsidePiece { .. }
            | Self::TooMany { .. } => false,
        }
    }
}
