//! Roots of pieces and of batches of pieces, challenges and their proofs: computed and verified with the
//! same code on chain and off.
//!
//! - A [`PieceId`](lunarx_core::PieceId) is the plain BLAKE3 hash of a piece's stored bytes, whose tree
//!   proves single chunks (`chunk`) and ranges.
//! - A [`BatchRoot`](lunarx_core::BatchRoot) commits a contract to its pieces and their lengths (`batch`).
//! - A block's seed says which contracts are challenged in it, and at which bytes (`challenge`); a
//!   [`LeafProof`] answers for one of them (`leaf`). A round's seed says who watches it (`sortition`).
//!
//! Off chain, the feature `range` adds `range`: parts of a piece that travel with the hashes that
//! prove them; and `prove`: the proofs of chunks, from a piece and its outboard.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod answer;
mod batch;
mod challenge;
mod chunk;
mod leaf;
#[cfg(any(test, feature = "benchmarks"))]
mod longest;
#[cfg(feature = "range")]
mod prove;
#[cfg(feature = "range")]
pub mod range;
mod sortition;
mod tree;

pub use answer::{
    challenged, dispute_seed, proves_all, questioned, Answer, Proofs, DISPUTE_BLOCKS, MAX_PROOFS,
};
pub use batch::{batch_path, batch_root, BatchEntry, Subtree};
pub use challenge::{Draw, Rate};
pub use chunk::{chunk_len, chunks_of, verify_chunk, CHUNK_BYTES};
pub use leaf::{Covered, LeafProof, MAX_AUDITED_PIECE_BYTES, MAX_BATCH_PIECES, MAX_LEAF_PROOF_BYTES};
#[cfg(feature = "benchmarks")]
pub use longest::{longest_proof, shortest_proof};
#[cfg(feature = "range")]
pub use prove::{prove_chunk, ChunkProof};
#[cfg(feature = "range")]
pub use range::{
    commit, encode_range, max_encoded_len, verify_range, RangeError, ReadAt, VerifiedRange, GROUP_BYTES,
    MAX_PIECE_BYTES, MAX_RANGE_BYTES,
};
pub use sortition::{seat_holders, seats, BIRTH_BLOCKS};
