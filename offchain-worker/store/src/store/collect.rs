//! The garbage collector: deletes what removed contracts left behind, in small steps.
//!
//! The transaction that removes a piece notes its body as garbage. Names and places in packs are never used twice,
//! so what is noted there is nobody's, whatever came since. A step that an interruption cuts short is done again.

use super::{lock, medium::MediumFile, record::Garbage, Store};
use crate::{Collected, StoreError};
use std::{
    collections::HashMap,
    io,
    sync::{atomic::Ordering, Arc},
};

/// Most entries in one step.
const MOST_ENTRIES: usize = 256;

/// The packs in which a step makes holes; `None` for one that is gone.
type Holes = HashMap<u64, Option<Arc<dyn MediumFile>>>;

impl Store {
    /// One step: up to `most` bytes, or a single larger body. What fails is left for later, and the first failure is
    /// told when all else is done.
    pub(super) fn collect_some(&self, most: u64) -> Result<Collected, StoreError> {
        // One bad entry does not hold up the others: the next step goes on behind it.
        let mut failed_last = lock(&self.collector);
        let can_punch = self.can_punch.load(Ordering::Relaxed);
        let mut some = self.metadata.garbage(*failed_last, most, MOST_ENTRIES, can_punch)?;
        if some.is_empty() && failed_last.take().is_some() {
            some = self.metadata.garbage(None, most, MOST_ENTRIES, can_punch)?;
        }
        let (mut deleted, mut failure) = (Vec::with_capacity(some.len()), None);
        if !some.is_empty() {
            // What is missing elsewhere was not deleted.
            self.check_marks()?;
        }
        let mut holes = Holes::new();
        for (garbage, bytes) in some {
            match self.delete(garbage, bytes, &mut holes) {
                Ok(true) => deleted.push((garbage, bytes)),
                Ok(false) => break,
                Err(error) => {
                    *failed_last = Some(garbage);
                    let is_away = matches!(error, StoreError::Remote { .. });
                    failure.get_or_insert(error);
                    // Each further request would wait as long.
                    if is_away {
                        break;
                    }
                }
            }
        }
        for (pack, file) in holes.iter().filter_map(|(pack, file)| Some((pack, file.as_ref()?))) {
            let Err(error) = file.sync() else { continue };
            let in_pack =
                |garbage: &Garbage| matches!(garbage, Garbage::Range(of, _) if *of == pack.to_be_bytes());
            *failed_last = deleted.iter().rev().map(|(garbage, _)| *garbage).find(in_pack);
            deleted.retain(|(garbage, _)| !in_pack(garbage));
            failure.get_or_insert(StoreError::at(format!("pack {pack}"))(error));
        }
        let bytes = self.metadata.collected(&deleted)?;
        match failure {
            Some(error) => Err(error),
            None => Ok(Collected { entries: deleted.len(), bytes }),
        }
    }

    /// Deletes one entry. `false` if it is a hole and the file system makes none.
    fn delete(&self, garbage: Garbage, bytes: u64, holes: &mut Holes) -> Result<bool, StoreError> {
        let (pack, offset) = match garbage {
            Garbage::Pack(pack) => {
                return self.packs.remove(&[u64::from_be_bytes(pack)]).map(|()| true);
            }
            Garbage::Own(place, number) => {
                return self.bodies.remove(&[Garbage::name(&place, number)]).map(|()| true);
            }
            Garbage::Range(pack, offset) => (u64::from_be_bytes(pack), u64::from_be_bytes(offset)),
        };
        let file = match holes.get(&pack) {
            Some(file) => file,
            None => holes.entry(pack).or_insert(self.packs.writing(pack)?),
        };
        match file.as_ref().map(|file| file.punch(offset, bytes)) {
            None | Some(Ok(())) => Ok(true),
            Some(Err(error)) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::info!("this file system makes no holes: packs are deleted as wholes only");
                self.can_punch.store(false, Ordering::Relaxed);
                Ok(false)
            }
            Some(Err(error)) => Err(StoreError::at(format!("pack {pack}"))(error)),
        }
    }
}
