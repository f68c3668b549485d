//! The seal of a segment: AES-256-GCM over chunks of 64 KiB.
//!
//! ```text
//! offset  bytes  header
//!      0      1  version: 1
//!      1      3  zeros
//!      4      4  plaintext bytes of a full chunk, little-endian: 65 536
//!      8     32  segment id
//!     40     32  key commitment: BLAKE3 derive_key over data key ‖ segment id
//!     72         chunks, each its ciphertext and a 16-byte tag
//! ```
//! The plaintext is cut into chunks of 64 KiB; the last one holds what is left, and is empty only if
//! the plaintext is. The key is BLAKE3 derive_key over data key ‖ segment id. Nonces follow the STREAM
//! construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): 7 zeros ‖ chunk number (4 bytes,
//! big-endian) ‖ 1 for the last chunk, else 0. The header is every chunk's associated data.
//!
//! So chunks cannot be changed, swapped, dropped, repeated or added, nor come from another segment.
//! AES-GCM alone does not commit to its key; the commitment does.

use crate::{
    keys::{cipher_error, same},
    layout::{chunks, in_memory, MAX_SEGMENT_BYTES},
    DataKey, RowError, SegmentId,
};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};
use zeroize::Zeroizing;

/// Plaintext bytes of a full chunk.
pub const CHUNK_BYTES: u64 = 64 * 1024;
/// Bytes of a chunk's tag.
pub const TAG_BYTES: u64 = 16;
/// Bytes before the first chunk.
pub const HEADER_BYTES: u64 = 72;
/// Version of the format.
pub const VERSION: u8 = 1;

const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const HEADER: usize = 72;

type Header = [u8; HEADER];

/// Seals a segment as its plaintext comes.
pub(crate) struct Sealer {
    cipher: Cipher,
    /// What may still turn out to be the last chunk.
    pending: Zeroizing<Vec<u8>>,
    next: u64,
    plain: u64,
}

impl Sealer {
    /// Starts with the header, appended to `sealed`.
    pub fn new(key: &DataKey, segment: SegmentId, sealed: &mut Vec<u8>) -> Result<Self, RowError> {
        let cipher = Cipher::new(key, segment)?;
        sealed.extend_from_slice(&cipher.header);
        Ok(Self { cipher, pending: Zeroizing::new(Vec::with_capacity(CHUNK)), next: 0, plain: 0 })
    }

    /// Takes bytes from the front of `plain`, at most a chunk, and appends to `sealed` what is certain
    /// not to be the last chunk. Returns what it did not take.
    pub fn push<'a>(&mut self, plain: &'a [u8], sealed: &mut Vec<u8>) -> Result<&'a [u8], RowError> {
        if plain.is_empty() {
            return Ok(plain);
        }
        if self.pending.len() == CHUNK {
            self.cipher.seal(self.next, false, &self.pending, sealed)?;
            self.next += 1;
            self.pending.clear();
        }
        let whole = self.pending.is_empty() && plain.len() > CHUNK;
        let (taken, rest) = plain.split_at(plain.len().min(CHUNK - self.pending.len()));
        let length = u64::try_from(taken.len()).unwrap_or(u64::MAX);
        self.plain = self.plain.saturating_add(length);
        if self.plain > MAX_SEGMENT_BYTES {
            return Err(RowError::SegmentTooLong { max: MAX_SEGMENT_BYTES });
        }
        if whole {
            self.cipher.seal(self.next, false, taken, sealed)?;
            self.next += 1;
        } else {
            self.pending.extend_from_slice(taken);
        }
        Ok(rest)
    }

    /// Appends the last chunk and returns the plaintext's length.
    pub fn finish(self, sealed: &mut Vec<u8>) -> Result<u64, RowError> {
        self.cipher.seal(self.next, true, &self.pending, sealed)?;
        Ok(self.plain)
    }
}

/// Opens a segment as its sealed bytes come.
pub(crate) struct Opener {
    cipher: Cipher,
    segment: SegmentId,
    header_seen: bool,
    next: u64,
    chunks: u64,
    plain: u64,
}

impl Opener {
    pub fn new(key: &DataKey, segment: SegmentId, plain: u64) -> Result<Self, RowError> {
        let cipher = Cipher::new(key, segment)?;
        Ok(Self { cipher, segment, header_seen: false, next: 0, chunks: chunks(plain), plain })
    }

    /// Opens what is complete at the front of `sealed`, appends its plaintext to `out`, and returns how
    /// many sealed bytes it read. After an error `out` holds what was opened before.
    pub fn open(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<usize, RowError> {
        let mut unread = sealed;
        if !self.header_seen {
            let Some((header, rest)) = unread.split_first_chunk::<HEADER>() else { return Ok(0) };
            self.check(header)?;
            self.header_seen = true;
            unread = rest;
        }
        while self.next < self.chunks {
            let last = self.next + 1 == self.chunks;
            let length = if last { in_memory(self.plain - self.next * CHUNK_BYTES) } else { CHUNK };
            let Some((chunk, rest)) = unread.split_at_checked(length + TAG) else { break };
            self.cipher.open(self.next, last, chunk, out)?;
            self.next += 1;
            unread = rest;
        }
        Ok(sealed.len() - unread.len())
    }

    /// Whether the last chunk was opened.
    pub fn is_done(&self) -> bool {
        self.header_seen && self.next == self.chunks
    }

    /// Compares a header with the only one that this key and segment can have.
    fn check(&self, header: &Header) -> Result<(), RowError> {
        let parse = |from: usize| -> [u8; 32] {
            std::array::from_fn(|i| header.get(from + i).copied().unwrap_or_default())
        };
        if header[0] != VERSION {
            return Err(RowError::Version { what: "seal", expected: VERSION, actual: header[0] });
        }
        if header[1..8] != self.cipher.header[1..8] {
            return Err(RowError::Malformed { what: "seal", reason: "unknown chunk size" });
        }
        if parse(8) != self.segment.0 {
            return Err(RowError::WrongSegment { expected: self.segment, actual: SegmentId(parse(8)) });
        }
        if !same(&parse(40), &self.cipher.commitment) {
            return Err(RowError::WrongKey("segment"));
        }
        Ok(())
    }
}

/// The key of one segment, with its header.
struct Cipher {
    key: LessSafeKey,
    header: Header,
    commitment: [u8; 32],
}

impl Cipher {
    fn new(key: &DataKey, segment: SegmentId) -> Result<Self, RowError> {
        let commitment = key.commitment(segment);
        let mut header = [0; HEADER];
        header[0] = VERSION;
        header[4..8].copy_from_slice(&65_536u32.to_le_bytes());
        header[8..40].copy_from_slice(&segment.0);
        header[40..].copy_from_slice(&commitment);
        let key = UnboundKey::new(&AES_256_GCM, key.seal_key(segment).as_slice()).map_err(cipher_error)?;
        Ok(Self { key: LessSafeKey::new(key), header, commitment })
    }

    fn seal(&self, chunk: u64, last: bool, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), RowError> {
        let start = sealed.len();
        sealed.extend_from_slice(plain);
        let text = &mut sealed[start..];
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(chunk, last)?, Aad::from(&self.header), text)
            .map_err(cipher_error)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn open(&self, chunk: u64, last: bool, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), RowError> {
        let (text, tag) = sealed.split_at(sealed.len() - TAG);
        let start = out.len();
        let (nonce, header) = (nonce(chunk, last)?, Aad::from(&self.header));
        out.extend_from_slice(text);
        match self.key.open_in_place_separate_tag(nonce, header, tag, &mut out[start..]) {
            Ok(_) => Ok(()),
            Err(_) => {
                out.truncate(start);
                Err(RowError::CorruptChunk(chunk))
            }
        }
    }
}

fn nonce(chunk: u64, last: bool) -> Result<Nonce, RowError> {
    let chunk = u32::try_from(chunk).map_err(|_| RowError::SegmentTooLong { max: MAX_SEGMENT_BYTES })?;
    let mut nonce = [0; 12];
    nonce[7..11].copy_from_slice(&chunk.to_be_bytes());
    nonce[11] = u8::from(last);
    Ok(Nonce::assume_unique_for_key(nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: SegmentId = SegmentId([2; 32]);

    fn key() -> DataKey {
        DataKey::from_bytes([1; 32])
    }

    fn plain(len: usize) -> Vec<u8> {
        (0..=250u8).cycle().take(len).collect()
    }

    /// Seals `plain`, pushed in parts of `step` bytes.
    fn seal(plain: &[u8], step: usize) -> Vec<u8> {
        let mut sealed = Vec::new();
        let mut sealer = Sealer::new(&key(), SEGMENT, &mut sealed).unwrap();
        for mut part in plain.chunks(step) {
            while !part.is_empty() {
                part = sealer.push(part, &mut sealed).unwrap();
            }
        }
        assert_eq!(sealer.finish(&mut sealed), Ok(u64::try_from(plain.len()).unwrap()));
        sealed
    }

    fn open(sealed: &[u8], len: usize) -> Result<Vec<u8>, RowError> {
        open_as(&key(), SEGMENT, sealed, len)
    }

    fn open_as(key: &DataKey, segment: SegmentId, sealed: &[u8], len: usize) -> Result<Vec<u8>, RowError> {
        let mut out = Vec::new();
        let mut opener = Opener::new(key, segment, u64::try_from(len).unwrap()).unwrap();
        let read = opener.open(sealed, &mut out)?;
        match opener.is_done() && read == sealed.len() {
            true => Ok(out),
            false => Err(RowError::Internal("incomplete")),
        }
    }

    #[test]
    fn sizes_around_a_chunk_in_parts_of_any_size() {
        for len in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let plain = plain(len);
            let whole = seal(&plain, len.max(1));
            assert_eq!(u64::try_from(whole.len()).unwrap(), crate::sealed_len(len.try_into().unwrap()));
            for step in [1_000, 65_535, 65_536, 65_537, 131_073] {
                assert!(seal(&plain, step) == whole, "{len} in steps of {step}");
            }
            assert_eq!(open(&whole, len), Ok(plain));
        }
    }

    #[test]
    fn golden_bytes() {
        let sealed = seal(b"LunarX", 6);
        assert_eq!(hex::encode(&sealed), GOLDEN);
        assert_eq!(open(&sealed, 6).unwrap(), b"LunarX");
    }

    const GOLDEN: &str = concat!(
        "01000000000001000202020202020202020202020202020202020202020202020202020202020202875ab511a8412efc",
        "fa8814e831f7de4d0239e53565e7e4930ed690076c54a14230429c979e5c52d2bbb6c84402cf6de6e38d175df59a",
    );

    #[test]
    fn any_changed_byte_is_refused() {
        let sealed = seal(&plain(70_000), 70_000);
        let ends = [0..80, 65_600..65_640, sealed.len() - 40..sealed.len()];
        for at in ends.into_iter().flatten() {
            let mut bad = sealed.clone();
            bad[at] ^= 0x10;
            assert!(open(&bad, 70_000).is_err(), "byte {at}");
        }
    }

    #[test]
    fn swapped_dropped_and_repeated_chunks_are_refused() {
        let len = 4 * CHUNK;
        let sealed = seal(&plain(len), len);
        let chunk = CHUNK + TAG;
        let at = |i: usize| HEADER + i * chunk..HEADER + (i + 1) * chunk;
        let mut swapped = sealed.clone();
        swapped[at(1)].copy_from_slice(&sealed[at(2)]);
        swapped[at(2)].copy_from_slice(&sealed[at(1)]);
        assert_eq!(open(&swapped, len), Err(RowError::CorruptChunk(1)));
        let mut repeated = sealed.clone();
        repeated[at(1)].copy_from_slice(&sealed[at(0)]);
        assert_eq!(open(&repeated, len), Err(RowError::CorruptChunk(1)));
        let mut dropped = sealed.clone();
        dropped.drain(at(1));
        assert_eq!(open(&dropped, 3 * CHUNK), Err(RowError::CorruptChunk(1)));
    }

    #[test]
    fn truncation_and_extension_at_a_chunk_are_refused() {
        let sealed = seal(&plain(3 * CHUNK), CHUNK);
        let cut = &sealed[..HEADER + 2 * (CHUNK + TAG)];
        assert_eq!(open(cut, 2 * CHUNK), Err(RowError::CorruptChunk(1)));
        let mut extended = sealed.clone();
        extended.extend_from_slice(&sealed[HEADER..HEADER + CHUNK + TAG]);
        assert_eq!(open(&extended, 4 * CHUNK), Err(RowError::CorruptChunk(2)));
    }

    #[test]
    fn other_key_segment_version_and_chunk_size_are_told_apart() {
        let sealed = seal(b"x", 1);
        let other = DataKey::from_bytes([9; 32]);
        assert_eq!(open_as(&other, SEGMENT, &sealed, 1), Err(RowError::WrongKey("segment")));
        let segment = SegmentId([3; 32]);
        let wrong = RowError::WrongSegment { expected: segment, actual: SEGMENT };
        assert_eq!(open_as(&key(), segment, &sealed, 1), Err(wrong));
        let mut version = sealed.clone();
        version[0] = 2;
        assert!(matches!(open(&version, 1), Err(RowError::Version { actual: 2, .. })));
        let mut size = sealed;
        size[5] = 1;
        assert!(matches!(open(&size, 1), Err(RowError::Malformed { .. })));
    }

    #[test]
    fn nothing_is_released_of_a_bad_chunk() {
        let len = CHUNK + 5;
        let mut sealed = seal(&plain(len), len);
        *sealed.last_mut().unwrap() ^= 1;
        let mut out = vec![7];
        let mut opener = Opener::new(&key(), SEGMENT, u64::try_from(len).unwrap()).unwrap();
        assert_eq!(opener.open(&sealed, &mut out), Err(RowError::CorruptChunk(1)));
        assert_eq!(out.len(), 1 + CHUNK);
        assert!(!opener.is_done());
    }
}
