//! Segments and manifests as their users see them.

mod manifest;
mod rebuild;
mod segment;

use crate::{
    Code, DataKey, RepairKey, RowError, SegmentDecoder, SegmentDescriptor, SegmentEncoder, SegmentId,
    SegmentKeys, StripeBlocks, STRIPES_PER_RANGE,
};
use lunarx_core::NodeId;
use lunarx_proof::{commit, encode_range, verify_range, VerifiedRange};
use std::convert::Infallible;

const SEGMENT: SegmentId = SegmentId([3; 32]);

struct Keys {
    data: DataKey,
    repair: RepairKey,
}

impl Keys {
    fn new() -> Self {
        Self { data: DataKey::from_bytes([1; 32]), repair: RepairKey::from_bytes([2; 32]) }
    }

    fn get(&self) -> SegmentKeys<'_> {
        SegmentKeys { data: &self.data, repair: &self.repair }
    }
}

fn code(k: u8, n: u8) -> Code {
    Code::new(k, n).unwrap()
}

fn miners(count: u8) -> Vec<NodeId> {
    (0..count).map(|i| NodeId([i; 32])).collect()
}

/// Reproducible content without a pattern.
fn plaintext(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"plaintext").finalize_xof().fill(&mut bytes);
    bytes
}

/// A segment as stored: its pieces stand for what the miners keep.
#[derive(Clone)]
struct Stored {
    descriptor: SegmentDescriptor,
    pieces: Vec<Vec<u8>>,
    outboards: Vec<Vec<u8>>,
}

impl Stored {
    fn new(code: Code, plain: &[u8]) -> Self {
        Self::pushed_in_steps(code, plain, plain.len().max(1))
    }

    fn pushed_in_steps(code: Code, plain: &[u8], step: usize) -> Self {
        let mut pieces = vec![Vec::new(); usize::from(code.n())];
        let mut next = 0;
        let mut store = |stripe: StripeBlocks| -> Result<(), Infallible> {
            assert_eq!(stripe.index, next);
            next += 1;
            pieces.iter_mut().zip(&stripe.blocks).for_each(|(piece, block)| piece.extend_from_slice(block));
            Ok(())
        };
        let mut encoder = SegmentEncoder::new(SEGMENT, code, Keys::new().get(), &miners(code.n())).unwrap();
        for part in plain.chunks(step) {
            encoder.push(part, &mut store).unwrap();
        }
        let descriptor = encoder.finish(&mut store).unwrap();
        let mut stored = Self { descriptor, pieces, outboards: Vec::new() };
        for (index, piece) in stored.pieces.iter().enumerate() {
            let len = stored.descriptor.piece_len;
            assert_eq!(u64::try_from(piece.len()), Ok(len));
            let (id, outboard) = commit(piece.as_slice(), len).unwrap();
            assert_eq!(stored.descriptor.pieces[index].piece, id);
            stored.outboards.push(outboard);
        }
        stored
    }

    /// Bytes of a piece, as a miner sends and a reader verifies them.
    fn range(&self, index: u8, (offset, len): (u64, u64)) -> VerifiedRange {
        let at = usize::from(index);
        let (piece, piece_len) = (self.descriptor.pieces[at].piece, self.descriptor.piece_len);
        let encoded =
            encode_range(&self.pieces[at], &self.outboards[at], piece, piece_len, offset, len).unwrap();
        verify_range(piece, piece_len, offset, len, &encoded).unwrap()
    }

    /// Puts other bytes in a piece's place, in the descriptor too: a liar that could forge it.
    fn forge(&mut self, index: usize, piece: Vec<u8>) {
        let (id, outboard) = commit(piece.as_slice(), self.descriptor.piece_len).unwrap();
        self.descriptor.pieces[index].piece = id;
        self.pieces[index] = piece;
        self.outboards[index] = outboard;
    }

    fn read(&self, from: &[u8]) -> Result<Vec<u8>, RowError> {
        self.read_with(&self.descriptor, Keys::new().get(), from)
    }

    fn read_with(
        &self,
        descriptor: &SegmentDescriptor,
        keys: SegmentKeys<'_>,
        from: &[u8],
    ) -> Result<Vec<u8>, RowError> {
        let mut decoder = SegmentDecoder::new(descriptor, keys)?;
        let mut out = Vec::new();
        let mut stripe = 0;
        while stripe < decoder.stripes() {
            let span = decoder.blocks_range(stripe, STRIPES_PER_RANGE);
            let ranges: Vec<(u8, VerifiedRange)> =
                from.iter().map(|&index| (index, self.range(index, span))).collect();
            let blocks: Vec<(u8, &VerifiedRange)> = ranges.iter().map(|(i, range)| (*i, range)).collect();
            for _ in 0..STRIPES_PER_RANGE.min(decoder.stripes() - stripe) {
                decoder.decode(stripe, &blocks, &mut out)?;
                stripe += 1;
            }
        }
        decoder.finish()?;
        Ok(out)
    }
}
