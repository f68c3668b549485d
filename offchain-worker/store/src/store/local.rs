//! The file system of the machine.

use super::medium::{Access, Medium, MediumFile};
use redb::{Database, DatabaseError};
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Files on a local disk.
#[derive(Debug)]
pub(super) struct Local {
    /// A folder on the disk whose space counts.
    root: PathBuf,
}

impl Local {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }
}

impl Medium for Local {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let changed: BTreeSet<_> = parents_of_missing(folder).collect();
        fs::create_dir_all(folder)?;
        if changed.is_empty() {
            let synced = folder.parent().map_or(Ok(()), |parent| self.sync_folder(&or_here(parent)));
            return match synced {
                // Somebody else made it for us.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                synced => synced,
            };
        }
        changed.into_iter().try_for_each(|folder| self.sync_folder(&folder))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn file_len(&self, path: &Path) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn MediumFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        if access == Access::Create {
            options.create(true).truncate(true);
        }
        Ok(Arc::new(options.open(path)?))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn database(&self, path: &Path, builder: &redb::Builder) -> Result<Database, DatabaseError> {
        builder.create(path)
    }

    fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.root)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl MediumFile for File {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    #[cfg(target_os = "linux")]
    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        use rustix::{fs::FallocateFlags, io::Errno};
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(self, flags, offset, len).map_err(|error| match error {
            Errno::OPNOTSUPP | Errno::NOSYS => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn punch(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The folders that get a new name when `folder` is made with all that is missing above it.
fn parents_of_missing(folder: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let missing = folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    missing.filter_map(|folder| folder.parent()).map(or_here)
}

/// A folder that can be opened: the parent of a relative name is the empty path.
fn or_here(folder: &Path) -> PathBuf {
    match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_that_gets_a_new_name_is_synced() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let parents = |folder: PathBuf| parents_of_missing(&folder).collect::<Vec<_>>();
        assert_eq!(parents(path("a/b/pieces")), [path("a/b"), path("a"), dir.path().into()]);
        fs::create_dir_all(path("a/b")).unwrap();
        assert_eq!(parents(path("a/b/pieces")), [path("a/b")]);
        assert!(parents(path("a/b")).is_empty());
        assert_eq!(parents("no such folder/b".into()), [Path::new("no such folder"), Path::new(".")]);
        assert!(parents("/".into()).is_empty());
    }

    #[test]
    fn a_hole_reads_as_zeros_and_takes_no_space() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let local = Local::new(dir.path());
        let path = dir.path().join("file");
        let file = local.open(&path, Access::Create).unwrap();
        file.write_at(0, &[7; 64 << 10]).unwrap();
        file.sync().unwrap();
        let before = fs::metadata(&path).unwrap().blocks();
        match file.punch(4 << 10, 32 << 10) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                println!("skipped: no holes on this file system");
                return;
            }
            punched => punched.unwrap(),
        }
        file.sync().unwrap();
        let mut bytes = vec![1; 64 << 10];
        super::super::medium::read_exact(file.as_ref(), 0, &mut bytes).unwrap();
        let hole = (4 << 10)..(36 << 10);
        assert!((0..).zip(&bytes).all(|(at, byte)| *byte == if hole.contains(&at) { 0 } else { 7 }));
        assert_eq!(fs::metadata(&path).unwrap().blocks(), before - 64);
        assert!(local.free().unwrap() > 0);
    }
}
