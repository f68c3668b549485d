//! A miner's piece store: space reserved for contracts, pieces written into it, proven ranges read
//! out of it.
//!
//! A contract begins as a reservation of space. Pieces are appended under it, resumable by offset,
//! and finished, which fixes their [`PieceId`](lunarx_core::PieceId) and makes them readable. Once
//! the contract stands on chain the reservation is kept: what is finished stays, the rest of the
//! space is free again, and nobody writes under it any more.
//!
//! All calls are synchronous and safe from many threads; async callers use a blocking thread.
//!
//! Invariants, held by every [`PieceStore`] here and shown by one suite of tests over all of them:
//! - Bytes reserved and stored, hashes included, never exceed the quota.
//! - A piece is visible whole or not at all, whatever was interrupted.
//! - A piece never changes between finish and remove.
//! - The store does not vouch for its bytes: whoever reads checks them against the `PieceId`.

mod error;
mod memory;
mod piece_store;
mod rules;
mod space;
mod store;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use lunarx_proof::BatchEntry;
pub use memory::MemoryStore;
pub use piece_store::{Collected, EncodedRange, Fault, PieceStore, Reservation, Scrubbed, StoredContract};
pub use rules::{MAX_OFFER_BYTES, MAX_PIECES_PER_CONTRACT, MAX_PIECE_BYTES};
pub use space::Usage;
pub use store::{Remote, Store, StoreConfig, DEFAULT_FLOOR};
