//! A chain in memory, miners on loopback, and a client that speaks the piece protocol by hand.
#![allow(dead_code)] // Each test binary uses its part.

mod flaky;

use bytes::Bytes;
pub use flaky::FlakyChain;
use lunarx_chain::{Call, Chain, ChainError, MemoryChain, Receipt, Signer};
use lunarx_core::{AccountId, Balance, ContractId, ContractInfo, ContractState, NodeKey, Promise, LX};
use lunarx_network::{Config, Network, NetworkError, NodeSecret, ReserveRequest, SignedOffer};
use lunarx_proof::{batch_root, BatchEntry};
use lunarx_store::{Store, StoreConfig};
use lunarx_worker::{Miner, MinerConfig};
use std::{future::Future, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);
/// Capacity of a test's miner.
pub const CAPACITY: u64 = 8 << 20;
/// Price of a test's miner: high, so that fees of small pieces are whole units.
pub const PRICE: Balance = 1_000 * LX;
/// What accounts begin with.
pub const FUNDS: Balance = 1_000_000 * LX;

/// One chain, one miner's account and folder, one client's account.
pub struct World {
    pub chain: Arc<FlakyChain>,
    pub miner: Signer,
    pub client: Signer,
    pub dir: TempDir,
}

impl World {
    pub fn new() -> Self {
        let miner = Signer::from_uri("//Miner").unwrap();
        let client = Signer::from_uri("//Client").unwrap();
        let chain = MemoryChain::default();
        // Whatever a test waits for, the miner itself has to do.
        chain.set_housekeeping(false);
        chain.fund(miner.account(), FUNDS);
        chain.fund(client.account(), FUNDS);
        let dir = tempfile::tempdir().unwrap();
        Self { chain: Arc::new(FlakyChain::new(chain)), miner, client, dir }
    }

    pub fn memory(&self) -> &MemoryChain {
        self.chain.inner()
    }

    /// The miner's store, while the miner is stopped.
    pub fn store(&self) -> Store {
        let config = StoreConfig { floor: 0, ..StoreConfig::new(CAPACITY) };
        Store::open(self.dir.path().join("store"), config).unwrap()
    }

    pub fn config(&self) -> MinerConfig {
        config(self.dir.path())
    }

    pub async fn start(&self) -> Miner {
        self.start_with(self.config()).await
    }

    pub async fn start_with(&self, config: MinerConfig) -> Miner {
        within(Miner::start(self.chain.clone(), self.miner.clone(), config)).await.unwrap()
    }

    /// Advances the chain, block by block, until `done`.
    pub async fn advance_until(&self, what: &str, done: impl AsyncFn() -> bool) {
        let limit = tokio::time::Instant::now() + PATIENCE;
        while !done().await {
            assert!(tokio::time::Instant::now() < limit, "never came about: {what}");
            self.memory().advance(1);
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn contract(&self, id: ContractId) -> Option<ContractInfo<AccountId>> {
        self.memory().contract(id).await.unwrap()
    }

    /// Waits until the miner accepted `id`.
    pub async fn active(&self, id: ContractId) -> ContractInfo<AccountId> {
        eventually("the contract is active", async || {
            let info = self.contract(id).await;
            info.is_some_and(|info| matches!(info.state, ContractState::Active { .. }))
        })
        .await;
        self.contract(id).await.unwrap()
    }

    /// Opens a contract over `pieces`, for `windows` windows.
    pub async fn open(
        &self,
        signed: &SignedOffer,
        pieces: &[BatchEntry],
        windows: u32,
    ) -> Result<Receipt, ChainError> {
        let promise = Promise {
            offer: signed.offer.clone(),
            signature: signed.signature,
            root: batch_root(pieces),
            pieces: pieces.len().try_into().unwrap(),
            bytes: pieces.iter().map(|piece| piece.len).sum(),
            windows,
            commission: None,
        };
        self.memory().submit(&self.client, Call::Open { promises: vec![promise] }).await
    }

    pub fn contract_id(&self, signed: &SignedOffer) -> ContractId {
        signed.offer.contract_id(&self.memory().genesis())
    }

    pub fn request(&self, max_bytes: u64) -> ReserveRequest {
        ReserveRequest { client: self.client.account(), max_bytes, max_windows: 10, max_price: PRICE }
    }
}

pub fn config(dir: &Path) -> MinerConfig {
    let mut config = MinerConfig::new(dir, CAPACITY, PRICE, "test");
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config.settle_every = 1;
    config.floor = 0;
    config
}

/// A client's node.
pub struct Peer {
    pub network: Network,
    _stop: DropGuard,
}

impl Peer {
    pub async fn of(world: &World, miner: &Miner) -> Self {
        let secret = NodeSecret::generate();
        let (network, runner) =
            lunarx_network::construct(Config::client(secret, world.memory().genesis())).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runner.run(stop.clone()));
        let peer = Self { network, _stop: stop.drop_guard() };
        peer.knows(miner).await;
        peer
    }

    pub async fn knows(&self, miner: &Miner) {
        self.network.add_addresses(miner.node_key(), miner.addresses().to_vec()).await;
    }

    pub async fn reserve(
        &self,
        miner: NodeKey,
        request: ReserveRequest,
    ) -> Result<SignedOffer, NetworkError> {
        within(self.network.reserve(miner, request)).await
    }

    /// Stores `bytes` as piece `index`.
    pub async fn store(
        &self,
        miner: NodeKey,
        contract: ContractId,
        index: u32,
        bytes: &[u8],
    ) -> Result<BatchEntry, NetworkError> {
        let len = u64::try_from(bytes.len()).unwrap();
        let piece = within(async {
            let mut upload = self.network.store(miner, contract, index).await?;
            let from = usize::try_from(upload.offset()).unwrap();
            upload.send(Bytes::copy_from_slice(&bytes[from..])).await?;
            upload.finish(len).await
        })
        .await?;
        Ok(BatchEntry { piece, len })
    }

    pub async fn fetch(&self, miner: NodeKey, piece: BatchEntry) -> Result<Vec<u8>, NetworkError> {
        within(async {
            let mut download = self.network.retrieve(miner, piece.piece, piece.len, 0, piece.len).await?;
            let mut bytes = Vec::new();
            while let Some(range) = download.next().await {
                bytes.extend_from_slice(range?.bytes());
            }
            Ok(bytes)
        })
        .await
    }
}

/// Bytes that differ with `seed`.
pub fn sample(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|i| seed.wrapping_add(u8::try_from(i % 251).unwrap())).collect()
}

/// Not a wait for ever.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("took too long")
}

pub async fn eventually(what: &str, done: impl AsyncFn() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(POLL).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never came about: {what}");
}
