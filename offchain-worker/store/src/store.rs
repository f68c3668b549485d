//! The store: metadata in redb and small pieces in packs on a local disk, larger ones in files beside them or in an
//! object store. docs/store.md has the layout, byte by byte.
//!
//! # Invariants
//! - The record of a piece is committed after its body reached the disk, and is gone before its body is. Names of
//!   bodies and places in packs are never used twice.
//! - The sums in the metadata change in the transactions that change what they sum up. `reserve` alone can pass the
//!   quota, and checks it there.
//! - An unkept contract has one [`Upload`], loaded at `open` or made by `reserve`. Lock order: `admin`, upload phase,
//!   slot, the upload's account; then the active pack, the metadata's writer; the caches last and alone.
//! - `written` is exact as long as the store is open, and after it was closed. After a crash, what was in memory is
//!   gone; after a power cut the tail of a file may be missing or zeroed, since appends are not synced. A wrong tail
//!   costs the upload and nothing else: the piece gets another id than its client computed.
//! - Opening looks at contracts that are not kept, and at no other.

mod body;
mod cache;
mod collect;
mod files;
mod finish;
mod local;
mod mark;
pub(crate) mod medium;
mod metadata;
#[cfg(feature = "objects")]
mod objects;
#[cfg(not(feature = "objects"))]
#[path = "store/no_objects.rs"]
mod objects;
mod open;
mod packs;
mod read;
mod record;
mod scrub;
mod upload;

use crate::{
    rules::{check_finish, check_index, check_reservation},
    space::footprint,
    BatchEntry, Collected, EncodedRange, PieceStore, Reservation, Scrubbed, StoreError, StoredContract,
    Usage,
};
use body::Bodies;
use cache::Cache;
use files::Files;
use local::Local;
use lunarx_core::{ContractId, PieceId};
use lunarx_proof::ChunkProof;
use medium::{Medium, MediumFile};
use metadata::Metadata;
pub use objects::Remote;
use packs::Packs;
use read::Reading;
use record::{Garbage, PieceRecord};
use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{atomic::AtomicBool, Arc, Mutex, MutexGuard, PoisonError},
};
use upload::{Budget, Phase, Upload};

const METADATA: &str = "meta.redb";
const NEW_METADATA: &str = "meta.redb.new";
const LOCK: &str = "lock";
/// Most steps of the collector for one reservation.
const MOST_STEPS: u32 = 16;
/// Where bodies lie that are in no object store.
const LOCAL: &str = "files on the disk";
const INCOMING: &str = "incoming";

/// Least free disk, unless configured.
pub const DEFAULT_FLOOR: u64 = 1 << 30;

/// A piece's place: its contract and its number in it.
type Place = (ContractId, u32);

/// What the operator decides of a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Most bytes of pieces.
    pub quota: u64,
    /// Bytes of the disk that are never taken, whatever the quota says.
    pub floor: u64,
    /// Where the bodies of pieces lie, if not on the disk. What is on its way, and the metadata, are on the disk still.
    pub remote: Option<Remote>,
}

impl StoreConfig {
    /// A quota, and everything else at its default.
    pub fn new(quota: u64) -> Self {
        Self { quota, floor: DEFAULT_FLOOR, remote: None }
    }
}

/// Pieces on a local disk. One process at a time has a folder open.
pub struct Store {
    config: StoreConfig,
    root: PathBuf,
    incoming: PathBuf,
    medium: Arc<dyn Medium>,
    metadata: Metadata,
    packs: Packs,
    bodies: Box<dyn Bodies>,
    /// What tells the place of the bodies from any other, and what it is called.
    mark: Vec<u8>,
    place: String,
    /// Held while contracts come, change and go.
    admin: Mutex<()>,
    /// The last garbage that could not be deleted.
    collector: Mutex<Option<Garbage>>,
    scrubber: Mutex<()>,
    /// Whether the file system makes holes, as far as is known.
    can_punch: AtomicBool,
    budget: Budget,
    uploads: Mutex<HashMap<ContractId, Arc<Upload>>>,
    writing: Mutex<Cache<Place, dyn MediumFile>>,
    reading: Mutex<Cache<PieceId, Reading>>,
    /// Dropped last.
    _locked: Box<dyn Send + Sync>,
}

impl Store {
    /// Opens the store in folder `dir`, or makes it. What an interruption left half done is swept away.
    ///
    /// # Errors
    /// `Locked` if somebody has it open; `MetadataMissing` and `Format` if it must not be touched.
    pub fn open(dir: impl AsRef<Path>, config: StoreConfig) -> Result<Self, StoreError> {
        let dir = dir.as_ref();
        Self::open_on(Arc::new(Local::new(dir)), dir, config)
    }

    pub(crate) fn open_on(
        medium: Arc<dyn Medium>,
        root: &Path,
        config: StoreConfig,
    ) -> Result<Self, StoreError> {
        let (bodies, place): (Box<dyn Bodies>, _) = match &config.remote {
            None => (Box::new(Files::new(medium.clone(), root)), LOCAL.to_string()),
            Some(remote) => (objects::open(remote, medium.clone())?, remote.url().to_string()),
        };
        let incoming = root.join(INCOMING);
        for folder in [root, &incoming] {
            medium.create_folder(folder).map_err(StoreError::at(folder))?;
        }
        let path = root.join(LOCK);
        let locked = medium.lock(&path).map_err(StoreError::at(&path))?.ok_or(StoreError::Locked(path))?;
        let path = root.join(METADATA);
        if medium.file_len(&path).map_err(StoreError::at(&path))?.is_none_or(|len| len == 0) {
            if bodies.mark()?.is_some() || Packs::any(medium.as_ref(), root)? {
                return Err(StoreError::MetadataMissing(path));
            }
            // A database is made under another name: what an interruption leaves of it could not be opened.
            let new = root.join(NEW_METADATA);
            medium.remove(&new).map_err(StoreError::at(&new))?;
            drop(Metadata::open(medium.as_ref(), &new)?);
            medium.rename(&new, &path).map_err(StoreError::at(&path))?;
        }
        medium.sync_folder(root).map_err(StoreError::at(root))?;
        let metadata = Metadata::open(medium.as_ref(), &path)?;
        metadata.bind_to(&place)?;
        let mark = metadata.mark(|| rand::random::<[u8; mark::MARK_BYTES]>().to_vec())?;
        let packs = Packs::new(medium.clone(), root)?;
        let store = Self {
            config,
            root: root.into(),
            incoming,
            medium,
            metadata,
            packs,
            bodies,
            mark,
            place,
            admin: Mutex::default(),
            collector: Mutex::default(),
            scrubber: Mutex::default(),
            can_punch: AtomicBool::new(true),
            budget: Budget::default(),
            uploads: Mutex::default(),
            writing: Mutex::new(upload::cache()),
            reading: Mutex::new(read::cache()),
            _locked: locked,
        };
        // Before anything is deleted that should not be there.
        store.settle_marks()?;
        store.packs.restore(&store.metadata)?;
        let uploads = store.sweep()?;
        *lock(&store.uploads) = uploads;
        Ok(store)
    }

    /// The upload of a contract that is not kept.
    fn upload(&self, contract: ContractId) -> Option<Arc<Upload>> {
        lock(&self.uploads).get(&contract).cloned()
    }

    /// The record of a piece of a contract that has no open upload.
    fn settled(&self, (contract, index): Place) -> Result<PieceRecord, StoreError> {
        let record = self.metadata.contract(contract)?.ok_or(StoreError::UnknownContract(contract))?;
        check_index(index, record.max_bytes)?;
        self.metadata.piece((contract, index))?.ok_or(StoreError::Kept(contract))
    }

    /// Bytes of the disk above the floor.
    fn disk(&self) -> Result<u64, StoreError> {
        let free = self.medium.free().map_err(StoreError::at(&self.root))?;
        Ok(free.saturating_sub(self.config.floor))
    }

    /// Refuses to write `bytes` if that would go below the floor.
    fn check_floor(&self, bytes: u64) -> Result<(), StoreError> {
        let free = self.medium.free().map_err(StoreError::at(&self.root))?;
        match free.saturating_sub(bytes) < self.config.floor {
            true => Err(StoreError::LowDisk { free, floor: self.config.floor }),
            false => Ok(()),
        }
    }

    fn usage_with(&self, totals: &metadata::Totals, disk: u64) -> Usage {
        Usage {
            quota: self.config.quota,
            reserved: totals.reserved,
            stored: totals.stored,
            garbage: totals.garbage,
            disk,
        }
    }

    /// Adds a contract; with garbage in its way, that goes first.
    fn reserve_in(&self, contract: ContractId, reservation: Reservation) -> Result<(), StoreError> {
        let max_bytes = reservation.max_bytes;
        for step in 0.. {
            let disk = self.disk()?;
            let check = |totals: &metadata::Totals| self.usage_with(totals, disk).check(max_bytes);
            let (needed, free) = match self.metadata.reserve(contract, reservation.clone(), check) {
                Err(StoreError::QuotaExceeded { needed, free }) => (needed, free),
                reserved => return reserved,
            };
            // What it would be like with all garbage gone.
            let totals = self.metadata.totals();
            let clean = metadata::Totals { garbage: 0, ..totals };
            let helps = self.usage_with(&clean, disk.saturating_add(totals.garbage)).check(max_bytes).is_ok();
            if helps && step < MOST_STEPS {
                if let Err(error) = self.collect_some(needed.saturating_sub(free)) {
                    tracing::error!(%error, "space cannot be given back");
                }
            }
            if self.metadata.totals().garbage >= totals.garbage {
                return Err(StoreError::QuotaExceeded { needed, free });
            }
        }
        unreachable!("the last step returns")
    }

    /// Compares every sum with what it sums up, while nobody writes.
    #[cfg(test)]
    pub(crate) fn verify(&self) {
        self.metadata.verify();
        let staged: u64 = lock(&self.uploads).values().map(|upload| upload.staged()).sum();
        assert_eq!(self.budget.taken(), staged);
    }
}

impl PieceStore for Store {
    fn reserve(&self, contract: ContractId, reservation: Reservation) -> Result<(), StoreError> {
        check_reservation(&reservation)?;
        let upload = Upload::new(reservation.max_bytes);
        let _admin = lock(&self.admin);
        self.reserve_in(contract, reservation)?;
        lock(&self.uploads).insert(contract, Arc::new(upload));
        Ok(())
    }

    fn written(&self, contract: ContractId, index: u32) -> Result<u64, StoreError> {
        if let Some(upload) = self.upload(contract) {
            let phase = upload.phase();
            if *phase == Phase::Open {
                upload.check_index(index)?;
                return Ok(upload.written(index));
            }
        }
        Ok(self.settled((contract, index))?.len)
    }

    fn append(&self, contract: ContractId, index: u32, offset: u64, bytes: &[u8]) -> Result<u64, StoreError> {
        if let Some(upload) = self.upload(contract) {
            let phase = upload.phase();
            if *phase == Phase::Open {
                upload.check_index(index)?;
                return self.append_to(&upload, (contract, index), offset, bytes);
            }
        }
        match self.metadata.contract(contract)? {
            Some(record) => check_index(index, record.max_bytes).and(Err(StoreError::Kept(contract))),
            None => Err(StoreError::UnknownContract(contract)),
        }
    }

    fn finish(&self, contract: ContractId, index: u32, len: u64) -> Result<PieceId, StoreError> {
        let place = (contract, index);
        if let Some(upload) = self.upload(contract) {
            let phase = upload.phase();
            if *phase == Phase::Open {
                upload.check_index(index)?;
                return self.finish_in(&upload, place, len);
            }
        }
        let record = self.settled(place)?;
        check_finish(record.len, len)?;
        Ok(record.piece)
    }

    fn batch(&self, contract: ContractId) -> Result<Vec<BatchEntry>, StoreError> {
        if self.metadata.contract(contract)?.is_none() {
            return Err(StoreError::UnknownContract(contract));
        }
        let pieces = self.metadata.whole_pieces(contract)?;
        Ok(pieces
            .into_iter()
            .map(|(_, record)| BatchEntry { piece: record.piece, len: record.len })
            .collect())
    }

    fn keep(&self, contract: ContractId) -> Result<(), StoreError> {
        let _admin = lock(&self.admin);
        let Some(upload) = self.upload(contract) else {
            return match self.metadata.contract(contract)? {
                Some(_) => Ok(()),
                None => Err(StoreError::UnknownContract(contract)),
            };
        };
        let mut phase = upload.close();
        self.metadata.keep(contract)?;
        self.drop_unfinished(contract, &upload, &phase);
        *phase = Phase::Kept;
        lock(&self.uploads).remove(&contract);
        Ok(())
    }

    fn remove(&self, contract: ContractId) -> Result<(), StoreError> {
        let _admin = lock(&self.admin);
        let upload = self.upload(contract);
        let phase = upload.as_ref().map(|upload| upload.close());
        let Some(removed) = self.metadata.remove(contract)? else { return Ok(()) };
        for (_, record) in &removed {
            lock(&self.reading).remove(&record.piece);
        }
        if let (Some(upload), Some(mut phase)) = (&upload, phase) {
            self.drop_unfinished(contract, upload, &phase);
            *phase = Phase::Removed;
            lock(&self.uploads).remove(&contract);
        }
        Ok(())
    }

    fn contracts(&self, after: Option<ContractId>, most: usize) -> Result<Vec<StoredContract>, StoreError> {
        let rows = self.metadata.contracts(after, most)?;
        let stored = |(contract, record, tally): metadata::Row| StoredContract {
            contract,
            kept: record.kept,
            reservation: record.into_reservation(),
            bytes: tally.bytes.saturating_sub(tally.lost),
            lost: tally.lost,
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    fn read_range(&self, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, StoreError> {
        self.read(piece, offset, len)
    }

    fn prove_chunk(&self, piece: PieceId, chunk: u64) -> Result<ChunkProof, StoreError> {
        self.prove(piece, chunk)
    }

    fn collect(&self, most: u64) -> Result<Collected, StoreError> {
        self.collect_some(most)
    }

    fn scrub(&self, most: u64) -> Result<Scrubbed, StoreError> {
        self.scrub_some(most)
    }

    fn usage(&self) -> Usage {
        // A disk that does not tell what it has left takes nothing more.
        self.usage_with(&self.metadata.totals(), self.disk().unwrap_or_default())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.spill_all();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What is behind these locks is consistent between any two of its changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes set aside for a reservation in the metadata.
fn reserved_space(max_bytes: u64) -> u64 {
    footprint(max_bytes).expect("`reserve` stores and `Metadata` decodes no other; qed")
}
