//! What is being written: the pieces of contracts that are not kept yet.

use super::{
    cache::Cache,
    layout::{Kind, Layout},
    lock,
    publish::Unpublished,
    record::PieceRecord,
    reserved_space, DiskStore, Place,
};
use crate::{
    rules::{check_append, check_finish, check_index, check_room, len_u64},
    StoreError,
};
use lunarx_core::PieceId;
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Most partial files held open between appends.
const MAX_OPEN_WRITES: usize = 128;

/// A partial file, open for writing. Its slot's lock is held while it is used.
pub(super) struct Writing(File);

/// The open partial files.
pub(super) fn cache() -> Cache<Place, Writing> {
    Cache::new(MAX_OPEN_WRITES, u64::MAX)
}

/// Whether an upload goes on. It is read-locked for as long as a call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Kept,
    Removed,
}

/// One piece.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Partial { written: u64 },
    Finished(PieceRecord),
}

impl Slot {
    fn len(&self) -> u64 {
        match self {
            Self::Partial { written } => *written,
            Self::Finished(record) => record.len,
        }
    }
}

/// The pieces of one contract that is not kept.
pub(super) struct Upload {
    max_bytes: u64,
    phase: RwLock<Phase>,
    account: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    /// Bytes of all slots together, and of appends under way.
    bytes: u64,
    slots: BTreeMap<u32, Arc<Mutex<Slot>>>,
}

impl Upload {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { max_bytes, phase: RwLock::new(Phase::Open), account: Mutex::default() }
    }

    pub(super) fn check_index(&self, index: u32) -> Result<(), StoreError> {
        check_index(index, self.max_bytes)
    }

    /// Adds a piece found at `open`, unless it is more than was reserved.
    pub(super) fn restore(&self, index: u32, slot: Slot) -> Result<(), StoreError> {
        let mut account = lock(&self.account);
        account.bytes = check_room(account.bytes, slot.len(), self.max_bytes)?;
        account.slots.insert(index, Arc::new(Mutex::new(slot)));
        Ok(())
    }

    /// Whether a piece was added already.
    pub(super) fn has(&self, index: u32) -> bool {
        lock(&self.account).slots.contains_key(&index)
    }

    /// Keeps the phase from changing.
    pub(super) fn phase(&self) -> RwLockReadGuard<'_, Phase> {
        self.phase.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody writes, and keeps everybody out.
    pub(super) fn close(&self) -> RwLockWriteGuard<'_, Phase> {
        self.phase.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn written(&self, index: u32) -> u64 {
        let slot = lock(&self.account).slots.get(&index).cloned();
        slot.map_or(0, |slot| lock(&slot).len())
    }

    /// Numbers of the pieces that are not finished. Slots are locked after the account here: it takes
    /// the guard that shows that nobody else holds any.
    pub(super) fn unfinished(&self, _closed: &RwLockWriteGuard<'_, Phase>) -> Vec<u32> {
        let partial = |slot: &Mutex<Slot>| matches!(*lock(slot), Slot::Partial { .. });
        lock(&self.account).slots.iter().filter(|(_, slot)| partial(slot)).map(|(index, _)| *index).collect()
    }

    /// Bytes set aside for it.
    pub(super) fn space(&self) -> u64 {
        reserved_space(self.max_bytes)
    }

    fn slot(&self, index: u32) -> Arc<Mutex<Slot>> {
        let empty = || Arc::new(Mutex::new(Slot::Partial { written: 0 }));
        lock(&self.account).slots.entry(index).or_insert_with(empty).clone()
    }

    /// Takes room for an append.
    fn take(&self, bytes: u64) -> Result<(), StoreError> {
        let mut account = lock(&self.account);
        account.bytes = check_room(account.bytes, bytes, self.max_bytes)?;
        Ok(())
    }

    /// Gives it back.
    fn give_back(&self, bytes: u64) {
        let mut account = lock(&self.account);
        account.bytes = account.bytes.saturating_sub(bytes);
    }
}

impl DiskStore {
    /// `append` while the upload is open.
    pub(super) fn append_to(
        &self,
        upload: &Upload,
        place: Place,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u64, StoreError> {
        let (contract, index) = place;
        let slot = upload.slot(index);
        let mut slot = lock(&slot);
        let Slot::Partial { written } = *slot else {
            return Err(StoreError::AlreadyFinished { contract, index });
        };
        let add = len_u64(bytes);
        let len = check_append(written, offset, add)?;
        if add == 0 {
            return Ok(len);
        }
        upload.take(add)?;
        if let Err(error) = self.write(place, written, bytes) {
            upload.give_back(add);
            return Err(error);
        }
        *slot = Slot::Partial { written: len };
        Ok(len)
    }

    /// `finish` while the upload is open. A piece that may not have reached the disk starts again.
    pub(super) fn finish_in(&self, upload: &Upload, place: Place, len: u64) -> Result<PieceId, StoreError> {
        let slot = upload.slot(place.1);
        let mut slot = lock(&slot);
        check_finish(slot.len(), len)?;
        let record = match *slot {
            Slot::Finished(record) => record,
            Slot::Partial { written } => match self.publish(place, len) {
                Ok(record) => record,
                Err(Unpublished::Partial(error)) => return Err(error),
                Err(Unpublished::Dropped(error)) => {
                    *slot = Slot::Partial { written: 0 };
                    upload.give_back(written);
                    return Err(error);
                }
            },
        };
        *slot = Slot::Finished(record);
        Ok(record.piece)
    }

    /// Writes at the end of a partial file. A failed write leaves its length as it was.
    fn write(&self, place: Place, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let writing = self.writing(place, offset)?;
        let mut file = &writing.0;
        let written = file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(bytes));
        written.map_err(|error| {
            if let Err(error) = file.set_len(offset) {
                tracing::warn!(%error, "a partial piece keeps bytes of a failed write until the next start");
            }
            StoreError::at(self.layout.partial(place, Kind::Piece))(error)
        })
    }

    fn writing(&self, place: Place, offset: u64) -> Result<Arc<Writing>, StoreError> {
        let generation = {
            let mut cache = lock(&self.writing);
            if let Some(writing) = cache.get(&place) {
                return Ok(writing);
            }
            cache.generation()
        };
        let file = open_partial(&self.layout, place, offset)?;
        let writing = Arc::new(Writing(file));
        lock(&self.writing).insert(place, writing.clone(), 0, generation);
        Ok(writing)
    }
}

/// Opens a partial file for writing at `offset`. Only the first byte of a piece makes a file, so that
/// one that vanished is noticed.
fn open_partial(layout: &Layout, place: Place, offset: u64) -> Result<File, StoreError> {
    let path = layout.partial(place, Kind::Piece);
    let first = offset == 0;
    let file = OpenOptions::new().write(true).create(first).truncate(first).open(&path);
    let open = file.and_then(|file| match file.metadata()?.len() {
        len if len == offset => Ok(file),
        len => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{len} bytes, expected {offset}"))),
    });
    open.map_err(StoreError::at(path))
}
