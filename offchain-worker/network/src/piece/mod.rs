//! The piece protocol, `/lunarx/<chain>/piece/1`: one stream an operation.
//!
//! ```text
//! client                                     miner or tracker
//! Reserve ────────────────────────────────▶
//!         ◀──────────────────────────────── Offer | Refused
//!
//! Store ──────────────────────────────────▶
//!         ◀──────────────────────────────── Ready{offset} | Refused
//! Data … Data, Finish{len} ───────────────▶
//!         ◀──────────────────────────────── Done{piece} | Refused, at any point
//!
//! Retrieve{piece, offset, len} ───────────▶
//!         ◀──────────────────────────────── Range … Range | Refused, at any point
//!
//! Release{contract} ──────────────────────▶
//!         ◀──────────────────────────────── Released | Refused
//!
//! Prove{contract, block} ─────────────────▶
//!         ◀──────────────────────────────── Proven | Refused
//! Heartbeat ──────────────────────────────▶
//!         ◀──────────────────────────────── Heartbeat | Refused
//!
//! Announce | Result ──────────────────────▶ (a tracker)
//!         ◀──────────────────────────────── Noted | Refused
//! Locate | Resolve ───────────────────────▶
//!         ◀──────────────────────────────── Nodes | Refused
//! Tasks ──────────────────────────────────▶
//!         ◀──────────────────────────────── Tasks | Refused
//! ```
//! `offset` is what the miner has of the piece, so a Store resumes. The request must be there soon after
//! the stream, and `Data` is never empty: an idle stream holds no slot for long.
//!
//! Frames and messages are in [`wire`]. The ranges of an answer are consecutive and cut by
//! [`wire::next_range`], so both sides know each one's place and length beforehand.

pub(crate) mod bucket;
pub(crate) mod client;
mod download;
mod frame;
pub(crate) mod server;
mod service;
mod session;
mod tracker;
mod upload;
pub(crate) mod wire;

pub use download::PieceDownload;
pub use service::{EncodedRange, Heartbeat, PieceService};
pub use tracker::{
    Announcement, ResolveRequest, Task, TaskOutcome, TaskResult, TrackerService, MAX_ENTRIES, MAX_EXCLUDED,
    MAX_NODES, MAX_TASKS,
};
pub use upload::PieceUpload;
pub use wire::{Refusal, ReserveRequest, SignedOffer, MAX_DATA_BYTES};
