//! The LunarX SDK: files into the network and back.
//!
//! ```text
//! put   choose miners ─ reserve ─ encode ═▶ upload ─ replace failures ─ note ─ open ─ accepts ─ catalogue
//! get   catalogue ─ k pieces at once, hedged ═▶ verify ─ decode ═▶ writer
//! audit catalogue ─ watermarks of each piece ═▶ verify ─ who damaged, who refuses
//! rescue  as get ─ and what is refused from answers to challenges ═▶ verify ─ folder ─ decode ═▶ file
//! ```
//!
//! - [`Seed`] (24 words) is all a user must keep: [`Keys`] derives every key from it, and a
//!   [`keystore`] holds it encrypted.
//! - [`Catalogue`]: sealed manifests, in a local folder in this version; the copy in the network comes
//!   later, so whoever loses the folder loses the way to the objects.
//! - [`Client`] joins chain, network, keys and catalogue. It is generic over the chain
//!   ([`lunarx_chain::Chain`]) and never trusts a miner: every byte that arrives is verified first.
//!
//! Invariants:
//! - Memory is bounded by [`limits`], whatever an object's size.
//! - A put that reports success has its manifest on disk and at least `k` pieces of each segment under
//!   active contracts. A put that fails ends every contract that it opened; what it could not end is
//!   named in the error.
//! - No contract is sent to the chain before a record on disk names it ([`journal`]): whatever becomes of
//!   the program, [`Client::remove`] can end it.
//! - A get writes verified plaintext only, and leaves no partial file.
#![warn(missing_docs)]

mod audit;
pub mod catalogue;
mod client;
mod contracts;
mod error;
mod estimate;
mod fetch;
mod file;
mod get;
pub mod journal;
pub mod keys;
pub mod keystore;
pub mod limits;
mod live;
pub mod marks;
mod opening;
pub mod placement;
pub mod progress;
mod put;
mod reader;
mod removal;
mod replace;
mod rescue;
mod reserve;
mod sealed;
mod status;
mod terms;
mod upload;

// The tests within share the small world of those outside, which knows this crate by its name.
#[cfg(test)]
extern crate self as lunarx_client;
#[cfg(test)]
mod tests;

pub use audit::{AuditOutcome, Disputed, MarkCounts, MinerAudit, PieceAudit};
pub use catalogue::{Catalogue, CatalogueError};
pub use client::{Client, ClientConfig};
pub use error::{lx, ClientError, Fault, MinerFault, PieceFault};
pub use get::GetOutcome;
pub use journal::PendingPut;
pub use keys::{Keys, Seed, SeedError};
pub use keystore::KeystoreError;
pub use live::{LiveContract, LiveContracts, Owner};
pub use placement::{Candidate, Estimate};
pub use progress::{Event, NoProgress, Phase, Progress};
pub use put::{PutOutcome, PutRequest};
pub use removal::RemoveOutcome;
pub use rescue::{Pace, Rescue, RescueProgress};
pub use status::{ObjectStatus, PieceStatus, SegmentStatus};
pub use terms::{TermEnd, Terms};

pub use lunarx_network::NetworkError;
pub use lunarx_row::{Code, CodeError, DataKey, Manifest, ObjectId, RepairKey, RowError};
