//! What can go wrong between plaintext and pieces.

use crate::{CodeError, SegmentId};
use lunarx_core::PieceId;

/// Why a segment or a manifest was not made or not read. None of them is worth a retry with the same
/// arguments; those about pieces are healed by other pieces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Not a code rate.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// One miner is needed for each piece.
    #[error("{actual} miners for {expected} pieces")]
    MinerCount {
        /// Pieces.
        expected: usize,
        /// Miners given.
        actual: usize,
    },
    /// More plaintext than a segment holds.
    #[error("segment is longer than {max} bytes")]
    SegmentTooLong {
        /// Most bytes in a segment.
        max: u64,
    },
    /// Stripes are read in order, each once.
    #[error("stripe {actual} was given, expected stripe {expected}")]
    StripeOrder {
        /// The next stripe.
        expected: u64,
        /// The one given.
        actual: u64,
    },
    /// Fewer than `k` pieces.
    #[error("{have} pieces are here, {needed} are needed")]
    TooFewPieces {
        /// The code's `k`.
        needed: usize,
        /// Pieces given.
        have: usize,
    },
    /// A piece number outside the code.
    #[error("piece {index} does not exist, the segment has {count}")]
    NoSuchPiece {
        /// The number given.
        index: u8,
        /// The code's `n`.
        count: u8,
    },
    /// A piece was given twice.
    #[error("piece {index} was given twice")]
    PieceTwice {
        /// Its number.
        index: u8,
    },
    /// Verified bytes of something else.
    #[error("bytes for piece {index} belong to {actual}, expected {expected}")]
    WrongPiece {
        /// The piece's number.
        index: u8,
        /// Its id.
        expected: PieceId,
        /// What the bytes were verified against.
        actual: PieceId,
    },
    /// The verified range does not hold the whole block of the stripe.
    #[error("range of piece {index} does not hold its block of stripe {stripe}")]
    BlockMissing {
        /// The piece's number.
        index: u8,
        /// The stripe.
        stripe: u64,
    },
    /// Made by a later version, or not at all by us.
    #[error("{what} has version {actual}, expected {expected}")]
    Version {
        /// What was read.
        what: &'static str,
        /// The version known here.
        expected: u8,
        /// The version found.
        actual: u8,
    },
    /// The sealed bytes are those of another segment.
    #[error("sealed bytes belong to segment {actual}, expected {expected}")]
    WrongSegment {
        /// The segment asked for.
        expected: SegmentId,
        /// The segment named in the header.
        actual: SegmentId,
    },
    /// Sealed under another data key or manifest key, or tampered with in its header.
    #[error("{0} was sealed under another key")]
    WrongKey(&'static str),
    /// A chunk is not what was sealed at its place.
    #[error("chunk {0} of the segment does not authenticate")]
    CorruptChunk(u64),
    /// A manifest is not what was sealed.
    #[error("manifest does not authenticate")]
    CorruptManifest,
    /// Reading ended before the last stripe.
    #[error("{actual} of {expected} stripes were read")]
    Incomplete {
        /// Stripes of the segment.
        expected: u64,
        /// Stripes read.
        actual: u64,
    },
    /// The piece rebuilt for its own miner is not the piece that was lost.
    #[error("rebuilt piece is {actual}, expected {expected}")]
    Rebuilt {
        /// The id in the descriptor.
        expected: PieceId,
        /// The id of what was rebuilt.
        actual: PieceId,
    },
    /// Something that is decoded breaks its format.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something is larger than its limit.
    #[error("{what} is {actual}, expected at most {max}")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// Its limit.
        max: usize,
        /// What was found.
        actual: usize,
    },
    /// A cipher or coder refused arguments that were checked before: a defect in this crate.
    #[error("{0} failed")]
    Internal(&'static str),
}
