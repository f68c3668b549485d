//! Single steps of encoding, for the benchmarks that stand beside this crate. No part of its interface.

use crate::{
    coder::Coder, seal::Sealer, wrap::Keystream, Code, Codec, DataKey, RepairKey, RowError, SegmentId,
    STRIPE_SHARD_BYTES,
};
use lunarx_core::NodeId;

const SEGMENT: SegmentId = SegmentId([3; 32]);

/// Seals `plain` into `sealed`, which is overwritten stripe by stripe as in the encoder.
pub fn seal(plain: &[u8], sealed: &mut Vec<u8>, stripe: usize) -> Result<(), RowError> {
    sealed.clear();
    let mut sealer = Sealer::new(&DataKey::from_bytes([1; 32]), SEGMENT, sealed)?;
    let mut plain = plain;
    while !plain.is_empty() {
        plain = sealer.push(plain, sealed)?;
        if sealed.len() >= stripe {
            sealed.drain(..stripe);
        }
    }
    sealer.finish(sealed)?;
    Ok(())
}

/// The coder alone, on full stripes.
pub struct CodeStep {
    coder: Coder,
    parity: Vec<Vec<u8>>,
}

impl CodeStep {
    /// With the codec that new segments of `code` get, or another one that can make it.
    pub fn new(code: Code, codec: Option<Codec>) -> Result<Self, RowError> {
        let coder = Coder::new(code, codec.unwrap_or(Codec::for_code(code)))?;
        Ok(Self { coder, parity: vec![vec![0; STRIPE_SHARD_BYTES]; code.parity()] })
    }

    /// Computes the parity of each stripe in `data`.
    pub fn encode(&mut self, data: &[u8], stripe: usize) -> Result<(), RowError> {
        data.chunks_exact(stripe)
            .try_for_each(|data| self.coder.encode(data, STRIPE_SHARD_BYTES, &mut self.parity))
    }
}

/// The keystreams alone.
pub struct WrapStep {
    streams: Vec<Keystream>,
    block: Vec<u8>,
}

impl WrapStep {
    /// For the pieces of `code`.
    pub fn new(code: Code) -> Result<Self, RowError> {
        let repair = RepairKey::from_bytes([2; 32]);
        let stream = |index| Keystream::new(&repair, SEGMENT, index, NodeId([index; 32]));
        let streams = (0..code.n()).map(stream).collect::<Result<_, _>>()?;
        Ok(Self { streams, block: vec![0; STRIPE_SHARD_BYTES] })
    }

    /// Wraps the blocks of `stripes` full stripes.
    pub fn wrap(&mut self, stripes: u64) -> Result<(), RowError> {
        for stripe in 0..stripes {
            for stream in &self.streams {
                stream.apply(stripe, &mut self.block)?;
            }
        }
        Ok(())
    }
}
