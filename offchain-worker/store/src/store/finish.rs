//! Makes a finished piece visible: the steps of `finish`, in the order that survives a crash.
//!
//! A sync that fails is final: the kernel forgets what it could not write, and says so once. What was to
//! be synced is deleted before anything else, so that no later sync, of this process or the next one,
//! vouches for it.

use super::{
    layout::{remove_file, sync, Kind},
    lock,
    record::PieceRecord,
    DiskStore, Place,
};
use crate::StoreError;
use lunarx_proof::commit;
use std::{
    fs::{self, File},
    io::{self, BufReader, Write},
    path::Path,
};

/// Bytes read at a time while hashing.
const HASH_BUFFER: usize = 256 * 1024;

/// Why a piece was not published, and what became of it.
pub(super) enum Unpublished {
    /// It is partial as before.
    Partial(StoreError),
    /// A sync failed: its files are gone.
    Dropped(StoreError),
}

impl From<StoreError> for Unpublished {
    fn from(error: StoreError) -> Self {
        Self::Partial(error)
    }
}

/// The steps, each named by what was done last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The tree is written, nothing is synced.
    TreeWritten,
    /// The tree is on disk.
    TreeSynced,
    /// The piece is on disk.
    PieceSynced,
    /// The tree has its final name.
    TreeMoved,
    /// The piece has its final name.
    PieceMoved,
    /// The final names are on disk.
    FolderSynced,
    /// The metadata names the piece.
    Committed,
}

impl DiskStore {
    /// Hashes and publishes the partial file of `place`, whose slot the caller has locked.
    pub(super) fn publish(&self, place: Place, len: u64) -> Result<PieceRecord, Unpublished> {
        let path = self.layout.partial(place, Kind::Piece);
        let file = File::open(&path).map_err(StoreError::at(&path))?;
        let (piece, tree) =
            commit(BufReader::with_capacity(HASH_BUFFER, &file), len).map_err(StoreError::at(&path))?;
        let record = PieceRecord { piece, len };
        let published = self.stage_tree(place, &tree).and_then(|()| {
            self.synced(file.sync_all(), &path, Step::PieceSynced)?;
            self.reveal(place, &record)
        });
        match &published {
            Ok(()) => {
                lock(&self.writing).remove(&place);
                lock(&self.lost).remove(&place);
            }
            Err(Unpublished::Partial(_)) => self.take_back(place),
            Err(Unpublished::Dropped(error)) => {
                let (contract, index) = place;
                tracing::error!(%contract, index, %error, "a piece did not reach the disk");
                self.delete_files([place]);
            }
        }
        published.map(|()| record)
    }

    /// Writes the tree beside the partial piece.
    fn stage_tree(&self, place: Place, tree: &[u8]) -> Result<(), Unpublished> {
        let path = self.layout.partial(place, Kind::Tree);
        let mut file = File::create(&path).map_err(StoreError::at(&path))?;
        file.write_all(tree).map_err(StoreError::at(&path))?;
        self.reached(Step::TreeWritten)?;
        self.synced(file.sync_all(), &path, Step::TreeSynced)
    }

    /// Moves both synced files to where finished pieces are, and commits.
    fn reveal(&self, place: Place, record: &PieceRecord) -> Result<(), Unpublished> {
        self.rename(place, Kind::Tree)?;
        self.reached(Step::TreeMoved)?;
        self.rename(place, Kind::Piece)?;
        self.reached(Step::PieceMoved)?;
        let folder = self.layout.folder(place.0);
        self.synced(sync(&folder), &folder, Step::FolderSynced)?;
        self.metadata.add_piece(place, record)?;
        Ok(self.reached(Step::Committed)?)
    }

    /// What a sync of `path` came to. A test that fails the step fails the sync.
    fn synced(&self, result: io::Result<()>, path: &Path, step: Step) -> Result<(), Unpublished> {
        let result = result.map_err(StoreError::at(path));
        result.and_then(|()| self.reached(step)).map_err(Unpublished::Dropped)
    }

    fn rename(&self, place: Place, kind: Kind) -> Result<(), StoreError> {
        let (from, to) = (self.layout.partial(place, kind), self.layout.finished(place, kind));
        fs::rename(from, &to).map_err(StoreError::at(to))
    }

    /// Undoes a publication that was not committed. If this fails too, `append` and `finish` go on
    /// failing until the next start, which sweeps.
    fn take_back(&self, place: Place) {
        let piece = self.layout.finished(place, Kind::Piece);
        let undone = rename_back(&piece, &self.layout.partial(place, Kind::Piece))
            .map_err(StoreError::at(piece))
            .and_then(|()| remove_file(&self.layout.finished(place, Kind::Tree)))
            .and_then(|()| remove_file(&self.layout.partial(place, Kind::Tree)));
        if let Err(error) = undone {
            tracing::error!(contract = %place.0, index = place.1, %error, "an unfinished piece is stuck");
        }
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn reached(&self, _: Step) -> Result<(), StoreError> {
        Ok(())
    }

    #[cfg(test)]
    fn reached(&self, step: Step) -> Result<(), StoreError> {
        match lock(&self.hook.0).as_ref() {
            Some(hook) => hook(step).map_err(StoreError::at(self.layout.root())),
            None => Ok(()),
        }
    }
}

/// Renames a file, if it exists.
fn rename_back(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a test does at each step; an error of its own fails the step.
#[cfg(test)]
type StepHook = Box<dyn Fn(Step) -> io::Result<()> + Send>;

/// Where a test hooks in.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Hook(std::sync::Mutex<Option<StepHook>>);

#[cfg(test)]
impl Hook {
    pub(crate) fn set(&self, hook: impl Fn(Step) -> io::Result<()> + Send + 'static) {
        *lock(&self.0) = Some(Box::new(hook));
    }

    pub(crate) fn clear(&self) {
        *lock(&self.0) = None;
    }
}
