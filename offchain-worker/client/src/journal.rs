//! Puts that are under way, noted on disk before anything is promised on chain:
//! `<object id in hex>.pending`, beside the manifests.
//!
//! A put writes its record before it sends a segment's contracts to the chain, and removes it once the
//! manifest is saved or all its contracts have ended. Whatever becomes of the program in between, the
//! contracts that hold money are known here, with all that it takes to read their pieces or to end them.
//! A record beside a manifest of the same object is a left-over: that put was done.
//!
//! ```text
//! bytes  text of the record, sealed (`sealed`)
//!     4    term in windows (numbers little-endian)
//!     8    bytes announced, 2^64 - 1 for a pipe
//!     4    last block in which one of the contracts can still be opened
//!     *    sealed manifest (`lunarx_row::manifest`) of the segments promised so far
//! ```
//! The inner seal pads, so that the length tells no more than a manifest's.

use crate::{
    catalogue::FileKind,
    sealed::{Format, HEADER, TAG},
    Catalogue, CatalogueError,
};
use lunarx_core::{BlockNumber, ContractId};
use lunarx_row::{manifest::MAX_MANIFEST_BYTES, Manifest, ManifestKey, ObjectId, RowError};

/// Version of the format.
pub const VERSION: u8 = 1;
/// Most bytes of a record.
pub const MAX_RECORD_BYTES: usize = HEADER + FIXED + MAX_MANIFEST_BYTES + TAG;

/// Term, bytes announced, last block to open.
const FIXED: usize = 4 + 8 + 4;
/// Stands for a size that is not known.
const UNKNOWN_SIZE: u64 = u64::MAX;

const FORMAT: Format = Format {
    what: "pending record",
    version: VERSION,
    seal_context: "lunarx 2026-11 pending put seal v1",
    commitment_context: "lunarx 2026-11 pending put key commitment v1",
    max: MAX_RECORD_BYTES,
};

/// A put that is under way, or was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPut {
    /// The object as far as it was promised: each segment's contracts were sent to the chain, or were
    /// about to be.
    pub manifest: Manifest,
    /// Term of the contracts.
    pub windows: u32,
    /// Bytes that the object was to have. `None` for a pipe.
    pub announced: Option<u64>,
    /// The last block in which one of the contracts can still be opened: the last of their offers
    /// expires there.
    pub open_until: BlockNumber,
}

impl PendingPut {
    /// Every contract that may be on chain.
    pub fn contracts(&self) -> Vec<ContractId> {
        self.manifest.segments.iter().flat_map(|entry| entry.contracts.iter().copied()).collect()
    }

    fn seal(&self, key: &ManifestKey) -> Result<Vec<u8>, RowError> {
        FORMAT.seal(self.text(&self.manifest.seal(key)?), key, rand::random())
    }

    fn text(&self, manifest: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(FIXED + manifest.len());
        text.extend_from_slice(&self.windows.to_le_bytes());
        text.extend_from_slice(&self.announced.unwrap_or(UNKNOWN_SIZE).to_le_bytes());
        text.extend_from_slice(&self.open_until.to_le_bytes());
        text.extend_from_slice(manifest);
        text
    }

    fn open(sealed: &[u8], key: &ManifestKey) -> Result<Self, RowError> {
        let text = FORMAT.open(sealed, key)?;
        let malformed = |reason| FORMAT.malformed(reason);
        let (windows, rest) = text.split_first_chunk().ok_or(malformed("ends early"))?;
        let (announced, rest) = rest.split_first_chunk().ok_or(malformed("ends early"))?;
        let (open_until, manifest) = rest.split_first_chunk().ok_or(malformed("ends early"))?;
        let announced = u64::from_le_bytes(*announced);
        Ok(Self {
            manifest: Manifest::open(manifest, key)?,
            windows: u32::from_le_bytes(*windows),
            announced: (announced != UNKNOWN_SIZE).then_some(announced),
            open_until: BlockNumber::from_le_bytes(*open_until),
        })
    }
}

impl Catalogue {
    /// Adds or replaces a record, durably.
    pub fn save_pending(&self, put: &PendingPut) -> Result<(), CatalogueError> {
        let sealed = put.seal(self.key()).map_err(CatalogueError::Seal)?;
        self.write(put.manifest.object, FileKind::Pending, &sealed)
    }

    /// Reads a record.
    pub fn load_pending(&self, object: ObjectId) -> Result<PendingPut, CatalogueError> {
        let (path, sealed) = self.read(object, FileKind::Pending, MAX_RECORD_BYTES)?;
        let put = PendingPut::open(&sealed, self.key())
            .map_err(|source| CatalogueError::Unreadable { path: path.clone(), source })?;
        match put.manifest.object == object {
            true => Ok(put),
            false => Err(CatalogueError::Misnamed { path, actual: put.manifest.object }),
        }
    }

    /// The objects whose puts are under way or were interrupted, in order.
    pub fn pending_ids(&self) -> Result<Vec<ObjectId>, CatalogueError> {
        let mut ids = self.ids_of(FileKind::Pending)?;
        ids.retain(|id| !self.has(*id, FileKind::Manifest));
        Ok(ids)
    }

    /// Every record, or why one cannot be opened, oldest first.
    pub fn pending(&self) -> Result<Vec<Result<PendingPut, CatalogueError>>, CatalogueError> {
        let mut all: Vec<_> = self.pending_ids()?.into_iter().map(|id| self.load_pending(id)).collect();
        // A put may be done, or removed, since the folder was read.
        all.retain(|put| !matches!(put, Err(CatalogueError::NotFound(_))));
        all.sort_by_key(|put| put.as_ref().map_or(u64::MAX, |put| put.manifest.created));
        Ok(all)
    }

    /// Drops a record. Without it nobody knows the contracts of an interrupted put.
    pub fn remove_pending(&self, object: ObjectId) -> Result<(), CatalogueError> {
        self.delete(object, FileKind::Pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::NONCE;
    use lunarx_row::{Code, DataKey, RepairKey};
    use std::fs;

    fn put(id: u8, announced: Option<u64>) -> PendingPut {
        let manifest = Manifest {
            object: ObjectId([id; 32]),
            name: "Märchen 故事.txt".into(),
            size: 0,
            created: 1_790_000_000,
            code: Code::new(4, 8).unwrap(),
            data_key: DataKey::from_bytes([1; 32]),
            repair_key: RepairKey::from_bytes([2; 32]),
            segments: Vec::new(),
        };
        PendingPut { manifest, windows: 720, announced, open_until: 0x0102_0304 }
    }

    fn key() -> ManifestKey {
        ManifestKey::from_bytes([8; 32])
    }

    fn catalogue() -> (tempfile::TempDir, Catalogue) {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path(), key()).unwrap();
        (folder, catalogue)
    }

    #[test]
    fn opens_what_it_sealed() {
        for announced in [None, Some(0), Some(1 << 40)] {
            let put = put(1, announced);
            assert_eq!(PendingPut::open(&put.seal(&key()).unwrap(), &key()), Ok(put));
        }
    }

    #[test]
    fn golden_text_and_seal() {
        let text = put(1, Some(5)).text(b"manifest");
        assert_eq!(hex::encode(&text), GOLDEN_TEXT);
        assert_eq!(hex::encode(FORMAT.seal(text.clone(), &key(), [6; NONCE]).unwrap()), GOLDEN_SEAL);
        assert_eq!(FORMAT.open(&hex::decode(GOLDEN_SEAL).unwrap(), &key()), Ok(text));
    }

    const GOLDEN_TEXT: &str = "d00200000500000000000000040302016d616e6966657374";
    // Computed from the contexts with the `blake3` and `pycryptodome` packages of PyPI.
    const GOLDEN_SEAL: &str = concat!(
        "01060606060606060606060606060606060606060606060606e2c36764decbd99bd2217f47d1236fa2c6bfbfe268b1a4",
        "d020091e9bd829b12c1f63fbe4697f27adf4f6f0aa99e48800cf5666e67e2a46ecd917ee5d14feccc84aa21842f2e9c9",
        "64",
    );

    #[test]
    fn any_changed_byte_and_any_cut_is_refused() {
        let sealed = put(1, None).seal(&key()).unwrap();
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 4;
            assert!(PendingPut::open(&bad, &key()).is_err(), "byte {at}");
            assert!(PendingPut::open(&sealed[..at], &key()).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn wrong_key_version_and_size_are_told() {
        let mut sealed = put(1, None).seal(&key()).unwrap();
        let other = ManifestKey::from_bytes([9; 32]);
        assert_eq!(PendingPut::open(&sealed, &other), Err(RowError::WrongKey(FORMAT.what)));
        sealed[0] = 2;
        let version = RowError::Version { what: FORMAT.what, expected: 1, actual: 2 };
        assert_eq!(PendingPut::open(&sealed, &key()), Err(version));
        let huge = vec![VERSION; MAX_RECORD_BYTES + 1];
        assert!(matches!(PendingPut::open(&huge, &key()), Err(RowError::TooLarge { .. })));
    }

    #[test]
    fn is_listed_until_removed_or_done() {
        let (_folder, catalogue) = catalogue();
        let (first, second) = (put(1, None), put(2, Some(7)));
        catalogue.save_pending(&first).unwrap();
        catalogue.save_pending(&second).unwrap();
        assert!(catalogue.ids().unwrap().is_empty(), "it is no object yet");
        assert_eq!(catalogue.pending_ids().unwrap(), [first.manifest.object, second.manifest.object]);
        catalogue.save(&first.manifest).unwrap();
        let listed: Vec<_> = catalogue.pending().unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(listed, std::slice::from_ref(&second), "a left-over is not listed");
        catalogue.remove_pending(second.manifest.object).unwrap();
        assert!(catalogue.pending().unwrap().is_empty());
        let gone = catalogue.remove_pending(second.manifest.object);
        assert!(matches!(gone, Err(CatalogueError::NotFound(_))));
    }

    #[test]
    fn is_found_by_its_id_but_is_no_object() {
        let (folder, catalogue) = catalogue();
        catalogue.save_pending(&put(0xab, None)).unwrap();
        let id = ObjectId([0xab; 32]);
        assert_eq!(catalogue.resolve_any("abab").unwrap(), id);
        assert!(matches!(catalogue.resolve("abab"), Err(CatalogueError::Pending(found)) if found == id));
        let path = |id: u8| folder.path().join(format!("{}.pending", hex::encode([id; 32])));
        fs::rename(path(0xab), path(0xcd)).unwrap();
        let moved = catalogue.load_pending(ObjectId([0xcd; 32]));
        assert!(matches!(moved, Err(CatalogueError::Misnamed { .. })));
    }
}
