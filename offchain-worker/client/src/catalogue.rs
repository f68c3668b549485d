//! The local folder of sealed manifests, one file an object: `<object id in hex>.manifest`.
//!
//! In this version the folder is the only copy: it must be backed up together with the 24 words. The
//! sealed copy in the network comes later, and will not change what a file holds.
//!
//! Files appear whole and are only replaced or removed as a whole. Their content is that of
//! [`lunarx_row::manifest`]; whoever has the folder but not the seed learns the number of objects and
//! roughly how large they are. Puts under way have their records in the same folder ([`crate::journal`]),
//! and objects the tags of their watermarks ([`crate::marks`]).

use crate::file::{create_private_folder, read_bounded, Existing, NewFile};
use lunarx_row::{manifest::MAX_MANIFEST_BYTES, Manifest, ManifestKey, ObjectId, RowError};
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// Fewest hex digits by which an object may be named.
pub const MIN_PREFIX_DIGITS: usize = 4;

/// Why the catalogue does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Nothing begins so.
    #[error("no object {0:?} in the catalogue")]
    NotFound(String),
    /// Several begin so.
    #[error("{count} objects begin with {prefix:?}, expected one")]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// How many begin so.
        count: usize,
    },
    /// It is no object yet, and may never be one.
    #[error("object {0} is not stored: its put is under way or was interrupted")]
    Pending(ObjectId),
    /// Not a beginning of an object's id.
    #[error("{0:?} is no object id: expected at least {MIN_PREFIX_DIGITS} hex digits")]
    NotAnId(String),
    /// A file is there, but cannot be opened with these keys.
    #[error("{path} cannot be opened: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: RowError,
    },
    /// A file holds another object than its name says.
    #[error("{path} is that of object {actual}")]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// What it holds.
        actual: ObjectId,
    },
    /// A manifest that breaks the limits of its format.
    #[error("manifest cannot be sealed: {0}")]
    Seal(RowError),
    /// The file system refuses.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
}

/// What a file of the folder says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// How to read it.
    Manifest,
    /// What its put has promised so far.
    Pending,
    /// The tags of its watermarks.
    Marks,
}

impl FileKind {
    fn extension(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Pending => "pending",
            Self::Marks => "marks",
        }
    }
}

/// The folder, opened with the key of its manifests.
#[derive(Debug)]
pub struct Catalogue {
    folder: PathBuf,
    key: ManifestKey,
}

impl Catalogue {
    /// Opens the folder, which is made if it is not there.
    pub fn open(folder: impl Into<PathBuf>, key: ManifestKey) -> Result<Self, CatalogueError> {
        let folder = folder.into();
        create_private_folder(&folder).map_err(|source| io_error(&folder, source))?;
        Ok(Self { folder, key })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds or replaces an object's manifest, durably.
    pub fn save(&self, manifest: &Manifest) -> Result<(), CatalogueError> {
        let sealed = manifest.seal(&self.key).map_err(CatalogueError::Seal)?;
        self.write(manifest.object, FileKind::Manifest, &sealed)
    }

    /// Reads an object's manifest.
    pub fn load(&self, object: ObjectId) -> Result<Manifest, CatalogueError> {
        let (path, sealed) = self.read(object, FileKind::Manifest, MAX_MANIFEST_BYTES)?;
        let manifest = Manifest::open(&sealed, &self.key)
            .map_err(|source| CatalogueError::Unreadable { path: path.clone(), source })?;
        match manifest.object == object {
            true => Ok(manifest),
            false => Err(CatalogueError::Misnamed { path, actual: manifest.object }),
        }
    }

    /// Every object's id, in order.
    pub fn ids(&self) -> Result<Vec<ObjectId>, CatalogueError> {
        self.ids_of(FileKind::Manifest)
    }

    /// Every manifest, or why one cannot be opened, oldest first.
    pub fn list(&self) -> Result<Vec<Result<Manifest, CatalogueError>>, CatalogueError> {
        let mut all: Vec<_> = self.ids()?.into_iter().map(|id| self.load(id)).collect();
        all.sort_by_key(|manifest| manifest.as_ref().map_or(u64::MAX, |manifest| manifest.created));
        Ok(all)
    }

    /// The one object whose id begins with `prefix` (hex digits, with or without `0x`).
    pub fn resolve(&self, prefix: &str) -> Result<ObjectId, CatalogueError> {
        let id = self.resolve_any(prefix)?;
        match self.has(id, FileKind::Manifest) {
            true => Ok(id),
            false => Err(CatalogueError::Pending(id)),
        }
    }

    /// The one object, or put that is pending, whose id begins with `prefix`.
    pub fn resolve_any(&self, prefix: &str) -> Result<ObjectId, CatalogueError> {
        let digits = prefix.strip_prefix("0x").unwrap_or(prefix).to_ascii_lowercase();
        if digits.len() < MIN_PREFIX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(CatalogueError::NotAnId(prefix.into()));
        }
        let mut ids = self.ids()?;
        ids.append(&mut self.pending_ids()?);
        ids.retain(|id| hex::encode(id.0).starts_with(&digits));
        match ids[..] {
            [] => Err(CatalogueError::NotFound(prefix.into())),
            [id] => Ok(id),
            _ => Err(CatalogueError::Ambiguous { prefix: prefix.into(), count: ids.len() }),
        }
    }

    /// Drops an object's manifest, and its watermarks. Without it the object cannot be read.
    pub fn remove(&self, object: ObjectId) -> Result<(), CatalogueError> {
        match self.delete(object, FileKind::Marks) {
            Ok(()) | Err(CatalogueError::NotFound(_)) => self.delete(object, FileKind::Manifest),
            error => error,
        }
    }

    /// Seals what is in the folder.
    pub(crate) fn key(&self) -> &ManifestKey {
        &self.key
    }

    /// Adds or replaces a file, durably.
    pub(crate) fn write(
        &self,
        object: ObjectId,
        kind: FileKind,
        sealed: &[u8],
    ) -> Result<(), CatalogueError> {
        let path = self.path(object, kind);
        let write = || {
            let mut file = NewFile::create(&path, true)?;
            file.write_all(sealed)?;
            file.publish(Existing::Replace)
        };
        write().map_err(|source| io_error(&path, source))
    }

    /// A file's content, and where it is.
    pub(crate) fn read(
        &self,
        object: ObjectId,
        kind: FileKind,
        max: usize,
    ) -> Result<(PathBuf, Vec<u8>), CatalogueError> {
        let path = self.path(object, kind);
        let sealed = read_bounded(&path, u64::try_from(max).unwrap_or(u64::MAX)).map_err(|source| {
            match source.kind() {
                io::ErrorKind::NotFound => CatalogueError::NotFound(object.to_string()),
                _ => io_error(&path, source),
            }
        })?;
        Ok((path, sealed))
    }

    pub(crate) fn has(&self, object: ObjectId, kind: FileKind) -> bool {
        self.path(object, kind).is_file()
    }

    pub(crate) fn delete(&self, object: ObjectId, kind: FileKind) -> Result<(), CatalogueError> {
        let path = self.path(object, kind);
        fs::remove_file(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CatalogueError::NotFound(object.to_string()),
            _ => io_error(&path, source),
        })
    }

    /// The objects that have a file of a kind, in order.
    pub(crate) fn ids_of(&self, kind: FileKind) -> Result<Vec<ObjectId>, CatalogueError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| io_error(&self.folder, source))?;
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| io_error(&self.folder, source))?;
            let path = entry.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_some_and(|extension| extension == kind.extension()) {
                ids.extend(stem.and_then(parse_id));
            }
        }
        ids.sort();
        Ok(ids)
    }

    fn path(&self, object: ObjectId, kind: FileKind) -> PathBuf {
        self.folder.join(format!("{}.{}", hex::encode(object.0), kind.extension()))
    }
}

fn parse_id(text: &str) -> Option<ObjectId> {
    let mut id = [0; 32];
    hex::decode_to_slice(text, &mut id).ok()?;
    Some(ObjectId(id))
}

fn io_error(path: &Path, source: io::Error) -> CatalogueError {
    CatalogueError::Io { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_row::{Code, DataKey, RepairKey};

    fn manifest(id: u8, created: u64) -> Manifest {
        Manifest {
            object: ObjectId([id; 32]),
            name: "Märchen 故事.txt".into(),
            size: 0,
            created,
            code: Code::new(4, 8).unwrap(),
            data_key: DataKey::random(),
            repair_key: RepairKey::random(),
            segments: Vec::new(),
        }
    }

    fn catalogue() -> (tempfile::TempDir, Catalogue) {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path().join("objects"), ManifestKey::random()).unwrap();
        (folder, catalogue)
    }

    #[test]
    fn saves_lists_and_removes() {
        let (_folder, catalogue) = catalogue();
        let (young, old) = (manifest(1, 20), manifest(2, 10));
        catalogue.save(&young).unwrap();
        catalogue.save(&old).unwrap();
        let listed: Vec<_> = catalogue.list().unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(listed, [old.clone(), young]);
        catalogue.remove(old.object).unwrap();
        assert!(matches!(catalogue.load(old.object), Err(CatalogueError::NotFound(_))));
        assert!(matches!(catalogue.remove(old.object), Err(CatalogueError::NotFound(_))));
    }

    #[test]
    fn resolves_unique_prefixes_only() {
        let (_folder, catalogue) = catalogue();
        let mut twin = manifest(0xab, 2);
        twin.object.0[31] = 0;
        catalogue.save(&manifest(0xab, 1)).unwrap();
        catalogue.save(&twin).unwrap();
        catalogue.save(&manifest(0xcd, 1)).unwrap();
        assert_eq!(catalogue.resolve("0xCDCD").unwrap(), ObjectId([0xcd; 32]));
        assert_eq!(catalogue.resolve(&twin.object.to_string()).unwrap(), twin.object);
        assert!(matches!(catalogue.resolve("abab"), Err(CatalogueError::Ambiguous { count: 2, .. })));
        assert!(matches!(catalogue.resolve("0000"), Err(CatalogueError::NotFound(_))));
        for text in ["", "0x", "cdc", "../x", "äöüß"] {
            assert!(matches!(catalogue.resolve(text), Err(CatalogueError::NotAnId(_))), "{text}");
        }
    }

    #[test]
    fn another_key_or_a_moved_file_is_noticed() {
        let (folder, catalogue) = catalogue();
        catalogue.save(&manifest(1, 1)).unwrap();
        let other = Catalogue::open(folder.path().join("objects"), ManifestKey::random()).unwrap();
        assert!(matches!(other.load(ObjectId([1; 32])), Err(CatalogueError::Unreadable { .. })));
        let path = |id| catalogue.path(ObjectId([id; 32]), FileKind::Manifest);
        fs::rename(path(1), path(2)).unwrap();
        assert!(matches!(catalogue.load(ObjectId([2; 32])), Err(CatalogueError::Misnamed { .. })));
        assert_eq!(catalogue.list().unwrap().len(), 1);
    }
}
