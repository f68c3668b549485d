//! The store on disk: pieces in files, metadata in redb.
//!
//! # Layout
//! All integers in files are little-endian unless said otherwise; `<contract>` is 64 lower-case hex
//! digits, `<index>` is decimal without leading zeros, `<2 hex>` the first byte of the contract.
//! ```text
//! <dir>/meta.redb                               redb database, file format 3; its lock is the store's lock
//! <dir>/incoming/<contract>-<index>.piece       bytes of an unfinished piece so far
//! <dir>/incoming/<contract>-<index>.tree        hashes of a piece that is being finished
//! <dir>/pieces/<2 hex>/<contract>-<index>.piece the bytes of a finished piece, nothing else
//! <dir>/pieces/<2 hex>/<contract>-<index>.tree  its outboard: the pairs of BLAKE3 hashes above groups of
//!                                               16 KiB, in pre-order, 64 bytes each, `ceil(len / 16384) - 1`
//! ```
//! Tables of `meta.redb`; values of `contracts` and `pieces` are SCALE, their first byte the version:
//! ```text
//! format     "version"                        → u32 = 1
//! contracts  contract (32)                    → 01 ‖ owner (32) ‖ max_bytes (u64) ‖ expires (u32)
//!                                                  ‖ kept (00 or 01) ‖ compact length ‖ offer
//! pieces     contract (32) ‖ index (u32 BE)   → 01 ‖ piece id (32) ‖ len (u64)
//! by_piece   piece id (32)                    → set of contract (32) ‖ index (u32 BE)
//! ```
//!
//! # Flow of `finish`
//! Hash the partial file, write its tree beside it, fsync both, rename both into `pieces`, fsync that
//! folder, commit the record (redb, durability immediate). The commit is the moment at which the piece
//! exists: before it nothing refers to the files, after it both are whole and durable. `remove` goes
//! the other way: commit, then delete. What an interruption leaves between the two is swept by `open`.
//!
//! After a failed fsync the piece is dropped and its upload starts again: Linux marks pages that it
//! could not write as clean, so the next fsync of the same file would succeed over bytes that are on no
//! disk.
//!
//! # Invariants
//! - The ledger is a function of the metadata: it is built at `open`, and changes only after a commit,
//!   under `admin`. `reserve` alone can pass the quota, and checks it.
//! - An unkept contract has one [`Upload`], loaded at `open` or made by `reserve`. Lock order: `admin`,
//!   upload phase, slot, the upload's account; the caches and the ledger are locked last and alone.
//! - `written` comes from the length of the partial file. After a crash of the process it is exact;
//!   after a power cut the tail may be missing or zeroed, since appends are not synced. A wrong tail
//!   costs the upload and nothing else: the piece gets another id than its client computed.

mod cache;
mod layout;
mod metadata;
mod publish;
mod read;
mod record;
mod sweep;
mod upload;

use crate::{
    disk::{
        cache::Cache,
        layout::{remove_file, Layout},
        metadata::Metadata,
        read::Reading,
        record::PieceRecord,
        upload::{Phase, Upload, Writing},
    },
    rules::{check_finish, check_index, check_reservation},
    space::{footprint, pieces_space, Ledger},
    BatchEntry, EncodedRange, PieceStore, Reservation, StoreError, StoredContract, Usage,
};
use lunarx_core::{ContractId, PieceId};
use lunarx_proof::ChunkProof;
#[cfg(test)]
pub(crate) use publish::Step;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A piece's place: its contract and its number in it.
type Place = (ContractId, u32);

/// Pieces on a local disk. One process at a time has a folder open.
pub struct DiskStore {
    layout: Layout,
    metadata: Metadata,
    /// Held while contracts come, change and go.
    admin: Mutex<()>,
    ledger: Mutex<Ledger>,
    uploads: Mutex<HashMap<ContractId, Arc<Upload>>>,
    /// Finished pieces whose files were found missing.
    lost: Mutex<HashSet<Place>>,
    writing: Mutex<Cache<Place, Writing>>,
    reading: Mutex<Cache<PieceId, Reading>>,
    #[cfg(test)]
    pub(crate) hook: publish::Hook,
}

impl DiskStore {
    /// Opens the store in folder `dir`, or makes it; takes at most `quota` bytes from then on. What an
    /// interruption left half done is swept away.
    ///
    /// # Errors
    /// `Locked` if somebody has it open; `MetadataMissing` and `Format` if it must not be touched.
    pub fn open(dir: impl AsRef<Path>, quota: u64) -> Result<Self, StoreError> {
        let layout = Layout::new(dir.as_ref());
        layout.create()?;
        if !layout.has_metadata()? && layout.has_pieces()? {
            return Err(StoreError::MetadataMissing(layout.metadata()));
        }
        let metadata = Metadata::open(&layout.metadata())?;
        layout.sync_root()?;
        let swept = sweep::sweep(&layout, &metadata, quota)?;
        Ok(Self {
            layout,
            metadata,
            admin: Mutex::new(()),
            ledger: Mutex::new(swept.ledger),
            uploads: Mutex::new(swept.uploads),
            lost: Mutex::new(swept.lost),
            writing: Mutex::new(upload::cache()),
            reading: Mutex::new(read::cache()),
            #[cfg(test)]
            hook: publish::Hook::default(),
        })
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

    /// Deletes files that nothing refers to any more. What resists is swept at the next `open`.
    fn delete_files(&self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            lock(&self.writing).remove(&place);
            for path in self.layout.files(place) {
                if let Err(error) = remove_file(&path) {
                    tracing::error!(%error, "left behind until the next start");
                }
            }
        }
    }
}

impl PieceStore for DiskStore {
    fn reserve(&self, contract: ContractId, reservation: Reservation) -> Result<(), StoreError> {
        check_reservation(&reservation)?;
        let _admin = lock(&self.admin);
        if self.metadata.contract(contract)?.is_some() {
            return Err(StoreError::AlreadyReserved(contract));
        }
        let space = lock(&self.ledger).check(reservation.max_bytes)?;
        let upload = Upload::new(reservation.max_bytes);
        self.metadata.reserve(contract, reservation)?;
        lock(&self.ledger).add_reserved(space);
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
        let pieces = self.metadata.pieces(contract)?;
        let lost = lock(&self.lost);
        let here = pieces.into_iter().filter(|(index, _)| !lost.contains(&(contract, *index)));
        Ok(here.map(|(_, record)| BatchEntry { piece: record.piece, len: record.len }).collect())
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
        let stored = self.metadata.keep(contract)?;
        self.delete_files(upload.unfinished(&phase).into_iter().map(|index| (contract, index)));
        *phase = Phase::Kept;
        lock(&self.uploads).remove(&contract);
        let mut ledger = lock(&self.ledger);
        ledger.take_reserved(upload.space());
        ledger.add_stored(stored);
        Ok(())
    }

    fn remove(&self, contract: ContractId) -> Result<(), StoreError> {
        let _admin = lock(&self.admin);
        let upload = self.upload(contract);
        let phase = upload.as_ref().map(|upload| upload.close());
        let Some(removed) = self.metadata.remove(contract)? else { return Ok(()) };
        for (index, record) in &removed.pieces {
            lock(&self.reading).remove(&record.piece);
            lock(&self.lost).remove(&(contract, *index));
        }
        self.delete_files(removed.pieces.iter().map(|(index, _)| (contract, *index)));
        if let (Some(upload), Some(mut phase)) = (&upload, phase) {
            self.delete_files(upload.unfinished(&phase).into_iter().map(|index| (contract, index)));
            *phase = Phase::Removed;
            lock(&self.uploads).remove(&contract);
        }
        let mut ledger = lock(&self.ledger);
        if removed.kept {
            ledger.take_stored(stored_space(removed.pieces.iter().map(|(_, record)| record)));
        } else {
            ledger.take_reserved(reserved_space(removed.max_bytes));
        }
        Ok(())
    }

    fn contracts(&self) -> Result<Vec<StoredContract>, StoreError> {
        let lost = lock(&self.lost).clone();
        self.metadata.contracts(|place| !lost.contains(&place))
    }

    fn read_range(&self, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, StoreError> {
        self.read(piece, offset, len)
    }

    fn prove_chunk(&self, piece: PieceId, chunk: u64) -> Result<ChunkProof, StoreError> {
        self.prove(piece, chunk)
    }

    fn usage(&self) -> Usage {
        lock(&self.ledger).usage()
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore").field("root", &self.layout.root()).finish_non_exhaustive()
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

/// Bytes that the finished pieces of a contract take.
fn stored_space<'a>(records: impl IntoIterator<Item = &'a PieceRecord>) -> u64 {
    pieces_space(records.into_iter().map(|record| record.len))
}
