//! The database: what is reserved, kept, finished and to be deleted. Every method is one transaction.

use super::{
    body::body_bytes,
    medium::Medium,
    packs::packed_bytes,
    record::{
        decode_plain, key_place, place_key, ContractRecord, Garbage, Location, PackRecord, PieceRecord,
        PlaceKey, Tally,
    },
    reserved_space, Place,
};
use crate::{Reservation, StoreError};
use codec::{Decode, Encode};
use lunarx_core::{ContractId, PieceId};
use redb::{
    Builder, Database, DatabaseError, Durability, MultimapTableDefinition, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};
use std::{
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Mutex, MutexGuard, PoisonError,
    },
};

/// The format of the whole store.
pub(super) const FORMAT: u32 = 2;
/// Memory for the database's pages.
const CACHE_BYTES: usize = 32 << 20;
/// Contracts asked for a piece. Copies beyond these are not looked at.
const MAX_HOLDERS: usize = 64;

const FORMATS: TableDefinition<&str, u32> = TableDefinition::new("format");
const VERSION: &str = "version";
const CONTRACTS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("contracts");
const OPEN: TableDefinition<&[u8; 32], ()> = TableDefinition::new("open");
const TALLIES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("tallies");
const PIECES: TableDefinition<&PlaceKey, &[u8]> = TableDefinition::new("pieces");
const BY_PIECE: MultimapTableDefinition<&[u8; 32], &PlaceKey> = MultimapTableDefinition::new("by_piece");
const LOST: TableDefinition<&PlaceKey, ()> = TableDefinition::new("lost");
const PACKS: TableDefinition<u64, &[u8]> = TableDefinition::new("packs");
const GARBAGE: TableDefinition<&[u8], u64> = TableDefinition::new("garbage");
const STATE: TableDefinition<&str, &[u8]> = TableDefinition::new("state");
const TOTALS: &str = "totals";
const SCRUBBED: &str = "scrubbed";
const BODIES: &str = "bodies";
const MARK: &str = "mark";

/// Sums over the whole store, and the next number for a body or a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Totals {
    pub(super) reserved: u64,
    pub(super) stored: u64,
    pub(super) garbage: u64,
    pub(super) next: u64,
}

/// A contract with what its pieces come to.
pub(super) type Row = (ContractId, ContractRecord, Tally);

/// A place, and its record if that can be read.
pub(super) type Found = (Place, Result<PieceRecord, StoreError>);

/// Something to be deleted, and the bytes that this gives back.
pub(super) type Waste = (Garbage, u64);

/// The database.
pub(super) struct Metadata {
    db: Database,
    /// Held by whoever writes, from the begin to the end.
    writer: Mutex<()>,
    /// As committed last.
    totals: Mutex<Totals>,
    numbers: AtomicU64,
    /// Whether a commit failed: what redb has in memory is not to be trusted then.
    is_stuck: AtomicBool,
}

impl Metadata {
    /// Opens or makes the database, and takes its lock.
    pub(super) fn open(medium: &dyn Medium, path: &Path) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let db = medium.database(path, &builder).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                StoreError::Locked(path.into())
            }
            other => Failure::from(other).into(),
        })?;
        let metadata = Self {
            db,
            writer: Mutex::default(),
            totals: Mutex::default(),
            numbers: AtomicU64::default(),
            is_stuck: AtomicBool::default(),
        };
        let (actual, totals) = metadata.write(|transaction, totals| {
            let mut formats = transaction.open_table(FORMATS)?;
            let found = formats.get(VERSION)?.map(|version| version.value());
            let format = found.unwrap_or(FORMAT);
            if format != FORMAT {
                return Ok((format, *totals));
            }
            formats.insert(VERSION, FORMAT)?;
            make_tables(transaction)?;
            if let Some(stored) = transaction.open_table(STATE)?.get(TOTALS)? {
                *totals = decode_plain(TOTALS, stored.value())?;
            }
            Ok((format, *totals))
        })?;
        if actual != FORMAT {
            return Err(StoreError::Format { expected: FORMAT, actual });
        }
        metadata.numbers.store(totals.next, Ordering::Relaxed);
        Ok(metadata)
    }

    /// Notes where bodies lie, once; refuses another place afterwards.
    pub(super) fn bind_to(&self, place: &str) -> Result<(), StoreError> {
        let bound = self.read(|transaction| {
            let stored = transaction.open_table(STATE)?.get(BODIES)?.map(|stored| stored.value().to_vec());
            Ok(stored.map(|stored| String::from_utf8_lossy(&stored).into_owned()))
        })?;
        match bound {
            Some(bound) if bound == place => Ok(()),
            Some(expected) => Err(StoreError::OtherBodies { expected, actual: place.into() }),
            None => self.write(|transaction, _| {
                transaction.open_table(STATE)?.insert(BODIES, place.as_bytes())?;
                Ok(())
            }),
        }
    }

    /// The sums as committed last.
    pub(super) fn totals(&self) -> Totals {
        *lock(&self.totals)
    }

    /// A number that no body and no pack ever had.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds a contract, for which `check` gives the space to set aside.
    pub(super) fn reserve(
        &self,
        contract: ContractId,
        reservation: Reservation,
        check: impl FnOnce(&Totals) -> Result<u64, StoreError>,
    ) -> Result<(), StoreError> {
        let Reservation { owner, max_bytes, expires, offer } = reservation;
        let record = ContractRecord { owner, max_bytes, expires, kept: false, offer }.encode_versioned();
        self.write(|transaction, totals| {
            let mut contracts = transaction.open_table(CONTRACTS)?;
            if contracts.get(&contract.0)?.is_some() {
                return Err(Failure::Refused(StoreError::AlreadyReserved(contract)));
            }
            let space = check(totals).map_err(Failure::Refused)?;
            contracts.insert(&contract.0, record.as_slice())?;
            transaction.open_table(OPEN)?.insert(&contract.0, ())?;
            totals.reserved = totals.reserved.saturating_add(space);
            Ok(())
        })
    }

    pub(super) fn contract(&self, contract: ContractId) -> Result<Option<ContractRecord>, StoreError> {
        self.read(|transaction| {
            let found = transaction.open_table(CONTRACTS)?.get(&contract.0)?;
            found.map(|record| ContractRecord::decode_versioned(contract, record.value())).transpose()
        })
    }

    /// Up to `most` contracts after `after`, in the order of their ids.
    pub(super) fn contracts(&self, after: Option<ContractId>, most: usize) -> Result<Vec<Row>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.read(|transaction| {
            let tallies = transaction.open_table(TALLIES)?;
            let from = after.as_ref().map_or(Unbounded, |contract| Excluded(&contract.0));
            let rows = transaction.open_table(CONTRACTS)?.range::<&[u8; 32]>((from, Unbounded))?;
            let mut contracts = Vec::new();
            for row in rows.take(most) {
                let (key, value) = row?;
                let contract = ContractId(*key.value());
                let record = ContractRecord::decode_versioned(contract, value.value())?;
                contracts.push((contract, record, tally(&tallies, contract)?));
            }
            Ok(contracts)
        })
    }

    /// The contracts that are not kept.
    pub(super) fn open_contracts(&self) -> Result<Vec<(ContractId, ContractRecord)>, StoreError> {
        self.read(|transaction| {
            let contracts = transaction.open_table(CONTRACTS)?;
            let mut open = Vec::new();
            for row in transaction.open_table(OPEN)?.iter()? {
                let contract = ContractId(*row?.0.value());
                let record = contracts.get(&contract.0)?;
                let record = record.map(|record| ContractRecord::decode_versioned(contract, record.value()));
                match record.transpose()? {
                    Some(record) if !record.kept => open.push((contract, record)),
                    _ => return Err(Failure::Corrupt(format!("open contract {contract}"))),
                }
            }
            Ok(open)
        })
    }

    /// Adds finished pieces of contracts that are not kept. `end` is how far a pack is written by then.
    pub(super) fn add(
        &self,
        added: &[(Place, PieceRecord)],
        end: Option<(u64, u64)>,
    ) -> Result<(), StoreError> {
        self.write(|transaction, totals| {
            let mut pieces = transaction.open_table(PIECES)?;
            let mut by_piece = transaction.open_multimap_table(BY_PIECE)?;
            let mut tallies = transaction.open_table(TALLIES)?;
            let mut live: u64 = 0;
            for (place, record) in added {
                let key = place_key(*place);
                pieces.insert(&key, record.encode_versioned().as_slice())?;
                by_piece.insert(&record.piece.0, &key)?;
                let mut sum = tally(&tallies, place.0)?;
                sum.space.add(record.len);
                sum.bytes = sum.bytes.saturating_add(record.len);
                tallies.insert(&place.0 .0, sum.encode().as_slice())?;
                match record.location {
                    Location::Own(number) => totals.next = totals.next.max(number.saturating_add(1)),
                    Location::Packed { .. } => live = live.saturating_add(packed_bytes(record.len)),
                }
            }
            if let Some((pack, end)) = end {
                totals.next = totals.next.max(pack.saturating_add(1));
                let mut packs = transaction.open_table(PACKS)?;
                let last = packs.last()?.map(|(number, _)| number.value());
                let before = pack_record(&packs, pack)?.unwrap_or_default();
                let live = before.live.saturating_add(live);
                packs.insert(pack, PackRecord { end, live }.encode().as_slice())?;
                // The one before takes no more. It may have died while it did.
                if let Some(last) = last.filter(|last| *last != pack) {
                    bury(transaction, &mut packs, last)?;
                }
            }
            Ok(())
        })
    }

    /// What marks the bodies as those of this store; as `make` says if it is new.
    pub(super) fn mark(&self, make: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let stored = self.read(|transaction| {
            Ok(transaction.open_table(STATE)?.get(MARK)?.map(|mark| mark.value().to_vec()))
        })?;
        match stored {
            Some(mark) => Ok(mark),
            None => self.write(|transaction, _| {
                let mark = make();
                transaction.open_table(STATE)?.insert(MARK, mark.as_slice())?;
                Ok(mark)
            }),
        }
    }

    /// Makes garbage of a body that may have been published, and that no record names.
    pub(super) fn disown(&self, place: Place, number: u64, bytes: u64) -> Result<(), StoreError> {
        self.write(|transaction, totals| {
            let garbage = Garbage::of(place, Location::Own(number)).encode();
            transaction.open_table(GARBAGE)?.insert(garbage.as_slice(), bytes)?;
            totals.garbage = totals.garbage.saturating_add(bytes);
            totals.next = totals.next.max(number.saturating_add(1));
            Ok(())
        })
    }

    pub(super) fn piece(&self, place: Place) -> Result<Option<PieceRecord>, StoreError> {
        self.read(|transaction| {
            let found = transaction.open_table(PIECES)?.get(&place_key(place))?;
            found.map(|record| PieceRecord::decode_versioned(place, record.value())).transpose()
        })
    }

    pub(super) fn is_lost(&self, place: Place) -> Result<bool, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(LOST)?.get(&place_key(place))?.is_some()))
    }

    /// The finished pieces of a contract that are not lost, in the order of their indices.
    pub(super) fn whole_pieces(&self, contract: ContractId) -> Result<Vec<(u32, PieceRecord)>, StoreError> {
        self.read(|transaction| {
            let mut pieces = pieces_of(&transaction.open_table(PIECES)?, contract)?;
            let lost = transaction.open_table(LOST)?;
            if !lost.is_empty()? {
                let (first, last) = (place_key((contract, 0)), place_key((contract, u32::MAX)));
                for row in lost.range::<&PlaceKey>(&first..=&last)? {
                    let (_, index) = key_place(row?.0.value());
                    pieces.retain(|(other, _)| *other != index);
                }
            }
            Ok(pieces)
        })
    }

    /// The finished pieces of a contract, lost ones too.
    pub(super) fn pieces(&self, contract: ContractId) -> Result<Vec<(u32, PieceRecord)>, StoreError> {
        self.read(|transaction| pieces_of(&transaction.open_table(PIECES)?, contract))
    }

    /// The finished pieces that come after `after`: up to `most`, each with its record if that can be read.
    pub(super) fn pieces_after(&self, after: Option<Place>, most: usize) -> Result<Vec<Found>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = after.map(place_key);
        self.read(|transaction| {
            let from = after.as_ref().map_or(Unbounded, Excluded);
            let mut found = Vec::new();
            for row in transaction.open_table(PIECES)?.range::<&PlaceKey>((from, Unbounded))?.take(most) {
                let (key, value) = row?;
                let place = key_place(key.value());
                let record = PieceRecord::decode_versioned(place, value.value()).map_err(StoreError::from);
                found.push((place, record));
            }
            Ok(found)
        })
    }

    /// Where a piece is, and its record there.
    pub(super) fn holders(&self, piece: PieceId) -> Result<Vec<(Place, PieceRecord)>, StoreError> {
        self.read(|transaction| {
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
        })
    }

    /// Marks a contract as kept, and charges it for its pieces.
    pub(super) fn keep(&self, contract: ContractId) -> Result<(), StoreError> {
        self.write(|transaction, totals| {
            let mut contracts = transaction.open_table(CONTRACTS)?;
            let record = contracts.get(&contract.0)?;
            let record = record.map(|record| ContractRecord::decode_versioned(contract, record.value()));
            let Some(record) = record.transpose()?.filter(|record| !record.kept) else {
                return Err(Failure::Corrupt(format!("contract {contract} is gone, or kept already")));
            };
            totals.reserved = totals.reserved.saturating_sub(reserved_space(record.max_bytes));
            let tally = tally(&transaction.open_table(TALLIES)?, contract)?;
            totals.stored = totals.stored.saturating_add(tally.space.bytes());
            let record = ContractRecord { kept: true, ..record }.encode_versioned();
            contracts.insert(&contract.0, record.as_slice())?;
            transaction.open_table(OPEN)?.remove(&contract.0)?;
            Ok(())
        })
    }

    /// Takes a contract out with its pieces, whose bodies become garbage. Returns the pieces, if it is there.
    pub(super) fn remove(&self, contract: ContractId) -> Result<Option<Vec<(u32, PieceRecord)>>, StoreError> {
        self.write(|transaction, totals| {
            let mut contracts = transaction.open_table(CONTRACTS)?;
            let record = contracts.remove(&contract.0)?;
            let record = record.map(|record| ContractRecord::decode_versioned(contract, record.value()));
            let Some(ContractRecord { kept, max_bytes, .. }) = record.transpose()? else { return Ok(None) };
            let mut tallies = transaction.open_table(TALLIES)?;
            if kept {
                let space = tally(&tallies, contract)?.space.bytes();
                totals.stored = totals.stored.saturating_sub(space);
            } else {
                totals.reserved = totals.reserved.saturating_sub(reserved_space(max_bytes));
                transaction.open_table(OPEN)?.remove(&contract.0)?;
            }
            tallies.remove(&contract.0)?;
            let pieces = pieces_of(&transaction.open_table(PIECES)?, contract)?;
            for (index, record) in &pieces {
                discard(transaction, totals, (contract, *index), record)?;
            }
            Ok(Some(pieces))
        })
    }

    /// Takes single pieces out of contracts that are not kept.
    pub(super) fn remove_pieces(&self, pieces: &[(Place, PieceRecord)]) -> Result<(), StoreError> {
        if pieces.is_empty() {
            return Ok(());
        }
        self.write(|transaction, totals| {
            for (place, record) in pieces {
                discard(transaction, totals, *place, record)?;
                // A tally cannot be taken from: it is made anew from what is left.
                let mut left = Tally::default();
                for (index, record) in pieces_of(&transaction.open_table(PIECES)?, place.0)? {
                    left.space.add(record.len);
                    left.bytes = left.bytes.saturating_add(record.len);
                    if transaction.open_table(LOST)?.get(&place_key((place.0, index)))?.is_some() {
                        left.lost = left.lost.saturating_add(record.len);
                    }
                }
                transaction.open_table(TALLIES)?.insert(&place.0 .0, left.encode().as_slice())?;
            }
            Ok(())
        })
    }

    /// Notes whether a piece is lost, if it is there still. Returns whether that is news.
    pub(super) fn set_lost(
        &self,
        place: Place,
        record: &PieceRecord,
        lost: bool,
    ) -> Result<bool, StoreError> {
        let key = place_key(place);
        if self.is_lost(place)? == lost {
            return Ok(false);
        }
        self.write(|transaction, _| {
            let pieces = transaction.open_table(PIECES)?;
            let found = pieces.get(&key)?.map(|found| PieceRecord::decode_versioned(place, found.value()));
            if found.transpose()? != Some(*record) {
                return Ok(false);
            }
            let mut table = transaction.open_table(LOST)?;
            let before = if lost { table.insert(&key, ())? } else { table.remove(&key)? };
            if before.is_some() == lost {
                return Ok(false);
            }
            let mut tallies = transaction.open_table(TALLIES)?;
            let mut sum = tally(&tallies, place.0)?;
            sum.lost = match lost {
                true => sum.lost.saturating_add(record.len),
                false => sum.lost.saturating_sub(record.len),
            };
            tallies.insert(&place.0 .0, sum.encode().as_slice())?;
            Ok(true)
        })
    }

    /// Number of lost pieces.
    pub(super) fn lost(&self) -> Result<u64, StoreError> {
        self.read(|transaction| Ok(transaction.open_table(LOST)?.len()?))
    }

    /// Some garbage after `after`: at least one entry if there is any, and no more once there are `most` bytes or
    /// `most_entries`. Ranges of packs only if `ranges`.
    pub(super) fn garbage(
        &self,
        after: Option<Garbage>,
        most: u64,
        most_entries: usize,
        ranges: bool,
    ) -> Result<Vec<Waste>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = after.map(|garbage| garbage.encode());
        self.read(|transaction| {
            let (mut found, mut bytes) = (Vec::new(), 0_u64);
            let from = after.as_deref().map_or(Unbounded, Excluded);
            for row in transaction.open_table(GARBAGE)?.range::<&[u8]>((from, Unbounded))? {
                let (key, size) = row?;
                let garbage = Garbage::decode_key(key.value())?;
                let is_range = matches!(garbage, Garbage::Range(..));
                if found.len() >= most_entries
                    || (bytes >= most && !found.is_empty())
                    || (is_range && !ranges)
                {
                    break;
                }
                bytes = bytes.saturating_add(size.value());
                found.push((garbage, size.value()));
            }
            Ok(found)
        })
    }

    /// Forgets what was deleted; with a pack, what was in it. Returns the bytes given back.
    pub(super) fn collected(&self, deleted: &[Waste]) -> Result<u64, StoreError> {
        if deleted.is_empty() {
            return Ok(0);
        }
        self.write(|transaction, totals| {
            let mut table = transaction.open_table(GARBAGE)?;
            let mut freed: u64 = 0;
            for (garbage, _) in deleted {
                if let Garbage::Pack(pack) = garbage {
                    let (first, last) = (
                        Garbage::Range(*pack, [0; 8]).encode(),
                        Garbage::Range(*pack, [u8::MAX; 8]).encode(),
                    );
                    for row in table.extract_from_if(first.as_slice()..=last.as_slice(), |_, _| true)? {
                        freed = freed.saturating_add(row?.1.value());
                    }
                }
                if let Some(size) = table.remove(garbage.encode().as_slice())? {
                    freed = freed.saturating_add(size.value());
                }
            }
            totals.garbage = totals.garbage.saturating_sub(freed);
            Ok(freed)
        })
    }

    /// The pack that was begun last.
    pub(super) fn last_pack(&self) -> Result<Option<(u64, PackRecord)>, StoreError> {
        self.read(|transaction| {
            let packs = transaction.open_table(PACKS)?;
            let last = packs.last()?.map(|(number, record)| (number.value(), record.value().to_vec()));
            last.map(|(number, record)| Ok((number, decode_plain("pack", &record)?))).transpose()
        })
    }

    /// Whether a pack is in use, or waits to be deleted.
    pub(super) fn has_pack(&self, pack: u64) -> Result<bool, StoreError> {
        self.read(|transaction| {
            let key = Garbage::pack(pack).encode();
            Ok(transaction.open_table(PACKS)?.get(pack)?.is_some()
                || transaction.open_table(GARBAGE)?.get(key.as_slice())?.is_some())
        })
    }

    /// The last piece scrubbed.
    pub(super) fn scrubbed(&self) -> Result<Option<Place>, StoreError> {
        self.read(|transaction| {
            let state = transaction.open_table(STATE)?;
            let stored =
                state.get(SCRUBBED)?.map(|stored| decode_plain::<PlaceKey>(SCRUBBED, stored.value()));
            Ok(stored.transpose()?.map(|key| key_place(&key)))
        })
    }

    pub(super) fn set_scrubbed(&self, place: Option<Place>) -> Result<(), StoreError> {
        self.write(|transaction, _| {
            let mut state = transaction.open_table(STATE)?;
            match place {
                Some(place) => state.insert(SCRUBBED, place_key(place).as_slice())?,
                None => state.remove(SCRUBBED)?,
            };
            Ok(())
        })
    }

    fn read<T>(
        &self,
        look: impl FnOnce(&redb::ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let run = || look(&self.db.begin_read()?);
        run().map_err(Failure::into)
    }

    /// Runs `change` and commits it durably. On an error nothing of it stands.
    ///
    /// In two phases: the data is synced before the root that names it. With one phase redb tells a torn
    /// commit by a checksum that is no cryptographic hash, while clients choose part of the bytes. And with
    /// redb's state of allocation, so that a crash is not followed by a walk through the whole database.
    fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction, &mut Totals) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let run = || {
            let _writer = lock(&self.writer);
            if self.is_stuck.load(Ordering::Relaxed) {
                return Err(Failure::Refused(StoreError::Stuck));
            }
            let before = *lock(&self.totals);
            let mut totals = before;
            let mut transaction = self.db.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_two_phase_commit(true);
            transaction.set_quick_repair(true);
            let result = change(&transaction, &mut totals)?;
            if totals != before {
                transaction.open_table(STATE)?.insert(TOTALS, totals.encode().as_slice())?;
            }
            if let Err(error) = transaction.commit() {
                self.is_stuck.store(true, Ordering::Relaxed);
                return Err(error.into());
            }
            *lock(&self.totals) = totals;
            Ok(result)
        };
        run().map_err(Failure::into)
    }

    /// Compares every sum with what it sums up.
    #[cfg(test)]
    pub(super) fn verify(&self) {
        let rows = self.contracts(None, usize::MAX).unwrap();
        let (mut reserved, mut stored) = (0, 0);
        let mut live = std::collections::BTreeMap::<u64, u64>::new();
        for (contract, record, tally) in &rows {
            let mut expected = Tally::default();
            for (index, piece) in self.pieces(*contract).unwrap() {
                expected.space.add(piece.len);
                expected.bytes += piece.len;
                if self.is_lost((*contract, index)).unwrap() {
                    expected.lost += piece.len;
                }
                if let Location::Packed { pack, .. } = piece.location {
                    *live.entry(pack).or_default() += packed_bytes(piece.len);
                }
                assert!(self.holders(piece.piece).unwrap().contains(&((*contract, index), piece)));
            }
            assert_eq!(*tally, expected, "{contract}");
            match record.kept {
                true => stored += tally.space.bytes(),
                false => reserved += reserved_space(record.max_bytes),
            }
        }
        let garbage =
            self.garbage(None, u64::MAX, usize::MAX, true).unwrap().iter().map(|(_, bytes)| bytes).sum();
        let totals = self.totals();
        assert_eq!((totals.reserved, totals.stored, totals.garbage), (reserved, stored, garbage));
        let open = rows.iter().filter(|(_, record, _)| !record.kept).count();
        assert_eq!(self.open_contracts().unwrap().len(), open);
        let all = self.pieces_after(None, usize::MAX).unwrap();
        let held = rows.iter().map(|(contract, ..)| self.pieces(*contract).unwrap().len()).sum::<usize>();
        assert_eq!(all.len(), held, "no piece without a contract");
        self.read(|transaction| {
            let last = self.last_pack().unwrap().map(|(number, _)| number);
            for row in transaction.open_table(PACKS)?.iter()? {
                let (number, record) = row?;
                let record: PackRecord = decode_plain("pack", record.value())?;
                assert_eq!(record.live, live.remove(&number.value()).unwrap_or_default());
                assert!(record.live > 0 || last == Some(number.value()), "a dead pack is garbage");
            }
            assert!(live.is_empty(), "pieces in no pack");
            Ok(())
        })
        .unwrap();
    }
}

fn make_tables(transaction: &WriteTransaction) -> Result<(), Failure> {
    transaction.open_table(CONTRACTS)?;
    transaction.open_table(OPEN)?;
    transaction.open_table(TALLIES)?;
    transaction.open_table(PIECES)?;
    transaction.open_multimap_table(BY_PIECE)?;
    transaction.open_table(LOST)?;
    transaction.open_table(PACKS)?;
    transaction.open_table(GARBAGE)?;
    transaction.open_table(STATE)?;
    Ok(())
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

fn tally(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    contract: ContractId,
) -> Result<Tally, Failure> {
    let stored = table.get(&contract.0)?.map(|tally| decode_plain("tally", tally.value()));
    Ok(stored.transpose()?.unwrap_or_default())
}

fn pack_record(
    table: &impl ReadableTable<u64, &'static [u8]>,
    pack: u64,
) -> Result<Option<PackRecord>, Failure> {
    table.get(pack)?.map(|record| decode_plain("pack", record.value())).transpose()
}

/// Takes a piece out; its body becomes garbage.
fn discard(
    transaction: &WriteTransaction,
    totals: &mut Totals,
    place: Place,
    record: &PieceRecord,
) -> Result<(), Failure> {
    let key = place_key(place);
    transaction.open_table(PIECES)?.remove(&key)?;
    transaction.open_multimap_table(BY_PIECE)?.remove(&record.piece.0, &key)?;
    transaction.open_table(LOST)?.remove(&key)?;
    let bytes = match record.location {
        Location::Own(_) => body_bytes(record.len),
        Location::Packed { .. } => packed_bytes(record.len),
    };
    let garbage = Garbage::of(place, record.location).encode();
    transaction.open_table(GARBAGE)?.insert(garbage.as_slice(), bytes)?;
    totals.garbage = totals.garbage.saturating_add(bytes);
    if let Location::Packed { pack, .. } = record.location {
        let mut packs = transaction.open_table(PACKS)?;
        let Some(PackRecord { end, live }) = pack_record(&packs, pack)? else {
            return Err(Failure::Corrupt(format!("pack {pack} is missing")));
        };
        let left = PackRecord { end, live: live.saturating_sub(bytes) };
        packs.insert(pack, left.encode().as_slice())?;
        if packs.last()?.is_some_and(|(last, _)| last.value() != pack) {
            bury(transaction, &mut packs, pack)?;
        }
    }
    Ok(())
}

/// Makes a pack garbage that takes no more and in which nothing lives.
fn bury(
    transaction: &WriteTransaction,
    packs: &mut Table<'_, u64, &'static [u8]>,
    pack: u64,
) -> Result<(), Failure> {
    if pack_record(packs, pack)?.is_some_and(|record| record.live == 0) {
        packs.remove(pack)?;
        transaction.open_table(GARBAGE)?.insert(Garbage::pack(pack).encode().as_slice(), 0)?;
    }
    Ok(())
}

/// What is behind these locks is consistent between any two of its changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a transaction failed.
pub(super) enum Failure {
    Refused(StoreError),
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
            Failure::Refused(error) => error,
            Failure::Corrupt(what) => Self::Corrupt(what),
            Failure::Database(redb::Error::Corrupted(what)) => Self::Corrupt(what),
            Failure::Database(redb::Error::PreviousIo) => Self::Stuck,
            Failure::Database(redb::Error::Io(source)) => Self::at("meta.redb")(source),
            Failure::Database(error) => Self::Database(Box::new(error)),
        }
    }
}
