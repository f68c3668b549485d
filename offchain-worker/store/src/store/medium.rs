//! What the store asks of a file system: the seam at which tests cut the power.

use redb::{Database, DatabaseError};
use std::{fmt, io, path::Path, sync::Arc};

/// A file system. All calls are as in `std::fs`, positions are absolute, and nothing but a sync makes anything
/// durable.
pub(crate) trait Medium: fmt::Debug + Send + Sync + 'static {
    /// Makes a folder and what is missing above it, durably: also the name of one that is there already, since whoever
    /// made it may have ended before it was synced.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Names in a folder, those that are no UTF-8 left out; none if it is missing.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Renames a file, over whatever has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Deletes a file, if it exists.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Length of a file, if it exists.
    fn file_len(&self, path: &Path) -> io::Result<Option<u64>>;
    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn MediumFile>>;
    /// Takes the lock of a file, which it makes if need be; `None` if somebody has it. It is given back when what is
    /// returned is dropped.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>>;
    /// Opens or makes a database, and takes its lock.
    fn database(&self, path: &Path, builder: &redb::Builder) -> Result<Database, DatabaseError>;
    /// Bytes that whoever runs this process may still write.
    fn free(&self) -> io::Result<u64>;
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// An empty file, for reading and writing; what was there is gone.
    Create,
}

/// An open file.
pub(crate) trait MediumFile: fmt::Debug + Send + Sync {
    /// Reads up to `bytes.len()` bytes; 0 at the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
    /// Gives the space of a range back to the disk; it reads as zeros afterwards. `Unsupported` where the file
    /// system cannot.
    fn punch(&self, offset: u64, len: u64) -> io::Result<()>;
}

/// Reads exactly as much as `bytes` takes.
pub(crate) fn read_exact(file: &dyn MediumFile, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.read_at(offset, bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                offset += u64::try_from(read).map_err(io::Error::other)?;
                bytes = &mut bytes[read..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
