//! Objects to pieces and back. Pure and synchronous: no file, no network, no clock.
//!
//! ```text
//! put   plaintext ─ seal ─ code ─ wrap ─ commit ─▶ n pieces + descriptor      SegmentEncoder
//! get   k verified ranges ─ check ─ unwrap ─ decode ─ open ─▶ plaintext       SegmentDecoder
//! heal  k verified ranges ─ check ─ unwrap ─ decode ─ wrap ─▶ one piece       PieceRebuilder
//! ```
//!
//! A segment (at most [`MAX_SEGMENT_BYTES`] of an object's plaintext) flows through in stripes of `k`
//! shards of 64 KiB, so memory is bounded by a few stripes whatever its size. An object is a list of
//! segments, described by a sealed [`Manifest`].
//!
//! Formats, byte by byte, stand with the modules that make them: [`seal`], [`layout`], [`coder`],
//! [`wrap`], [`descriptor`], [`manifest`]. Golden vectors hold them still.
//!
//! Invariants:
//! - Bytes from miners enter only as [`VerifiedRange`](lunarx_proof::VerifiedRange)s, whose piece is
//!   compared with the descriptor; plaintext leaves only after its chunk was authenticated.
//! - Everything is a function of its arguments. Randomness enters through [`SegmentId::random`],
//!   [`DataKey::random`] and the nonce of a manifest's seal, nowhere else.
//! - No input makes it panic: wrong input is a [`RowError`].

mod code;
pub mod coder;
mod decode;
pub mod descriptor;
mod encode;
mod error;
mod keys;
pub mod layout;
pub mod manifest;
mod rebuild;
pub mod seal;
#[doc(hidden)]
pub mod steps;
mod stripe;
pub mod wrap;

#[cfg(test)]
mod tests;

pub use code::{Code, CodeError, Codec};
pub use decode::SegmentDecoder;
pub use descriptor::{PieceDescriptor, SegmentDescriptor};
pub use encode::{EncodeError, SegmentEncoder, StripeBlocks};
pub use error::RowError;
pub use keys::{DataKey, ManifestKey, RepairKey, SegmentId, SegmentKeys};
pub use layout::{piece_len, sealed_len, MAX_SEGMENT_BYTES, STRIPES_PER_RANGE, STRIPE_SHARD_BYTES};
pub use manifest::{Manifest, ObjectId, SegmentEntry};
pub use rebuild::PieceRebuilder;
