//! What is known of one piece, in the folder of a rescue.
//!
//! ```text
//! <piece id>.data    the piece: each chunk at its place, zeros where it is not known
//! <piece id>.tree    its outboard (`lunarx_proof::range`): the pairs of hashes above known chunks
//! <piece id>.known   one bit a chunk of 1 KiB, the lowest first
//! ```
//! Chunks enter verified, with the hashes that prove them, and leave as a [`VerifiedRange`]: whatever became
//! of the files meanwhile is verified against the `PieceId` once more. What does not verify is forgotten. So
//! no file has to be synced, and a run that was broken off at any point is gone on with.

use crate::file::{create_private_folder, read_bounded};
use blake3::hazmat::{merge_subtrees_non_root, HasherExt, Mode};
use lunarx_core::PieceId;
use lunarx_proof::{
    chunk_len, chunks_of, encode_range, verify_range, LeafProof, VerifiedRange, CHUNK_BYTES, GROUP_BYTES,
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

const PAIR_BYTES: u64 = 64;
/// Merges below a group: those of 2, 4, 8 and 16 chunks.
const GROUP_LEVELS: u32 = 4;
const EXTENSIONS: [&str; 3] = ["data", "tree", "known"];

/// One piece.
pub(super) struct Spool {
    folder: PathBuf,
    piece: PieceId,
    len: u64,
    /// A bit a chunk.
    known: Vec<u8>,
    /// The outboard, once a range was read.
    tree: Option<Vec<u8>>,
}

impl Spool {
    /// What the folder, which is made if it is not there, has of a piece of `len` bytes.
    pub fn open(folder: &Path, piece: PieceId, len: u64) -> io::Result<Self> {
        create_private_folder(folder)?;
        let size = in_memory(chunks_of(len).div_ceil(8))?;
        let mut spool = Self { folder: folder.into(), piece, len, known: vec![0; size], tree: None };
        spool.file("data")?.set_len(len)?;
        spool.file("tree")?.set_len(tree_bytes(len))?;
        match read_bounded(&spool.path("known"), chunks_of(len).div_ceil(8)) {
            Ok(known) if known.len() == size => spool.known = known,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
            Err(error) => return Err(error),
        }
        Ok(spool)
    }

    /// Deletes what the folder has of a piece.
    pub fn remove(folder: &Path, piece: PieceId) {
        for extension in EXTENSIONS {
            // Not there, or left behind: neither does harm.
            let _ = fs::remove_file(path(folder, piece, extension));
        }
    }

    /// Bytes of the piece.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the chunk of byte `position` is known.
    pub fn knows(&self, position: u64) -> bool {
        self.has_chunk(position / CHUNK_BYTES)
    }

    /// The bytes of known chunks.
    pub fn known_bytes(&self) -> u64 {
        (0..chunks_of(self.len))
            .filter(|index| self.has_chunk(*index))
            .map(|index| self.chunk_len(index))
            .sum()
    }

    /// Chunks that are not known, and the bytes of the shortest of them.
    pub fn unknown(&self) -> (u64, u64) {
        let unknown = (0..chunks_of(self.len)).filter(|index| !self.has_chunk(*index));
        unknown.fold((0, CHUNK_BYTES), |(count, least), index| {
            (count.saturating_add(1), least.min(self.chunk_len(index)))
        })
    }

    /// Whether all chunks of a part are known.
    pub fn has(&self, offset: u64, len: u64) -> bool {
        self.chunks(offset, len).all(|index| self.has_chunk(index))
    }

    /// Takes the chunk of byte `position` from a proof that was verified for it. Gives the bytes that are
    /// new.
    pub fn add(&mut self, position: u64, proof: &LeafProof) -> io::Result<u64> {
        let index = position / CHUNK_BYTES;
        if self.has_chunk(index) {
            return Ok(0);
        }
        let Some(pairs) = pairs(self.len, index, &proof.chunk, &proof.chunk_path) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "path of another piece"));
        };
        self.file("data")?.write_all_at(&proof.chunk, index.saturating_mul(CHUNK_BYTES))?;
        let tree = self.file("tree")?;
        for (at, pair) in pairs {
            tree.write_all_at(&pair, at.saturating_mul(PAIR_BYTES))?;
        }
        self.tree = None;
        self.set(index, true)?;
        Ok(self.chunk_len(index))
    }

    /// A part of the piece, verified. `None` if a chunk of it is not known, or does not verify: then the part
    /// is forgotten.
    pub fn range(&mut self, offset: u64, len: u64) -> io::Result<Option<VerifiedRange>> {
        if !self.has(offset, len) {
            return Ok(None);
        }
        let tree = match self.tree.take() {
            Some(tree) => tree,
            None => {
                let mut tree = vec![0; in_memory(tree_bytes(self.len))?];
                self.file("tree")?.read_exact_at(&mut tree, 0)?;
                tree
            }
        };
        let data = self.file("data")?;
        let verified = encode_range(&data, &tree, self.piece, self.len, offset, len)
            .and_then(|encoded| verify_range(self.piece, self.len, offset, len, &encoded));
        self.tree = Some(tree);
        match verified {
            Ok(range) => Ok(Some(range)),
            Err(error) => {
                tracing::warn!(%error, piece = %self.piece, "part of a rescued piece is damaged and forgotten");
                for index in self.chunks(offset, len) {
                    self.set(index, false)?;
                }
                Ok(None)
            }
        }
    }

    fn chunks(&self, offset: u64, len: u64) -> std::ops::Range<u64> {
        offset / CHUNK_BYTES..offset.saturating_add(len).div_ceil(CHUNK_BYTES)
    }

    fn chunk_len(&self, index: u64) -> u64 {
        chunk_len(self.len, index).unwrap_or(0)
    }

    fn has_chunk(&self, index: u64) -> bool {
        let byte = usize::try_from(index / 8).ok().and_then(|at| self.known.get(at));
        byte.is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    fn set(&mut self, index: u64, known: bool) -> io::Result<()> {
        let at = in_memory(index / 8)?;
        let Some(byte) = self.known.get_mut(at) else { return Ok(()) };
        match known {
            true => *byte |= 1 << (index % 8),
            false => *byte &= !(1 << (index % 8)),
        }
        let byte = *byte;
        let file = self.file("known")?;
        file.set_len(u64::try_from(self.known.len()).unwrap_or(u64::MAX))?;
        file.write_all_at(&[byte], index / 8)
    }

    /// Opened for each use: an object may have more pieces than a process may have files open.
    fn file(&self, extension: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(self.path(extension))
    }

    fn path(&self, extension: &str) -> PathBuf {
        path(&self.folder, self.piece, extension)
    }
}

fn path(folder: &Path, piece: PieceId, extension: &str) -> PathBuf {
    folder.join(format!("{}.{extension}", hex::encode(piece.0)))
}

fn in_memory(len: u64) -> io::Result<usize> {
    usize::try_from(len).map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))
}

fn groups_of(len: u64) -> u64 {
    len.div_ceil(GROUP_BYTES).max(1)
}

fn tree_bytes(len: u64) -> u64 {
    (groups_of(len) - 1).saturating_mul(PAIR_BYTES)
}

/// The pairs of hashes above the group of a chunk, each with its number in the outboard. `None` if the path
/// is not one of a piece of `len` bytes.
fn pairs(len: u64, index: u64, chunk: &[u8], path: &[[u8; 32]]) -> Option<Vec<(u64, [u8; 64])>> {
    let start = index.saturating_mul(CHUNK_BYTES);
    let mut node = blake3::Hasher::new().set_input_offset(start).update(chunk).finalize_non_root();
    let (mut at, mut last) = (index, chunks_of(len) - 1);
    let (mut path, mut level, mut pairs) = (path.iter(), 0, Vec::new());
    while last > 0 {
        let pair = match at & 1 {
            1 => Some((*path.next()?, node)),
            _ if at < last => Some((node, *path.next()?)),
            _ => None,
        };
        if let Some((left, right)) = pair {
            if level >= GROUP_LEVELS {
                let mut both = [0; 64];
                both[..32].copy_from_slice(&left);
                both[32..].copy_from_slice(&right);
                pairs.push(both);
            }
            node = merge_subtrees_non_root(&left, &right, Mode::Hash);
        }
        at >>= 1;
        last >>= 1;
        level += 1;
    }
    let numbers = numbers(groups_of(len), start / GROUP_BYTES);
    (numbers.len() == pairs.len()).then(|| numbers.into_iter().rev().zip(pairs).collect())
}

/// The numbers, in pre-order, of the pairs from the root down to a group.
fn numbers(groups: u64, group: u64) -> Vec<u64> {
    let (mut number, mut groups, mut group, mut numbers) = (0u64, groups, group, Vec::new());
    while groups > 1 {
        numbers.push(number);
        let left = groups.next_power_of_two() / 2;
        if group < left {
            (number, groups) = (number + 1, left);
        } else {
            (number, groups, group) = (number + left, groups - left, group - left);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_proof::{commit, prove_chunk, BatchEntry};

    struct Whole {
        bytes: Vec<u8>,
        tree: Vec<u8>,
        piece: PieceId,
    }

    impl Whole {
        fn new(len: u64) -> Self {
            let mut bytes = vec![0; usize::try_from(len).unwrap()];
            blake3::Hasher::new().update(&len.to_le_bytes()).finalize_xof().fill(&mut bytes);
            let (piece, tree) = commit(&bytes[..], len).unwrap();
            Self { bytes, tree, piece }
        }

        fn len(&self) -> u64 {
            self.bytes.len().try_into().unwrap()
        }

        fn proof(&self, index: u64) -> LeafProof {
            let proof = prove_chunk(&self.bytes, &self.tree, self.len(), index).unwrap();
            LeafProof {
                index: 0,
                entry: BatchEntry { piece: self.piece, len: self.len() },
                batch_path: Default::default(),
                chunk: proof.bytes.try_into().unwrap(),
                chunk_path: proof.path.try_into().unwrap(),
            }
        }
    }

    #[test]
    fn chunks_in_any_order_make_verified_ranges_and_the_next_run_has_them() {
        for len in [64, 1024, 16_384, 16_448, 40_000, 65_536, 163_904, 1_000_000] {
            let (whole, folder) = (Whole::new(len), tempfile::tempdir().unwrap());
            let mut spool = Spool::open(folder.path(), whole.piece, len).unwrap();
            let chunks = chunks_of(len);
            let (mut added, mut order): (u64, Vec<u64>) = (0, (0..chunks).collect());
            order.sort_by_key(|index| *blake3::hash(&index.to_le_bytes()).as_bytes());
            for index in order {
                let last = (len - 1) / 65_536 * 65_536;
                let (whole_part, range) =
                    (spool.has(last, len - last), spool.range(last, len - last).unwrap());
                assert_eq!(range.is_some(), whole_part, "{len}");
                added += spool.add(index * 1024 + 1, &whole.proof(index)).unwrap();
                assert_eq!(spool.add(index * 1024, &whole.proof(index)).unwrap(), 0);
            }
            assert_eq!((added, spool.known_bytes(), spool.unknown().0), (len, len, 0));
            let mut spool = Spool::open(folder.path(), whole.piece, len).unwrap();
            for offset in (0..len).step_by(65_536) {
                let part = (len - offset).min(65_536);
                let range = spool.range(offset, part).unwrap().expect("known");
                let from = usize::try_from(offset).unwrap();
                assert!(range.bytes() == &whole.bytes[from..from + usize::try_from(part).unwrap()], "{len}");
            }
            Spool::remove(folder.path(), whole.piece);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_was_damaged_on_disk_is_forgotten_and_can_be_added_again() {
        let (whole, folder) = (Whole::new(200_000), tempfile::tempdir().unwrap());
        let mut spool = Spool::open(folder.path(), whole.piece, whole.len()).unwrap();
        for index in 0..chunks_of(whole.len()) {
            spool.add(index * 1024, &whole.proof(index)).unwrap();
        }
        for (extension, at) in [("data", 70_000), ("tree", 65)] {
            let path = path(folder.path(), whole.piece, extension);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            let mut spool = Spool::open(folder.path(), whole.piece, whole.len()).unwrap();
            assert_eq!(spool.range(65_536, 65_536).unwrap(), None, "{extension}");
            assert_eq!(spool.unknown(), (64, 1024), "only that part");
            for index in 64..128 {
                spool.add(index * 1024, &whole.proof(index)).unwrap();
            }
            assert!(spool.range(65_536, 65_536).unwrap().is_some(), "{extension}");
        }
    }

    #[test]
    fn a_path_of_another_length_is_refused() {
        let (whole, folder) = (Whole::new(200_000), tempfile::tempdir().unwrap());
        let mut spool = Spool::open(folder.path(), whole.piece, 20_000).unwrap();
        assert!(spool.add(0, &Whole::new(1_000).proof(0)).is_err());
        assert!(!spool.knows(0));
    }
}
