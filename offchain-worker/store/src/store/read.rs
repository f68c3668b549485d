//! Reads ranges and proven chunks of finished pieces.

use super::{
    cache::Cache,
    layout::{file_len, Kind},
    lock,
    record::PieceRecord,
    DiskStore, Place,
};
use crate::{rules::len_u64, space::tree_bytes, EncodedRange, StoreError};
use lunarx_core::PieceId;
use lunarx_proof::{encode_range, prove_chunk, ChunkProof, RangeError};
use std::{
    fs::{self, File},
    io,
    sync::Arc,
};

/// Most finished pieces held open between reads.
const MAX_OPEN_READS: usize = 128;
/// Most bytes of their trees in memory; the largest tree is 4 MiB.
const MAX_TREE_BYTES: u64 = 64 << 20;

/// A finished piece, open.
pub(super) struct Reading {
    place: Place,
    file: File,
    tree: Vec<u8>,
    len: u64,
}

/// The open finished pieces.
pub(super) fn cache() -> Cache<PieceId, Reading> {
    Cache::new(MAX_OPEN_READS, MAX_TREE_BYTES)
}

impl DiskStore {
    pub(super) fn read(&self, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, StoreError> {
        let reading = self.reading(piece)?;
        let piece_len = reading.len;
        let encoded = encode_range(&reading.file, &reading.tree, piece, piece_len, offset, len);
        let bytes = encoded.map_err(|error| self.unread(piece, &reading, error))?;
        Ok(EncodedRange { piece_len, bytes })
    }

    pub(super) fn prove(&self, piece: PieceId, chunk: u64) -> Result<ChunkProof, StoreError> {
        let reading = self.reading(piece)?;
        prove_chunk(&reading.file, &reading.tree, reading.len, chunk)
            .map_err(|error| self.unread(piece, &reading, error))
    }

    fn unread(&self, piece: PieceId, reading: &Reading, error: RangeError) -> StoreError {
        match error {
            RangeError::Io(error) => self.unreadable(piece, reading.place, error),
            error => StoreError::Range(error),
        }
    }

    /// Opens a piece, under whichever contract it is whole.
    fn reading(&self, piece: PieceId) -> Result<Arc<Reading>, StoreError> {
        let generation = {
            let mut cache = lock(&self.reading);
            if let Some(reading) = cache.get(&piece) {
                return Ok(reading);
            }
            cache.generation()
        };
        let mut last = StoreError::UnknownPiece(piece);
        for (place, record) in self.metadata.holders(piece)? {
            if lock(&self.lost).contains(&place) {
                last = StoreError::Lost(piece);
                continue;
            }
            match self.open_finished(place, &record) {
                Ok(reading) => {
                    let reading = Arc::new(reading);
                    let weight = len_u64(&reading.tree);
                    lock(&self.reading).insert(piece, reading.clone(), weight, generation);
                    return Ok(reading);
                }
                // Removed since it was looked up.
                Err(_) if self.metadata.piece(place)? != Some(record) => {}
                Err(error) => last = self.unreadable(piece, place, error),
            }
        }
        Err(last)
    }

    fn open_finished(&self, place: Place, record: &PieceRecord) -> io::Result<Reading> {
        let tree = self.layout.finished(place, Kind::Tree);
        check_len(file_len(&tree)?, tree_bytes(record.len))?;
        let file = File::open(self.layout.finished(place, Kind::Piece))?;
        check_len(Some(file.metadata()?.len()), record.len)?;
        Ok(Reading { place, file, tree: fs::read(tree)?, len: record.len })
    }

    /// Says why a piece that should be here is not; notes it as lost if waiting will not help.
    fn unreadable(&self, piece: PieceId, place: Place, source: io::Error) -> StoreError {
        let (contract, index) = place;
        tracing::error!(%contract, index, %piece, error = %source, "a stored piece cannot be read");
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                lock(&self.lost).insert(place);
                lock(&self.reading).remove(&piece);
                StoreError::Lost(piece)
            }
            _ => StoreError::Unreadable { piece, source },
        }
    }
}

/// Fails with `NotFound` or `InvalidData` if a file is not what the metadata says.
pub(super) fn check_len(actual: Option<u64>, expected: u64) -> io::Result<()> {
    match actual {
        None => Err(io::ErrorKind::NotFound.into()),
        Some(actual) if actual != expected => {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("{actual} bytes, expected {expected}")))
        }
        Some(_) => Ok(()),
    }
}
