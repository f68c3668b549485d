//! What is being written: the pieces of contracts that are not kept yet.
//!
//! A piece begins in memory. Once it is too long for a pack, or too much is in memory already, it goes on in a file;
//! when the store is closed, too.

use super::{
    cache::Cache,
    lock,
    medium::{Access, MediumFile},
    record::PieceRecord,
    Place, Store,
};
use crate::{
    rules::{check_append, check_index, check_room, len_u64},
    StoreError,
};
use lunarx_core::ContractId;
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    },
};

/// Most partial files held open between appends.
const MAX_OPEN_WRITES: usize = 128;
/// Most bytes of unfinished pieces in memory.
const MOST_STAGED: u64 = 64 << 20;
/// What a piece in memory takes beside its bytes.
const SLOT_BYTES: u64 = 512;

const SUFFIX: &str = ".part";
const STAGED: &str = ".staged";

/// The name of an unfinished piece's file.
pub(super) fn partial_name((contract, index): Place) -> String {
    format!("{}-{index}{SUFFIX}", hex::encode(contract))
}

/// Reads a name that [`partial_name`] makes, and no other.
pub(super) fn parse_partial(name: &str) -> Option<Place> {
    let (contract, index) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let place: Place = (contract.parse().ok()?, index.parse().ok()?);
    (partial_name(place) == name).then_some(place)
}

/// The name of a piece's file while its hashes are added behind its `len` bytes.
pub(super) fn staged_name((contract, index): Place, len: u64) -> String {
    format!("{}-{index}-{len}{STAGED}", hex::encode(contract))
}

/// Reads a name that [`staged_name`] makes, and no other.
pub(super) fn parse_staged(name: &str) -> Option<(Place, u64)> {
    let mut parts = name.strip_suffix(STAGED)?.splitn(3, '-');
    let place: Place = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let len = parts.next()?.parse().ok()?;
    (staged_name(place, len) == name).then_some((place, len))
}

/// The open partial files.
pub(super) fn cache() -> Cache<Place, dyn MediumFile> {
    Cache::new(MAX_OPEN_WRITES, u64::MAX)
}

/// Bytes of unfinished pieces in memory.
#[derive(Debug, Default)]
pub(super) struct Budget(AtomicU64);

impl Budget {
    fn take(&self, bytes: u64) -> bool {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= MOST_STAGED);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// Gives back what a staged piece took.
    pub(super) fn give_back_piece(&self, staged: &[u8]) {
        self.0.fetch_sub(charged(staged), Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a staged piece takes of the budget: memory is not given in bytes.
pub(super) fn charged(staged: &[u8]) -> u64 {
    match staged {
        [] => 0,
        staged => len_u64(staged) + SLOT_BYTES,
    }
}

/// What `add` more bytes take.
fn charge(staged: &[u8], add: u64) -> u64 {
    if staged.is_empty() {
        add + SLOT_BYTES
    } else {
        add
    }
}

/// Whether an upload goes on. It is read-locked for as long as a call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Kept,
    Removed,
}

/// One piece.
#[derive(Debug)]
pub(super) enum Slot {
    /// Its bytes so far.
    Staged(Vec<u8>),
    /// The length of its file.
    File(u64),
    Finished(PieceRecord),
}

impl Slot {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Staged(bytes) => len_u64(bytes),
            Self::File(written) => *written,
            Self::Finished(record) => record.len,
        }
    }

    fn empty() -> Self {
        Self::Staged(Vec::new())
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

    /// What its pieces in memory take of the budget.
    #[cfg(test)]
    pub(super) fn staged(&self) -> u64 {
        let charge = |slot: &Arc<Mutex<Slot>>| match &*lock(slot) {
            Slot::Staged(bytes) => charged(bytes),
            _ => 0,
        };
        lock(&self.account).slots.values().map(charge).sum()
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

    /// Takes the unfinished pieces out. Slots are locked after the account here: it takes the guard that shows
    /// that nobody else holds any.
    fn take_unfinished(&self, _closed: &RwLockWriteGuard<'_, Phase>) -> Vec<(u32, Slot)> {
        let mut unfinished = Vec::new();
        for (index, slot) in &lock(&self.account).slots {
            let mut slot = lock(slot);
            if !matches!(*slot, Slot::Finished(_)) {
                unfinished.push((*index, std::mem::replace(&mut *slot, Slot::empty())));
            }
        }
        unfinished
    }

    pub(super) fn slot(&self, index: u32) -> Option<Arc<Mutex<Slot>>> {
        lock(&self.account).slots.get(&index).cloned()
    }

    /// Takes room for an append. Only bytes make a slot.
    fn take(&self, index: u32, bytes: u64) -> Result<Arc<Mutex<Slot>>, StoreError> {
        let mut account = lock(&self.account);
        account.bytes = check_room(account.bytes, bytes, self.max_bytes)?;
        let empty = || Arc::new(Mutex::new(Slot::empty()));
        Ok(account.slots.entry(index).or_insert_with(empty).clone())
    }

    /// Gives it back.
    pub(super) fn give_back(&self, bytes: u64) {
        let mut account = lock(&self.account);
        account.bytes = account.bytes.saturating_sub(bytes);
    }
}

impl Store {
    /// `append` while the upload is open.
    pub(super) fn append_to(
        &self,
        upload: &Upload,
        place: Place,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u64, StoreError> {
        let (contract, index) = place;
        let add = len_u64(bytes);
        let check = |slot: &Slot| match slot {
            Slot::Finished(_) => Err(StoreError::AlreadyFinished { contract, index }),
            slot => check_append(slot.len(), offset, add),
        };
        let len = match upload.slot(index) {
            Some(slot) => check(&lock(&slot))?,
            None => check_append(0, offset, add)?,
        };
        if add == 0 {
            return Ok(len);
        }
        let slot = upload.take(index, add)?;
        let mut slot = lock(&slot);
        // Another call may have been faster.
        let appended = check(&slot).and_then(|len| self.extend(&mut slot, place, bytes).map(|()| len));
        if appended.is_err() {
            upload.give_back(add);
        }
        appended
    }

    /// Adds bytes to a piece: in memory as long as it is short.
    fn extend(&self, slot: &mut Slot, place: Place, bytes: &[u8]) -> Result<(), StoreError> {
        let add = len_u64(bytes);
        let is_short = slot.len() + add <= self.bodies.most_packed();
        match slot {
            Slot::Staged(staged) if is_short && self.budget.take(charge(staged, add)) => {
                staged.extend_from_slice(bytes);
                Ok(())
            }
            Slot::Staged(_) => {
                self.check_floor(slot.len() + add)?;
                self.spill(slot, place)?;
                self.extend(slot, place, bytes)
            }
            Slot::File(written) => {
                self.check_floor(add)?;
                self.write_partial(place, *written, bytes)?;
                *written += add;
                Ok(())
            }
            Slot::Finished(_) => unreachable!("`append_to` refuses it"),
        }
    }

    /// Moves a piece from memory into a file, which no piece has before its first spill.
    pub(super) fn spill(&self, slot: &mut Slot, place: Place) -> Result<(), StoreError> {
        let Slot::Staged(staged) = slot else { return Ok(()) };
        let path = self.partial(place);
        lock(&self.writing).remove(&place);
        let file = self.medium.open(&path, Access::Create).map_err(StoreError::at(&path))?;
        if let Err(error) = file.write_at(0, staged) {
            self.drop_partial(place);
            return Err(StoreError::at(path)(error));
        }
        let written = len_u64(staged);
        self.budget.give_back_piece(staged);
        *slot = Slot::File(written);
        Ok(())
    }

    /// Writes at the end of a partial file. A failed write leaves its length as it was.
    fn write_partial(&self, place: Place, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let file = self.writing(place, offset)?;
        file.write_at(offset, bytes).map_err(|error| {
            if let Err(error) = file.set_len(offset) {
                tracing::warn!(%error, "a partial piece keeps bytes of a failed write until the next start");
            }
            StoreError::at(self.partial(place))(error)
        })
    }

    /// The partial file of a piece, which has `len` bytes: one that was changed or vanished is noticed.
    pub(super) fn writing(&self, place: Place, len: u64) -> Result<Arc<dyn MediumFile>, StoreError> {
        let generation = {
            let mut cache = lock(&self.writing);
            if let Some(file) = cache.get(&place) {
                return Ok(file);
            }
            cache.generation()
        };
        let path = self.partial(place);
        let open = || {
            let file = self.medium.open(&path, Access::Write)?;
            match file.len()? {
                actual if actual == len => Ok(file),
                actual => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{actual} bytes, expected {len}")))
                }
            }
        };
        let file = open().map_err(StoreError::at(&path))?;
        lock(&self.writing).insert(place, file.clone(), 0, generation);
        Ok(file)
    }

    pub(super) fn partial(&self, place: Place) -> PathBuf {
        self.incoming.join(partial_name(place))
    }

    /// Deletes a partial file. What resists is swept at the next `open`.
    pub(super) fn drop_partial(&self, place: Place) {
        lock(&self.writing).remove(&place);
        let path = self.partial(place);
        if let Err(error) = self.medium.remove(&path) {
            tracing::error!(path = %path.display(), %error, "left behind until the next start");
        }
    }

    /// Makes it durable that partial files are gone: what was given up must not come back under a contract with the
    /// same id.
    pub(super) fn sync_incoming(&self) {
        if let Err(error) = self.medium.sync_folder(&self.incoming) {
            tracing::error!(path = %self.incoming.display(), %error, "a folder is not synced");
        }
    }

    /// Forgets the unfinished pieces of an upload that is over.
    pub(super) fn drop_unfinished(
        &self,
        contract: ContractId,
        upload: &Upload,
        closed: &RwLockWriteGuard<'_, Phase>,
    ) {
        let mut dropped = false;
        for (index, slot) in upload.take_unfinished(closed) {
            match slot {
                Slot::Staged(bytes) => self.budget.give_back_piece(&bytes),
                _ => {
                    self.drop_partial((contract, index));
                    dropped = true;
                }
            }
        }
        if dropped {
            self.sync_incoming();
        }
    }

    /// Moves what is unfinished in memory into files.
    pub(super) fn spill_all(&self) {
        for (contract, upload) in lock(&self.uploads).iter() {
            let slots = lock(&upload.account).slots.clone();
            for (index, slot) in slots {
                let mut slot = lock(&slot);
                if slot.len() == 0 || !matches!(*slot, Slot::Staged(_)) {
                    continue;
                }
                let room = self.check_floor(slot.len());
                if let Err(error) = room.and_then(|()| self.spill(&mut slot, (*contract, index))) {
                    tracing::warn!(%contract, index, %error, "an unfinished piece will start again");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_other() {
        let place = (ContractId([0xab; 32]), 7);
        assert_eq!(parse_partial(&partial_name(place)), Some(place));
        let id = "ab".repeat(32);
        assert_eq!(partial_name(place), format!("{id}-7.part"));
        assert_eq!(parse_staged(&staged_name(place, 9)), Some((place, 9)));
        for name in [format!("{id}-7-09.staged"), format!("{id}-7.staged"), format!("{id}-7-9.part")] {
            assert_eq!(parse_staged(&name), None, "{name}");
        }
        for name in [
            format!("{id}-07.part"),
            format!("{id}-+7.part"),
            format!("{}-7.part", id.to_uppercase()),
            format!("0x{id}-7.part"),
            format!("{id}-7.part.part"),
            format!("{id}-4294967296.part"),
            "notes.txt".into(),
        ] {
            assert_eq!(parse_partial(&name), None, "{name}");
        }
    }

    #[test]
    fn budget_is_never_passed() {
        let budget = Budget::default();
        assert!(budget.take(MOST_STAGED) && !budget.take(1));
        budget.give_back_piece(&[1, 2]);
        assert!(budget.take(2) && !budget.take(u64::MAX));
    }
}
