//! One suite over all stores (`conformance`, `model`), and what concerns files only.

mod conformance;
mod crash;
mod disk;
mod kill;
mod model;

use crate::{DiskStore, MemoryStore, PieceStore, Reservation};
use lunarx_core::{ContractId, NodeKey, PieceId};
use lunarx_proof::{verify_range, RangeError, VerifiedRange};
use std::path::{Path, PathBuf};

/// A store under test.
trait Subject: Sized {
    fn new(quota: u64) -> Self;
    fn store(&self) -> &dyn PieceStore;
    /// Closed and opened again, where that means something.
    fn reopened(self) -> Self;
}

struct InMemory(MemoryStore);

impl Subject for InMemory {
    fn new(quota: u64) -> Self {
        Self(MemoryStore::new(quota))
    }

    fn store(&self) -> &dyn PieceStore {
        &self.0
    }

    fn reopened(self) -> Self {
        self
    }
}

struct OnDisk {
    store: DiskStore,
    quota: u64,
    dir: tempfile::TempDir,
}

impl OnDisk {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The file of a finished piece.
    fn piece_file(&self, contract: ContractId, index: u32, extension: &str) -> PathBuf {
        let (first, name) = (hex::encode(&contract.0[..1]), hex::encode(contract));
        self.path().join("pieces").join(first).join(format!("{name}-{index}.{extension}"))
    }

    fn partial_file(&self, contract: ContractId, index: u32) -> PathBuf {
        self.path().join("incoming").join(format!("{}-{index}.piece", hex::encode(contract)))
    }

    /// Closes it, changes something, and opens it again.
    fn reopened_after(self, change: impl FnOnce(&Path)) -> Self {
        let Self { store, quota, dir } = self;
        drop(store);
        change(dir.path());
        let store = DiskStore::open(dir.path(), quota).unwrap();
        Self { store, quota, dir }
    }
}

impl Subject for OnDisk {
    fn new(quota: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::open(dir.path(), quota).unwrap();
        Self { store, quota, dir }
    }

    fn store(&self) -> &dyn PieceStore {
        &self.store
    }

    fn reopened(self) -> Self {
        self.reopened_after(|_| {})
    }
}

fn id(n: u8) -> ContractId {
    ContractId([n; 32])
}

fn reservation(max_bytes: u64) -> Reservation {
    Reservation { owner: NodeKey([3; 32]), max_bytes, expires: 77, offer: vec![1, 2, 3] }
}

/// Bytes that differ by seed and length.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(u64::try_from(len).unwrap() | 1);
    let next = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next(&mut state)).collect()
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

/// Appends in steps, and finishes.
fn put(store: &dyn PieceStore, contract: ContractId, index: u32, bytes: &[u8]) -> PieceId {
    let mut offset = store.written(contract, index).unwrap();
    for part in bytes[usize::try_from(offset).unwrap()..].chunks(10_000) {
        offset = store.append(contract, index, offset, part).unwrap();
    }
    store.finish(contract, index, len(bytes)).unwrap()
}

/// Reads a range and checks it as a client does.
fn read(store: &dyn PieceStore, piece: PieceId, offset: u64, len: u64) -> Result<VerifiedRange, RangeError> {
    let range = store.read_range(piece, offset, len).unwrap();
    verify_range(piece, range.piece_len, offset, len, &range.bytes)
}

/// Reads a whole piece.
fn read_all(store: &dyn PieceStore, piece: PieceId, len: u64) -> Vec<u8> {
    read(store, piece, 0, len).unwrap().into_bytes()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Bytes of all pieces and trees on disk.
fn disk_bytes(path: &Path) -> u64 {
    let bytes = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => disk_bytes(&entry.path()),
        false if entry.path().extension().is_some_and(|ext| ext == "piece" || ext == "tree") => {
            entry.metadata().unwrap().len()
        }
        false => 0,
    };
    std::fs::read_dir(path).unwrap().map(|entry| bytes(entry.unwrap())).sum()
}
