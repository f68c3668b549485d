//! A store in memory, for the tests of its callers: the same rules, nothing survives it.

use crate::{
    rules::{check_append, check_finish, check_index, check_reservation, check_room, len_u64},
    space::pieces_space,
    BatchEntry, Collected, EncodedRange, PieceStore, Reservation, Scrubbed, StoreError, StoredContract,
    Usage,
};
use lunarx_core::{ContractId, PieceId};
use lunarx_proof::{commit, encode_range, prove_chunk, ChunkProof, RangeError};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Pieces in memory.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    usage: Usage,
    contracts: BTreeMap<ContractId, Held>,
}

#[derive(Debug)]
struct Held {
    reservation: Reservation,
    kept: bool,
    pieces: BTreeMap<u32, Piece>,
}

#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Id and hashes, once finished.
    finished: Option<(PieceId, Vec<u8>)>,
}

impl MemoryStore {
    /// An empty store of at most `quota` bytes.
    pub fn new(quota: u64) -> Self {
        let state =
            State { usage: Usage { quota, disk: u64::MAX, ..Usage::default() }, contracts: BTreeMap::new() };
        Self { state: Mutex::new(state) }
    }

    /// Every call checks before it changes anything, so a poisoned lock harms nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&self, contract: ContractId) -> Result<&Held, StoreError> {
        self.contracts.get(&contract).ok_or(StoreError::UnknownContract(contract))
    }

    fn held_mut(&mut self, contract: ContractId) -> Result<&mut Held, StoreError> {
        self.contracts.get_mut(&contract).ok_or(StoreError::UnknownContract(contract))
    }

    /// Bytes and hashes of a finished piece.
    fn finished(&self, piece: PieceId) -> Result<(&Vec<u8>, &Vec<u8>), StoreError> {
        let mut pieces = self.contracts.values().flat_map(|held| held.pieces.values());
        let found = pieces.find_map(|held| match &held.finished {
            Some((id, tree)) if *id == piece => Some((&held.bytes, tree)),
            _ => None,
        });
        found.ok_or(StoreError::UnknownPiece(piece))
    }
}

impl Held {
    fn bytes(&self) -> u64 {
        self.pieces.values().map(|piece| len_u64(&piece.bytes)).sum()
    }

    fn finished(&self) -> impl Iterator<Item = BatchEntry> + '_ {
        let entry = |piece: &Piece| {
            let (id, _) = piece.finished.as_ref()?;
            Some(BatchEntry { piece: *id, len: len_u64(&piece.bytes) })
        };
        self.pieces.values().filter_map(entry)
    }

    /// Bytes that its finished pieces take.
    fn space(&self) -> u64 {
        pieces_space(self.finished().map(|entry| entry.len))
    }
}

impl PieceStore for MemoryStore {
    fn reserve(&self, contract: ContractId, reservation: Reservation) -> Result<(), StoreError> {
        check_reservation(&reservation)?;
        let mut state = self.state();
        if state.contracts.contains_key(&contract) {
            return Err(StoreError::AlreadyReserved(contract));
        }
        let space = state.usage.check(reservation.max_bytes)?;
        state.usage.reserved += space;
        state.contracts.insert(contract, Held { reservation, kept: false, pieces: BTreeMap::new() });
        Ok(())
    }

    fn written(&self, contract: ContractId, index: u32) -> Result<u64, StoreError> {
        let state = self.state();
        let held = state.held(contract)?;
        check_index(index, held.reservation.max_bytes)?;
        match held.pieces.get(&index) {
            Some(piece) => Ok(len_u64(&piece.bytes)),
            None if held.kept => Err(StoreError::Kept(contract)),
            None => Ok(0),
        }
    }

    fn append(&self, contract: ContractId, index: u32, offset: u64, bytes: &[u8]) -> Result<u64, StoreError> {
        let mut state = self.state();
        let held = state.held_mut(contract)?;
        check_index(index, held.reservation.max_bytes)?;
        if held.kept {
            return Err(StoreError::Kept(contract));
        }
        let (used, add) = (held.bytes(), len_u64(bytes));
        let piece = held.pieces.entry(index).or_default();
        if piece.finished.is_some() {
            return Err(StoreError::AlreadyFinished { contract, index });
        }
        let len = check_append(len_u64(&piece.bytes), offset, add)?;
        check_room(used, add, held.reservation.max_bytes)?;
        piece.bytes.extend_from_slice(bytes);
        Ok(len)
    }

    fn finish(&self, contract: ContractId, index: u32, len: u64) -> Result<PieceId, StoreError> {
        let mut state = self.state();
        let held = state.held_mut(contract)?;
        check_index(index, held.reservation.max_bytes)?;
        if held.kept && !held.pieces.contains_key(&index) {
            return Err(StoreError::Kept(contract));
        }
        let piece = held.pieces.entry(index).or_default();
        check_finish(len_u64(&piece.bytes), len)?;
        if let Some((id, _)) = &piece.finished {
            return Ok(*id);
        }
        let (id, tree) = commit(piece.bytes.as_slice(), len).map_err(StoreError::at("memory"))?;
        piece.finished = Some((id, tree));
        Ok(id)
    }

    fn batch(&self, contract: ContractId) -> Result<Vec<BatchEntry>, StoreError> {
        Ok(self.state().held(contract)?.finished().collect())
    }

    fn keep(&self, contract: ContractId) -> Result<(), StoreError> {
        let mut state = self.state();
        let held = state.held_mut(contract)?;
        if held.kept {
            return Ok(());
        }
        held.kept = true;
        held.pieces.retain(|_, piece| piece.finished.is_some());
        let (reserved, stored) = (reserved_space(held), held.space());
        state.usage.reserved -= reserved;
        state.usage.stored += stored;
        Ok(())
    }

    fn remove(&self, contract: ContractId) -> Result<(), StoreError> {
        let mut state = self.state();
        match state.contracts.remove(&contract) {
            Some(held) if held.kept => state.usage.stored -= held.space(),
            Some(held) => state.usage.reserved -= reserved_space(&held),
            None => {}
        }
        Ok(())
    }

    fn contracts(&self, after: Option<ContractId>, most: usize) -> Result<Vec<StoredContract>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let stored = |(contract, held): (&ContractId, &Held)| StoredContract {
            contract: *contract,
            reservation: held.reservation.clone(),
            kept: held.kept,
            bytes: held.finished().map(|entry| entry.len).sum(),
            lost: 0,
        };
        let from = after.map_or(Unbounded, Excluded);
        Ok(self.state().contracts.range((from, Unbounded)).take(most).map(stored).collect())
    }

    fn read_range(&self, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, StoreError> {
        let state = self.state();
        let (data, tree) = state.finished(piece)?;
        let piece_len = len_u64(data);
        let bytes = encode_range(data, tree, piece, piece_len, offset, len).map_err(unread(piece))?;
        Ok(EncodedRange { piece_len, bytes })
    }

    fn prove_chunk(&self, piece: PieceId, chunk: u64) -> Result<ChunkProof, StoreError> {
        let state = self.state();
        let (data, tree) = state.finished(piece)?;
        prove_chunk(data, tree, len_u64(data), chunk).map_err(unread(piece))
    }

    /// What is removed is gone at once.
    fn collect(&self, _: u64) -> Result<Collected, StoreError> {
        Ok(Collected::default())
    }

    /// Memory does not rot: all is counted, in one step.
    fn scrub(&self, _: u64) -> Result<Scrubbed, StoreError> {
        let mut scrubbed = Scrubbed { ended: true, ..Scrubbed::default() };
        for entry in self.state().contracts.values().flat_map(Held::finished) {
            scrubbed.pieces += 1;
            scrubbed.bytes += entry.len;
        }
        Ok(scrubbed)
    }

    fn usage(&self) -> Usage {
        self.state().usage
    }
}

/// What a failed read of a piece says.
fn unread(piece: PieceId) -> impl Fn(RangeError) -> StoreError {
    move |error| match error {
        RangeError::Io(source) => StoreError::Unreadable { piece, source },
        other => StoreError::Range(other),
    }
}

/// Bytes set aside for it while it is not kept.
fn reserved_space(held: &Held) -> u64 {
    crate::space::footprint(held.reservation.max_bytes).expect("`Usage::check` took it in `reserve`; qed")
}
