//! The scrubber: reads everything now and then, and compares it with its id, so that bit rot is found before an
//! audit finds it.

use super::{finish::HASH_BUFFER, lock, read::is_loss, record::PieceRecord, Place, Store};
use crate::{space::BLOCK_BYTES, Fault, Scrubbed, StoreError};
use lunarx_proof::commit;
use std::io::{self, BufReader};

/// Records looked up at a time.
const MOST_RECORDS: usize = 64;
/// Most pieces in one step, however small.
const MOST_PIECES: u64 = 1_024;
/// Looks at a damaged piece before it is taken for damaged.
const LOOKS: usize = 2;

/// What a look at a piece showed.
pub(super) enum Seen {
    Whole,
    Damaged(String),
    /// The disk does not answer just now.
    Unknown(io::Error),
}

impl Store {
    /// Goes on with the scrub where it stopped, also before a restart, for some `most` bytes. A piece counts as a
    /// block at least.
    pub(super) fn scrub_some(&self, most: u64) -> Result<Scrubbed, StoreError> {
        let _scrubber = lock(&self.scrubber);
        let mut scrubbed = Scrubbed::default();
        let begun = self.metadata.scrubbed()?;
        let (mut last, mut work) = (begun, 0_u64);
        let is_over = |scrubbed: &Scrubbed, work| {
            scrubbed.pieces > 0 && (work >= most || scrubbed.pieces >= MOST_PIECES)
        };
        let mut failure = None;
        while failure.is_none() && !is_over(&scrubbed, work) {
            let records = self.metadata.pieces_after(last, MOST_RECORDS)?;
            if records.is_empty() {
                scrubbed.ended = true;
                last = None;
                break;
            }
            for (place, record) in records {
                scrubbed.pieces += 1;
                match record {
                    Ok(record) => {
                        work = work.saturating_add(record.len.max(BLOCK_BYTES));
                        failure = self.scrub_piece(place, &record, &mut scrubbed).err();
                    }
                    Err(error) => {
                        scrubbed.unread += 1;
                        tracing::error!(contract = %place.0, index = place.1, %error, "an unreadable record");
                    }
                }
                if failure.is_some() {
                    break;
                }
                last = Some(place);
                if is_over(&scrubbed, work) {
                    break;
                }
            }
        }
        if last != begun {
            self.metadata.set_scrubbed(last)?;
        }
        match failure {
            // What was found is marked already, and must be told.
            Some(error) if scrubbed.faults.is_empty() => Err(error),
            _ => Ok(scrubbed),
        }
    }

    fn scrub_piece(
        &self,
        place: Place,
        record: &PieceRecord,
        scrubbed: &mut Scrubbed,
    ) -> Result<(), StoreError> {
        let ((contract, index), piece) = (place, record.piece);
        let mut seen = self.look(place, record);
        for _ in 1..LOOKS {
            if matches!(seen, Seen::Damaged(_)) {
                seen = self.look(place, record);
            }
        }
        scrubbed.bytes = scrubbed.bytes.saturating_add(record.len);
        match seen {
            Seen::Whole => {
                if self.metadata.set_lost(place, record, false)? {
                    tracing::info!(%contract, index, %piece, "a piece that was lost is back");
                }
            }
            Seen::Damaged(reason) => {
                // It says nothing if another disk is there by now.
                self.check_marks()?;
                // Unless it was removed meanwhile.
                if self.metadata.set_lost(place, record, true)? {
                    tracing::error!(%contract, index, %piece, reason, "a stored piece is damaged");
                    lock(&self.reading).remove(&piece);
                    scrubbed.faults.push(Fault { contract, index, piece, reason });
                }
            }
            Seen::Unknown(error) => {
                scrubbed.unread += 1;
                tracing::warn!(%contract, index, %piece, %error, "a stored piece could not be read");
            }
        }
        Ok(())
    }

    /// Reads a piece and compares it with its id.
    pub(super) fn look(&self, place: Place, record: &PieceRecord) -> Seen {
        let whole = || {
            let body = self.open_body(place, record)?;
            let (piece, tree) = commit(BufReader::with_capacity(HASH_BUFFER, body.reader()), record.len)?;
            Ok((piece == record.piece, tree == body.tree))
        };
        match whole() {
            Ok((true, true)) => Seen::Whole,
            Ok((false, _)) => Seen::Damaged("its bytes changed".into()),
            Ok((true, false)) => Seen::Damaged("its hashes changed".into()),
            Err(error) if is_loss(&error) => Seen::Damaged(error.to_string()),
            Err(error) => Seen::Unknown(error),
        }
    }
}
