//! The database: what is reserved, kept and finished. Every method is one transaction.

use super::{
    record::{key_place, place_key, ContractRecord, PieceRecord, PlaceKey},
    stored_space, Place,
};
use crate::{Reservation, StoreError, StoredContract};
use lunarx_core::{ContractId, PieceId};
use redb::{
    Builder, Database, DatabaseError, Durability, MultimapTableDefinition, ReadableDatabase, ReadableTable,
    TableDefinition, WriteTransaction,
};
use std::{collections::HashMap, path::Path};

/// The format of the whole store.
const FORMAT: u32 = 1;
/// Memory for the database's pages.
const CACHE_BYTES: usize = 32 << 20;
/// Contracts asked for a piece. Copies beyond these are not looked at.
const MAX_HOLDERS: usize = 64;

const FORMATS: TableDefinition<&str, u32> = TableDefinition::new("format");
const VERSION: &str = "version";
const CONTRACTS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("contracts");
const PIECES: TableDefinition<&PlaceKey, &[u8]> = TableDefinition::new("pieces");
const BY_PIECE: MultimapTableDefinition<&[u8; 32], &PlaceKey> = MultimapTableDefinition::new("by_piece");

/// What `remove` took out.
pub(super) struct Removed {
    pub(super) kept: bool,
    pub(super) max_bytes: u64,
    pub(super) pieces: Vec<(u32, PieceRecord)>,
}

/// The database.
pub(super) struct Metadata {
    db: Database,
}

impl Metadata {
    /// Opens or makes the database, takes its lock, and checks it whole: it is believed afterwards.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let db = builder.create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                StoreError::Locked(path.into())
            }
            other => Failure::from(other).into(),
        })?;
        let metadata = Self { db };
        let actual = metadata.write(|transaction| {
            let mut formats = transaction.open_table(FORMATS)?;
            let found = formats.get(VERSION)?.map(|version| version.value());
            if found.is_none() {
                formats.insert(VERSION, FORMAT)?;
                transaction.open_table(CONTRACTS)?;
                transaction.open_table(PIECES)?;
                transaction.open_multimap_table(BY_PIECE)?;
            }
            Ok(found.unwrap_or(FORMAT))
        })?;
        if actual != FORMAT {
            return Err(StoreError::Format { expected: FORMAT, actual });
        }
        Ok(metadata)
    }

    pub(super) fn reserve(&self, contract: ContractId, reservation: Reservation) -> Result<(), StoreError> {
        let Reservation { owner, max_bytes, expires, offer } = reservation;
        let record = ContractRecord { owner, max_bytes, expires, kept: false, offer }.encode_versioned();
        self.write(|transaction| {
            transaction.open_table(CONTRACTS)?.insert(&contract.0, record.as_slice())?;
            Ok(())
        })
    }

    pub(super) fn contract(&self, contract: ContractId) -> Result<Option<ContractRecord>, StoreError> {
        let find = || {
            let table = self.db.begin_read()?.open_table(CONTRACTS)?;
            let found = table.get(&contract.0)?;
            found.map(|record| ContractRecord::decode_versioned(contract, record.value())).transpose()
        };
        find().map_err(Failure::into)
    }

    /// Calls `visit` for every contract.
    pub(super) fn each_contract(
        &self,
        mut visit: impl FnMut(ContractId, ContractRecord),
    ) -> Result<(), StoreError> {
        let mut walk = || -> Result<(), Failure> {
            for row in self.db.begin_read()?.open_table(CONTRACTS)?.iter()? {
                let (key, value) = row?;
                let contract = ContractId(*key.value());
                visit(contract, ContractRecord::decode_versioned(contract, value.value())?);
            }
            Ok(())
        };
        walk().map_err(Failure::into)
    }

    /// All contracts; of their pieces, those that `count` says yes to are counted.
    pub(super) fn contracts(&self, count: impl Fn(Place) -> bool) -> Result<Vec<StoredContract>, StoreError> {
        let mut bytes: HashMap<ContractId, u64> = HashMap::new();
        self.each_piece(|place, record| {
            if count(place) {
                let sum = bytes.entry(place.0).or_default();
                *sum = sum.saturating_add(record.len);
            }
            Ok(())
        })?;
        let mut contracts = Vec::new();
        self.each_contract(|contract, record| {
            let (kept, bytes) = (record.kept, bytes.get(&contract).copied().unwrap_or_default());
            contracts.push(StoredContract { contract, reservation: record.into_reservation(), kept, bytes });
        })?;
        Ok(contracts)
    }

    pub(super) fn add_piece(&self, place: Place, record: &PieceRecord) -> Result<(), StoreError> {
        let key = place_key(place);
        self.write(|transaction| {
            transaction.open_table(PIECES)?.insert(&key, record.encode_versioned().as_slice())?;
            transaction.open_multimap_table(BY_PIECE)?.insert(&record.piece.0, &key)?;
            Ok(())
        })
    }

    pub(super) fn piece(&self, place: Place) -> Result<Option<PieceRecord>, StoreError> {
        let find = || {
            let table = self.db.begin_read()?.open_table(PIECES)?;
            let found = table.get(&place_key(place))?;
            found.map(|record| PieceRecord::decode_versioned(place, record.value())).transpose()
        };
        find().map_err(Failure::into)
    }

    /// The finished pieces of a contract, in the order of their indices.
    pub(super) fn pieces(&self, contract: ContractId) -> Result<Vec<(u32, PieceRecord)>, StoreError> {
        let read = || pieces_of(&self.db.begin_read()?.open_table(PIECES)?, contract);
        read().map_err(Failure::into)
    }

    /// Calls `visit` for every finished piece.
    pub(super) fn each_piece(
        &self,
        mut visit: impl FnMut(Place, PieceRecord) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let rows = || -> Result<_, Failure> {
            Ok(self.db.begin_read()?.open_table(PIECES)?.range::<&PlaceKey>(..)?)
        };
        for row in rows()? {
            let (key, value) = row.map_err(Failure::from)?;
            let place = key_place(key.value());
            visit(place, PieceRecord::decode_versioned(place, value.value())?)?;
        }
        Ok(())
    }

    /// Where a piece is, and its record there.
    pub(super) fn holders(&self, piece: PieceId) -> Result<Vec<(Place, PieceRecord)>, StoreError> {
        let read = || -> Result<_, Failure> {
            let transaction = self.db.begin_read()?;
            let pieces = transaction.open_table(PIECES)?;
            let mut holders = Vec::new();
            for key in transaction.open_multimap_table(BY_PIECE)?.get(&piece.0)?.take(MAX_HOLDERS) {
                let key = key?;
                let place = key_place(key.value());
                let record = pieces.get(key.value())?;
                let record = record.map(|record| PieceRecord::decode_versioned(place, record.value()));
                match record.transpose()? {
                    Some(record) if record.piece == piece => holders.push((place, record)),
                    _ => return Err(Failure::Corrupt(format!("index of piece {piece}"))),
                }
            }
            Ok(holders)
        };
        read().map_err(Failure::into)
    }

    /// Marks a contract as kept; returns the space that its pieces take.
    pub(super) fn keep(&self, contract: ContractId) -> Result<u64, StoreError> {
        self.write(|transaction| {
            let mut contracts = transaction.open_table(CONTRACTS)?;
            let record = contracts.get(&contract.0)?;
            let record = record.map(|record| ContractRecord::decode_versioned(contract, record.value()));
            let Some(record) = record.transpose()? else {
                return Err(Failure::Corrupt(format!("contract {contract} is gone")));
            };
            let record = ContractRecord { kept: true, ..record }.encode_versioned();
            contracts.insert(&contract.0, record.as_slice())?;
            let pieces = pieces_of(&transaction.open_table(PIECES)?, contract)?;
            Ok(stored_space(pieces.iter().map(|(_, record)| record)))
        })
    }

    /// Takes a contract out with its pieces, if it is there.
    pub(super) fn remove(&self, contract: ContractId) -> Result<Option<Removed>, StoreError> {
        self.write(|transaction| {
            let mut contracts = transaction.open_table(CONTRACTS)?;
            let record = contracts.remove(&contract.0)?;
            let record = record.map(|record| ContractRecord::decode_versioned(contract, record.value()));
            let Some(ContractRecord { kept, max_bytes, .. }) = record.transpose()? else { return Ok(None) };
            let pieces = pieces_of(&transaction.open_table(PIECES)?, contract)?;
            for (index, record) in &pieces {
                forget(transaction, (contract, *index), record)?;
            }
            Ok(Some(Removed { kept, max_bytes, pieces }))
        })
    }

    /// Takes single pieces out.
    pub(super) fn remove_pieces(&self, pieces: &[(Place, PieceRecord)]) -> Result<(), StoreError> {
        if pieces.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            pieces.iter().try_for_each(|(place, record)| forget(transaction, *place, record))
        })
    }

    /// Runs `change` and commits it durably. On an error nothing of it stands.
    ///
    /// In two phases: the data is synced before the root that names it. With one phase redb tells a torn
    /// commit by a checksum that is no cryptographic hash, while clients choose part of the bytes.
    fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let run = || {
            let mut transaction = self.db.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_two_phase_commit(true);
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(Failure::into)
    }
}

/// The finished pieces of a contract, in the order of their indices.
fn pieces_of(
    table: &impl ReadableTable<&'static PlaceKey, &'static [u8]>,
    contract: ContractId,
) -> Result<Vec<(u32, PieceRecord)>, Failure> {
    let (first, last) = (place_key((contract, 0)), place_key((contract, u32::MAX)));
    let mut pieces = Vec::new();
    for row in table.range::<&PlaceKey>(&first..=&last)? {
        let (key, value) = row?;
        let place = key_place(key.value());
        pieces.push((place.1, PieceRecord::decode_versioned(place, value.value())?));
    }
    Ok(pieces)
}

fn forget(transaction: &WriteTransaction, place: Place, record: &PieceRecord) -> Result<(), Failure> {
    let key = place_key(place);
    transaction.open_table(PIECES)?.remove(&key)?;
    transaction.open_multimap_table(BY_PIECE)?.remove(&record.piece.0, &key)?;
    Ok(())
}

/// Why a transaction failed.
pub(super) enum Failure {
    Corrupt(String),
    Database(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Corrupt(what) => Self::Corrupt(what),
            Failure::Database(redb::Error::Corrupted(what)) => Self::Corrupt(what),
            Failure::Database(redb::Error::Io(source)) => Self::at("meta.redb")(source),
            Failure::Database(error) => Self::Database(Box::new(error)),
        }
    }
}
