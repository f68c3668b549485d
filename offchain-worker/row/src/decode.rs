//! Check → unwrap → decode → open, stripe by stripe.

use crate::{
    layout::in_memory, seal::Opener, stripe::StripeReader, RowError, SegmentDescriptor, SegmentKeys,
};
use lunarx_proof::VerifiedRange;

/// Reads one segment back.
///
/// # Guarantees
/// - Plaintext appears in `out` only after its chunk was authenticated at its place.
/// - A stripe that was refused for want of pieces, or for wrong ones, can be given again.
/// - The segment is whole once [`finish`](Self::finish) says so, not before.
/// - Holds one stripe and one chunk of sealed bytes.
pub struct SegmentDecoder {
    reader: StripeReader,
    opener: Opener,
    /// Sealed bytes that make no full chunk yet.
    sealed: Vec<u8>,
    /// Sealed bytes of the stripes to come.
    unread: u64,
}

impl SegmentDecoder {
    /// Starts to read the segment that `descriptor` describes.
    pub fn new(descriptor: &SegmentDescriptor, keys: SegmentKeys<'_>) -> Result<Self, RowError> {
        let reader = StripeReader::new(descriptor, keys.repair)?;
        let opener = Opener::new(keys.data, descriptor.id, descriptor.plain_len)?;
        Ok(Self { reader, opener, sealed: Vec::new(), unread: descriptor.sealed_len })
    }

    /// Stripes of the segment, one at least.
    pub fn stripes(&self) -> u64 {
        self.reader.layout().stripes
    }

    /// Offset and length of the block of `stripe`, the same in all pieces. No length: no such stripe.
    pub fn block_range(&self, stripe: u64) -> (u64, u64) {
        self.blocks_range(stripe, 1)
    }

    /// Offset and length of the blocks of `count` stripes from `first` on, as far as they exist. Up to
    /// [`STRIPES_PER_RANGE`](crate::STRIPES_PER_RANGE) of them make one verified range.
    pub fn blocks_range(&self, first: u64, count: u64) -> (u64, u64) {
        self.reader.layout().range(first, count)
    }

    /// Reads the next stripe from `k` or more ranges, each with its piece's number and holding at least
    /// the stripe's block. Appends the plaintext that is complete to `out`, which may be none.
    pub fn decode(
        &mut self,
        stripe: u64,
        blocks: &[(u8, &VerifiedRange)],
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        let start = self.sealed.len();
        self.reader.read(stripe, blocks, &mut self.sealed)?;
        let data = self.sealed.len() - start;
        let real = data.min(in_memory(self.unread));
        self.sealed.truncate(start + real);
        self.unread = self.unread.saturating_sub(u64::try_from(real).unwrap_or(u64::MAX));
        let read = self.opener.open(&self.sealed, out)?;
        self.sealed.drain(..read);
        Ok(())
    }

    /// Whether the whole segment came out.
    pub fn finish(self) -> Result<(), RowError> {
        if !self.opener.is_done() || !self.sealed.is_empty() {
            let (expected, actual) = (self.stripes(), self.reader.next());
            return Err(RowError::Incomplete { expected, actual });
        }
        Ok(())
    }
}
