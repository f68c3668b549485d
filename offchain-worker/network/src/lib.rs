//! The data plane: nodes find each other and hand each other pieces.
//!
//! Flow: [`construct`] makes a [`Network`] (a handle, cheap to clone) and a [`NetworkRunner`], which
//! drives the libp2p swarm until it is cancelled. A client calls [`Network::reserve`],
//! [`Network::store`], [`Network::retrieve`] and [`Network::release`]; a miner gives its
//! [`PieceService`] to [`Network::serve`]. A tracker calls [`Network::prove`] and [`Network::heartbeat`],
//! and gives its [`TrackerService`] to [`Network::serve_tracker`].
//!
//! Invariants:
//! - A node is its ed25519 key. Every connection's handshake proves one; a connection that proves a key
//!   of another kind, or another key than the one dialled, is closed before anything is served on it.
//! - Whatever comes from a peer is bounded before it is read and decoded before it is used; bytes of a
//!   piece reach the caller as [`VerifiedRange`] only.
//! - Every wait ends: by an answer, a timeout or the end of the runner.
//! - Memory is bounded by [`Limits`]: a slow reader holds up its sender.

mod address;
mod audit;
mod behaviour;
mod config;
mod dial;
mod entry;
mod error;
mod gate;
mod handle;
mod identity;
mod kademlia;
mod piece;
mod runner;
mod streams;
mod transport;

pub use config::{Config, Limits};
pub use error::NetworkError;
pub use handle::{construct, Network};
pub use identity::{node_key_of, peer_id_of, verify_signature, NodeSecret, NODE_KEY_FILE};
pub use libp2p::{Multiaddr, PeerId};
pub use lunarx_proof::range::{VerifiedRange, MAX_RANGE_BYTES};
pub use piece::{
    Announcement, EncodedRange, Heartbeat, PieceDownload, PieceService, PieceUpload, Refusal, ReserveRequest,
    ResolveRequest, SignedOffer, Task, TaskOutcome, TaskResult, TrackerService, MAX_DATA_BYTES, MAX_ENTRIES,
    MAX_EXCLUDED, MAX_NODES, MAX_TASKS,
};
pub use runner::NetworkRunner;
