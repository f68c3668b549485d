//! What the operator of a tracker decides.

use crate::TrackerError;
use libp2p::Multiaddr;
use lunarx_core::{Balance, NodeKey, Region, LX, MAX_REGION_BYTES};
use std::path::PathBuf;

/// The bond, unless configured.
pub const DEFAULT_BOND: Balance = 1_000 * LX;
/// Most bytes of answers on disk, unless configured.
pub const DEFAULT_MAX_ANSWER_BYTES: u64 = 4 << 30;
/// Most pieces in the map, unless configured: some 300 MB of memory.
pub const DEFAULT_MAX_PIECES: usize = 1 << 21;

/// Least credits that are claimed, unless configured: several times the fee of a claim.
pub const DEFAULT_LEAST_CLAIM: Balance = LX / 200;

/// Configuration of a tracker.
#[derive(Clone, Debug)]
pub struct TrackerConfig {
    /// Folder of keys and answers. It belongs to one chain and one running tracker.
    pub data_dir: PathBuf,
    /// LX-units held when it bonds. A bond that is higher already stays; a lower one is topped up.
    pub bond: Balance,
    /// Where the tracker is: lower-case ASCII letters, digits and `-`.
    pub region: String,
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Announced on chain. Empty: what is listened on.
    pub external: Vec<Multiaddr>,
    /// Node keys of the verifiers that work for it.
    pub verifiers: Vec<NodeKey>,
    /// Most bytes of answers on disk.
    pub max_answer_bytes: u64,
    /// Most pieces in the map.
    pub max_pieces: usize,
    /// Credits are claimed from so many LX-units on.
    pub least_claim: Balance,
}

impl TrackerConfig {
    /// Everything else at its default; listens on no address yet.
    pub fn new(data_dir: impl Into<PathBuf>, region: &str) -> Self {
        Self {
            data_dir: data_dir.into(),
            bond: DEFAULT_BOND,
            region: region.into(),
            listen: Vec::new(),
            external: Vec::new(),
            verifiers: Vec::new(),
            max_answer_bytes: DEFAULT_MAX_ANSWER_BYTES,
            max_pieces: DEFAULT_MAX_PIECES,
            least_claim: DEFAULT_LEAST_CLAIM,
        }
    }

    /// The region as it is stated on chain.
    pub(crate) fn stated_region(&self) -> Result<Region, TrackerError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let refused = || TrackerError::Region { region: self.region.clone(), max: MAX_REGION_BYTES };
        if self.region.is_empty() || !self.region.bytes().all(allowed) {
            return Err(refused());
        }
        Region::try_from(self.region.clone().into_bytes()).map_err(|_| refused())
    }

    /// Refuses what can never work, before anything is opened.
    pub(crate) fn check(&self) -> Result<(), TrackerError> {
        self.stated_region()?;
        if self.listen.is_empty() {
            return Err(TrackerError::NoListenAddress);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_can_never_work() {
        let mut config = TrackerConfig::new("/nowhere", "eu-west-1");
        assert!(matches!(config.check(), Err(TrackerError::NoListenAddress)));
        config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        assert!(config.check().is_ok());
        for region in ["", "EU", "eu west", "a-region-too-long", "österreich"] {
            let config = TrackerConfig { region: region.into(), ..config.clone() };
            assert!(matches!(config.check(), Err(TrackerError::Region { .. })), "{region}");
        }
    }
}
