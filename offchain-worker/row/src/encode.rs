//! Seal → code → wrap → commit, stripe by stripe.

use crate::{
    coder::Coder,
    layout::{in_memory, last_shard},
    seal::Sealer,
    wrap::Keystream,
    Code, Codec, PieceDescriptor, RowError, SegmentDescriptor, SegmentId, SegmentKeys, STRIPE_SHARD_BYTES,
};
use lunarx_core::{NodeId, PieceId};

/// Room for a sealed chunk beyond a full stripe.
const OVERHANG_BYTES: usize = 65 * 1024;

/// The wrapped blocks of one stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeBlocks {
    /// The stripe's number.
    pub index: u64,
    /// A block for each of the `n` pieces, in their order, all of the same length.
    pub blocks: Vec<Vec<u8>>,
}

/// Why encoding ended.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError<E> {
    /// The segment cannot be made.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The caller's function failed.
    #[error("passing a stripe on: {0}")]
    Sink(E),
}

/// Makes the pieces of one segment.
///
/// # Guarantees
/// - The same segment id, code, keys, miners and plaintext make the same pieces, however the plaintext
///   is cut.
/// - Holds one stripe of sealed bytes, and one of blocks until the sink takes them.
///
/// After an error it is of no more use.
///
/// # A segment id is used once
/// The keys, nonces and keystreams of seal and wrap follow from the object's keys and the segment id.
/// Encoding the same bytes again would do no harm, but nobody can tell that a source is still the same: a
/// file is written to, a pipe gives other bytes. If it is not, two plaintexts are sealed under the same
/// nonces, which gives away their difference and, with AES-GCM, the means to forge chunks. So an upload that
/// broke off goes on with blocks that were made already or is healed from the other pieces by
/// [`PieceRebuilder`](crate::PieceRebuilder), and what is encoded again gets a new id.
pub struct SegmentEncoder {
    segment: SegmentId,
    codec: Codec,
    sealer: Sealer,
    writer: StripeWriter,
}

impl SegmentEncoder {
    /// Starts a segment; piece `i` is wrapped for `miners[i]`.
    ///
    /// `segment` must be new: see the type.
    pub fn new(
        segment: SegmentId,
        code: Code,
        keys: SegmentKeys<'_>,
        miners: &[NodeId],
    ) -> Result<Self, RowError> {
        if miners.len() != code.total() {
            return Err(RowError::MinerCount { expected: code.total(), actual: miners.len() });
        }
        let codec = Codec::for_code(code);
        let mut sealed = Vec::with_capacity(code.data() * STRIPE_SHARD_BYTES + OVERHANG_BYTES);
        let sealer = Sealer::new(keys.data, segment, &mut sealed)?;
        let pieces = (0..code.n())
            .zip(miners)
            .map(|(index, &miner)| {
                let stream = Keystream::new(keys.repair, segment, index, miner)?;
                Ok(PieceWriter { miner, stream, hasher: blake3::Hasher::new() })
            })
            .collect::<Result<_, RowError>>()?;
        let writer = StripeWriter { code, coder: Coder::new(code, codec)?, sealed, pieces, next: 0 };
        Ok(Self { segment, codec, sealer, writer })
    }

    /// Takes plaintext; full stripes come out through `out`.
    pub fn push<E>(
        &mut self,
        plain: &[u8],
        out: &mut impl FnMut(StripeBlocks) -> Result<(), E>,
    ) -> Result<(), EncodeError<E>> {
        let mut plain = plain;
        while !plain.is_empty() {
            plain = self.sealer.push(plain, &mut self.writer.sealed)?;
            self.writer.write_full(out)?;
        }
        Ok(())
    }

    /// Ends the segment; what is left comes out through `out`.
    pub fn finish<E>(
        self,
        out: &mut impl FnMut(StripeBlocks) -> Result<(), E>,
    ) -> Result<SegmentDescriptor, EncodeError<E>> {
        let Self { segment, codec, sealer, mut writer } = self;
        let plain_len = sealer.finish(&mut writer.sealed)?;
        writer.write_full(out)?;
        writer.write_last(out)?;
        let pieces = writer.pieces.iter().map(PieceWriter::descriptor).collect();
        Ok(SegmentDescriptor::new(segment, writer.code, codec, plain_len, pieces))
    }
}

/// Turns sealed bytes into wrapped stripes.
struct StripeWriter {
    code: Code,
    coder: Coder,
    /// Sealed bytes that make no full stripe yet.
    sealed: Vec<u8>,
    pieces: Vec<PieceWriter>,
    next: u64,
}

/// What is kept of a piece while it is made.
struct PieceWriter {
    miner: NodeId,
    stream: Keystream,
    hasher: blake3::Hasher,
}

impl PieceWriter {
    fn descriptor(&self) -> PieceDescriptor {
        PieceDescriptor { piece: PieceId(*self.hasher.finalize().as_bytes()), miner_node: self.miner }
    }
}

impl StripeWriter {
    fn write_full<E>(
        &mut self,
        out: &mut impl FnMut(StripeBlocks) -> Result<(), E>,
    ) -> Result<(), EncodeError<E>> {
        while self.sealed.len() >= self.code.data() * STRIPE_SHARD_BYTES {
            self.write(STRIPE_SHARD_BYTES, out)?;
        }
        Ok(())
    }

    fn write_last<E>(
        &mut self,
        out: &mut impl FnMut(StripeBlocks) -> Result<(), E>,
    ) -> Result<(), EncodeError<E>> {
        if self.sealed.is_empty() {
            return Ok(());
        }
        let rest = u64::try_from(self.sealed.len()).unwrap_or(u64::MAX);
        let shard = in_memory(last_shard(self.code, rest));
        self.sealed.resize(self.code.data() * shard, 0);
        self.write(shard, out)
    }

    /// Codes, wraps and hashes the first `k` shards of what is sealed.
    fn write<E>(
        &mut self,
        shard: usize,
        out: &mut impl FnMut(StripeBlocks) -> Result<(), E>,
    ) -> Result<(), EncodeError<E>> {
        let data = &self.sealed[..self.code.data() * shard];
        let mut blocks = Vec::with_capacity(self.code.total());
        blocks.extend(data.chunks_exact(shard).map(<[u8]>::to_vec));
        blocks.resize_with(self.code.total(), || vec![0; shard]);
        self.coder.encode(data, shard, &mut blocks[self.code.data()..])?;
        let index = self.next;
        for (block, piece) in blocks.iter_mut().zip(&mut self.pieces) {
            piece.stream.apply(index, block)?;
            piece.hasher.update(block);
        }
        self.sealed.drain(..self.code.data() * shard);
        self.next += 1;
        out(StripeBlocks { index, blocks }).map_err(EncodeError::Sink)
    }
}
