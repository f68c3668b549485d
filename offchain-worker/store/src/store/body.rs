//! The bodies of finished pieces: the bytes of a piece, followed by its tree.
//!
//! Small ones lie in packs, the others in files (or objects) of their own, whose names are never used twice: what
//! is to be deleted cannot be mistaken for what came later.

use super::{medium::MediumFile, Place};
use crate::{space::tree_bytes, StoreError};
use lunarx_core::ContractId;
use lunarx_proof::ReadAt;
use std::{fmt, io, path::PathBuf, sync::Arc};

const SUFFIX: &str = ".piece";

/// The name of a body that has a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyName {
    pub(super) place: Place,
    pub(super) number: u64,
}

impl BodyName {
    /// The folders of a contract's bodies, below that of all bodies.
    pub(super) fn folder(contract: ContractId) -> String {
        let [first, second, ..] = contract.0;
        format!("{first:02x}/{second:02x}")
    }

    /// The name in that folder.
    pub(super) fn file(&self) -> String {
        let (contract, index) = self.place;
        format!("{}-{index}-{}{SUFFIX}", hex::encode(contract), self.number)
    }

    /// Reads a name that [`file`](Self::file) makes, and no other.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let mut parts = file.strip_suffix(SUFFIX)?.splitn(3, '-');
        let (contract, index, number) = (parts.next()?, parts.next()?, parts.next()?);
        let place = (contract.parse().ok()?, index.parse().ok()?);
        let name = Self { place, number: number.parse().ok()? };
        (name.file() == file).then_some(name)
    }
}

/// A piece that waits to be published: a local file with its body.
pub(super) struct Staged {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn MediumFile>,
}

/// Why a piece was not published, and what became of it.
#[derive(Debug)]
pub(super) enum Unpublished {
    /// It is partial as before.
    Partial(StoreError),
    /// A sync failed: its bytes are gone.
    Dropped(StoreError),
}

impl Unpublished {
    /// The same once more, for another piece that it befell.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Partial(error) => Self::Partial(error.again()),
            Self::Dropped(error) => Self::Dropped(error.again()),
        }
    }
}

impl From<StoreError> for Unpublished {
    fn from(error: StoreError) -> Self {
        Self::Partial(error)
    }
}

/// Where bodies lie that have a name of their own.
pub(super) trait Bodies: fmt::Debug + Send + Sync {
    /// Moves a staged body, durably. The staged file is gone afterwards, unless it failed as `Partial`.
    fn publish(&self, staged: &Staged, name: BodyName) -> Result<(), Unpublished>;
    /// Opens a body of `total` bytes. `NotFound` or `InvalidData` if it is not there whole.
    fn open(&self, name: BodyName, total: u64) -> io::Result<Arc<dyn Source>>;
    /// Deletes those of these bodies that are there, durably.
    fn remove(&self, names: &[BodyName]) -> Result<(), StoreError>;
    /// The bodies of a contract.
    fn list(&self, contract: ContractId) -> Result<Vec<BodyName>, StoreError>;
    /// The mark beside the bodies, if there is one.
    fn mark(&self) -> Result<Option<Vec<u8>>, StoreError>;
    /// Marks the place as that of one store, durably: a place without the mark is another one, where the absence
    /// of a body says nothing.
    fn set_mark(&self, mark: &[u8]) -> Result<(), StoreError>;
    /// Longest piece that goes into a pack; 0 if packs are of no use.
    fn most_packed(&self) -> u64;
}

/// Something to read a body from.
pub(super) trait Source: Send + Sync {
    /// Reads exactly `bytes.len()` bytes.
    fn read_exact(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// An open body.
pub(super) struct Body {
    source: Arc<dyn Source>,
    /// Where it begins in the source.
    offset: u64,
    pub(super) len: u64,
    pub(super) tree: Vec<u8>,
}

impl Body {
    /// Reads the tree of the body at `offset`.
    pub(super) fn open(source: Arc<dyn Source>, offset: u64, len: u64) -> io::Result<Self> {
        let mut tree = vec![0; usize::try_from(tree_bytes(len)).map_err(io::Error::other)?];
        if !tree.is_empty() {
            source.read_exact(offset + len, &mut tree)?;
        }
        Ok(Self { source, offset, len, tree })
    }

    /// The piece from its beginning on.
    pub(super) fn reader(&self) -> impl io::Read + '_ {
        Reader { body: self, at: 0 }
    }
}

impl ReadAt for &Body {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let most = bytes.len().min(rest);
        if most == 0 {
            return Ok(0);
        }
        self.source.read_exact(self.offset + at, &mut bytes[..most])?;
        Ok(most)
    }
}

/// Reads a piece in a row.
struct Reader<'a> {
    body: &'a Body,
    at: u64,
}

impl io::Read for Reader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read_at(self.at, bytes)?;
        self.at += u64::try_from(read).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// Bytes of the body of a piece of `len` bytes.
pub(super) fn body_bytes(len: u64) -> u64 {
    len + tree_bytes(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_other() {
        let name = BodyName { place: (ContractId([0xab; 32]), 7), number: 9 };
        assert_eq!(BodyName::parse(&name.file()), Some(name));
        let id = "ab".repeat(32);
        assert_eq!(name.file(), format!("{id}-7-9.piece"));
        assert_eq!(BodyName::folder(name.place.0), "ab/ab");
        for name in [
            format!("{id}-07-9.piece"),
            format!("{id}-+7-9.piece"),
            format!("{id}-7-09.piece"),
            format!("{id}-7.piece"),
            format!("{}-7-9.piece", id.to_uppercase()),
            format!("0x{id}-7-9.piece"),
            format!("{id}-7-9.piece.tree"),
            format!("{id}-4294967296-9.piece"),
            format!("{id}-7-18446744073709551616.piece"),
            "notes.txt".into(),
        ] {
            assert_eq!(BodyName::parse(&name), None, "{name}");
        }
    }
}
