//! Where the sealed bytes of a segment lie in its pieces.
//!
//! The sealed bytes are cut into stripes of `k` × 64 KiB, and each stripe into `k` shards of 64 KiB:
//! shard `i` is bytes `i·64 KiB ..` of the stripe. The rest `r` after the full stripes, if any, makes a
//! last stripe of shards of `⌈r / k⌉` bytes rounded up to a multiple of 64, filled up with zeros. The
//! coder adds `n - k` shards of the same length. Piece `i` is shard `i` of each stripe, one after the
//! other (wrapped), so the block of a stripe lies at the same place in all pieces.

use crate::{
    seal::{CHUNK_BYTES, HEADER_BYTES, TAG_BYTES},
    Code,
};
use lunarx_proof::MAX_RANGE_BYTES;

/// Bytes of one shard of a full stripe.
pub const STRIPE_SHARD_BYTES: usize = 64 * 1024;
/// Most plaintext bytes in a segment.
pub const MAX_SEGMENT_BYTES: u64 = 512 << 20;
/// Full stripes whose blocks fit into one verified range.
pub const STRIPES_PER_RANGE: u64 = MAX_RANGE_BYTES / SHARD;

/// Shards are multiples of it, as the coders like them.
const SHARD_ALIGNMENT: u64 = 64;
const SHARD: u64 = 64 * 1024;

/// Bytes of a segment with this much plaintext once sealed.
pub fn sealed_len(plain: u64) -> u64 {
    let tags = chunks(plain).saturating_mul(TAG_BYTES);
    plain.saturating_add(tags).saturating_add(HEADER_BYTES)
}

/// Bytes of each piece of a segment with this much plaintext.
pub fn piece_len(code: Code, plain: u64) -> u64 {
    Layout::new(code, plain).piece_len()
}

/// Chunks of the seal: one at least.
pub(crate) fn chunks(plain: u64) -> u64 {
    plain.div_ceil(CHUNK_BYTES).max(1)
}

/// The stripes of one segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Bytes of the sealed segment.
    pub sealed_len: u64,
    /// Stripes, one at least.
    pub stripes: u64,
    /// Bytes of a shard of the last stripe.
    last_shard: u64,
}

impl Layout {
    pub fn new(code: Code, plain: u64) -> Self {
        let sealed_len = sealed_len(plain);
        let stripe = u64::from(code.k()) * SHARD;
        let full = (sealed_len - 1) / stripe;
        let rest = sealed_len - full * stripe;
        Self { sealed_len, stripes: full + 1, last_shard: last_shard(code, rest) }
    }

    pub fn piece_len(&self) -> u64 {
        (self.stripes - 1).saturating_mul(SHARD).saturating_add(self.last_shard)
    }

    /// Bytes of a shard of `stripe`.
    pub fn shard_len(&self, stripe: u64) -> u64 {
        match (stripe + 1).cmp(&self.stripes) {
            std::cmp::Ordering::Less => SHARD,
            std::cmp::Ordering::Equal => self.last_shard,
            std::cmp::Ordering::Greater => 0,
        }
    }

    /// Offset and length of the blocks of `count` stripes from `first` on, as far as they exist.
    pub fn range(&self, first: u64, count: u64) -> (u64, u64) {
        let offset = |stripe: u64| stripe.saturating_mul(SHARD).min(self.piece_len());
        let start = offset(first);
        (start, offset(first.saturating_add(count)) - start)
    }
}

/// Bytes of a shard of a stripe that holds `rest` sealed bytes.
pub(crate) fn last_shard(code: Code, rest: u64) -> u64 {
    rest.div_ceil(u64::from(code.k())).next_multiple_of(SHARD_ALIGNMENT)
}

/// A length in memory. Those of a stripe are at most 255 × 64 KiB.
pub(crate) fn in_memory(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_small_and_full_segments() {
        let code = Code::new(4, 8).unwrap();
        assert_eq!(sealed_len(0), 88);
        assert_eq!(sealed_len(1), 89);
        assert_eq!(sealed_len(65_536), 72 + 65_552);
        assert_eq!(sealed_len(65_537), 72 + 65_552 + 17);
        assert_eq!(piece_len(code, 0), 64);
        assert_eq!(piece_len(code, 1_000), 320);
        let full = piece_len(code, MAX_SEGMENT_BYTES);
        assert_eq!(full, (134_217_728 + 32_768_u64 + 18).next_multiple_of(64));
    }

    #[test]
    fn ranges_cover_the_piece_once() {
        for (k, n) in [(1, 1), (1, 3), (4, 8), (29, 80), (255, 255)] {
            let code = Code::new(k, n).unwrap();
            let stripe = u64::from(k) * SHARD;
            for plain in [0, 1, 65_535, 65_536, stripe - 89, stripe - 88, stripe - 87, stripe, 5 * stripe + 7]
            {
                let layout = Layout::new(code, plain);
                let mut end = 0;
                for stripe in 0..layout.stripes {
                    let (offset, len) = layout.range(stripe, 1);
                    assert_eq!((offset, len), (end, layout.shard_len(stripe)));
                    assert!(len > 0 && len <= SHARD && len % 64 == 0);
                    end += len;
                }
                assert_eq!(end, layout.piece_len());
                assert_eq!(layout.range(0, u64::MAX), (0, end));
                assert_eq!(layout.range(layout.stripes, 1), (end, 0));
                assert!(end * u64::from(k) >= layout.sealed_len);
            }
        }
    }

    #[test]
    fn hostile_lengths_do_not_overflow() {
        let layout = Layout::new(Code::new(1, 1).unwrap(), u64::MAX);
        assert!(layout.piece_len() > 0);
    }
}
