//! Watermarks: short tags of bytes at keyed random places in each piece, fixed at `put` and kept at home,
//! sealed, beside the manifest: `<object id in hex>.marks`.
//!
//! They are the owner's own channel. `audit` reads them in windows like those of every `get`, over the same
//! protocol and with the same node key, so a miner cannot answer the trackers' challenges and yet refuse its
//! client without being found out.
//!
//! ```text
//! piece key   = BLAKE3 derive_key(context, object's watermark key ‖ segment id ‖ piece index (1 byte) ‖
//!               NodeId of the miner), extended output: 32 bytes for places, 32 for tags
//! candidates  of stripe s: BLAKE3 keyed_hash(places, s), extended output: 32 times (rank u64, at u64)
//! place       = s · 64 KiB + ⌊at · (block − 31) / 2^64⌋, of the candidates with the lowest ranks
//! tag         = first 16 bytes of BLAKE3 keyed_hash(tags, place ‖ 32 bytes of the piece from there on)
//! ```
//! Numbers are `u64`, little-endian. Ranks choose evenly among all stripes without knowing how many will
//! come, so pipes are marked in the one pass too. Places are not stored: they follow from the key.
//!
//! What they are worth, and what not:
//! - No soundness beyond the challenges. Every range that the network reads is proven against its `PieceId`,
//!   so a wrong byte is found without a tag. A tag needs no tree of hashes: it also checks bytes that come
//!   without one, such as those of a copied disk.
//! - Places are secret until they are read, then as good as known: a piece has [`MAX_MARKS`] at most.
//!   Those that an audit reads are chosen anew each time.
//! - One read tells the miner nothing. From many in a pattern that no `get` has, such as one window of each
//!   piece, miners that work together could guess an audit.
//! - What was stored without marks is audited at fresh random places, against the tree alone.
//!
//! ```text
//! bytes  text of the record, sealed (`sealed`)
//!     4  number of pieces, little-endian; each
//!    32    PieceId
//!     1    number of tags
//!     *    tags, 16 bytes each, the lowest rank first
//!        zeros, up to 1 KiB or the next eighth of a power of two
//! ```

use crate::{
    catalogue::FileKind,
    sealed::{Format, HEADER, TAG as SEAL_TAG},
    Catalogue, CatalogueError,
};
use lunarx_core::{NodeId, PieceId};
use lunarx_row::{ManifestKey, ObjectId, RowError, SegmentId, STRIPE_SHARD_BYTES};
use std::collections::{BTreeMap, BinaryHeap};
use zeroize::Zeroizing;

/// Most marks of a piece.
pub const MAX_MARKS: usize = 32;
/// Most bytes of a record. An object with so many pieces that it would be longer has fewer marks a piece.
pub const MAX_MARKS_BYTES: usize = 33 << 20;
/// Bytes of a piece under one tag. No block is shorter than 64.
pub(crate) const MARK_BYTES: usize = 32;

const PIECE_CONTEXT: &str = "lunarx 2026-11 piece watermark keys v1";
const TAG: usize = 16;
const MIN_PADDED: usize = 1024;
const FORMAT: Format = Format {
    what: "watermarks",
    version: 1,
    seal_context: "lunarx 2026-11 watermarks seal v1",
    commitment_context: "lunarx 2026-11 watermarks key commitment v1",
    max: MAX_MARKS_BYTES,
};

/// The tag of one mark.
pub(crate) type Tag = [u8; TAG];

/// Says where the watermarks of an object lie, and makes their tags.
#[derive(Clone)]
pub struct MarkKey(Zeroizing<[u8; 32]>);

impl MarkKey {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    #[cfg(test)]
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of one piece, as it is wrapped for a miner.
    pub(crate) fn of_piece(&self, segment: SegmentId, index: u8, miner: NodeId) -> PieceKey {
        let mut hasher = blake3::Hasher::new_derive_key(PIECE_CONTEXT);
        hasher.update(&*self.0).update(&segment.0).update(&[index]).update(&miner.0);
        let mut output = hasher.finalize_xof();
        let (mut places, mut tags) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        output.fill(&mut *places);
        output.fill(&mut *tags);
        PieceKey { places, tags }
    }
}

impl std::fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarkKey(..)")
    }
}

/// The key of one piece.
pub(crate) struct PieceKey {
    places: Zeroizing<[u8; 32]>,
    tags: Zeroizing<[u8; 32]>,
}

impl PieceKey {
    /// The offsets of the first `count` marks of a piece of `len` bytes, the lowest rank first.
    pub fn places(&self, len: u64, count: usize) -> Vec<u64> {
        let mut lowest = Lowest::default();
        let shard = to_u64(STRIPE_SHARD_BYTES);
        for stripe in 0..len.div_ceil(shard) {
            let block = len.saturating_sub(stripe.saturating_mul(shard)).min(shard);
            for (rank, place) in self.candidates(stripe, block) {
                lowest.add(rank, place, || ());
            }
        }
        lowest.into_sorted().map(|ranked| ranked.place).take(count).collect()
    }

    /// The tag of [`MARK_BYTES`] bytes at `place`.
    pub fn tag(&self, place: u64, bytes: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(&self.tags);
        let mut tag = [0; TAG];
        hasher.update(&place.to_le_bytes()).update(bytes).finalize_xof().fill(&mut tag);
        tag
    }

    /// Ranks and offsets in the piece. None in a block too short for a mark.
    fn candidates(&self, stripe: u64, block: u64) -> impl Iterator<Item = (u64, u64)> {
        let free = (block + 1).saturating_sub(to_u64(MARK_BYTES));
        let count = if free == 0 { 0 } else { MAX_MARKS };
        let mut hasher = blake3::Hasher::new_keyed(&self.places);
        let mut output = hasher.update(&stripe.to_le_bytes()).finalize_xof();
        let start = stripe.saturating_mul(to_u64(STRIPE_SHARD_BYTES));
        (0..count).map(move |_| {
            let mut next = || {
                let mut bytes = [0; 8];
                output.fill(&mut bytes);
                u64::from_le_bytes(bytes)
            };
            let (rank, at) = (next(), next());
            let at = u64::try_from((u128::from(at) * u128::from(free)) >> 64).unwrap_or(0);
            (rank, start.saturating_add(at))
        })
    }
}

/// A candidate, with what is kept of it.
struct Ranked<T> {
    rank: u64,
    place: u64,
    kept: T,
}

impl<T> Ranked<T> {
    fn order(&self) -> (u64, u64) {
        (self.rank, self.place)
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// The [`MAX_MARKS`] candidates with the lowest ranks so far.
struct Lowest<T>(BinaryHeap<Ranked<T>>);

impl<T> Default for Lowest<T> {
    fn default() -> Self {
        Self(BinaryHeap::with_capacity(MAX_MARKS + 1))
    }
}

impl<T> Lowest<T> {
    fn add(&mut self, rank: u64, place: u64, keep: impl FnOnce() -> T) {
        let highest = self.0.peek().map(Ranked::order);
        if self.0.len() < MAX_MARKS || highest.is_some_and(|highest| (rank, place) < highest) {
            self.0.push(Ranked { rank, place, kept: keep() });
            if self.0.len() > MAX_MARKS {
                self.0.pop();
            }
        }
    }

    fn into_sorted(self) -> impl Iterator<Item = Ranked<T>> {
        self.0.into_sorted_vec().into_iter()
    }
}

/// Marks a piece as its blocks are made.
pub(crate) struct Marker {
    key: PieceKey,
    lowest: Lowest<Tag>,
}

impl Marker {
    pub fn new(key: PieceKey) -> Self {
        Self { key, lowest: Lowest::default() }
    }

    /// Takes the block of a stripe, as its miner stores it.
    pub fn block(&mut self, stripe: u64, block: &[u8]) {
        let start = stripe.saturating_mul(to_u64(STRIPE_SHARD_BYTES));
        for (rank, place) in self.key.candidates(stripe, to_u64(block.len())) {
            let at = usize::try_from(place - start).unwrap_or(usize::MAX);
            let Some(bytes) = block.get(at..at.saturating_add(MARK_BYTES)) else { continue };
            self.lowest.add(rank, place, || self.key.tag(place, bytes));
        }
    }

    /// The tags, the lowest rank first.
    pub fn finish(self) -> Vec<Tag> {
        self.lowest.into_sorted().map(|ranked| ranked.kept).collect()
    }
}

/// The tags of an object's pieces. Bounded: beyond [`MAX_MARKS_BYTES`] every piece keeps half as many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    pieces: BTreeMap<PieceId, Vec<Tag>>,
    most: usize,
}

impl Default for Marks {
    fn default() -> Self {
        Self { pieces: BTreeMap::new(), most: MAX_MARKS }
    }
}

impl Marks {
    /// Adds those of a piece.
    pub(crate) fn insert(&mut self, piece: PieceId, mut tags: Vec<Tag>) {
        tags.truncate(self.most);
        self.pieces.insert(piece, tags);
        while self.most > 1 && sealed_len(self.pieces.len(), self.most) > MAX_MARKS_BYTES {
            self.most /= 2;
            self.pieces.values_mut().for_each(|tags| tags.truncate(self.most));
        }
    }

    /// Those of a piece; none if it was never marked.
    pub(crate) fn of(&self, piece: PieceId) -> &[Tag] {
        self.pieces.get(&piece).map_or(&[], Vec::as_slice)
    }

    /// Forgets all but those of `pieces`.
    pub(crate) fn keep(&mut self, pieces: impl IntoIterator<Item = PieceId>) {
        let kept = pieces.into_iter().filter_map(|piece| self.pieces.remove_entry(&piece)).collect();
        self.pieces = kept;
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(sealed_len(self.pieces.len(), self.most));
        text.extend_from_slice(&u32::try_from(self.pieces.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (piece, tags) in &self.pieces {
            text.extend_from_slice(&piece.0);
            text.push(u8::try_from(tags.len()).unwrap_or(u8::MAX));
            tags.iter().for_each(|tag| text.extend_from_slice(tag));
        }
        text.resize(padded_len(text.len()), 0);
        text
    }

    fn read(text: &[u8]) -> Result<Self, RowError> {
        let early = || FORMAT.malformed("ends early");
        let (count, mut rest) = text.split_first_chunk().ok_or_else(early)?;
        let mut marks = Self::default();
        for _ in 0..u32::from_le_bytes(*count) {
            let (piece, after) = rest.split_first_chunk().ok_or_else(early)?;
            let (&count, after) = after.split_first().ok_or_else(early)?;
            if usize::from(count) > MAX_MARKS {
                return Err(FORMAT.malformed("too many tags of a piece"));
            }
            let (tags, after) =
                after.split_at_checked(usize::from(count).saturating_mul(TAG)).ok_or_else(early)?;
            let tags = tags.as_chunks::<TAG>().0.to_vec();
            marks.pieces.insert(PieceId(*piece), tags);
            rest = after;
        }
        match rest.iter().all(|byte| *byte == 0) {
            true => Ok(marks),
            false => Err(FORMAT.malformed("padding")),
        }
    }

    fn seal(&self, key: &ManifestKey) -> Result<Vec<u8>, RowError> {
        FORMAT.seal(self.text(), key, rand::random())
    }

    fn open(sealed: &[u8], key: &ManifestKey) -> Result<Self, RowError> {
        Self::read(&FORMAT.open(sealed, key)?)
    }
}

/// Bytes of a record at most.
fn sealed_len(pieces: usize, tags: usize) -> usize {
    let entry = 32 + 1 + TAG * tags;
    HEADER + padded_len(pieces.saturating_mul(entry).saturating_add(4)) + SEAL_TAG
}

/// The padding hides how many pieces there are: at most an eighth is padding, beyond the first KiB.
fn padded_len(len: usize) -> usize {
    let step = (len.next_power_of_two() / 16).max(1);
    len.next_multiple_of(step).max(MIN_PADDED)
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl Catalogue {
    /// Adds or replaces the tags of an object's pieces, durably.
    pub fn save_marks(&self, object: ObjectId, marks: &Marks) -> Result<(), CatalogueError> {
        let sealed = marks.seal(self.key()).map_err(CatalogueError::Seal)?;
        self.write(object, FileKind::Marks, &sealed)
    }

    /// Reads them. An object that was never marked has none.
    pub fn load_marks(&self, object: ObjectId) -> Result<Marks, CatalogueError> {
        let (path, sealed) = match self.read(object, FileKind::Marks, MAX_MARKS_BYTES) {
            Err(CatalogueError::NotFound(_)) => return Ok(Marks::default()),
            read => read?,
        };
        Marks::open(&sealed, self.key()).map_err(|source| CatalogueError::Unreadable { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn key(index: u8) -> PieceKey {
        MarkKey::new(Zeroizing::new([1; 32])).of_piece(SegmentId([2; 32]), index, NodeId([3; 32]))
    }

    fn content(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    fn mark(bytes: &[u8]) -> Vec<Tag> {
        let mut marker = Marker::new(key(0));
        for (stripe, block) in bytes.chunks(STRIPE_SHARD_BYTES).enumerate() {
            marker.block(to_u64(stripe), block);
        }
        marker.finish()
    }

    #[test]
    fn golden_places_and_tags() {
        let bytes = content(3 * STRIPE_SHARD_BYTES + 64);
        let places = key(0).places(to_u64(bytes.len()), 3);
        assert_eq!(places, GOLDEN_PLACES);
        assert_eq!(hex::encode(mark(&bytes)[0]), GOLDEN_TAG);
    }

    // Computed from the module's documentation with the package `blake3` of PyPI.
    const GOLDEN_PLACES: [u64; 3] = [37_280, 141_489, 178_362];
    const GOLDEN_TAG: &str = "546777753ed30caf873c8f59c1d294a5";

    #[test]
    fn every_tag_is_that_of_its_place_whatever_the_length() {
        for len in [64, 320, 65_536, 65_600, 10 * STRIPE_SHARD_BYTES + 128] {
            let bytes = content(len);
            let (key, tags) = (key(0), mark(&bytes));
            let places = key.places(to_u64(len), MAX_MARKS);
            assert_eq!((tags.len(), places.len()), (MAX_MARKS, MAX_MARKS), "{len}");
            for (place, tag) in places.iter().zip(tags) {
                let at = usize::try_from(*place).unwrap();
                assert_eq!(key.tag(*place, &bytes[at..at + MARK_BYTES]), tag, "{place} of {len}");
                let mut damaged = bytes[at..at + MARK_BYTES].to_vec();
                damaged[31] ^= 1;
                assert_ne!(key.tag(*place, &damaged), tag);
            }
        }
    }

    #[test]
    fn places_are_spread_over_the_piece_and_are_a_secret_of_the_key() {
        let len = to_u64(64 * STRIPE_SHARD_BYTES);
        let stripes = |places: &[u64]| -> BTreeSet<u64> { places.iter().map(|at| at >> 16).collect() };
        let (one, other) = (key(0).places(len, MAX_MARKS), key(1).places(len, MAX_MARKS));
        assert!(stripes(&one).len() > 16, "{one:?}");
        assert!(one.iter().any(|at| *at > len / 2) && one.iter().any(|at| *at < len / 2));
        assert!(one.iter().all(|at| !other.contains(at)));
        assert_eq!(key(0).places(len, 5), one[..5]);
    }

    fn marks(pieces: u32, tags: usize) -> Marks {
        let mut marks = Marks::default();
        for number in 0..pieces {
            marks.insert(piece(number), vec![[7; TAG]; tags]);
        }
        marks
    }

    fn piece(number: u32) -> PieceId {
        PieceId(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = ManifestKey::from_bytes([8; 32]);
        for marks in [marks(0, 0), marks(1, 0), marks(20, MAX_MARKS)] {
            let sealed = marks.seal(&key).unwrap();
            assert_eq!(Marks::open(&sealed, &key), Ok(marks));
            for at in (0..sealed.len()).step_by(97) {
                let mut bad = sealed.clone();
                bad[at] ^= 4;
                assert!(Marks::open(&bad, &key).is_err(), "byte {at}");
                assert!(Marks::open(&sealed[..at], &key).is_err(), "cut at {at}");
            }
        }
        for text in [&[1, 0, 0, 0][..], &[0, 0, 0, 0, 1], &[0; 3]] {
            assert!(Marks::read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_record_is_bounded_by_keeping_fewer_of_each_piece() {
        let many = marks(100_000, MAX_MARKS);
        assert!(many.text().len() + HEADER + SEAL_TAG <= MAX_MARKS_BYTES);
        assert_eq!((many.of(piece(0)).len(), many.of(piece(99_999)).len()), (16, 16));
        // Those of the largest object that there is.
        assert!(sealed_len(654_075, 1) <= MAX_MARKS_BYTES);
    }

    #[test]
    fn keeps_what_belongs_to_the_object() {
        let mut all = marks(3, 2);
        all.keep([piece(1), piece(9)]);
        assert_eq!((all.of(piece(1)).len(), all.of(piece(0)).len(), all.pieces.len()), (2, 0, 1));
    }
}
