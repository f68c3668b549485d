//! What can go wrong, and whose fault it was.

use crate::{keys::SeedError, CatalogueError};
use lunarx_chain::{to_ss58, ChainError};
use lunarx_core::{AccountId, Balance, ContractId, NodeId, LX};
use lunarx_network::NetworkError;
use lunarx_row::{ObjectId, RowError};
use std::{fmt, io, time::Duration};

/// What one miner did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The chain does not know it any more.
    #[error("not registered on chain any more")]
    Unregistered,
    /// Nobody answers, or the connection broke off.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// It took longer than it was given.
    #[error("did not {what} within {}s", after.as_secs())]
    Slow {
        /// What was asked of it.
        what: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// It said no.
    #[error("refused: {0}")]
    Refused(String),
    /// It answered what it must not.
    #[error("broke its word: {0}")]
    Lied(String),
    /// It sent bytes that are not those of the piece.
    #[error("sent corrupt bytes: {0}")]
    Corrupt(String),
    /// It stored a piece but did not accept the contract over it in time.
    #[error("did not accept the contract in time")]
    NotAccepted,
}

impl Fault {
    /// Whether the same miner may do better at the next attempt.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Slow { .. })
    }
}

impl From<NetworkError> for Fault {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::Refused { refusal, .. } => Self::Refused(refusal.to_string()),
            NetworkError::TimedOut { what, after, .. } => Self::Slow { what, after },
            NetworkError::Corrupt { .. } => Self::Corrupt(error.to_string()),
            NetworkError::Protocol { .. }
            | NetworkError::BadOffer { .. }
            | NetworkError::WrongIdentity { .. } => Self::Lied(error.to_string()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

/// A miner and what it did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinerFault {
    /// Its account.
    pub miner: AccountId,
    /// What it did.
    pub fault: Fault,
}

impl fmt::Display for MinerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "miner {} {}", to_ss58(self.miner), self.fault)
    }
}

/// A piece that could not be had, or not at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceFault {
    /// Number of its segment in the object.
    pub segment: usize,
    /// Number of the piece in its segment.
    pub index: u8,
    /// Who holds it, while it is registered.
    pub miner: Option<AccountId>,
    /// The node that it was stored at.
    pub node: NodeId,
    /// What went wrong.
    pub fault: Fault,
}

impl fmt::Display for PieceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "piece {} of segment {} ", self.index, self.segment)?;
        match self.miner {
            Some(miner) => write!(f, "at miner {}: {}", to_ss58(miner), self.fault),
            None => write!(f, "at node {}: {}", self.node, self.fault),
        }
    }
}

/// Why the client did not do what was asked. None carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The local end of the network.
    #[error("the network does not start or has stopped: {0}")]
    Network(#[source] Box<NetworkError>),
    /// Keys.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The local catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Encoding, decoding, sealing.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The file or pipe to be stored.
    #[error("cannot read what is to be stored: {0}")]
    Source(io::Error),
    /// It changed while it was read.
    #[error("the source is {actual}, expected {expected} bytes: it changed while it was read")]
    SourceSize {
        /// Bytes announced.
        expected: u64,
        /// What was found: fewer, or more.
        actual: String,
    },
    /// The file or pipe to be written.
    #[error("cannot write the result: {0}")]
    Sink(io::Error),
    /// More than an object can have.
    #[error("{bytes} bytes are more than an object can have ({max})")]
    TooLarge {
        /// Bytes asked for.
        bytes: u64,
        /// Most bytes of an object.
        max: u64,
    },
    /// Too short or too long a term.
    #[error("{days} days are {windows} windows, expected 1 to {max}")]
    Term {
        /// Days asked for.
        days: u32,
        /// Windows they come to.
        windows: u64,
        /// Most windows the chain allows.
        max: u32,
    },
    /// Fewer miners than pieces.
    #[error(
        "{found} of the {known} registered miners can take {bytes} bytes each, {needed} are needed{}",
        listed(faults)
    )]
    TooFewMiners {
        /// Pieces to be placed.
        needed: usize,
        /// Miners that could or did reserve.
        found: usize,
        /// Miners registered.
        known: usize,
        /// Bytes of a piece.
        bytes: u64,
        /// Those that were asked in vain.
        faults: Vec<MinerFault>,
    },
    /// Too many miners failed during the upload.
    #[error("{have} of {needed} pieces needed could be uploaded{}", listed(faults))]
    TooFewUploads {
        /// The code's `k`.
        needed: usize,
        /// Pieces that arrived.
        have: usize,
        /// Those that failed.
        faults: Vec<MinerFault>,
    },
    /// The account cannot pay.
    #[error("the account has {} LX to spend, {} LX are needed (fees of transactions included)", lx(*have), lx(*needed))]
    BalanceTooLow {
        /// The price and a reserve for the fees of transactions.
        needed: Balance,
        /// What can be spent.
        have: Balance,
    },
    /// Too few miners accepted.
    #[error("{accepted} miners accepted their contracts in time, {needed} are needed{}", listed(faults))]
    TooFewAccepts {
        /// The code's `k`.
        needed: usize,
        /// Contracts that became active.
        accepted: usize,
        /// Those that did not accept.
        faults: Vec<MinerFault>,
    },
    /// Fewer than `k` pieces of a segment are left.
    #[error(
        "segment {segment}: {have} pieces can be read, {needed} are needed; missing:{}",
        listed(missing)
    )]
    TooFewPieces {
        /// Number of the segment.
        segment: usize,
        /// The code's `k`.
        needed: usize,
        /// Pieces that can be read.
        have: usize,
        /// The others.
        missing: Vec<PieceFault>,
    },
    /// The chain makes no blocks.
    #[error("the chain finalized no new block within {0:?}")]
    ChainStalled(Duration),
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
    /// It failed, and contracts are still open.
    #[error(
        "{cause}; and {} contracts could not be ended ({reason}): {}; object {object} stays pending",
        contracts.len(), names(contracts)
    )]
    ContractsLeft {
        /// The object, whose record names them still.
        object: ObjectId,
        /// Why it failed.
        cause: Box<ClientError>,
        /// Contracts that still hold money.
        contracts: Vec<ContractId>,
        /// Why they could not be ended.
        reason: String,
    },
    /// Somebody removed the object while it was being put.
    #[error("object {0} was removed while it was being stored")]
    Removed(ObjectId),
    /// A thread of the client died.
    #[error("a task of the client died: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Boxed, since it is much larger than all others.
impl From<NetworkError> for ClientError {
    fn from(error: NetworkError) -> Self {
        Self::Network(Box::new(error))
    }
}

/// An amount in LX, without superfluous zeros.
pub fn lx(amount: Balance) -> String {
    let text = format!("{}.{:012}", amount / LX, amount % LX);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

fn listed<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("\n  {item}")).collect()
}

fn names(contracts: &[ContractId]) -> String {
    contracts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_short() {
        assert_eq!([lx(0), lx(LX), lx(3 * LX / 2), lx(1)], ["0", "1", "1.5", "0.000000000001"]);
    }

    #[test]
    fn missing_pieces_are_named() {
        let fault = PieceFault {
            segment: 0,
            index: 3,
            miner: Some(AccountId([1; 32])),
            node: NodeId([2; 32]),
            fault: Fault::Unreachable("connection refused".into()),
        };
        let error = ClientError::TooFewPieces { segment: 0, needed: 4, have: 3, missing: vec![fault] };
        let text = error.to_string();
        assert!(text.contains("3 pieces can be read, 4 are needed"), "{text}");
        assert!(text.contains("piece 3 of segment 0 at miner 5"), "{text}");
    }
}
