//! The wrap of a piece: its own keystream, so that no piece can be computed from others.
//!
//! With plain Reed-Solomon any `k` pieces regenerate the rest, and one miner under many names could
//! answer for pieces that it does not keep. Wrapped, a piece is unlike what the coder made of it, and
//! differs from miner to miner.
//!
//! Stored bytes = coded bytes XOR AES-256-CTR keystream. Key: BLAKE3 derive_key over repair key ‖
//! segment id ‖ piece index (1 byte) ‖ NodeId of the miner. The counter block is a 128-bit big-endian
//! number, 0 for the first 16 bytes of the piece; block `s` begins at counter `s · 4096`, so any stripe
//! can be unwrapped by itself. The wrap hides and separates; what authenticates is the piece's id.

use crate::{keys::cipher_error, RepairKey, RowError, SegmentId, STRIPE_SHARD_BYTES};
use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext, UnboundCipherKey, AES_256};
use lunarx_core::NodeId;

/// Counter blocks in the block of a full stripe.
const COUNTERS_PER_STRIPE: u64 = 4096;
const _: () = assert!(STRIPE_SHARD_BYTES == 4096 * 16);

/// The keystream of one piece at one miner.
pub(crate) struct Keystream {
    key: EncryptingKey,
}

impl Keystream {
    pub fn new(repair: &RepairKey, segment: SegmentId, index: u8, miner: NodeId) -> Result<Self, RowError> {
        let key = repair.wrap_key(segment, index, miner);
        let key = UnboundCipherKey::new(&AES_256, key.as_slice()).map_err(cipher_error)?;
        Ok(Self { key: EncryptingKey::ctr(key).map_err(cipher_error)? })
    }

    /// Wraps the block of `stripe`, or unwraps it: it is the same.
    pub fn apply(&self, stripe: u64, block: &mut [u8]) -> Result<(), RowError> {
        let counter = u128::from(stripe) * u128::from(COUNTERS_PER_STRIPE);
        let counter = EncryptionContext::Iv128(counter.to_be_bytes().into());
        self.key.less_safe_encrypt(block, counter).map_err(cipher_error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(repair: u8, segment: u8, index: u8, miner: u8) -> Keystream {
        let repair = RepairKey::from_bytes([repair; 32]);
        Keystream::new(&repair, SegmentId([segment; 32]), index, NodeId([miner; 32])).unwrap()
    }

    fn block(stream: &Keystream, stripe: u64, len: usize) -> Vec<u8> {
        let mut block = vec![0; len];
        stream.apply(stripe, &mut block).unwrap();
        block
    }

    #[test]
    fn golden_keystream() {
        assert_eq!(hex::encode(block(&stream(1, 2, 3, 4), 5, 32)), GOLDEN);
    }

    const GOLDEN: &str = "b5f91b345248afad0bef7872e25ff8fb97ca8ff3de924824cf08f7afaecda10d";

    #[test]
    fn stripes_continue_one_keystream() {
        let stream = stream(1, 2, 3, 4);
        let whole = block(&stream, 0, 3 * STRIPE_SHARD_BYTES);
        let parts: Vec<u8> = (0..3).flat_map(|stripe| block(&stream, stripe, STRIPE_SHARD_BYTES)).collect();
        assert!(whole == parts);
    }

    #[test]
    fn every_input_changes_it() {
        let original = block(&stream(1, 2, 3, 4), 0, 64);
        for other in [stream(9, 2, 3, 4), stream(1, 9, 3, 4), stream(1, 2, 9, 4), stream(1, 2, 3, 9)] {
            assert_ne!(block(&other, 0, 64), original);
        }
    }

    #[test]
    fn unwraps_what_it_wrapped() {
        let stream = stream(1, 2, 3, 4);
        let mut bytes = vec![7; 128];
        stream.apply(9, &mut bytes).unwrap();
        assert_ne!(bytes, vec![7; 128]);
        stream.apply(9, &mut bytes).unwrap();
        assert_eq!(bytes, vec![7; 128]);
    }
}
