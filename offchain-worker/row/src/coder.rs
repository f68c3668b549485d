//! The Reed-Solomon coder of one stripe.
//!
//! A stripe is `k` data shards of equal length, a multiple of 64 bytes. The code is systematic: pieces
//! `0..k` are the data shards, pieces `k..n` the parity. Each codec ([`Codec`]) works on
//! every 64 bytes of the shards by themselves, so a stripe is coded in columns that fit the cache; the
//! width of a column does not show in the result.

use crate::{Code, Codec, RowError};
use reed_solomon_erasure::galois_8::{self, ReedSolomon};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use std::ops::Range;

/// Bytes of all shards in one column of GF(2^8): about what a second-level cache holds.
const GF8_COLUMN_BYTES: usize = 512 * 1024;
/// Bytes of all shards in one column of GF(2^16).
const GF16_COLUMN_BYTES: usize = 512 * 1024;
/// Shards are multiples of it.
const SHARD_ALIGNMENT: usize = 64;

/// Codes stripes. Keeps working space and decoding matrices from stripe to stripe.
pub(crate) struct Coder {
    code: Code,
    engine: Engine,
}

enum Engine {
    Direct,
    Gf8(Box<ReedSolomon>),
    Gf16 { encoder: Box<ReedSolomonEncoder>, decoder: Box<ReedSolomonDecoder> },
}

/// Reed-Solomon libraries fail on arguments that were checked before.
fn coder_error<E>(_: E) -> RowError {
    RowError::Internal("coder")
}

impl Coder {
    pub fn new(code: Code, codec: Codec) -> Result<Self, RowError> {
        if !codec.supports(code) {
            return Err(RowError::Malformed { what: "segment", reason: "codec does not make this code" });
        }
        let (k, parity) = (code.data(), code.parity());
        let engine = match codec {
            Codec::Direct => Engine::Direct,
            Codec::Gf8 => Engine::Gf8(Box::new(ReedSolomon::new(k, parity).map_err(coder_error)?)),
            Codec::Gf16 => Engine::Gf16 {
                encoder: Box::new(ReedSolomonEncoder::new(k, parity, SHARD_ALIGNMENT).map_err(coder_error)?),
                decoder: Box::new(ReedSolomonDecoder::new(k, parity, SHARD_ALIGNMENT).map_err(coder_error)?),
            },
        };
        Ok(Self { code, engine })
    }

    /// Computes the `n - k` parity shards of `data`, `k` shards of `shard` bytes each.
    pub fn encode(&mut self, data: &[u8], shard: usize, parity: &mut [Vec<u8>]) -> Result<(), RowError> {
        debug_assert_eq!(data.len(), self.code.data() * shard);
        match &mut self.engine {
            Engine::Direct => parity.iter_mut().for_each(|copy| copy.copy_from_slice(data)),
            Engine::Gf8(coder) => {
                for column in columns(shard, self.code, GF8_COLUMN_BYTES) {
                    let data: Vec<&[u8]> = data.chunks_exact(shard).map(|s| &s[column.clone()]).collect();
                    let mut parity: Vec<&mut [u8]> =
                        parity.iter_mut().map(|s| &mut s[column.clone()]).collect();
                    coder.encode_sep(&data, &mut parity).map_err(coder_error)?;
                }
            }
            Engine::Gf16 { encoder, .. } => {
                for column in columns(shard, self.code, GF16_COLUMN_BYTES) {
                    encoder.reset(self.code.data(), self.code.parity(), column.len()).map_err(coder_error)?;
                    for shard in data.chunks_exact(shard) {
                        encoder.add_original_shard(&shard[column.clone()]).map_err(coder_error)?;
                    }
                    let made = encoder.encode().map_err(coder_error)?;
                    for (shard, made) in parity.iter_mut().zip(made.recovery_iter()) {
                        shard[column.clone()].copy_from_slice(made);
                    }
                }
            }
        }
        Ok(())
    }

    /// Fills the missing shards of `data` from the parity in `slots`.
    ///
    /// `slots[i]` is piece `i`: present or not. Exactly `k` are present. Present data shards lie in
    /// `data` already; present parity comes with its bytes.
    pub fn restore(&mut self, data: &mut [u8], shard: usize, slots: &mut [Slot]) -> Result<(), RowError> {
        debug_assert_eq!(slots.len(), self.code.total());
        debug_assert_eq!(data.len(), self.code.data() * shard);
        let (kept, parity) = slots.split_at_mut(self.code.data());
        if kept.iter().all(Slot::is_present) {
            return Ok(());
        }
        match &mut self.engine {
            Engine::Direct => restore_copy(data, parity),
            Engine::Gf8(coder) => {
                for column in columns(shard, self.code, GF8_COLUMN_BYTES) {
                    restore_gf8(coder, data, shard, kept, parity, column)?;
                }
                Ok(())
            }
            Engine::Gf16 { decoder, .. } => restore_gf16(decoder, self.code, data, shard, kept, parity),
        }
    }

    /// Computes one piece's shard of a stripe whose data is whole.
    pub fn piece(&mut self, index: u8, data: &[u8], shard: usize) -> Result<Vec<u8>, RowError> {
        let at = usize::from(index);
        if let Some(data) = data.chunks_exact(shard).nth(at) {
            return Ok(data.to_vec());
        }
        let row = at - self.code.data();
        match &mut self.engine {
            Engine::Direct => Ok(data.to_vec()),
            Engine::Gf8(coder) => {
                let mut piece = vec![0; shard];
                for (shard, coefficient) in data.chunks_exact(shard).zip(parity_row(coder, row)?) {
                    galois_8::mul_slice_xor(coefficient, shard, &mut piece);
                }
                Ok(piece)
            }
            Engine::Gf16 { encoder, .. } => {
                encoder.reset(self.code.data(), self.code.parity(), shard).map_err(coder_error)?;
                for shard in data.chunks_exact(shard) {
                    encoder.add_original_shard(shard).map_err(coder_error)?;
                }
                let made = encoder.encode().map_err(coder_error)?;
                made.recovery(row).map(<[u8]>::to_vec).ok_or(RowError::Internal("coder"))
            }
        }
    }
}

/// A piece's shard of the stripe that is being restored.
pub(crate) enum Slot {
    /// Not here.
    Missing,
    /// A data shard in its place.
    InPlace,
    /// A parity shard.
    Parity(Vec<u8>),
}

impl Slot {
    fn is_present(&self) -> bool {
        !matches!(self, Self::Missing)
    }

    fn parity(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Parity(bytes) => Some(bytes),
            Self::Missing | Self::InPlace => None,
        }
    }
}

/// The columns of a stripe.
fn columns(shard: usize, code: Code, budget: usize) -> impl Iterator<Item = Range<usize>> {
    let width = (budget / code.total()).next_multiple_of(SHARD_ALIGNMENT).max(SHARD_ALIGNMENT);
    (0..shard).step_by(width).map(move |start| start..shard.min(start + width))
}

/// With `k = 1` every piece is the data.
fn restore_copy(data: &mut [u8], parity: &mut [Slot]) -> Result<(), RowError> {
    let copy = parity.iter_mut().find_map(Slot::parity).ok_or(RowError::Internal("coder"))?;
    data.copy_from_slice(copy);
    Ok(())
}

fn restore_gf8(
    coder: &ReedSolomon,
    data: &mut [u8],
    shard: usize,
    kept: &[Slot],
    parity: &mut [Slot],
    column: Range<usize>,
) -> Result<(), RowError> {
    let data = data.chunks_exact_mut(shard).zip(kept);
    let data = data.map(|(bytes, slot)| (&mut bytes[column.clone()], slot.is_present()));
    let parity = parity.iter_mut().map(|slot| match slot.parity() {
        Some(bytes) => (&mut bytes[column.clone()], true),
        None => (&mut [][..], false),
    });
    let mut shards: Vec<(&mut [u8], bool)> = data.chain(parity).collect();
    coder.reconstruct_data(&mut shards).map_err(coder_error)
}

/// Locating the missing pieces costs the same for any length, so this takes whole shards.
fn restore_gf16(
    decoder: &mut ReedSolomonDecoder,
    code: Code,
    data: &mut [u8],
    shard: usize,
    kept: &[Slot],
    parity: &mut [Slot],
) -> Result<(), RowError> {
    decoder.reset(code.data(), code.parity(), shard).map_err(coder_error)?;
    for (index, (bytes, slot)) in data.chunks_exact(shard).zip(kept).enumerate() {
        if slot.is_present() {
            decoder.add_original_shard(index, bytes).map_err(coder_error)?;
        }
    }
    for (index, slot) in parity.iter_mut().enumerate() {
        if let Some(bytes) = slot.parity() {
            decoder.add_recovery_shard(index, bytes).map_err(coder_error)?;
        }
    }
    let restored = decoder.decode().map_err(coder_error)?;
    for (index, bytes) in data.chunks_exact_mut(shard).enumerate() {
        if let Some(made) = restored.restored_original(index) {
            bytes.copy_from_slice(made);
        }
    }
    Ok(())
}

/// The factors that make parity shard `row` of the data shards: the parity of the unit vectors.
fn parity_row(coder: &ReedSolomon, row: usize) -> Result<Vec<u8>, RowError> {
    let k = coder.data_shard_count();
    let units: Vec<Vec<u8>> = (0..k).map(|i| (0..k).map(|j| u8::from(i == j)).collect()).collect();
    let mut parity = vec![vec![0; k]; coder.parity_shard_count()];
    coder.encode_sep(&units, &mut parity).map_err(coder_error)?;
    parity.into_iter().nth(row).ok_or(RowError::Internal("coder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [(u8, u8); 8] = [(1, 3), (4, 4), (2, 3), (4, 8), (10, 20), (29, 80), (100, 200), (200, 255)];

    fn stripe(code: Code, shard: usize) -> Vec<u8> {
        let mut data = vec![0; code.data() * shard];
        blake3::Hasher::new().update(&[code.k(), code.n()]).finalize_xof().fill(&mut data);
        data
    }

    fn encoded(coder: &mut Coder, code: Code, data: &[u8], shard: usize) -> Vec<Vec<u8>> {
        let mut parity = vec![vec![0; shard]; code.parity()];
        coder.encode(data, shard, &mut parity).unwrap();
        data.chunks_exact(shard).map(<[u8]>::to_vec).chain(parity).collect()
    }

    #[test]
    fn codecs_make_only_their_codes() {
        for (k, n) in CODES {
            let code = Code::new(k, n).unwrap();
            for codec in [Codec::Direct, Codec::Gf8, Codec::Gf16] {
                assert_eq!(Coder::new(code, codec).is_ok(), codec.supports(code), "{code} {codec:?}");
            }
            assert!(Codec::for_code(code).supports(code));
        }
        assert_eq!(Codec::for_code(Code::new(4, 99).unwrap()), Codec::Gf8);
        assert_eq!(Codec::for_code(Code::new(4, 100).unwrap()), Codec::Gf16);
    }

    #[test]
    fn columns_do_not_show() {
        for (k, n) in [(10, 20), (29, 80), (50, 150)] {
            let (code, shard) = (Code::new(k, n).unwrap(), 64 * 1024);
            let data = stripe(code, shard);
            let shards: Vec<&[u8]> = data.chunks_exact(shard).collect();
            let mut expected = vec![vec![0; shard]; code.parity()];
            match Codec::for_code(code) {
                Codec::Gf16 => {
                    expected = reed_solomon_simd::encode(code.data(), code.parity(), &shards).unwrap()
                }
                _ => ReedSolomon::new(code.data(), code.parity())
                    .unwrap()
                    .encode_sep(&shards, &mut expected)
                    .unwrap(),
            }
            let mut coder = Coder::new(code, Codec::for_code(code)).unwrap();
            assert!(encoded(&mut coder, code, &data, shard)[code.data()..] == expected, "{code}");
        }
    }

    #[test]
    fn restores_from_the_last_k_and_makes_single_pieces() {
        for (k, n) in CODES {
            let code = Code::new(k, n).unwrap();
            for shard in [64, 8_192 + 64] {
                let mut coder = Coder::new(code, Codec::for_code(code)).unwrap();
                let data = stripe(code, shard);
                let pieces = encoded(&mut coder, code, &data, shard);
                let mut damaged = vec![0; data.len()];
                let mut slots: Vec<Slot> = Vec::new();
                for (index, piece) in pieces.iter().enumerate() {
                    slots.push(if index < code.parity() {
                        Slot::Missing
                    } else if index < code.data() {
                        damaged[index * shard..][..shard].copy_from_slice(piece);
                        Slot::InPlace
                    } else {
                        Slot::Parity(piece.clone())
                    });
                }
                coder.restore(&mut damaged, shard, &mut slots).unwrap();
                assert!(damaged == data, "{code} {shard}");
                for index in 0..n {
                    let piece = coder.piece(index, &data, shard).unwrap();
                    assert!(piece == pieces[usize::from(index)], "{code} piece {index}");
                }
            }
        }
    }
}
