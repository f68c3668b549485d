//! Why a store refuses, and why it fails.

use lunarx_core::{ContractId, PieceId};
use lunarx_proof::RangeError;
use std::{io, path::PathBuf};

/// Errors of a [`PieceStore`](crate::PieceStore).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is stored under this contract.
    #[error("contract {0} is not in the store")]
    UnknownContract(ContractId),
    /// The contract has a reservation already.
    #[error("contract {0} is reserved already")]
    AlreadyReserved(ContractId),
    /// The contract takes no more bytes.
    #[error("contract {0} is kept and takes no more pieces")]
    Kept(ContractId),
    /// The space is taken.
    #[error("reservation of {needed} bytes, {free} are free")]
    QuotaExceeded {
        /// Bytes asked for.
        needed: u64,
        /// The largest reservation that would fit.
        free: u64,
    },
    /// The offer is no offer.
    #[error("offer of {actual} bytes, expected at most {max}")]
    OfferTooLong {
        /// Bytes given.
        actual: usize,
        /// Most bytes taken.
        max: usize,
    },
    /// A piece number out of bounds.
    #[error("piece {index}, expected less than {max}")]
    IndexTooLarge {
        /// Number given.
        index: u32,
        /// Pieces a contract may have.
        max: u32,
    },
    /// Bytes at a place other than the end.
    #[error("bytes at offset {actual}, expected {expected}")]
    WrongOffset {
        /// Where the piece ends.
        expected: u64,
        /// Where the bytes were to go.
        actual: u64,
    },
    /// More bytes than were reserved, or than one piece may have.
    #[error("{actual} bytes, expected at most {max}")]
    TooLong {
        /// Bytes that there would be.
        actual: u64,
        /// Most bytes allowed.
        max: u64,
    },
    /// A piece is finished at another length than it has.
    #[error("piece of {expected} bytes, told {actual}")]
    WrongLength {
        /// Bytes stored.
        expected: u64,
        /// Bytes named by the caller.
        actual: u64,
    },
    /// A piece without bytes could never be read or audited.
    #[error("piece of 0 bytes, expected at least 1")]
    EmptyPiece,
    /// The piece is finished and does not change.
    #[error("piece {index} of contract {contract} is finished already")]
    AlreadyFinished {
        /// The contract.
        contract: ContractId,
        /// Number of the piece in it.
        index: u32,
    },
    /// No such piece.
    #[error("piece {0} is not in the store")]
    UnknownPiece(PieceId),
    /// The piece was stored, but its bytes are gone or damaged.
    #[error("piece {0} is lost: its bytes are missing or damaged")]
    Lost(PieceId),
    /// The piece's files could not be read just now.
    #[error("reading piece {piece}: {source}")]
    Unreadable {
        /// The piece.
        piece: PieceId,
        /// What the system said.
        source: io::Error,
    },
    /// A range that the piece does not have, or that is too long.
    #[error(transparent)]
    Range(RangeError),
    /// Another process, or another part of this one, has the folder open.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// There are pieces but nothing that says what they are. They are not touched.
    #[error("{} is missing, but there are pieces beside it; restore it, or move the pieces away", .0.display())]
    MetadataMissing(PathBuf),
    /// Written by another version.
    #[error("store of format {actual}, expected {expected}")]
    Format {
        /// The format of this version.
        expected: u32,
        /// The format on disk.
        actual: u32,
    },
    /// The file system is full, whatever the quota says.
    #[error("no space left on the device of {}", .0.display())]
    DiskFull(PathBuf),
    /// The disk has less left than the operator wants to be left, whatever the quota says.
    #[error(
        "{free} bytes are left on the disk, and {floor} are to stay free: make room, or lower the quota"
    )]
    LowDisk {
        /// What is left.
        free: u64,
        /// What is to be left.
        floor: u64,
    },
    /// The object store of the bodies failed, or is none.
    #[error("object store {url}: {reason}")]
    Remote {
        /// Which one.
        url: String,
        /// What it said.
        reason: String,
    },
    /// The bodies lie elsewhere.
    #[error("the pieces of this store lie in {expected}, not in {actual}: pieces do not move by themselves")]
    OtherBodies {
        /// Where they are.
        expected: String,
        /// What the configuration says.
        actual: String,
    },
    /// What lies where the bodies should lie is not this store's.
    #[error("{0} does not hold the pieces of this store: is it mounted, and the right one?")]
    NotOurs(String),
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The metadata contradicts itself.
    #[error("corrupt metadata: {0}")]
    Corrupt(String),
    /// The disk failed the metadata once, and what they have in memory is not to be trusted.
    #[error("the disk failed under the metadata: the store has to be opened again")]
    Stuck,
    /// The database of the metadata failed.
    #[error("metadata: {0}")]
    Database(Box<redb::Error>),
}

impl StoreError {
    /// Whether the store as a whole is in trouble, so that other requests will fail too until an
    /// operator does something. All else concerns one request.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::UnknownContract(_)
            | Self::AlreadyReserved(_)
            | Self::Kept(_)
            | Self::QuotaExceeded { .. }
            | Self::OfferTooLong { .. }
            | Self::IndexTooLarge { .. }
            | Self::WrongOffset { .. }
            | Self::TooLong { .. }
            | Self::WrongLength { .. }
            | Self::EmptyPiece
            | Self::AlreadyFinished { .. }
            | Self::UnknownPiece(_)
            | Self::Lost(_)
            | Self::Unreadable { .. }
            | Self::Range(_) => false,
            Self::Locked(_)
            | Self::MetadataMissing(_)
            | Self::Format { .. }
            | Self::DiskFull(_)
            | Self::LowDisk { .. }
            | Self::Stuck
            | Self::NotOurs(_)
            | Self::Remote { .. }
            | Self::OtherBodies { .. }
            | Self::Io { .. }
            | Self::Corrupt(_)
            | Self::Database(_) => true,
        }
    }

    /// The same failure, told to another caller that it befell.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::DiskFull(path) => Self::DiskFull(path.clone()),
            Self::Io { path, source } => {
                Self::Io { path: path.clone(), source: io::Error::new(source.kind(), source.to_string()) }
            }
            Self::LowDisk { free, floor } => Self::LowDisk { free: *free, floor: *floor },
            Self::Corrupt(what) => Self::Corrupt(what.clone()),
            Self::Stuck => Self::Stuck,
            other => Self::Io { path: "meta.redb".into(), source: io::Error::other(other.to_string()) },
        }
    }

    /// Wraps what the file system said about `path`.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Io { path, source },
        }
    }
}
