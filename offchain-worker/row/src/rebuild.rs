//! One lost piece, made again for the same miner or for another.

use crate::{stripe::StripeReader, wrap::Keystream, PieceDescriptor, RepairKey, RowError, SegmentDescriptor};
use lunarx_core::{NodeId, PieceId};
use lunarx_proof::VerifiedRange;

/// Rebuilds one piece from any `k` others, stripe by stripe. Needs the repair key only: what it sees
/// stays sealed.
pub struct PieceRebuilder {
    reader: StripeReader,
    index: u8,
    old: PieceDescriptor,
    miner: NodeId,
    stream: Keystream,
    hasher: blake3::Hasher,
    /// Room for the data of a stripe.
    data: Vec<u8>,
}

impl PieceRebuilder {
    /// Starts to rebuild piece `index`, wrapped for `miner`.
    pub fn new(
        descriptor: &SegmentDescriptor,
        repair: &RepairKey,
        index: u8,
        miner: NodeId,
    ) -> Result<Self, RowError> {
        let reader = StripeReader::new(descriptor, repair)?;
        let Some(&old) = descriptor.pieces.get(usize::from(index)) else {
            return Err(RowError::NoSuchPiece { index, count: descriptor.code.n() });
        };
        let stream = Keystream::new(repair, descriptor.id, index, miner)?;
        let hasher = blake3::Hasher::new();
        Ok(Self { reader, index, old, miner, stream, hasher, data: Vec::new() })
    }

    /// Stripes of the segment, one at least.
    pub fn stripes(&self) -> u64 {
        self.reader.layout().stripes
    }

    /// Offset and length of the blocks of `count` stripes from `first` on, as far as they exist.
    pub fn blocks_range(&self, first: u64, count: u64) -> (u64, u64) {
        self.reader.layout().range(first, count)
    }

    /// The piece's wrapped block of the next stripe, from `k` or more ranges as in
    /// [`SegmentDecoder::decode`](crate::SegmentDecoder::decode).
    pub fn rebuild(&mut self, stripe: u64, blocks: &[(u8, &VerifiedRange)]) -> Result<Vec<u8>, RowError> {
        self.data.clear();
        let shard = self.reader.read(stripe, blocks, &mut self.data)?;
        let mut block = self.reader.piece(self.index, &self.data, shard)?;
        self.stream.apply(stripe, &mut block)?;
        self.hasher.update(&block);
        Ok(block)
    }

    /// What to put into the descriptor in the piece's place. For the same miner it is what stood there.
    pub fn finish(self) -> Result<PieceDescriptor, RowError> {
        let (expected, actual) = (self.stripes(), self.reader.next());
        if actual != expected {
            return Err(RowError::Incomplete { expected, actual });
        }
        let piece = PieceId(*self.hasher.finalize().as_bytes());
        if self.miner == self.old.miner_node && piece != self.old.piece {
            return Err(RowError::Rebuilt { expected: self.old.piece, actual: piece });
        }
        Ok(PieceDescriptor { piece, miner_node: self.miner })
    }
}
