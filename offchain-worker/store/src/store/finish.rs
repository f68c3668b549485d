//! Makes a finished piece visible, in the order that survives a crash: its body reaches the disk, then the record
//! that names it. The commit of the record is the moment at which the piece exists.
//!
//! A sync that fails is final: the kernel forgets what it could not write, and says so once. The piece is dropped
//! and its upload starts again, so that no later sync, of this process or the next one, vouches for it.

use super::{
    body::{body_bytes, BodyName, Staged, Unpublished},
    lock,
    medium::{read_exact, MediumFile},
    packs::packed_bytes,
    record::{Location, PieceRecord},
    upload::{staged_name, Slot, Upload},
    Place, Store,
};
use crate::{rules::check_finish, space::tree_bytes, StoreError};
use lunarx_core::PieceId;
use lunarx_proof::commit;
use std::{
    io::{self, BufReader},
    path::Path,
    sync::Arc,
};

/// Bytes read at a time while hashing.
pub(super) const HASH_BUFFER: usize = 256 * 1024;

impl Store {
    /// `finish` while the upload is open. A piece that may not have reached the disk starts again.
    pub(super) fn finish_in(&self, upload: &Upload, place: Place, len: u64) -> Result<PieceId, StoreError> {
        let Some(slot) = upload.slot(place.1) else {
            // `check_finish` never takes a piece of 0 bytes.
            return check_finish(0, len).and(Err(StoreError::EmptyPiece));
        };
        let mut slot = lock(&slot);
        check_finish(slot.len(), len)?;
        if let Slot::Finished(record) = &*slot {
            return Ok(record.piece);
        }
        let is_short = len <= self.bodies.most_packed();
        let more = match &*slot {
            _ if is_short => packed_bytes(len),
            Slot::Staged(_) => body_bytes(len),
            _ => tree_bytes(len),
        };
        self.check_floor(more)?;
        let published = match is_short {
            true => self.pack(&slot, place, len),
            false => self.publish(&mut slot, place, len),
        };
        match published {
            Ok(record) => {
                self.leave(&mut slot, Slot::Finished(record), place);
                Ok(record.piece)
            }
            Err(Unpublished::Partial(error)) => Err(error),
            Err(Unpublished::Dropped(error)) => {
                let (contract, index) = place;
                tracing::error!(%contract, index, %error, "a piece did not reach the disk");
                upload.give_back(len);
                self.leave(&mut slot, Slot::Staged(Vec::new()), place);
                self.sync_incoming();
                Err(error)
            }
        }
    }

    /// Changes a slot, and gives back what it held.
    fn leave(&self, slot: &mut Slot, next: Slot, place: Place) {
        match std::mem::replace(slot, next) {
            Slot::Staged(bytes) => self.budget.give_back_piece(&bytes),
            Slot::File(_) => self.drop_partial(place),
            Slot::Finished(_) => {}
        }
    }

    /// Adds a short piece to a pack.
    fn pack(&self, slot: &Slot, place: Place, len: u64) -> Result<PieceRecord, Unpublished> {
        let mut body = match slot {
            Slot::Staged(bytes) => bytes.clone(),
            _ => {
                let file = self.writing(place, len)?;
                let mut bytes = vec![0; usize::try_from(len).expect("at most MOST_PACKED; qed")];
                read_exact(file.as_ref(), 0, &mut bytes).map_err(StoreError::at(self.partial(place)))?;
                bytes
            }
        };
        let (piece, tree) = commit(body.as_slice(), len).map_err(StoreError::at("memory"))?;
        body.extend_from_slice(&tree);
        self.packs.add(&self.metadata, place, piece, len, body)
    }

    /// Gives a piece a body of its own.
    fn publish(&self, slot: &mut Slot, place: Place, len: u64) -> Result<PieceRecord, Unpublished> {
        self.spill(slot, place)?;
        let (file, path) = (self.writing(place, len)?, self.partial(place));
        let reader = BufReader::with_capacity(HASH_BUFFER, FromStart { file: &file, at: 0 });
        let (piece, tree) = commit(reader, len).map_err(StoreError::at(&path))?;
        let number = self.metadata.number();
        let record = PieceRecord { piece, len, location: Location::Own(number) };
        // Under a name with its length: whatever interrupts this, the piece can be told from its tree.
        let staged = Staged { path: self.incoming.join(staged_name(place, len)), file: file.clone() };
        self.medium.rename(&path, &staged.path).map_err(StoreError::at(&path))?;
        // It may be longer, by what a failed append left.
        let published = file
            .set_len(len)
            .and_then(|()| file.write_at(len, &tree))
            .map_err(|error| StoreError::at(&path)(error).into())
            .and_then(|()| self.bodies.publish(&staged, BodyName { place, number }))
            .map_err(|failure| self.unstage(&staged, &path, len, failure));
        // Its file has another name afterwards, or is gone.
        let added = published
            .and_then(|()| self.metadata.add(&[(place, record)], None).map_err(Unpublished::Dropped));
        if added.is_err() {
            if let Err(error) = self.metadata.disown(place, number, body_bytes(len)) {
                tracing::error!(%error, "a body without a record is left behind until the next start");
            }
        }
        added.map(|()| record)
    }
}

impl Store {
    /// Makes a staged piece partial again after a failure that leaves it so. If that fails too, it starts again.
    fn unstage(&self, staged: &Staged, path: &Path, len: u64, failure: Unpublished) -> Unpublished {
        let Unpublished::Partial(error) = failure else { return failure };
        let undone = staged.file.set_len(len).and_then(|()| self.medium.rename(&staged.path, path));
        let Err(also) = undone else { return Unpublished::Partial(error) };
        tracing::error!(path = %path.display(), error = %also, "a piece cannot be made partial again");
        if let Err(error) = self.medium.remove(&staged.path) {
            tracing::error!(path = %staged.path.display(), %error, "left behind until the next start");
        }
        Unpublished::Dropped(error)
    }
}

/// Reads a file in a row.
struct FromStart<'a> {
    file: &'a Arc<dyn MediumFile>,
    at: u64,
}

impl io::Read for FromStart<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.at, bytes)?;
        self.at += u64::try_from(read).map_err(io::Error::other)?;
        Ok(read)
    }
}
