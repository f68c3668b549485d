//! The sealed description of an object.
//!
//! ```text
//! bytes  sealed manifest
//!     1  version: 1
//!    24  nonce, random
//!    32  key commitment: BLAKE3 derive_key over manifest key ‖ nonce
//!        XChaCha20-Poly1305 ciphertext of
//!     4    length of the body, little-endian
//!          body
//!          zeros, up to 1 KiB or the next eighth of a power of two (`padded_len`)
//!    16  tag
//!
//! bytes  body (SCALE, numbers little-endian)
//!    32  object id
//!     *  name: compact length, UTF-8
//!     8  bytes of plaintext
//!     8  time of creation, seconds since 1970
//!     2  code: k, n
//!    32  data key
//!    32  repair key
//!     *  segments: compact number; each its descriptor and n contract ids (32 each)
//! ```
//! The cipher's key is BLAKE3 derive_key over manifest key ‖ nonce; the first 57 bytes are associated
//! data. The padding hides the exact number of segments and the length of the name.
//!
//! Two limits bound an object: the number of segments and, for codes of many pieces, the bytes of the
//! sealed manifest. [`max_segments`] says which one it is.

use crate::{
    keys::{random, same},
    layout::{in_memory, MAX_SEGMENT_BYTES},
    Code, DataKey, ManifestKey, RepairKey, RowError, SegmentDescriptor,
};
use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305};
use codec::{Compact, Decode, Encode, Error, Input, Output};
use lunarx_core::ContractId;
use std::fmt;
use zeroize::Zeroizing;

/// Version of the format.
pub const VERSION: u8 = 1;
/// Longest name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 4096;
/// Most segments of an object: 8 TiB. Codes of 40 pieces and more allow fewer: [`max_segments`].
pub const MAX_SEGMENTS: usize = 16 * 1024;
/// Most bytes of a sealed manifest.
pub const MAX_MANIFEST_BYTES: usize = 64 << 20;

const NONCE: usize = 24;
/// Version, nonce and commitment: the associated data.
const HEADER: usize = 1 + NONCE + 32;
const TAG: usize = 16;
/// Shortest padded plaintext.
const MIN_PADDED: usize = 1024;

/// Bytes of the body besides name and segments, each compact number at its longest.
const MAX_FIXED: usize = 32 + 4 + 8 + 8 + 2 + 32 + 32 + 4;
/// Bytes of a segment's entry besides its pieces.
const ENTRY_FIXED: usize = 46;
/// Bytes of an entry for each piece: id and miner in the descriptor, contract beside it.
const ENTRY_PIECE: usize = 64 + 32;

/// Most segments of an object whose segments have this code: with the longest name, their sealed manifest
/// has at most [`MAX_MANIFEST_BYTES`]. To be compared with what is to be stored before any of it is: a
/// manifest that cannot be sealed leaves pieces that nobody finds again.
pub fn max_segments(code: Code) -> usize {
    let body = longest_text() - 4;
    let entry = ENTRY_FIXED + ENTRY_PIECE * code.total();
    MAX_SEGMENTS.min((body - MAX_FIXED - MAX_NAME_BYTES) / entry)
}

/// Most bytes of plaintext of an object of this code, cut into full segments: 8 TiB, or less as
/// [`max_segments`] says. Whoever cuts shorter segments multiplies by their length instead.
pub fn max_object_size(code: Code) -> u64 {
    let segments = u64::try_from(max_segments(code)).expect("at most MAX_SEGMENTS; qed");
    segments * MAX_SEGMENT_BYTES
}

/// The longest text, body and its length, whose sealed form is within the limit.
fn longest_text() -> usize {
    let room = MAX_MANIFEST_BYTES - HEADER - TAG;
    room - room % padding_step(room)
}

/// An object's name to machines: random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ObjectId(pub [u8; 32]);

impl ObjectId {
    /// A new one, from the operating system's randomness.
    pub fn random() -> Self {
        Self(random())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A segment and where it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEntry {
    /// What it is.
    pub descriptor: SegmentDescriptor,
    /// The contract over each of its `n` pieces, in their order.
    pub contracts: Vec<ContractId>,
}

/// An object: what it is called, how it is read, where it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its id.
    pub object: ObjectId,
    /// Its name, at most [`MAX_NAME_BYTES`].
    pub name: String,
    /// Bytes of plaintext: those of its segments together.
    pub size: u64,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The code rate chosen for it.
    pub code: Code,
    /// Opens its content.
    pub data_key: DataKey,
    /// Unwraps its pieces.
    pub repair_key: RepairKey,
    /// Its segments, in order, at most [`MAX_SEGMENTS`].
    pub segments: Vec<SegmentEntry>,
}

impl Manifest {
    /// Seals it under `key`. Fails if it is beyond the limits or contradicts itself.
    pub fn seal(&self, key: &ManifestKey) -> Result<Vec<u8>, RowError> {
        self.seal_with(key, random())
    }

    /// Seals with a given nonce, which must never be used twice under one key.
    pub(crate) fn seal_with(&self, key: &ManifestKey, nonce: [u8; NONCE]) -> Result<Vec<u8>, RowError> {
        self.check()?;
        let body = Zeroizing::new(self.encode());
        let padded = padded_len(4 + body.len());
        limit("sealed manifest", MAX_MANIFEST_BYTES, HEADER + padded + TAG)?;
        let length = u32::try_from(body.len()).map_err(|_| RowError::Internal("length"))?;
        let mut sealed = Vec::with_capacity(HEADER + padded + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&key.commitment(&nonce));
        sealed.extend_from_slice(&length.to_le_bytes());
        sealed.extend_from_slice(&body);
        sealed.resize(HEADER + padded, 0);
        let (header, text) = sealed.split_at_mut(HEADER);
        let tag = cipher(key, &nonce)
            .encrypt_in_place_detached(&nonce.into(), header, text)
            .map_err(|_| RowError::Internal("cipher"))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made, by whomever it was kept.
    pub fn open(sealed: &[u8], key: &ManifestKey) -> Result<Self, RowError> {
        limit("sealed manifest", MAX_MANIFEST_BYTES, sealed.len())?;
        let truncated = || malformed("ends early");
        let (&version, _) = sealed.split_first().ok_or_else(truncated)?;
        if version != VERSION {
            return Err(RowError::Version { what: "manifest", expected: VERSION, actual: version });
        }
        let (header, text) = sealed.split_first_chunk::<HEADER>().ok_or_else(truncated)?;
        let (text, tag) = text.split_last_chunk::<TAG>().ok_or_else(truncated)?;
        let nonce: [u8; NONCE] = std::array::from_fn(|i| header[1 + i]);
        let commitment: [u8; 32] = std::array::from_fn(|i| header[1 + NONCE + i]);
        if !same(&commitment, &key.commitment(&nonce)) {
            return Err(RowError::WrongKey("manifest"));
        }
        let mut text = Zeroizing::new(text.to_vec());
        cipher(key, &nonce)
            .decrypt_in_place_detached(&nonce.into(), header, &mut text, tag.into())
            .map_err(|_| RowError::CorruptManifest)?;
        Self::decode_body(unpad(&text)?)
    }

    fn decode_body(mut body: &[u8]) -> Result<Self, RowError> {
        let manifest = Self::decode(&mut body).map_err(|_| malformed("body does not decode"))?;
        if !body.is_empty() {
            return Err(malformed("body goes on after its end"));
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether it is within limits and its parts fit together.
    fn check(&self) -> Result<(), RowError> {
        limit("name", MAX_NAME_BYTES, self.name.len())?;
        limit("number of segments", MAX_SEGMENTS, self.segments.len())?;
        let mut size = 0u64;
        for entry in &self.segments {
            entry.descriptor.check()?;
            if entry.contracts.len() != entry.descriptor.code.total() {
                return Err(malformed("number of contracts is not n"));
            }
            size = size.saturating_add(entry.descriptor.plain_len);
        }
        match size == self.size {
            true => Ok(()),
            false => Err(malformed("size is not the sum of its segments")),
        }
    }
}

impl Encode for Manifest {
    /// Enough at once: keys must not stay behind in a buffer that was outgrown.
    fn size_hint(&self) -> usize {
        let segments = self.segments.iter();
        let entry = |entry: &SegmentEntry| entry.descriptor.size_hint() + 32 * entry.contracts.len();
        128 + self.name.len() + segments.map(entry).sum::<usize>()
    }

    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        (self.object, &self.name, self.size, self.created, self.code).encode_to(dest);
        (self.data_key.as_bytes(), self.repair_key.as_bytes()).encode_to(dest);
        Compact(u32::try_from(self.segments.len()).unwrap_or(u32::MAX)).encode_to(dest);
        for entry in &self.segments {
            entry.descriptor.encode_to(dest);
            entry.contracts.iter().for_each(|contract| contract.encode_to(dest));
        }
    }
}

/// Counts are compared with their limits before anything is allocated for them.
impl Decode for Manifest {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let object = ObjectId::decode(input)?;
        let name = decode_name(input)?;
        let (size, created, code) = <(u64, u64, Code)>::decode(input)?;
        let data_key = DataKey::from_bytes(Decode::decode(input)?);
        let repair_key = RepairKey::from_bytes(Decode::decode(input)?);
        let count = decode_count(input, MAX_SEGMENTS)?;
        let mut segments = Vec::new();
        for _ in 0..count {
            let descriptor = SegmentDescriptor::decode(input)?;
            let contracts =
                (0..descriptor.code.n()).map(|_| ContractId::decode(input)).collect::<Result<_, _>>()?;
            segments.push(SegmentEntry { descriptor, contracts });
        }
        Ok(Self { object, name, size, created, code, data_key, repair_key, segments })
    }
}

fn decode_count<I: Input>(input: &mut I, max: usize) -> Result<usize, Error> {
    let Compact(count) = Compact::<u32>::decode(input)?;
    match in_memory(count.into()) {
        count if count <= max => Ok(count),
        _ => Err("count is beyond its limit".into()),
    }
}

fn decode_name<I: Input>(input: &mut I) -> Result<String, Error> {
    let mut name = vec![0; decode_count(input, MAX_NAME_BYTES)?];
    input.read(&mut name)?;
    String::from_utf8(name).map_err(|_| "name is not UTF-8".into())
}

/// Length of the padded plaintext: at most an eighth is padding, beyond the first KiB.
fn padded_len(len: usize) -> usize {
    len.next_multiple_of(padding_step(len)).max(MIN_PADDED)
}

/// A padded length is a multiple of this.
fn padding_step(len: usize) -> usize {
    (len.next_power_of_two() / 16).max(1)
}

/// The body within a padded plaintext; refuses any padding but the right one.
fn unpad(text: &[u8]) -> Result<&[u8], RowError> {
    let (length, rest) = text.split_first_chunk::<4>().ok_or_else(|| malformed("ends early"))?;
    let length = in_memory(u32::from_le_bytes(*length).into());
    let (body, padding) = rest.split_at_checked(length).ok_or_else(|| malformed("ends early"))?;
    if text.len() != padded_len(4 + length) || padding.iter().any(|&byte| byte != 0) {
        return Err(malformed("padding"));
    }
    Ok(body)
}

fn cipher(key: &ManifestKey, nonce: &[u8; NONCE]) -> XChaCha20Poly1305 {
    let key = key.seal_key(nonce);
    XChaCha20Poly1305::new(chacha20poly1305::Key::from_slice(key.as_slice()))
}

fn malformed(reason: &'static str) -> RowError {
    RowError::Malformed { what: "manifest", reason }
}

fn limit(what: &'static str, max: usize, actual: usize) -> Result<(), RowError> {
    if actual > max {
        return Err(RowError::TooLarge { what, max, actual });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, PieceDescriptor, SegmentId};
    use lunarx_core::{NodeId, PieceId};

    /// With the longest name, and `segments` equal ones.
    fn manifest(code: Code, segments: usize) -> Manifest {
        let piece = PieceDescriptor { piece: PieceId([1; 32]), miner_node: NodeId([2; 32]) };
        let (id, codec) = (SegmentId([3; 32]), Codec::for_code(code));
        let descriptor =
            SegmentDescriptor::new(id, code, codec, MAX_SEGMENT_BYTES, vec![piece; code.total()]);
        let entry = SegmentEntry { descriptor, contracts: vec![ContractId([4; 32]); code.total()] };
        Manifest {
            object: ObjectId([5; 32]),
            name: "x".repeat(MAX_NAME_BYTES),
            size: MAX_SEGMENT_BYTES * u64::try_from(segments).unwrap(),
            created: 1,
            code,
            data_key: DataKey::from_bytes([6; 32]),
            repair_key: RepairKey::from_bytes([7; 32]),
            segments: vec![entry; segments],
        }
    }

    #[test]
    fn the_largest_object_of_a_code_has_a_manifest_and_one_more_segment_does_not() {
        let key = ManifestKey::from_bytes([8; 32]);
        for (k, n) in [(1, 1), (4, 40), (128, 255)] {
            let code = Code::new(k, n).unwrap();
            let most = max_segments(code);
            let largest = manifest(code, most);
            assert_eq!(largest.size, max_object_size(code));
            let sealed = largest.seal(&key).unwrap();
            assert!(sealed.len() <= MAX_MANIFEST_BYTES);
            assert_eq!(Manifest::open(&sealed, &key).unwrap(), largest);
            let beyond = manifest(code, most + 1).seal(&key).map(|sealed| sealed.len());
            assert!(matches!(beyond, Err(RowError::TooLarge { .. })), "{code}: {beyond:?}");
        }
    }

    #[test]
    fn only_codes_of_many_pieces_are_bounded_by_bytes() {
        let most = |n| max_segments(Code::new(1, n).unwrap());
        assert_eq!((most(1), most(39)), (MAX_SEGMENTS, MAX_SEGMENTS));
        assert!(most(40) < MAX_SEGMENTS);
        assert_eq!(most(255), 2_565);
        assert_eq!(max_object_size(Code::new(1, 1).unwrap()), 8 << 40);
    }

    #[test]
    fn an_entry_has_the_bytes_that_the_limit_counts() {
        let code = Code::new(2, 3).unwrap();
        let len = |segments| manifest(code, segments).encode().len();
        assert_eq!(len(1) - len(0), ENTRY_FIXED + 3 * ENTRY_PIECE);
        assert!(len(0) <= MAX_FIXED + MAX_NAME_BYTES);
    }
}
