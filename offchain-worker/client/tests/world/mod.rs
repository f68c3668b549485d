//! A small world for tests: a chain in memory, real miners and one client, on 127.0.0.1.
#![allow(dead_code, missing_docs)]

pub mod late;
pub mod rogue;
pub mod watch;

use lunarx_chain::{Chain, MemoryChain, Signer};
use lunarx_client::{
    Catalogue, Client, ClientConfig, ClientError, Code, Keys, NoProgress, PutOutcome, PutRequest, Seed,
};
use lunarx_core::{AccountId, AuditRules, Balance, ChainParameters, GIB, LX};
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
/// What each miner has, collateral included, before it earns anything.
pub const MINER_FUNDS: Balance = 100 * LX;
pub const PRICE: Balance = LX;
/// The term of everything that is put.
pub const DAYS: u32 = 30;

/// Few blocks to accept, many for an offer.
pub const PARAMETERS: ChainParameters = ChainParameters {
    block_millis: 3_000,
    day: 28_800,
    window: 1_200,
    accept_within: 300,
    max_offer_life: 2_000,
    max_windows: 10_000,
    max_promises: 64,
    max_reports: 64,
    collateral_per_gib: LX,
    exit_delay: 50,
    audit: AuditRules {
        rate: u64::MAX / 1_000,
        samples: 24,
        report_within: 1_200,
        final_after: 3_600,
        return_within: 86_400,
        seed_history: 96_000,
    },
};

pub struct World {
    pub chain: MemoryChain,
    pub client: Client,
    pub folder: TempDir,
    pub miners: Vec<Option<Miner>>,
}

/// The miners of a segment's pieces, in their order.
pub async fn holders(world: &World, outcome: &PutOutcome, segment: usize) -> Vec<AccountId> {
    let mut holders = Vec::new();
    for piece in &outcome.manifest.segments[segment].descriptor.pieces {
        let miner = world.chain.provider_of_node(piece.miner_node).await.unwrap().expect("registered");
        holders.push(miner.account);
    }
    holders
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
        Self::build(miners, funds, SEGMENT).await
    }

    /// With segments of another length.
    pub async fn with_segments(miners: usize, segment_bytes: u64) -> Self {
        Self::build(miners, CLIENT_FUNDS, segment_bytes).await
    }

    pub async fn build(miners: usize, funds: Balance, segment_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = MemoryChain::new(PARAMETERS);
        let client = start_client(&folder, Arc::new(chain.clone()), segment_bytes);
        chain.fund(client.account(), funds);
        let mut world = Self { chain, client, folder, miners: Vec::new() };
        for _ in 0..miners {
            world.add_miner(PRICE).await;
        }
        world
    }

    /// The same client at another chain, which should be ours behind a mask.
    pub fn use_chain(&mut self, chain: Arc<dyn Chain>) {
        self.client = start_client(&self.folder, chain, SEGMENT);
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
        self.chain.fund(signer.account(), MINER_FUNDS);
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
        assert_eq!(self.free().await, funds);
        self.assert_ended().await;
    }

    /// Nothing is held or listed. What the client has lost of [`CLIENT_FUNDS`] the miners have earned, and
    /// it is no more than `most`: a contract that ends early pays for the window that it has begun.
    pub async fn assert_settled(&self, most: Balance) {
        self.assert_ended().await;
        // Nobody but them is paid: the chain in memory keeps no share for trackers.
        let lost = CLIENT_FUNDS - self.free().await;
        let mut earned: Balance = 0;
        for miner in self.chain.providers().await.unwrap() {
            let balance = self.chain.balance(miner.account).await.unwrap();
            earned += balance.free + balance.held - MINER_FUNDS;
        }
        assert_eq!(lost, earned, "the client's loss is the miners' gain");
        assert!(lost <= most, "lost {lost}, at most {most} expected");
    }

    /// What a window of a whole object costs.
    pub async fn window_fee(&self, size: u64, code: &str) -> Balance {
        within(self.client.estimate(size, code.parse().unwrap(), DAYS)).await.unwrap().window_fee
    }

    /// Every contract was ended, and nothing is held once the outcome of its windows is final.
    pub async fn assert_closed(&self) {
        let contracts = self.chain.contracts_of(self.client.account()).await.unwrap();
        assert!(contracts.iter().all(|contract| contract.ended.is_some()), "{contracts:?}");
        self.chain.set_housekeeping(true);
        self.chain.advance(PARAMETERS.audit.final_after + 1);
        assert!(self.chain.contracts_of(self.client.account()).await.unwrap().is_empty());
        assert_eq!(self.held().await, 0);
    }

    async fn assert_ended(&self) {
        self.assert_closed().await;
        assert!(self.client.catalogue().ids().unwrap().is_empty());
    }

    /// Lets blocks pass until the guard is dropped.
    pub fn tick(&self) -> Ticker {
        self.tick_every(Duration::from_millis(20))
    }

    /// Slow enough for honest miners to accept within few blocks, however busy the machine is.
    pub fn tick_slowly(&self) -> Ticker {
        self.tick_every(Duration::from_millis(150))
    }

    fn tick_every(&self, block: Duration) -> Ticker {
        let chain = self.chain.clone();
        Ticker(tokio::spawn(async move {
            let mut interval = tokio::time::interval(block);
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
    PutRequest { name: "Märchen aus 故事.txt".into(), size, code, days: DAYS }
}

fn start_client(folder: &TempDir, chain: Arc<dyn Chain>, segment_bytes: u64) -> Client {
    let keys = Keys::derive(&Seed::from_entropy([42; 32])).unwrap();
    let catalogue = Catalogue::open(folder.path().join("objects"), keys.manifest().clone()).unwrap();
    let config = ClientConfig { segment_bytes, seed: Some(7), ..ClientConfig::default() };
    Client::start(chain, Arc::new(keys), catalogue, config).unwrap()
}

/// Bytes that are the same in every run.
pub fn bytes(len: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
