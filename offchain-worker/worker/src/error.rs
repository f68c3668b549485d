//! What stops a miner.

use crate::disk::DiskError;
use lunarx_chain::{to_ss58, ChainError};
use lunarx_core::{AccountId, Balance, NodeKey, LX};
use lunarx_network::NetworkError;
use lunarx_store::StoreError;
use std::{io, path::PathBuf};

/// Why a miner does not start, or stops. None carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum MinerError {
    /// A region that the chain would not take.
    #[error("region \"{region}\": expected 1 to {max} lower-case ASCII letters, digits and dashes")]
    Region {
        /// What was configured.
        region: String,
        /// Longest region in bytes.
        max: u32,
    },
    /// Nothing is promised.
    #[error("the capacity is 0 bytes, expected at least one")]
    NoCapacity,
    /// Nowhere to listen.
    #[error("no address to listen on, expected at least one such as /ip4/0.0.0.0/tcp/4001")]
    NoListenAddress,
    /// No address that could be registered.
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
    /// A file of the data folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file of 32 bytes has another length.
    #[error("{}: {actual} bytes, expected {expected}; restore it from a copy", path.display())]
    KeyLength {
        /// Which file.
        path: PathBuf,
        /// Bytes it should have.
        expected: u64,
        /// Bytes found.
        actual: u64,
    },
    /// A key's file can be read by others.
    #[error("{}: mode {mode:o} lets others read the key, expected 600; use chmod 600", path.display())]
    KeyMode {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The data folder was made for another chain: its contracts would be taken for ended.
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
    /// The account is registered with another node key.
    #[error(
        "account {} is registered with the node key {registered}, but this data folder holds {own}; \
         start with the data folder of that key, or exit and withdraw first",
        to_ss58(*account)
    )]
    OtherNodeKey {
        /// The miner's account.
        account: AccountId,
        /// The key on chain.
        registered: NodeKey,
        /// The key in the data folder.
        own: NodeKey,
    },
    /// The node key is registered by another account.
    #[error(
        "the node key {own} is registered by account {}, not by {}; use that account, or a fresh data folder",
        to_ss58(*registered), to_ss58(*account)
    )]
    OtherAccount {
        /// The miner's account.
        account: AccountId,
        /// The account on chain.
        registered: AccountId,
        /// The key of both.
        own: NodeKey,
    },
    /// The account cannot cover the collateral.
    #[error(
        "account {} lacks {} LX: the collateral for this capacity takes {} LX and fees more, {} LX are free",
        to_ss58(*account), lx(*missing), lx(*needed), lx(*available)
    )]
    CollateralMissing {
        /// The miner's account.
        account: AccountId,
        /// Still to be held.
        needed: Balance,
        /// Free to be held.
        available: Balance,
        /// The difference.
        missing: Balance,
    },
    /// The chain refused, or it failed for good.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The data plane.
    #[error(transparent)]
    Network(Box<NetworkError>),
    /// The data plane stopped while the miner ran.
    #[error("the network stopped")]
    NetworkStopped,
    /// The piece store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The miner stops.
    #[error("the miner stops")]
    Stopping,
    /// A task of the miner died.
    #[error("a task of the miner died: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl From<NetworkError> for MinerError {
    fn from(error: NetworkError) -> Self {
        Self::Network(Box::new(error))
    }
}

impl From<DiskError> for MinerError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Store(error) => Self::Store(error),
            DiskError::Closed => Self::Stopping,
            DiskError::Task(error) => Self::Task(error),
        }
    }
}

impl MinerError {
    /// Whether the same may succeed later without anybody changing anything.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Chain(error) if error.is_retryable())
    }
}

/// LX with its decimal places, without trailing zeros.
fn lx(amount: Balance) -> String {
    let text = format!("{}.{:012}", amount / LX, amount % LX);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_much_is_missing() {
        let account = AccountId([1; 32]);
        let (needed, available) = (10 * LX, 3 * LX / 2);
        let missing = needed - available;
        let text = MinerError::CollateralMissing { account, needed, available, missing }.to_string();
        assert!(text.contains("lacks 8.5 LX"), "{text}");
        assert!(text.contains("takes 10 LX"), "{text}");
        assert!(text.contains("1.5 LX are free"), "{text}");
    }
}
