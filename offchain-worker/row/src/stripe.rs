//! Check → unwrap → decode of one stripe: what reading and rebuilding share.

use crate::{
    coder::{Coder, Slot},
    layout::{in_memory, Layout},
    wrap::Keystream,
    Code, RepairKey, RowError, SegmentDescriptor,
};
use lunarx_core::PieceId;
use lunarx_proof::VerifiedRange;

/// Reads the stripes of a segment in order, without opening its seal.
pub(crate) struct StripeReader {
    code: Code,
    layout: Layout,
    pieces: Vec<PieceId>,
    streams: Vec<Keystream>,
    coder: Coder,
    next: u64,
}

impl StripeReader {
    pub fn new(descriptor: &SegmentDescriptor, repair: &RepairKey) -> Result<Self, RowError> {
        descriptor.check()?;
        let code = descriptor.code;
        let streams = (0..code.n())
            .zip(&descriptor.pieces)
            .map(|(index, piece)| Keystream::new(repair, descriptor.id, index, piece.miner_node))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            code,
            layout: Layout::new(code, descriptor.plain_len),
            pieces: descriptor.pieces.iter().map(|piece| piece.piece).collect(),
            streams,
            coder: Coder::new(code, descriptor.codec)?,
            next: 0,
        })
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The stripe to be read next: as many were read.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Appends the `k` data shards of `stripe` to `data` and returns the length of one of them. After
    /// an error nothing was appended, and the same stripe can be tried with other pieces.
    pub fn read(
        &mut self,
        stripe: u64,
        blocks: &[(u8, &VerifiedRange)],
        data: &mut Vec<u8>,
    ) -> Result<usize, RowError> {
        if stripe != self.next || stripe >= self.layout.stripes {
            return Err(RowError::StripeOrder { expected: self.next, actual: stripe });
        }
        let start = data.len();
        let chosen = self.choose(stripe, blocks)?;
        let read = self.restore(stripe, &chosen, data);
        match read {
            Ok(_) => self.next += 1,
            Err(_) => data.truncate(start),
        }
        read
    }

    /// Computes the coded block of a piece from the data of a stripe.
    pub fn piece(&mut self, index: u8, data: &[u8], shard: usize) -> Result<Vec<u8>, RowError> {
        self.coder.piece(index, data, shard)
    }

    /// The blocks of exactly `k` pieces, by piece; data before parity, since it costs nothing.
    fn choose<'a>(
        &self,
        stripe: u64,
        blocks: &[(u8, &'a VerifiedRange)],
    ) -> Result<Vec<Option<&'a [u8]>>, RowError> {
        let (offset, len) = self.layout.range(stripe, 1);
        let mut chosen = vec![None; self.code.total()];
        for &(index, range) in blocks {
            let at = usize::from(index);
            let (Some(slot), Some(&expected)) = (chosen.get_mut(at), self.pieces.get(at)) else {
                return Err(RowError::NoSuchPiece { index, count: self.code.n() });
            };
            if slot.is_some() {
                return Err(RowError::PieceTwice { index });
            }
            if range.piece() != expected {
                return Err(RowError::WrongPiece { index, expected, actual: range.piece() });
            }
            let block = range.part(offset, len).ok_or(RowError::BlockMissing { index, stripe })?;
            *slot = Some(block);
        }
        let mut here = chosen.iter_mut().filter(|slot| slot.is_some());
        let have = here.by_ref().take(self.code.data()).count();
        if have < self.code.data() {
            return Err(RowError::TooFewPieces { needed: self.code.data(), have });
        }
        here.for_each(|spare| *spare = None);
        Ok(chosen)
    }

    fn restore(
        &mut self,
        stripe: u64,
        chosen: &[Option<&[u8]>],
        data: &mut Vec<u8>,
    ) -> Result<usize, RowError> {
        let start = data.len();
        let shard = in_memory(self.layout.shard_len(stripe));
        let mut slots = Vec::with_capacity(chosen.len());
        for (index, (block, stream)) in chosen.iter().zip(&self.streams).enumerate() {
            let is_data = index < self.code.data();
            slots.push(match block {
                Some(block) if is_data => {
                    let from = data.len();
                    data.extend_from_slice(block);
                    stream.apply(stripe, &mut data[from..])?;
                    Slot::InPlace
                }
                Some(block) => {
                    let mut block = block.to_vec();
                    stream.apply(stripe, &mut block)?;
                    Slot::Parity(block)
                }
                None => {
                    if is_data {
                        data.resize(data.len() + shard, 0);
                    }
                    Slot::Missing
                }
            });
        }
        self.coder.restore(&mut data[start..], shard, &mut slots)?;
        Ok(shard)
    }
}
