//! Ranges of a piece, with the hashes that prove them against its `PieceId`.
//!
//! Flow: a miner [`commit`]s a finished piece (root and outboard), then answers reads with
//! [`encode_range`]; the reader calls [`verify_range`], the only maker of a [`VerifiedRange`].
//!
//! The encoding is that of `bao-tree` with chunk groups of 16 KiB and no length prefix: the tree's
//! hash pairs and groups that the range touches, in pre-order. The outboard holds the hash pairs above
//! the groups, in pre-order, 64 bytes each. Offset and length are rounded out to groups inside the
//! encoding and cut back to what was asked for on verification.
//!
//! Invariants:
//! - Every byte of a `VerifiedRange` is the byte at that offset of the one content that hashes to its
//!   `PieceId`: BLAKE3 hashes the position of each chunk along with it.
//! - The length of a piece is the caller's to know (from a descriptor or a contract). Verified under a
//!   wrong length, a range fails or holds the right bytes; it never holds wrong ones.

use bao_tree::{
    io::{
        outboard::PreOrderOutboard,
        sync::{encode_ranges, outboard, DecodeResponseIter, Size},
        BaoContentItem, DecodeError,
    },
    BaoTree, BlockSize, ChunkNum, ChunkRanges,
};
use lunarx_core::PieceId;
use std::io::{self, Read};

/// Positioned reads: of a `File`, a `Vec<u8>`, a `&[u8]`.
pub use bao_tree::io::sync::ReadAt;

/// Bytes of a chunk group, the unit that ranges are proven in.
pub const GROUP_BYTES: u64 = 16 * 1024;
/// Most payload bytes in one encoded range.
pub const MAX_RANGE_BYTES: u64 = 1 << 20;
/// Longest piece whose ranges are encoded or verified; far above what a segment can make.
pub const MAX_PIECE_BYTES: u64 = 1 << 40;

/// BLAKE3 chunks in a group: 2^4.
const GROUP: BlockSize = BlockSize::from_chunk_log(4);
/// Bytes of a BLAKE3 chunk.
const CHUNK_BYTES: u64 = 1024;
/// Bytes of a pair of hashes.
pub(crate) const PAIR_BYTES: u64 = 64;
/// Most pairs on one path from the root to a group, in a piece of [`MAX_PIECE_BYTES`].
const MAX_DEPTH: u64 = 26;

/// Why a range was not encoded or not verified.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// Nothing was asked for, more than [`MAX_RANGE_BYTES`], or something outside the piece.
    #[error("bytes {offset}+{len} are not 1 to {MAX_RANGE_BYTES} bytes of a piece of {piece_len}")]
    Bounds {
        /// First byte.
        offset: u64,
        /// Bytes asked for.
        len: u64,
        /// Bytes in the piece.
        piece_len: u64,
    },
    /// The piece is longer than [`MAX_PIECE_BYTES`].
    #[error("piece of {0} bytes, expected at most {MAX_PIECE_BYTES}")]
    PieceTooLong(u64),
    /// The outboard is not one of a piece of that length.
    #[error("outboard of {actual} bytes, expected {expected}")]
    Outboard {
        /// What a piece of that length has.
        expected: u64,
        /// What was given.
        actual: u64,
    },
    /// The bytes do not hash to the piece's id.
    #[error("bytes at offset {offset} do not belong to piece {piece}")]
    Corrupt {
        /// The piece asked for.
        piece: PieceId,
        /// Where the first mismatch was seen.
        offset: u64,
    },
    /// The encoding ends early or goes on after its end.
    #[error("encoded range of {actual} bytes has a wrong length")]
    WrongLength {
        /// What was given.
        actual: usize,
    },
    /// Reading the piece failed.
    #[error("reading the piece: {0}")]
    Io(#[from] io::Error),
}

/// Bytes of a piece that were checked against its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRange {
    piece: PieceId,
    offset: u64,
    bytes: Vec<u8>,
}

impl VerifiedRange {
    /// The piece that they are part of.
    pub fn piece(&self) -> PieceId {
        self.piece
    }

    /// Offset of the first byte in the piece.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The part from `offset` in the piece, `len` bytes long; `None` unless it is all here.
    pub fn part(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        self.bytes.get(start..end)
    }
}

/// Reads a whole piece of `len` bytes and returns its id and its outboard (64 bytes for each 16 KiB
/// beyond the first). Fails if `data` ends earlier or goes on.
pub fn commit(mut data: impl Read, len: u64) -> io::Result<(PieceId, Vec<u8>)> {
    if len > MAX_PIECE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, RangeError::PieceTooLong(len)));
    }
    let tree = BaoTree::new(len, GROUP);
    let size = usize::try_from(tree.outboard_size())
        .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
    let mut hashes = PreOrderOutboard { root: blake3::Hash::from_bytes([0; 32]), tree, data: vec![0; size] };
    let root = outboard(&mut data, tree, &mut hashes)?;
    if data.read(&mut [0])? != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("piece is longer than {len} bytes")));
    }
    Ok((PieceId(*root.as_bytes()), hashes.data))
}

/// Encodes bytes `offset..offset + len` of a piece with the hashes that prove them.
///
/// The bytes are not checked here: a miner with a bad disk answers wrongly, and the reader finds out.
pub fn encode_range(
    data: impl ReadAt,
    outboard: &[u8],
    piece: PieceId,
    piece_len: u64,
    offset: u64,
    len: u64,
) -> Result<Vec<u8>, RangeError> {
    let span = Span::new(piece_len, offset, len)?;
    let tree = BaoTree::new(piece_len, GROUP);
    let actual = u64::try_from(outboard.len()).unwrap_or(u64::MAX);
    if actual != tree.outboard_size() {
        return Err(RangeError::Outboard { expected: tree.outboard_size(), actual });
    }
    let window = Window::read(&data, &span, piece_len)?;
    let hashes = PreOrderOutboard { root: blake3::Hash::from_bytes(piece.0), tree, data: outboard };
    let mut encoded = Vec::with_capacity(max_encoded_len(len));
    encode_ranges(window, hashes, &span.chunks(), &mut encoded).map_err(io::Error::from)?;
    Ok(encoded)
}

/// Checks what [`encode_range`] made of the same arguments, by whomever.
pub fn verify_range(
    piece: PieceId,
    piece_len: u64,
    offset: u64,
    len: u64,
    encoded: &[u8],
) -> Result<VerifiedRange, RangeError> {
    let span = Span::new(piece_len, offset, len)?;
    let wrong_length = || RangeError::WrongLength { actual: encoded.len() };
    if encoded.len() > max_encoded_len(len) {
        return Err(wrong_length());
    }
    let tree = BaoTree::new(piece_len, GROUP);
    let ranges = span.chunks();
    let mut unread = encoded;
    let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(|_| wrong_length())?);
    for item in DecodeResponseIter::new(blake3::Hash::from_bytes(piece.0), tree, &mut unread, &ranges) {
        let leaf = match item {
            Ok(BaoContentItem::Leaf(leaf)) => leaf,
            Ok(BaoContentItem::Parent(_)) => continue,
            Err(DecodeError::LeafHashMismatch(chunk)) => {
                return Err(RangeError::Corrupt { piece, offset: chunk.to_bytes() })
            }
            Err(DecodeError::ParentHashMismatch(_)) => return Err(RangeError::Corrupt { piece, offset }),
            Err(DecodeError::ParentNotFound(_) | DecodeError::LeafNotFound(_)) => return Err(wrong_length()),
            Err(DecodeError::Io(error)) => return Err(error.into()),
        };
        bytes.extend_from_slice(span.cut(leaf.offset, &leaf.data));
    }
    if !unread.is_empty() || u64::try_from(bytes.len()) != Ok(len) {
        return Err(wrong_length());
    }
    Ok(VerifiedRange { piece, offset, bytes })
}

/// Most bytes that a range of `len` payload bytes encodes to.
pub fn max_encoded_len(len: u64) -> usize {
    let groups = len.min(MAX_RANGE_BYTES).div_ceil(GROUP_BYTES) + 1;
    let bytes = groups * GROUP_BYTES + (groups + 2 * MAX_DEPTH) * PAIR_BYTES;
    usize::try_from(bytes).expect("at most 1.1 MiB for MAX_RANGE_BYTES; qed")
}

/// A range within bounds.
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    fn new(piece_len: u64, offset: u64, len: u64) -> Result<Self, RangeError> {
        if piece_len > MAX_PIECE_BYTES {
            return Err(RangeError::PieceTooLong(piece_len));
        }
        match offset.checked_add(len) {
            Some(end) if len > 0 && len <= MAX_RANGE_BYTES && end <= piece_len => {
                Ok(Self { start: offset, end })
            }
            _ => Err(RangeError::Bounds { offset, len, piece_len }),
        }
    }

    /// First byte of the first group touched.
    fn group_start(&self) -> u64 {
        self.start / GROUP_BYTES * GROUP_BYTES
    }

    /// First byte after the last group touched, which may lie beyond the piece.
    fn group_end(&self) -> u64 {
        self.end.div_ceil(GROUP_BYTES) * GROUP_BYTES
    }

    fn chunks(&self) -> ChunkRanges {
        ChunkRanges::from(
            ChunkNum(self.group_start() / CHUNK_BYTES)..ChunkNum(self.group_end() / CHUNK_BYTES),
        )
    }

    /// What of a leaf at `offset` was asked for.
    fn cut<'a>(&self, offset: u64, leaf: &'a [u8]) -> &'a [u8] {
        let index =
            |at: u64| usize::try_from(at.saturating_sub(offset)).map_or(leaf.len(), |i| i.min(leaf.len()));
        leaf.get(index(self.start)..index(self.end)).unwrap_or_default()
    }
}

/// The groups of one range, read in one go.
struct Window {
    start: u64,
    bytes: Vec<u8>,
    piece_len: u64,
}

impl Window {
    fn read(data: &impl ReadAt, span: &Span, piece_len: u64) -> io::Result<Self> {
        let start = span.group_start();
        let len = usize::try_from(span.group_end().min(piece_len) - start)
            .expect("MAX_RANGE_BYTES and two groups at most; qed");
        let mut bytes = vec![0; len];
        data.read_exact_at(start, &mut bytes)?;
        Ok(Self { start, bytes, piece_len })
    }
}

impl ReadAt for Window {
    fn read_at(&self, pos: u64, buf: &mut [u8]) -> io::Result<usize> {
        let from = pos.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let rest = from.and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

impl Size for Window {
    fn size(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.piece_len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(len: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        blake3::Hasher::new().update(&len.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    struct Piece {
        bytes: Vec<u8>,
        id: PieceId,
        outboard: Vec<u8>,
    }

    impl Piece {
        fn new(len: u64) -> Self {
            let bytes = content(len);
            let (id, outboard) = commit(bytes.as_slice(), len).unwrap();
            Self { bytes, id, outboard }
        }

        fn len(&self) -> u64 {
            self.bytes.len().try_into().unwrap()
        }

        fn encode(&self, offset: u64, len: u64) -> Vec<u8> {
            encode_range(&self.bytes, &self.outboard, self.id, self.len(), offset, len).unwrap()
        }

        fn verify(&self, offset: u64, len: u64, encoded: &[u8]) -> Result<VerifiedRange, RangeError> {
            verify_range(self.id, self.len(), offset, len, encoded)
        }
    }

    #[test]
    fn id_is_the_plain_blake3_hash() {
        for len in [0, 1, 1024, 16_384, 16_385, 100_000] {
            let piece = Piece::new(len);
            assert_eq!(piece.id.0, *blake3::hash(&piece.bytes).as_bytes());
            assert_eq!(piece.outboard.len(), usize::try_from(len.div_ceil(16_384).max(1) - 1).unwrap() * 64);
        }
    }

    #[test]
    fn commit_refuses_another_length() {
        assert!(commit([0; 10].as_slice(), 9).is_err());
        assert!(commit([0; 10].as_slice(), 11).is_err());
        assert!(commit(io::empty(), MAX_PIECE_BYTES + 1).is_err());
    }

    #[test]
    fn ranges_at_the_edges_of_groups() {
        for len in [1, 1023, 16_383, 16_384, 16_385, 65_536, 300_001, 2 << 20] {
            let piece = Piece::new(len);
            for offset in [0, 1, 1024, 16_383, 16_384, 16_385, 65_535, len - 1] {
                for count in [1, 1024, 16_384, 16_385, 65_536, MAX_RANGE_BYTES, len.saturating_sub(offset)] {
                    if offset >= len || count == 0 || offset + count > len || count > MAX_RANGE_BYTES {
                        continue;
                    }
                    let encoded = piece.encode(offset, count);
                    assert!(encoded.len() <= max_encoded_len(count), "{len} {offset} {count}");
                    let range = piece.verify(offset, count, &encoded).unwrap();
                    let (start, end) =
                        (usize::try_from(offset).unwrap(), usize::try_from(offset + count).unwrap());
                    assert_eq!(range.bytes(), &piece.bytes[start..end]);
                    assert_eq!((range.piece(), range.offset()), (piece.id, offset));
                }
            }
        }
    }

    #[test]
    fn refuses_ranges_out_of_bounds() {
        let piece = Piece::new(2 << 20);
        let encoded = piece.encode(0, 1);
        for (offset, len) in
            [(0, 0), (2 << 20, 1), (0, MAX_RANGE_BYTES + 1), (u64::MAX, 2), ((2 << 20) - 1, 2)]
        {
            assert!(matches!(piece.verify(offset, len, &encoded), Err(RangeError::Bounds { .. })));
            let made = encode_range(&piece.bytes, &piece.outboard, piece.id, piece.len(), offset, len);
            assert!(matches!(made, Err(RangeError::Bounds { .. })));
        }
        assert!(matches!(verify_range(piece.id, u64::MAX, 0, 1, &[]), Err(RangeError::PieceTooLong(_))));
    }

    #[test]
    fn refuses_an_outboard_of_another_length() {
        let piece = Piece::new(100_000);
        let made = encode_range(&piece.bytes, &piece.outboard[64..], piece.id, piece.len(), 0, 1);
        assert!(matches!(made, Err(RangeError::Outboard { expected: 384, actual: 320 })));
    }

    #[test]
    fn flipped_byte_on_disk_is_found_by_the_reader() {
        let mut piece = Piece::new(100_000);
        piece.bytes[50_000] ^= 1;
        let encoded = piece.encode(40_000, 20_000);
        assert!(matches!(
            piece.verify(40_000, 20_000, &encoded),
            Err(RangeError::Corrupt { offset: 49_152, .. })
        ));
        let elsewhere = piece.encode(0, 20_000);
        piece.verify(0, 20_000, &elsewhere).unwrap();
    }

    #[test]
    fn parts_of_a_verified_range() {
        let piece = Piece::new(100_000);
        let range = piece.verify(1_000, 50_000, &piece.encode(1_000, 50_000)).unwrap();
        assert_eq!(range.part(2_000, 10), Some(&piece.bytes[2_000..2_010]));
        assert_eq!(range.part(999, 10), None);
        assert_eq!(range.part(50_999, 2), None);
        assert_eq!(range.part(u64::MAX, u64::MAX), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_changed_byte_is_caught(
            len in 1u64..200_000,
            at in any::<prop::sample::Index>(),
            offset in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let piece = Piece::new(len);
            let offset = u64::try_from(offset.index(usize::try_from(len).unwrap())).unwrap();
            let count = (len - offset).min(70_000);
            let mut encoded = piece.encode(offset, count);
            prop_assert!(piece.verify(offset, count, &encoded).is_ok());
            let at = at.index(encoded.len());
            encoded[at] ^= 1 << bit;
            prop_assert!(piece.verify(offset, count, &encoded).is_err());
        }

        #[test]
        fn cut_or_extended_encodings_are_refused(len in 1u64..200_000, cut in any::<prop::sample::Index>()) {
            let piece = Piece::new(len);
            let mut encoded = piece.encode(0, len);
            let cut = cut.index(encoded.len());
            prop_assert!(piece.verify(0, len, &encoded[..cut]).is_err());
            encoded.push(0);
            prop_assert!(piece.verify(0, len, &encoded).is_err());
        }

        #[test]
        fn wrong_length_never_yields_wrong_bytes(len in 1u64..200_000, claimed in 1u64..400_000) {
            let piece = Piece::new(len);
            let count = len.min(claimed).min(20_000);
            if let Ok(range) = verify_range(piece.id, claimed, 0, count, &piece.encode(0, count)) {
                prop_assert_eq!(range.bytes(), &piece.bytes[..usize::try_from(count).unwrap()]);
            }
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), len in 1u64..100_000) {
            prop_assert!(verify_range(PieceId([7; 32]), len, 0, len, &bytes).is_err());
        }
    }
}
