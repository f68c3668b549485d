//! What is kept of a segment: enough, with the keys, to read it back.
//!
//! ```text
//! bytes  SCALE encoding (numbers little-endian)
//!     1  version: 1
//!    32  segment id
//!     1  k
//!     1  n
//!     1  codec: 0 direct, 1 GF(2^8), 2 GF(2^16)
//!     8  plaintext bytes
//!     2  watermarks: 0, none in version 1
//!  n·64  piece 0 .. n-1: PieceId (32), NodeId of the miner it is wrapped for (32)
//! ```
//! Lengths of the sealed segment and of the pieces follow from code and plaintext (`layout`) and are
//! not encoded.

use crate::{
    layout::{Layout, MAX_SEGMENT_BYTES},
    Code, Codec, RowError, SegmentId,
};
use codec::{Decode, Encode, Error, Input, Output};
use lunarx_core::{NodeId, PieceId};

/// Version of the format.
pub const VERSION: u8 = 1;

/// One piece of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PieceDescriptor {
    /// BLAKE3 root of its stored bytes.
    pub piece: PieceId,
    /// The node that it is wrapped for.
    pub miner_node: NodeId,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentDescriptor {
    /// Its id.
    pub id: SegmentId,
    /// Its code rate.
    pub code: Code,
    /// How its pieces were computed.
    pub codec: Codec,
    /// Bytes of plaintext.
    pub plain_len: u64,
    /// Bytes once sealed.
    pub sealed_len: u64,
    /// Bytes of each piece.
    pub piece_len: u64,
    /// Watermarks in its pieces: 0, none in this version.
    pub marks: u16,
    /// Its `n` pieces, in order.
    pub pieces: Vec<PieceDescriptor>,
}

impl SegmentDescriptor {
    /// A descriptor with the lengths that follow from `code` and `plain_len`.
    pub(crate) fn new(
        id: SegmentId,
        code: Code,
        codec: Codec,
        plain_len: u64,
        pieces: Vec<PieceDescriptor>,
    ) -> Self {
        let layout = Layout::new(code, plain_len);
        let (sealed_len, piece_len) = (layout.sealed_len, layout.piece_len());
        Self { id, code, codec, plain_len, sealed_len, piece_len, marks: 0, pieces }
    }

    /// Whether its parts fit together and this version can read it.
    pub(crate) fn check(&self) -> Result<(), RowError> {
        let malformed = |reason| Err(RowError::Malformed { what: "segment", reason });
        let layout = Layout::new(self.code, self.plain_len);
        if self.plain_len > MAX_SEGMENT_BYTES {
            return Err(RowError::SegmentTooLong { max: MAX_SEGMENT_BYTES });
        }
        if (self.sealed_len, self.piece_len) != (layout.sealed_len, layout.piece_len()) {
            return malformed("lengths do not follow from code and plaintext");
        }
        if self.pieces.len() != self.code.total() {
            return malformed("number of pieces is not n");
        }
        if !self.codec.supports(self.code) {
            return malformed("codec does not make this code");
        }
        if self.marks != 0 {
            return malformed("watermarks are not known to this version");
        }
        Ok(())
    }
}

impl Encode for SegmentDescriptor {
    fn size_hint(&self) -> usize {
        46 + self.pieces.len() * 64
    }

    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        (VERSION, self.id, self.code, self.codec, self.plain_len, self.marks).encode_to(dest);
        self.pieces.iter().for_each(|piece| piece.encode_to(dest));
    }
}

impl Decode for SegmentDescriptor {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        if input.read_byte()? != VERSION {
            return Err("unknown version of a segment descriptor".into());
        }
        let (id, code, codec, plain_len) = <(SegmentId, Code, Codec, u64)>::decode(input)?;
        let marks = u16::decode(input)?;
        // At most 255 pieces: the number is a byte.
        let pieces = (0..code.n()).map(|_| PieceDescriptor::decode(input)).collect::<Result<_, _>>()?;
        let descriptor = Self { marks, ..Self::new(id, code, codec, plain_len, pieces) };
        match descriptor.check() {
            Ok(()) => Ok(descriptor),
            Err(error) => Err(Error::from("segment descriptor is malformed").chain(error.to_string())),
        }
    }
}
