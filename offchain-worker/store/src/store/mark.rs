//! Marks: what tells the places of bodies from any other folder, disk or bucket that may be there instead.
//!
//! Where a mark is missing, the absence of a body says nothing: another disk is mounted, or none.

use super::{
    lock,
    medium::{read_exact, Access, Medium},
    record::Location,
    Store,
};
use crate::StoreError;
use std::{io, path::Path};

/// The name of a mark, in the folder that it marks.
pub(super) const MARK: &str = "store-id";
/// Bytes of a mark.
pub(super) const MARK_BYTES: usize = 16;
/// Bodies looked at before a place without a mark is taken for the right one.
const MOST_SAMPLES: usize = 4;
/// Records among which these are sought.
const MOST_RECORDS: usize = 4_096;

/// The mark in a folder; `None` if there is none that could be one.
pub(super) fn read(medium: &dyn Medium, folder: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let path = folder.join(MARK);
    let read = || {
        let file = medium.open(&path, Access::Read)?;
        let mut mark = vec![0; MARK_BYTES];
        read_exact(file.as_ref(), 0, &mut mark)?;
        io::Result::Ok(mark)
    };
    match read() {
        Ok(mark) => Ok(Some(mark)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
            Ok(None)
        }
        Err(error) => Err(StoreError::at(path)(error)),
    }
}

/// Marks a folder, durably.
pub(super) fn write(medium: &dyn Medium, folder: &Path, mark: &[u8]) -> Result<(), StoreError> {
    // Under another name first, so that there is never half a mark.
    let (path, new) = (folder.join(MARK), folder.join(format!("{MARK}.new")));
    let write = || {
        medium.create_folder(folder)?;
        let file = medium.open(&new, Access::Create)?;
        file.write_at(0, mark)?;
        file.sync()?;
        medium.rename(&new, &path)?;
        medium.sync_folder(folder)
    };
    write().map_err(StoreError::at(&path))
}

impl Store {
    /// Whether bodies and packs are where they were: only then is one that is missing lost, or gone.
    pub(super) fn check_marks(&self) -> Result<(), StoreError> {
        let own = |found: Option<Vec<u8>>| found.as_ref() == Some(&self.mark);
        match own(self.bodies.mark()?) && own(self.packs.mark()?) {
            true => Ok(()),
            false => Err(StoreError::NotOurs(self.place.clone())),
        }
    }

    /// Checks both places when the store is opened. One without a mark gets it if it is new, or if it has the bodies
    /// that the metadata name: a mark alone may get lost. One with another mark is another store's.
    pub(super) fn settle_marks(&self) -> Result<(), StoreError> {
        let _admin = lock(&self.admin);
        let found = self.bodies.mark()?;
        if found.as_ref() != Some(&self.mark) {
            self.adopt(found, |location| matches!(location, Location::Own(_)))?;
            self.bodies.set_mark(&self.mark)?;
        }
        let found = self.packs.mark()?;
        if found.as_ref() != Some(&self.mark) {
            self.adopt(found, |location| matches!(location, Location::Packed { .. }))?;
            self.packs.set_mark(&self.mark)?;
        }
        Ok(())
    }

    /// Refuses a place that is another store's, or that lacks what should be there.
    fn adopt(&self, found: Option<Vec<u8>>, is_there: impl Fn(&Location) -> bool) -> Result<(), StoreError> {
        let refused = || StoreError::NotOurs(self.place.clone());
        if found.is_some() {
            return Err(refused());
        }
        let (mut samples, mut whole) = (0, 0);
        for (place, record) in self.metadata.pieces_after(None, MOST_RECORDS)? {
            let Ok(record) = record else { continue };
            if samples < MOST_SAMPLES && is_there(&record.location) {
                samples += 1;
                whole += usize::from(self.open_body(place, &record).is_ok());
            }
        }
        let is_new = samples == 0 && self.metadata.totals().garbage == 0;
        match is_new || whole > 0 {
            true => Ok(()),
            false => Err(refused()),
        }
    }
}
