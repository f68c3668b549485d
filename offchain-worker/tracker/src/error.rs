//! What stops a tracker or a verifier.

use lunarx_chain::{to_ss58, ChainError};
use lunarx_core::{AccountId, Balance, Lx, NodeKey};
use lunarx_network::NetworkError;
use std::{io, path::PathBuf};

/// Why a tracker does not start, or stops. None carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    /// A region that the chain would not take.
    #[error("region \"{region}\": expected 1 to {max} lower-case ASCII letters, digits and dashes")]
    Region {
        /// What was configured.
        region: String,
        /// Longest region in bytes.
        max: u32,
    },
    /// Nowhere to listen.
    #[error("no address to listen on, expected at least one such as /ip4/0.0.0.0/tcp/4001")]
    NoListenAddress,
    /// No address that could be stated on chain.
    #[error("none of the {candidates} addresses can be announced; name one with an external address")]
    NoAddress {
        /// Addresses that were considered.
        candidates: usize,
    },
    /// Listening did not come about.
    #[error("no address is listened on after {seconds} s; check that the ports are free")]
    NotListening {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Another tracker runs in the data folder.
    #[error("{} is in use by another tracker", .0.display())]
    Locked(PathBuf),
    /// A file of the data folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The data folder was made for another chain.
    #[error(
        "{} belongs to the chain 0x{}, not 0x{}; choose another data folder",
        path.display(), hex::encode(expected), hex::encode(actual)
    )]
    OtherChain {
        /// The file that says so.
        path: PathBuf,
        /// Genesis hash in the data folder.
        expected: [u8; 32],
        /// Genesis hash of the chain.
        actual: [u8; 32],
    },
    /// A database of the data folder.
    #[error("the data folder's database: {0}")]
    Database(Box<redb::Error>),
    /// The account is bonded with another node key.
    #[error(
        "account {} is bonded with the node key {bonded}, but this data folder holds {own}; \
         start with the data folder of that key, or exit and withdraw first",
        to_ss58(*account)
    )]
    OtherNodeKey {
        /// The tracker's account.
        account: AccountId,
        /// The key on chain.
        bonded: NodeKey,
        /// The key in the data folder.
        own: NodeKey,
    },
    /// The account cannot cover the bond.
    #[error(
        "account {} cannot hold the bond: {needed} LX and fees more are needed, {available} LX are free",
        to_ss58(*account), needed = Lx(*needed), available = Lx(*available)
    )]
    BondMissing {
        /// The tracker's account.
        account: AccountId,
        /// Still to be held, in LX-units.
        needed: Balance,
        /// Free to be held, in LX-units.
        available: Balance,
    },
    /// The account names no tracker.
    #[error("account {} is no tracker on this chain", to_ss58(*.0))]
    NoTracker(AccountId),
    /// The node key belongs to no tracker.
    #[error("node key {0} is no tracker's on this chain")]
    NoTrackerNode(NodeKey),
    /// The tracker does not know this verifier.
    #[error("the tracker refuses the verifier {0}; have its operator register it, with --tracker-verifier")]
    NotRegistered(NodeKey),
    /// The chain refused, or it failed for good.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The data plane.
    #[error(transparent)]
    Network(Box<NetworkError>),
    /// The data plane stopped while the tracker ran.
    #[error("the network stopped")]
    NetworkStopped,
    /// A task of the tracker died.
    #[error("a task of the tracker died: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl From<NetworkError> for TrackerError {
    fn from(error: NetworkError) -> Self {
        Self::Network(Box::new(error))
    }
}

impl TrackerError {
    /// Whether the same may succeed later without anybody changing anything.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Chain(error) if error.is_retryable())
    }
}
