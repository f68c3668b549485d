//! One suite over all stores (`conformance`, `model`), and what concerns files only.

mod churn;
mod conformance;
mod crash;
mod folder;
mod kill;
mod model;
#[cfg(feature = "objects-tests")]
mod objects;
mod simulated;

use crate::{MemoryStore, PieceStore, Reservation, Store, StoreConfig};
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
    store: Store,
    quota: u64,
    dir: tempfile::TempDir,
}

impl OnDisk {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The file of a finished piece, if it has one of its own.
    fn piece_file(&self, contract: ContractId, index: u32) -> PathBuf {
        let name = hex::encode(contract);
        let folder = self.path().join("pieces").join(&name[..2]).join(&name[2..4]);
        let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let prefix = format!("{name}-{index}-");
        files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&prefix)).unwrap()
    }

    fn partial_file(&self, contract: ContractId, index: u32) -> PathBuf {
        self.path().join("incoming").join(format!("{}-{index}.part", hex::encode(contract)))
    }

    /// The only pack.
    fn pack_file(&self) -> PathBuf {
        let packs = self.packs();
        assert_eq!(packs.len(), 1, "{packs:?}");
        packs[0].clone()
    }

    fn packs(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.path().join("packs")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "pack")).collect()
    }

    /// Closes it, changes something, and opens it again.
    fn reopened_after(self, change: impl FnOnce(&Path)) -> Self {
        let Self { store, quota, dir } = self;
        drop(store);
        change(dir.path());
        let store = open(dir.path(), quota).unwrap();
        Self { store, quota, dir }
    }
}

impl Subject for OnDisk {
    fn new(quota: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), quota).unwrap();
        Self { store, quota, dir }
    }

    fn store(&self) -> &dyn PieceStore {
        &self.store
    }

    fn reopened(self) -> Self {
        self.reopened_after(|_| {})
    }
}

/// Opens a store that leaves nothing of the disk free on purpose: the machine may have little.
fn open(dir: impl AsRef<Path>, quota: u64) -> Result<Store, crate::StoreError> {
    Store::open(dir, StoreConfig { floor: 0, ..StoreConfig::new(quota) })
}

/// All contracts, in pages of two.
fn contracts(store: &dyn PieceStore) -> Vec<crate::StoredContract> {
    let mut all: Vec<crate::StoredContract> = Vec::new();
    loop {
        let page = store.contracts(all.last().map(|stored| stored.contract), 2).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Lets the collector work until nothing is left, in small steps.
fn collect_all(store: &dyn PieceStore) {
    while store.collect(1).unwrap().entries > 0 {}
    assert_eq!(store.usage().garbage, 0);
}

/// Has everything scrubbed, and nothing found.
fn all_whole(store: &dyn PieceStore) {
    let pieces: usize =
        contracts(store).iter().map(|stored| store.batch(stored.contract).unwrap().len()).sum();
    let round = || {
        let mut seen = 0;
        loop {
            let scrubbed = store.scrub(u64::MAX).unwrap();
            assert!(scrubbed.faults.is_empty() && scrubbed.unread == 0, "{scrubbed:?}");
            seen += scrubbed.pieces;
            if scrubbed.ended {
                return seen;
            }
        }
    };
    round(); // It may have begun in the middle.
    assert_eq!(round(), u64::try_from(pieces).unwrap(), "from the beginning to the end");
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

/// Bytes of all bodies that the disk has given to files, unfinished ones too. A hole takes none.
fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let bytes = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => disk_bytes(&entry.path()),
        false if entry.path().extension().is_some_and(|ext| ext == "pack") => {
            entry.metadata().unwrap().blocks() * 512
        }
        false if entry.path().extension().is_some_and(|ext| ext == "piece" || ext == "part") => {
            entry.metadata().unwrap().len()
        }
        false => 0,
    };
    std::fs::read_dir(path).unwrap().map(|entry| bytes(entry.unwrap())).sum()
}
