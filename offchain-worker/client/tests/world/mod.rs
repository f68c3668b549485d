//! A small world for tests: a chain in memory, real miners and one client, on 127.0.0.1.
#![allow(dead_code, missing_docs)]

pub mod rogue;

use lunarx_chain::{Chain, MemoryChain, Signer};
use lunarx_client::{
    Catalogue, Client, ClientConfig, ClientError, Code, Keys, NoProgress, PutOutcome, PutRequest, Seed,
};
use lunarx_core::{AccountId, Balance, ChainParameters, GIB, LX};
use lunarx_worker::{Miner, MinerConfig};
use std::{future::Future, io::Cursor, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Plaintext bytes of a segment in these tests.
pub const SEGMENT: u64 = 256 * 1024;
pub const CLIENT_FUNDS: Balance = 100_000 * LX;
pub const PRICE: Balance = LX;

/// Few blocks to accept, many for an offer.
pub const PARAMETERS: ChainParameters = ChainParameters {
    block_millis: 3_000,
    day: 28_800,
    window: 1_200,
    accept_within: 300,
    max_offer_life: 2_000,
    max_windows: 10_000,
    max_promises: 64,
    collateral_per_gib: LX,
    exit_delay: 50,
};

pub struct World {
    pub chain: MemoryChain,
    pub client: Client,
    pub folder: TempDir,
    pub miners: Vec<Option<Miner>>,
}

/// Panics when a test hangs.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("takes too long")
}

impl World {
    /// `miners` honest miners, and a client that pays.
    pub async fn new(miners: usize) -> Self {
        Self::with_funds(miners, CLIENT_FUNDS).await
    }

    pub async fn with_funds(miners: usize, funds: Balance) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = MemoryChain::new(PARAMETERS);
        let keys = Keys::derive(&Seed::from_entropy([42; 32])).unwrap();
        chain.fund(keys.account(), funds);
        let catalogue = Catalogue::open(folder.path().join("objects"), keys.manifest().clone()).unwrap();
        let config = ClientConfig { segment_bytes: SEGMENT, seed: Some(7), ..ClientConfig::default() };
        let client = Client::start(Arc::new(chain.clone()), Arc::new(keys), catalogue, config).unwrap();
        let mut world = Self { chain, client, folder, miners: Vec::new() };
        for _ in 0..miners {
            world.add_miner(PRICE).await;
        }
        world
    }

    pub fn signer(number: usize) -> Signer {
        Signer::from_uri(&format!("//Miner//{number}")).unwrap()
    }

    pub fn data_dir(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("miner-{number}"))
    }

    pub async fn add_miner(&mut self, price: Balance) -> usize {
        let number = self.miners.len();
        let signer = Self::signer(number);
        self.chain.fund(signer.account(), 100 * LX);
        let mut config = MinerConfig::new(self.data_dir(number), GIB, price, "eu");
        config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let miner = within(Miner::start(Arc::new(self.chain.clone()), signer, config)).await.unwrap();
        self.miners.push(Some(miner));
        number
    }

    pub async fn kill(&mut self, number: usize) {
        within(self.miners[number].take().expect("runs").stop()).await.unwrap();
    }

    /// The number of the miner with this account.
    pub fn number_of(&self, account: AccountId) -> usize {
        (0..self.miners.len()).find(|number| Self::signer(*number).account() == account).expect("a miner")
    }

    pub async fn put(&self, bytes: &[u8], code: &str) -> Result<PutOutcome, ClientError> {
        self.put_as(bytes, code, Some(bytes.len().try_into().unwrap())).await
    }

    pub async fn put_pipe(&self, bytes: &[u8], code: &str) -> Result<PutOutcome, ClientError> {
        self.put_as(bytes, code, None).await
    }

    pub async fn put_as(
        &self,
        bytes: &[u8],
        code: &str,
        size: Option<u64>,
    ) -> Result<PutOutcome, ClientError> {
        let source = Cursor::new(bytes.to_vec());
        within(self.client.put(source, request(code, size), Arc::new(NoProgress), CancellationToken::new()))
            .await
    }

    pub async fn get(
        &self,
        object: lunarx_client::ObjectId,
    ) -> Result<(lunarx_client::GetOutcome, Vec<u8>), ClientError> {
        within(self.client.get(object, Vec::new(), Arc::new(NoProgress), CancellationToken::new())).await
    }

    pub async fn held(&self) -> Balance {
        self.chain.balance(self.client.account()).await.unwrap().held
    }

    pub async fn free(&self) -> Balance {
        self.chain.balance(self.client.account()).await.unwrap().free
    }

    /// Nothing is held, nothing is lost, nothing is listed.
    pub async fn assert_untouched(&self, funds: Balance) {
        assert_eq!((self.held().await, self.free().await), (0, funds));
        assert!(self.chain.contracts_of(self.client.account()).await.unwrap().is_empty());
        assert!(self.client.catalogue().ids().unwrap().is_empty());
    }

    /// Lets blocks pass until the guard is dropped.
    pub fn tick(&self) -> Ticker {
        let chain = self.chain.clone();
        Ticker(tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_millis(20));
            loop {
                interval.tick().await;
                chain.advance(1);
            }
        }))
    }
}

pub struct Ticker(tokio::task::JoinHandle<()>);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub fn request(code: &str, size: Option<u64>) -> PutRequest {
    let code: Code = code.parse().unwrap();
    PutRequest { name: "Märchen aus 故事.txt".into(), size, code, days: 30 }
}

/// Bytes that are the same in every run.
pub fn bytes(len: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
