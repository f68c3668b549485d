//! Right answers that miners signed: the tracker's defence when a window that it called valid is disputed.
//!
//! One database in the data folder, bounded in bytes. Losing answers loses the defence and some work, no truth:
//! what is missing is asked for again while its window is open. So nothing is synced to disk, and where the
//! bound is reached, no more are kept until windows are final.

use crate::{desk::Key, TrackerError};
use codec::{DecodeAll, Encode};
use lunarx_core::{BlockNumber, ContractId};
use lunarx_proof::Answer;
use redb::{Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Memory for the database's pages.
const CACHE_BYTES: usize = 16 << 20;
/// Block, big-endian, and contract: so the oldest come first.
type RawKey = [u8; 36];
const ANSWERS: TableDefinition<&RawKey, &[u8]> = TableDefinition::new("answers/1");

/// The answers kept.
pub(crate) struct Answers {
    db: Database,
    held: Mutex<Held>,
    max_bytes: u64,
}

/// What is in the database.
#[derive(Default)]
struct Held {
    sizes: BTreeMap<RawKey, u64>,
    bytes: u64,
}

impl Answers {
    /// Opens or makes the database, and takes its lock: it keeps a second tracker out of the folder.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> Result<Self, TrackerError> {
        let db = Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => TrackerError::Locked(path.into()),
            other => failed(other),
        })?;
        let transaction = db.begin_write().map_err(failed)?;
        let mut held = Held::default();
        for row in transaction.open_table(ANSWERS).map_err(failed)?.iter().map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            held.insert(*key.value(), size(value.value()));
        }
        transaction.commit().map_err(failed)?;
        Ok(Self { db, held: Mutex::new(held), max_bytes })
    }

    /// Keeps an answer. False if there is no room for it.
    pub(crate) fn put(&self, key: Key, answer: &Answer) -> Result<bool, TrackerError> {
        let (raw, bytes) = (raw_key(key), answer.encode());
        if self.held().bytes.saturating_add(size(&bytes)) > self.max_bytes {
            return Ok(false);
        }
        self.write(|table| table.insert(&raw, bytes.as_slice()).map(|_| ()))?;
        self.held().insert(raw, size(&bytes));
        Ok(true)
    }

    /// Whether an answer is kept.
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.held().sizes.contains_key(&raw_key(key))
    }

    /// An answer that is kept and readable.
    pub(crate) fn get(&self, key: Key) -> Result<Option<Answer>, TrackerError> {
        let table = self.db.begin_read().map_err(failed)?.open_table(ANSWERS).map_err(failed)?;
        let bytes = table.get(&raw_key(key)).map_err(failed)?;
        Ok(bytes.and_then(|bytes| Answer::decode_all(&mut bytes.value()).ok()))
    }

    /// Drops the answers that `keep` says no to.
    pub(crate) fn retain(&self, keep: impl Fn(Key) -> bool) -> Result<(), TrackerError> {
        let gone: Vec<RawKey> = self.held().sizes.keys().filter(|raw| !keep(key_of(raw))).copied().collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.write(|table| gone.iter().try_for_each(|raw| table.remove(raw).map(|_| ())))?;
        let mut held = self.held();
        gone.iter().for_each(|raw| held.remove(raw));
        Ok(())
    }

    fn write(
        &self,
        change: impl FnOnce(&mut redb::Table<&RawKey, &[u8]>) -> Result<(), redb::StorageError>,
    ) -> Result<(), TrackerError> {
        let mut transaction = self.db.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::None).map_err(failed)?;
        change(&mut transaction.open_table(ANSWERS).map_err(failed)?).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Syncs what was written: on a proper end, so that a restart asks for nothing twice.
    pub(crate) fn sync(&self) -> Result<(), TrackerError> {
        self.db.begin_write().map_err(failed)?.commit().map_err(failed)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn insert(&mut self, raw: RawKey, size: u64) {
        self.remove(&raw);
        self.sizes.insert(raw, size);
        self.bytes = self.bytes.saturating_add(size);
    }

    fn remove(&mut self, raw: &RawKey) {
        if let Some(size) = self.sizes.remove(raw) {
            self.bytes = self.bytes.saturating_sub(size);
        }
    }
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn raw_key((contract, block): Key) -> RawKey {
    let mut raw = [0; 36];
    raw[..4].copy_from_slice(&block.to_be_bytes());
    raw[4..].copy_from_slice(&contract.0);
    raw
}

fn key_of(raw: &RawKey) -> Key {
    let (mut block, mut contract) = ([0; 4], [0; 32]);
    block.copy_from_slice(&raw[..4]);
    contract.copy_from_slice(&raw[4..]);
    (ContractId(contract), BlockNumber::from_be_bytes(block))
}

fn failed(error: impl Into<redb::Error>) -> TrackerError {
    TrackerError::Database(Box::new(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::NodeSignature;

    fn answer(byte: u8) -> Answer {
        Answer { proofs: Default::default(), signature: NodeSignature([byte; 64]) }
    }

    fn key(contract: u8, block: u32) -> Key {
        (ContractId([contract; 32]), block)
    }

    #[test]
    fn answers_outlive_a_restart_and_are_dropped_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers");
        let answers = Answers::open(&path, 1 << 20).unwrap();
        for block in [5, 300, 70_000] {
            assert!(answers.put(key(1, block), &answer(1)).unwrap());
        }
        assert!(matches!(Answers::open(&path, 1), Err(TrackerError::Locked(_))));
        answers.sync().unwrap();
        drop(answers);
        let answers = Answers::open(&path, 1 << 20).unwrap();
        assert_eq!(answers.get(key(1, 300)).unwrap(), Some(answer(1)));
        assert_eq!(answers.get(key(2, 300)).unwrap(), None);
        answers.retain(|(_, block)| block > 300).unwrap();
        assert!(!answers.contains(key(1, 300)) && answers.contains(key(1, 70_000)));
        assert_eq!(answers.get(key(1, 300)).unwrap(), None);
    }

    #[test]
    fn the_disk_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let each = size(&answer(1).encode());
        let answers = Answers::open(&dir.path().join("answers"), 2 * each).unwrap();
        assert!(answers.put(key(1, 1), &answer(1)).unwrap());
        assert!(answers.put(key(1, 2), &answer(1)).unwrap());
        assert!(!answers.put(key(1, 3), &answer(1)).unwrap());
        answers.retain(|(_, block)| block != 1).unwrap();
        assert!(answers.put(key(1, 3), &answer(1)).unwrap());
    }
}
