//! Brings files and metadata together when a store is opened.
//!
//! The metadata is right: files that it does not name go, unless they are the unfinished pieces of a
//! reservation. Pieces that it names but whose files are not whole are lost: under a kept contract
//! that is told and remembered, under a reservation the piece can be uploaded again. Files that the
//! store cannot have made are left alone.

use super::{
    layout::{file_len, list, remove_file, Kind, Layout},
    metadata::Metadata,
    read::check_len,
    record::PieceRecord,
    reserved_space,
    upload::{Slot, Upload},
    Place,
};
use crate::{
    rules::MAX_PIECE_BYTES,
    space::{tree_bytes, Ledger, Space},
    StoreError,
};
use lunarx_core::ContractId;
use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
    sync::Arc,
};

/// What a store begins with.
pub(super) struct Swept {
    pub(super) ledger: Ledger,
    pub(super) uploads: HashMap<ContractId, Arc<Upload>>,
    pub(super) lost: HashSet<Place>,
}

pub(super) fn sweep(layout: &Layout, metadata: &Metadata, quota: u64) -> Result<Swept, StoreError> {
    let mut swept = Swept { ledger: Ledger::new(quota), uploads: HashMap::new(), lost: HashSet::new() };
    let mut kept = swept.contracts(metadata)?;
    swept.pieces(layout, metadata, &mut kept)?;
    let mut removed = swept.incoming(layout)?;
    removed += finished(layout, metadata)?;
    let usage = swept.ledger.usage();
    tracing::info!(
        kept = kept.len(),
        reservations = swept.uploads.len(),
        lost = swept.lost.len(),
        leftovers = removed,
        reserved = usage.reserved,
        stored = usage.stored,
        quota,
        "piece store opened"
    );
    Ok(swept)
}

impl Swept {
    /// Reserved space and uploads. Returns the kept contracts.
    fn contracts(&mut self, metadata: &Metadata) -> Result<HashMap<ContractId, Space>, StoreError> {
        let mut kept = HashMap::new();
        metadata.each_contract(|contract, record| {
            if record.kept {
                kept.insert(contract, Space::default());
            } else {
                self.ledger.add_reserved(reserved_space(record.max_bytes));
                self.uploads.insert(contract, Arc::new(Upload::new(record.max_bytes)));
            }
        })?;
        Ok(kept)
    }

    /// Finished pieces, of which those are counted whose files are gone as well: the contract is still
    /// charged for them.
    fn pieces(
        &mut self,
        layout: &Layout,
        metadata: &Metadata,
        kept: &mut HashMap<ContractId, Space>,
    ) -> Result<(), StoreError> {
        let mut forget = Vec::new();
        metadata.each_piece(|place, record| {
            let (contract, index) = place;
            let whole = is_whole(layout, place, &record)?;
            if !whole {
                tracing::error!(%contract, index, piece = %record.piece, "the files of a stored piece are missing or damaged");
            }
            match (self.uploads.get(&contract), kept.get_mut(&contract)) {
                (Some(upload), _) if whole => upload
                    .restore(index, Slot::Finished(record))
                    .map_err(|error| StoreError::Corrupt(format!("pieces of contract {contract}: {error}")))?,
                (Some(_), _) => forget.push((place, record)),
                (None, Some(space)) => {
                    space.add(record.len);
                    if !whole {
                        self.lost.insert(place);
                    }
                }
                (None, None) => {
                    return Err(StoreError::Corrupt(format!("piece {index} of no contract {contract}")))
                }
            }
            Ok(())
        })?;
        kept.values().for_each(|space| self.ledger.add_stored(space.bytes()));
        metadata.remove_pieces(&forget)
    }

    /// Takes up unfinished pieces, deletes the rest. Returns the number of files deleted.
    fn incoming(&mut self, layout: &Layout) -> Result<u64, StoreError> {
        let mut removed = 0;
        for entry in list(&layout.incoming())? {
            let (path, parsed) = entry?;
            let Some((place, kind)) = parsed else {
                foreign(&path);
                continue;
            };
            if kind == Kind::Tree || !self.resume(place, &path)? {
                remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Whether a partial file goes on.
    fn resume(&self, (contract, index): Place, path: &Path) -> Result<bool, StoreError> {
        let Some(upload) = self.uploads.get(&contract) else { return Ok(false) };
        let written = file_len(path).map_err(StoreError::at(path))?.unwrap_or_default();
        let fits = upload.check_index(index).is_ok() && (1..=MAX_PIECE_BYTES).contains(&written);
        Ok(fits && !upload.has(index) && upload.restore(index, Slot::Partial { written }).is_ok())
    }
}

/// Deletes finished files that the metadata does not name. Returns their number.
fn finished(layout: &Layout, metadata: &Metadata) -> Result<u64, StoreError> {
    let mut removed = 0;
    for folder in layout.folders() {
        for entry in list(&folder)? {
            let (path, parsed) = entry?;
            let own = parsed.filter(|(place, kind)| layout.finished(*place, *kind) == path);
            let Some((place, _)) = own else {
                foreign(&path);
                continue;
            };
            if metadata.piece(place)?.is_none() {
                remove_file(&path)?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// Whether both files of a piece are there in full length. What they hold is checked by readers.
fn is_whole(layout: &Layout, place: Place, record: &PieceRecord) -> Result<bool, StoreError> {
    for (kind, expected) in [(Kind::Piece, record.len), (Kind::Tree, tree_bytes(record.len))] {
        let path = layout.finished(place, kind);
        match file_len(&path).and_then(|len| check_len(len, expected)) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                return Ok(false)
            }
            Err(error) => return Err(StoreError::at(path)(error)),
        }
    }
    Ok(true)
}

fn foreign(path: &Path) {
    tracing::warn!(path = %path.display(), "left alone: not a file of the piece store");
}
