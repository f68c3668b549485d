//! Reads ranges and proven chunks of finished pieces.

use super::{
    body::{body_bytes, Body, BodyName},
    cache::Cache,
    lock,
    record::{Location, PieceRecord},
    scrub::Seen,
    Place, Store,
};
use crate::{rules::len_u64, EncodedRange, StoreError};
use lunarx_core::PieceId;
use lunarx_proof::{encode_range, prove_chunk, ChunkProof, RangeError};
use std::{io, sync::Arc};

/// Most finished pieces held open between reads.
const MAX_OPEN_READS: usize = 128;
/// Most bytes of their trees in memory; the largest tree is 4 MiB.
const MAX_TREE_BYTES: u64 = 64 << 20;

/// A finished piece, open.
pub(super) struct Reading {
    place: Place,
    record: PieceRecord,
    body: Body,
}

/// The open finished pieces.
pub(super) fn cache() -> Cache<PieceId, Reading> {
    Cache::new(MAX_OPEN_READS, MAX_TREE_BYTES)
}

impl Store {
    pub(super) fn read(&self, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, StoreError> {
        let (record, bytes) =
            self.with_body(piece, |body| encode_range(body, &body.tree, piece, body.len, offset, len))?;
        Ok(EncodedRange { piece_len: record.len, bytes })
    }

    pub(super) fn prove(&self, piece: PieceId, chunk: u64) -> Result<ChunkProof, StoreError> {
        Ok(self.with_body(piece, |body| prove_chunk(body, &body.tree, body.len, chunk))?.1)
    }

    /// Looks into a piece, under whichever contract it is whole. A place that is removed meanwhile does not
    /// count: there may be a hole by now.
    fn with_body<T>(
        &self,
        piece: PieceId,
        look: impl Fn(&Body) -> Result<T, RangeError>,
    ) -> Result<(PieceRecord, T), StoreError> {
        loop {
            let reading = self.reading(piece)?;
            let (place, record) = (reading.place, reading.record);
            let seen = look(&reading.body);
            let in_hole = matches!(record.location, Location::Packed { .. }) || seen.is_err();
            if in_hole && self.metadata.piece(place)? != Some(record) {
                lock(&self.reading).remove(&piece);
                continue;
            }
            return match seen {
                Ok(seen) => Ok((record, seen)),
                Err(RangeError::Io(error)) => Err(self.unreadable(place, &record, error)),
                Err(error) => Err(StoreError::Range(error)),
            };
        }
    }

    /// Opens a piece.
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
            if self.metadata.is_lost(place)? {
                last = StoreError::Lost(piece);
                continue;
            }
            match self.open_body(place, &record) {
                Ok(body) => {
                    let weight = len_u64(&body.tree);
                    let reading = Arc::new(Reading { place, record, body });
                    lock(&self.reading).insert(piece, reading.clone(), weight, generation);
                    return Ok(reading);
                }
                // Removed since it was looked up.
                Err(_) if self.metadata.piece(place)? != Some(record) => {}
                Err(error) => last = self.unreadable(place, &record, error),
            }
        }
        Err(last)
    }

    /// Opens the body of a piece, if it is there in full length.
    pub(super) fn open_body(&self, place: Place, record: &PieceRecord) -> io::Result<Body> {
        let total = body_bytes(record.len);
        match record.location {
            Location::Own(number) => {
                Body::open(self.bodies.open(BodyName { place, number }, total)?, 0, record.len)
            }
            Location::Packed { pack, offset } => {
                Body::open(Arc::new(self.packs.reading(pack, offset + total)?), offset, record.len)
            }
        }
    }

    /// Says why a piece that should be here is not; notes it as lost if waiting will not help.
    fn unreadable(&self, place: Place, record: &PieceRecord, source: io::Error) -> StoreError {
        let ((contract, index), piece) = (place, record.piece);
        tracing::error!(%contract, index, %piece, error = %source, "a stored piece cannot be read");
        if !is_loss(&source) {
            return StoreError::Unreadable { piece, source };
        }
        lock(&self.reading).remove(&piece);
        // One look is not enough: the miner gives up what is lost, and that cannot be taken back.
        if !matches!(self.look(place, record), Seen::Damaged(_)) {
            return StoreError::Unreadable { piece, source };
        }
        match self.check_marks().and_then(|()| self.metadata.set_lost(place, record, true)) {
            Ok(_) => StoreError::Lost(piece),
            Err(error) => error,
        }
    }
}

/// Whether waiting does not help: the bytes are not where they should be, provided that the place is the right one.
pub(super) fn is_loss(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof | InvalidData)
}
