//! Files that are whole or not there: written beside their place, synced, then moved into it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A file in the making. Dropped before [`NewFile::publish`], nothing of it is left.
pub(crate) struct NewFile {
    file: Option<File>,
    temporary: PathBuf,
    target: PathBuf,
}

/// What publishing does where the target exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays; publishing fails.
    Keep,
    /// It is replaced in one step.
    Replace,
}

impl NewFile {
    /// Starts a file that will be `target`, readable by its owner only if `private`.
    pub fn create(target: &Path, private: bool) -> io::Result<Self> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let name = target.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(shortened(name));
        temporary.push(format!(".{:016x}.part", rand::random::<u64>()));
        let temporary = folder.join(temporary);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let file = options.open(&temporary)?;
        Ok(Self { file: Some(file), temporary, target: target.into() })
    }

    /// Another handle to write through, for a thread that may outlive this guard.
    pub fn writer(&self) -> io::Result<File> {
        match &self.file {
            Some(file) => file.try_clone(),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Makes it visible under its name, durably.
    pub fn publish(mut self, existing: Existing) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        match existing {
            // A link fails where the name is taken, so nothing is overwritten even in a race.
            Existing::Keep => match fs::hard_link(&self.temporary, &self.target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => self.rename_if_absent()?,
                Ok(()) => {}
            },
            Existing::Replace => fs::rename(&self.temporary, &self.target)?,
        }
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// For file systems without links.
    fn rename_if_absent(&self) -> io::Result<()> {
        if self.target.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(&self.temporary, &self.target)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a rename the name is gone already, which is no error here.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Names may be 255 bytes long; the temporary name needs room for its ends.
fn shortened(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().chars().take(40).collect()
}

/// Reads a whole file of at most `max` bytes.
pub(crate) fn read_bounded(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        let reason = format!("file is longer than {max} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(bytes)
}

/// Makes a folder that only its owner can read.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::create(&folder.path().join("a"), true).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn dropped_file_leaves_nothing_while_a_thread_still_writes() {
        let folder = tempfile::tempdir().unwrap();
        let file = NewFile::create(&folder.path().join("a"), true).unwrap();
        let mut writer = file.writer().unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        writer.write_all(b"late").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_written_through_another_handle_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = NewFile::create(&path, false).unwrap();
        file.writer().unwrap().write_all(b"whole").unwrap();
        file.publish(Existing::Keep).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
    }

    #[test]
    fn published_file_is_whole_and_private_and_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (existing, content) in [(Existing::Keep, "one"), (Existing::Replace, "two")] {
            let mut file = NewFile::create(&path, true).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            file.publish(existing).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn keep_does_not_overwrite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let error = NewFile::create(&path, false).unwrap().publish(Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn reads_no_more_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, [1; 10]).unwrap();
        assert_eq!(read_bounded(&path, 10).unwrap().len(), 10);
        assert!(read_bounded(&path, 9).is_err());
    }
}
