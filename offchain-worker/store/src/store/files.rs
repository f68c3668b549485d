//! Bodies in files of their own, on the medium that has the metadata.

use super::{
    body::{Bodies, BodyName, Source, Staged, Unpublished},
    lock, mark,
    medium::{read_exact, Access, Medium, MediumFile},
    packs::MOST_PACKED,
};
use crate::StoreError;
use lunarx_core::ContractId;
use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

const FOLDER: &str = "pieces";

/// Bodies in a folder.
#[derive(Debug)]
pub(super) struct Files {
    medium: Arc<dyn Medium>,
    root: PathBuf,
    /// Folders that are durable for sure: an earlier start may have ended before it synced what it made.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Files {
    pub(super) fn new(medium: Arc<dyn Medium>, root: &Path) -> Self {
        Self { medium, root: root.join(FOLDER), durable: Mutex::default() }
    }

    fn folder(&self, contract: ContractId) -> PathBuf {
        self.root.join(BodyName::folder(contract))
    }

    fn path(&self, name: BodyName) -> PathBuf {
        self.folder(name.place.0).join(name.file())
    }

    fn make_durable(&self, folder: &Path) -> Result<(), StoreError> {
        if lock(&self.durable).contains(folder) {
            return Ok(());
        }
        self.medium.create_folder(folder).map_err(StoreError::at(folder))?;
        for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.root)) {
            self.medium.sync_folder(above).map_err(StoreError::at(above))?;
        }
        lock(&self.durable).insert(folder.into());
        Ok(())
    }
}

impl Bodies for Files {
    fn publish(&self, staged: &Staged, name: BodyName) -> Result<(), Unpublished> {
        let folder = self.folder(name.place.0);
        self.make_durable(&folder)?;
        let dropped = |path: &Path, error| {
            // The kernel forgets what it could not write and says so once: no later sync may vouch for it.
            if let Err(error) = self.medium.remove(path) {
                tracing::error!(path = %path.display(), %error, "left behind until the next start");
            }
            Unpublished::Dropped(StoreError::at(path)(error))
        };
        staged.file.sync().map_err(|error| dropped(&staged.path, error))?;
        let path = self.path(name);
        self.medium.rename(&staged.path, &path).map_err(StoreError::at(&path))?;
        self.medium.sync_folder(&folder).map_err(|error| dropped(&path, error))
    }

    fn open(&self, name: BodyName, total: u64) -> io::Result<Arc<dyn Source>> {
        let file = self.medium.open(&self.path(name), Access::Read)?;
        match file.len()? {
            len if len == total => Ok(Arc::new(file)),
            len => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{len} bytes, expected {total}"))),
        }
    }

    fn remove(&self, names: &[BodyName]) -> Result<(), StoreError> {
        let mut touched = BTreeSet::new();
        for name in names {
            let path = self.path(*name);
            self.medium.remove(&path).map_err(StoreError::at(path))?;
            touched.insert(self.folder(name.place.0));
        }
        // Also if there was nothing to delete: an earlier attempt may have ended before this.
        touched.iter().try_for_each(|folder| match self.medium.sync_folder(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(StoreError::at(folder)),
        })
    }

    fn list(&self, contract: ContractId) -> Result<Vec<BodyName>, StoreError> {
        let folder = self.folder(contract);
        let names = self.medium.list(&folder).map_err(StoreError::at(folder))?;
        let parsed = names.iter().filter_map(|name| BodyName::parse(name));
        Ok(parsed.filter(|name| name.place.0 == contract).collect())
    }

    fn mark(&self) -> Result<Option<Vec<u8>>, StoreError> {
        mark::read(self.medium.as_ref(), &self.root)
    }

    fn set_mark(&self, mark: &[u8]) -> Result<(), StoreError> {
        mark::write(self.medium.as_ref(), &self.root, mark)
    }

    fn most_packed(&self) -> u64 {
        MOST_PACKED
    }
}

impl Source for Arc<dyn MediumFile> {
    fn read_exact(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        read_exact(self.as_ref(), offset, bytes)
    }
}
