//! What the operator of a miner decides.

use crate::MinerError;
use libp2p::Multiaddr;
use lunarx_core::{Balance, BlockNumber, Region, GIB, MAX_REGION_BYTES};
use lunarx_store::{Remote, DEFAULT_FLOOR};
use std::{path::PathBuf, time::Duration};

/// Most bytes in one reservation, unless configured: a whole segment at rate 1/n with its overhead.
pub const DEFAULT_MAX_RESERVATION: u64 = GIB;
/// Least space that one client may hold unpaid, unless configured: a segment that waits to be opened, and
/// the next one.
pub const MIN_CLIENT_QUOTA: u64 = 2 * GIB;
/// The share of the capacity that one client may hold unpaid, if that is more, unless configured.
const CLIENT_QUOTA_SHARE: u64 = 64;
/// The share of the capacity that all clients together may hold unpaid, unless configured.
const TOTAL_QUOTA_SHARE: u64 = 4;
/// Clients whose whole quotas fit into that in any case, so that no single one shuts out the others.
const MIN_QUOTAS: u64 = 4;
/// Blocks for which an offer stands, unless configured: an hour at 3 s. It has to suffice for the
/// upload of a segment.
pub const DEFAULT_OFFER_LIFE: BlockNumber = 1_200;
/// Windows that pass between two settlements of a contract, unless configured.
pub const DEFAULT_SETTLE_EVERY: u32 = 24;

/// Time in which the whole store is read and compared with its ids, unless configured.
pub const DEFAULT_SCRUB_EVERY: Duration = Duration::from_secs(14 * 86_400);

/// Configuration of a miner.
#[derive(Clone, Debug)]
pub struct MinerConfig {
    /// Folder of the store and the node key. It belongs to one chain and one running miner.
    pub data_dir: PathBuf,
    /// Bytes promised on chain, and the quota of the store.
    pub capacity: u64,
    /// Bytes of the disk that stay free, whatever the capacity says.
    pub floor: u64,
    /// In what time everything stored is read and compared with its ids, at up to 32 MiB a second. Zero: never.
    pub scrub_every: Duration,
    /// Where pieces lie, if not in the data folder.
    pub remote: Option<Remote>,
    /// LX-units per GiB and day: listed on chain, and the price of every offer.
    pub price: Balance,
    /// Where the miner is: lower-case ASCII letters, digits and `-`.
    pub region: String,
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Announced on chain. Empty: what is listened on.
    pub external: Vec<Multiaddr>,
    /// Longest term offered, in windows. `None`: what the chain allows.
    pub max_windows: Option<u32>,
    /// Blocks for which an offer stands; never more than the chain allows.
    pub offer_life: BlockNumber,
    /// Most bytes in one reservation.
    pub max_reservation: u64,
    /// Bytes that one client, known by its node key or by its account, may hold in offers that are
    /// not yet contracts. `None`: 2 GiB, or 1/64 of the capacity if that is more.
    pub client_quota: Option<u64>,
    /// The same for all clients together. `None`: a quarter of the capacity, or four clients' quotas
    /// if that is more.
    pub total_quota: Option<u64>,
    /// Windows that pass between two settlements of a contract; its last windows are always settled.
    pub settle_every: u32,
    /// Collateral that a miner beside a node that makes blocks holds at least, in LX-units.
    pub collateral: Balance,
}

impl MinerConfig {
    /// Everything else at its default; listens on no address yet.
    pub fn new(data_dir: impl Into<PathBuf>, capacity: u64, price: Balance, region: &str) -> Self {
        Self {
            data_dir: data_dir.into(),
            capacity,
            floor: DEFAULT_FLOOR,
            scrub_every: DEFAULT_SCRUB_EVERY,
            remote: None,
            price,
            region: region.into(),
            listen: Vec::new(),
            external: Vec::new(),
            max_windows: None,
            offer_life: DEFAULT_OFFER_LIFE,
            max_reservation: DEFAULT_MAX_RESERVATION,
            client_quota: None,
            total_quota: None,
            settle_every: DEFAULT_SETTLE_EVERY,
            collateral: 0,
        }
    }

    /// Bytes that one client may hold unpaid.
    pub fn client_quota(&self) -> u64 {
        self.client_quota.unwrap_or_else(|| (self.capacity / CLIENT_QUOTA_SHARE).max(MIN_CLIENT_QUOTA))
    }

    /// Bytes that all clients together may hold unpaid.
    pub fn total_quota(&self) -> u64 {
        let least = self.client_quota().saturating_mul(MIN_QUOTAS);
        let default = || (self.capacity / TOTAL_QUOTA_SHARE).max(least);
        self.total_quota.unwrap_or_else(default)
    }

    /// The region as it is registered.
    pub(crate) fn registered_region(&self) -> Result<Region, MinerError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let refused = || MinerError::Region { region: self.region.clone(), max: MAX_REGION_BYTES };
        if self.region.is_empty() || !self.region.bytes().all(allowed) {
            return Err(refused());
        }
        Region::try_from(self.region.clone().into_bytes()).map_err(|_| refused())
    }

    /// Refuses what can never work, before anything is opened.
    pub(crate) fn check(&self) -> Result<(), MinerError> {
        self.registered_region()?;
        if self.capacity == 0 {
            return Err(MinerError::NoCapacity);
        }
        if self.listen.is_empty() {
            return Err(MinerError::NoListenAddress);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(region: &str) -> MinerConfig {
        let mut config = MinerConfig::new("/nowhere", GIB, 1, region);
        config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        config
    }

    #[test]
    fn refuses_regions_that_the_chain_would_not_take() {
        assert!(config("eu-west-1").check().is_ok());
        for region in ["", "EU", "eu west", "a-region-too-long", "österreich"] {
            assert!(matches!(config(region).check(), Err(MinerError::Region { .. })), "{region}");
        }
    }

    #[test]
    fn refuses_no_capacity_and_no_address() {
        let none = MinerConfig { capacity: 0, ..config("eu") };
        assert!(matches!(none.check(), Err(MinerError::NoCapacity)));
        let deaf = MinerConfig { listen: Vec::new(), ..config("eu") };
        assert!(matches!(deaf.check(), Err(MinerError::NoListenAddress)));
    }

    #[test]
    fn unpaid_quotas_grow_with_the_capacity() {
        assert_eq!(config("eu").client_quota(), 2 * GIB);
        assert_eq!(config("eu").total_quota(), 8 * GIB);
        let large = MinerConfig { capacity: 256 * GIB, ..config("eu") };
        assert_eq!((large.client_quota(), large.total_quota()), (4 * GIB, 64 * GIB));
    }
}
