//! Brings bodies and metadata together when a store is opened.
//!
//! The metadata is right. Only contracts that are not kept can have been interrupted in a write, so only theirs are
//! looked at: bodies that no record names go, and records without a whole body, so that the piece can be uploaded
//! again. All else is the scrubber's: opening takes as long for ten million kept pieces as for none. Files that the
//! store cannot have made are left alone.

use super::{
    body::BodyName,
    medium::Access,
    read::is_loss,
    record::Location,
    upload::{parse_partial, parse_staged, partial_name, Slot, Upload},
    Store,
};
use crate::{
    rules::{len_u64, MAX_PIECE_BYTES},
    StoreError,
};
use lunarx_core::ContractId;
use std::{borrow::Cow, collections::HashMap, sync::Arc};

impl Store {
    /// The uploads that go on, with what was interrupted swept away.
    pub(super) fn sweep(&self) -> Result<HashMap<ContractId, Arc<Upload>>, StoreError> {
        let mut uploads = HashMap::new();
        let (mut forgotten, mut removed) = (Vec::new(), 0_u64);
        for (contract, record) in self.metadata.open_contracts()? {
            let upload = Upload::new(record.max_bytes);
            let pieces = self.metadata.pieces(contract)?;
            let mut named = Vec::new();
            for (index, piece) in pieces {
                let place = (contract, index);
                if let Location::Own(number) = piece.location {
                    named.push(BodyName { place, number });
                }
                match self.open_body(place, &piece) {
                    Err(error) if is_loss(&error) => {
                        tracing::error!(%contract, index, piece = %piece.piece, %error, "a piece is lost: to be uploaded again");
                        forgotten.push((place, piece));
                        continue;
                    }
                    Err(error) => {
                        tracing::error!(%contract, index, piece = %piece.piece, %error, "a piece cannot be read now");
                    }
                    Ok(_) => {}
                }
                upload.restore(index, Slot::Finished(piece)).map_err(|error| {
                    StoreError::Corrupt(format!("pieces of contract {contract}: {error}"))
                })?;
            }
            let mut orphans = self.bodies.list(contract)?;
            orphans.retain(|name| !named.contains(name));
            self.bodies.remove(&orphans)?;
            removed += len_u64(&orphans);
            uploads.insert(contract, Arc::new(upload));
        }
        self.metadata.remove_pieces(&forgotten)?;
        removed += self.sweep_incoming(&uploads)?;
        let totals = self.metadata.totals();
        tracing::info!(
            reservations = uploads.len(),
            lost = self.metadata.lost()?,
            leftovers = removed,
            reserved = totals.reserved,
            stored = totals.stored,
            garbage = totals.garbage,
            quota = self.config.quota,
            "piece store opened"
        );
        Ok(uploads)
    }

    /// The name of a partial file, which gets it back if it was about to be published: without its hashes. `None` if
    /// there is a newer one.
    fn unstaged<'a>(&self, name: &'a str, names: &[String]) -> Result<Option<Cow<'a, str>>, StoreError> {
        let Some((place, len)) = parse_staged(name) else { return Ok(Some(name.into())) };
        let (from, name) = (self.incoming.join(name), partial_name(place));
        if names.contains(&name) {
            return self.medium.remove(&from).map(|()| None).map_err(StoreError::at(from));
        }
        let cut = self.medium.open(&from, Access::Write).and_then(|file| match file.len()? > len {
            true => file.set_len(len),
            false => Ok(()),
        });
        cut.and_then(|()| self.medium.rename(&from, &self.incoming.join(&name)))
            .map_err(StoreError::at(from))?;
        Ok(Some(name.into()))
    }

    /// Takes up unfinished pieces, deletes the rest. Returns the number of files deleted.
    fn sweep_incoming(&self, uploads: &HashMap<ContractId, Arc<Upload>>) -> Result<u64, StoreError> {
        let mut removed = 0;
        let names = self.medium.list(&self.incoming).map_err(StoreError::at(&self.incoming))?;
        for name in &names {
            let Some(name) = self.unstaged(name, &names)? else { continue };
            let path = self.incoming.join(name.as_ref());
            let Some((contract, index)) = parse_partial(&name) else {
                tracing::warn!(path = %path.display(), "left alone: not a file of the piece store");
                continue;
            };
            let written = self.medium.file_len(&path).map_err(StoreError::at(&path))?.unwrap_or_default();
            let resumed = uploads.get(&contract).is_some_and(|upload| {
                let fits = upload.check_index(index).is_ok() && (1..=MAX_PIECE_BYTES).contains(&written);
                fits && !upload.has(index) && upload.restore(index, Slot::File(written)).is_ok()
            });
            if !resumed {
                self.medium.remove(&path).map_err(StoreError::at(&path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
