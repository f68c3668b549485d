//! Names and folders of the store's files.

use super::Place;
use crate::StoreError;
use lunarx_core::ContractId;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

const METADATA: &str = "meta.redb";
const INCOMING: &str = "incoming";
const PIECES: &str = "pieces";
const PIECE: &str = "piece";
const TREE: &str = "tree";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bytes of a piece.
    Piece,
    /// Its hashes.
    Tree,
}

/// Where everything is.
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn metadata(&self) -> PathBuf {
        self.root.join(METADATA)
    }

    pub(super) fn incoming(&self) -> PathBuf {
        self.root.join(INCOMING)
    }

    /// An unfinished piece, or its tree.
    pub(super) fn partial(&self, place: Place, kind: Kind) -> PathBuf {
        self.incoming().join(file_name(place, kind))
    }

    /// A finished piece, or its tree.
    pub(super) fn finished(&self, place: Place, kind: Kind) -> PathBuf {
        self.folder(place.0).join(file_name(place, kind))
    }

    /// The folder of a contract's finished pieces.
    pub(super) fn folder(&self, contract: ContractId) -> PathBuf {
        let [first, ..] = contract.0;
        self.shard(first)
    }

    fn shard(&self, first: u8) -> PathBuf {
        self.root.join(PIECES).join(hex::encode([first]))
    }

    /// All folders of finished pieces.
    pub(super) fn folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        (0..=u8::MAX).map(|first| self.shard(first))
    }

    /// Every file that a piece may have.
    pub(super) fn files(&self, place: Place) -> [PathBuf; 4] {
        [
            self.partial(place, Kind::Piece),
            self.partial(place, Kind::Tree),
            self.finished(place, Kind::Piece),
            self.finished(place, Kind::Tree),
        ]
    }

    /// Makes what is missing of the folders, durably: each name is synced in the folder that holds it, up
    /// to the first one that was there before. The store's own are synced each time, since an earlier
    /// start may have ended between the two.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        let mut changed = BTreeSet::from([self.root.clone(), self.root.join(PIECES)]);
        for folder in [self.incoming()].into_iter().chain(self.folders()) {
            changed.extend(parents_of_missing(&folder));
            fs::create_dir_all(&folder).map_err(StoreError::at(folder))?;
        }
        changed.into_iter().try_for_each(|folder| sync(&folder).map_err(StoreError::at(folder)))
    }

    /// Makes the name of the database durable.
    pub(super) fn sync_root(&self) -> Result<(), StoreError> {
        sync(&self.root).map_err(StoreError::at(&self.root))
    }

    /// Whether there is a database; an empty file is none.
    pub(super) fn has_metadata(&self) -> Result<bool, StoreError> {
        let path = self.metadata();
        Ok(file_len(&path).map_err(StoreError::at(path))?.is_some_and(|len| len > 0))
    }

    /// Whether there is any finished piece.
    pub(super) fn has_pieces(&self) -> Result<bool, StoreError> {
        for folder in self.folders() {
            if list(&folder)?.any(|entry| entry.is_ok_and(|(_, parsed)| parsed.is_some())) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn file_name((contract, index): Place, kind: Kind) -> String {
    let extension = match kind {
        Kind::Piece => PIECE,
        Kind::Tree => TREE,
    };
    format!("{}-{index}.{extension}", hex::encode(contract))
}

/// Reads a name that [`file_name`] makes, and no other.
fn parse_name(name: &str) -> Option<(Place, Kind)> {
    let (stem, extension) = name.split_once('.')?;
    let (contract, index) = stem.split_once('-')?;
    let kind = match extension {
        PIECE => Kind::Piece,
        TREE => Kind::Tree,
        _ => return None,
    };
    let place = (contract.parse().ok()?, index.parse().ok()?);
    (file_name(place, kind) == name).then_some((place, kind))
}

/// A file of a folder, and what it is if it is one of the store's.
pub(super) type Listed = (PathBuf, Option<(Place, Kind)>);

/// The files of a folder.
pub(super) fn list(folder: &Path) -> Result<impl Iterator<Item = Result<Listed, StoreError>>, StoreError> {
    let folder = folder.to_path_buf();
    let entries = fs::read_dir(&folder).map_err(StoreError::at(folder.clone()))?;
    Ok(entries.map(move |entry| {
        let path = entry.map_err(StoreError::at(folder.clone()))?.path();
        let parsed = path.file_name().and_then(|name| name.to_str()).and_then(parse_name);
        Ok((path, parsed))
    }))
}

/// Length of a file, if it exists.
pub(super) fn file_len(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes a file, if it exists.
pub(super) fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::at(path)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all())
}

/// The folders that get a new name when `folder` is made with all that is missing above it.
fn parents_of_missing(folder: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let missing = folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    missing.filter_map(|folder| folder.parent()).map(|parent| match parent.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => parent.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_other() {
        let place = (ContractId([0xab; 32]), 7);
        for kind in [Kind::Piece, Kind::Tree] {
            assert_eq!(parse_name(&file_name(place, kind)), Some((place, kind)));
        }
        let id = "ab".repeat(32);
        assert_eq!(file_name(place, Kind::Piece), format!("{id}-7.piece"));
        for name in [
            format!("{id}-07.piece"),
            format!("{id}-+7.piece"),
            format!("{}-7.piece", id.to_uppercase()),
            format!("0x{id}-7.piece"),
            format!("{id}-7.piece.tree"),
            format!("{id}-4294967296.piece"),
            "notes.txt".into(),
        ] {
            assert_eq!(parse_name(&name), None, "{name}");
        }
    }

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
    fn pieces_lie_in_the_folder_of_their_first_byte() {
        let layout = Layout::new(Path::new("/store"));
        let path = layout.finished((ContractId([0x0c; 32]), 1), Kind::Tree);
        assert_eq!(path, Path::new(&format!("/store/pieces/0c/{}-1.tree", "0c".repeat(32))));
    }
}
