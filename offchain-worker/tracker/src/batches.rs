//! The batches that miners announced and the chain confirmed, on disk: from them the piece map is made again
//! after a restart, and when pieces fall to this tracker because another one is gone. Miners announce once.
//!
//! Bounded in pieces. Synced now and then only: what a crash loses the other keepers of a piece still know.

use crate::TrackerError;
use codec::{DecodeAll, Encode};
use lunarx_core::{ContractId, NodeKey, PieceId};
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Memory for the database's pages.
const CACHE_BYTES: usize = 16 << 20;
const BATCHES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("batches/1");

/// A batch: its miner, and its pieces.
pub(crate) type Batch = (NodeKey, Vec<PieceId>);

/// The batches kept.
pub(crate) struct Batches {
    db: Database,
    /// Pieces of each contract.
    counts: Mutex<HashMap<ContractId, usize>>,
    max: usize,
}

impl Batches {
    /// Opens or makes the database. It keeps `max` pieces at most.
    pub(crate) fn open(path: &Path, max: usize) -> Result<Self, TrackerError> {
        let db = Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(failed)?;
        let batches = Self { db, counts: Mutex::default(), max };
        batches.write(|_| Ok(()))?;
        let mut counts = HashMap::new();
        batches.each(|contract, (_, pieces)| {
            counts.insert(contract, pieces.len());
        })?;
        *batches.counts() = counts;
        Ok(batches)
    }

    /// Keeps a batch, in place of what was kept of its contract before. False if there is no room.
    pub(crate) fn put(&self, contract: ContractId, batch: &Batch) -> Result<bool, TrackerError> {
        {
            let mut counts = self.counts();
            let others: usize =
                counts.iter().filter(|(id, _)| **id != contract).map(|(_, count)| count).sum();
            if others.saturating_add(batch.1.len()) > self.max {
                return Ok(false);
            }
            counts.insert(contract, batch.1.len());
        }
        let bytes = batch.encode();
        self.write(|table| table.insert(&contract.0, bytes.as_slice()).map(|_| ()))?;
        Ok(true)
    }

    /// Shows every batch.
    pub(crate) fn each(&self, mut show: impl FnMut(ContractId, Batch)) -> Result<(), TrackerError> {
        let table = self.db.begin_read().map_err(failed)?.open_table(BATCHES).map_err(failed)?;
        for row in table.iter().map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            // One that cannot be read is as good as lost.
            if let Ok(batch) = Batch::decode_all(&mut value.value()) {
                show(ContractId(*key.value()), batch);
            }
        }
        Ok(())
    }

    /// Drops the batches of contracts that are over, and syncs what was written.
    pub(crate) fn tidy(&self, live: impl Fn(&ContractId) -> bool) -> Result<(), TrackerError> {
        let gone: Vec<ContractId> = self.counts().keys().filter(|id| !live(id)).copied().collect();
        self.write(|table| gone.iter().try_for_each(|id| table.remove(&id.0).map(|_| ())))?;
        self.counts().retain(|id, _| !gone.contains(id));
        self.db.begin_write().map_err(failed)?.commit().map_err(failed)
    }

    fn write(
        &self,
        change: impl FnOnce(&mut redb::Table<&[u8; 32], &[u8]>) -> Result<(), redb::StorageError>,
    ) -> Result<(), TrackerError> {
        let mut transaction = self.db.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::None).map_err(failed)?;
        change(&mut transaction.open_table(BATCHES).map_err(failed)?).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<ContractId, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: impl Into<redb::Error>) -> TrackerError {
    TrackerError::Database(Box::new(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(pieces: u8) -> Batch {
        (NodeKey([1; 32]), (0..pieces).map(|piece| PieceId([piece; 32])).collect())
    }

    fn all(batches: &Batches) -> Vec<(ContractId, Batch)> {
        let mut all = Vec::new();
        batches.each(|contract, batch| all.push((contract, batch))).unwrap();
        all
    }

    #[test]
    fn batches_outlive_a_restart_and_end_with_their_contracts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("batches");
        let (one, two) = (ContractId([1; 32]), ContractId([2; 32]));
        let batches = Batches::open(&path, 10).unwrap();
        assert!(batches.put(one, &batch(3)).unwrap());
        assert!(batches.put(two, &batch(2)).unwrap());
        batches.tidy(|_| true).unwrap();
        drop(batches);
        let batches = Batches::open(&path, 10).unwrap();
        assert_eq!(all(&batches), [(one, batch(3)), (two, batch(2))]);
        batches.tidy(|id| *id == two).unwrap();
        assert_eq!(all(&batches), [(two, batch(2))]);
    }

    #[test]
    fn the_disk_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let batches = Batches::open(&dir.path().join("batches"), 5).unwrap();
        let (one, two) = (ContractId([1; 32]), ContractId([2; 32]));
        assert!(batches.put(one, &batch(3)).unwrap());
        assert!(!batches.put(two, &batch(3)).unwrap());
        assert!(batches.put(one, &batch(5)).unwrap(), "in place of the former");
        batches.tidy(|id| *id != one).unwrap();
        assert!(batches.put(two, &batch(3)).unwrap());
    }
}
