//! A chain in memory, trackers and a scripted miner on loopback.
#![allow(dead_code)] // Each test binary uses its part.

mod miner;

use lunarx_chain::{Call, Chain, MemoryChain, Signer};
use lunarx_core::{
    bond_payload, registration_payload, AuditRules, BlockNumber, ChainParameters, ContractId, EncryptionKey,
    NodeKey, Offer, Promise, ProviderDetails, Services, TrackerDetails, Verdict, GIB, LX,
};
use lunarx_network::{Config, Multiaddr, Network, NodeSecret};
use lunarx_proof::{batch_root, challenged};
use lunarx_tracker::{Tracker, TrackerConfig};
#[allow(unused_imports)]
pub use miner::{Mode, Online, Script};
use std::{future::Future, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);
/// What a contract is good for, in windows.
pub const WINDOWS: u32 = 20;
const PRICE: u128 = 1_000 * LX;

/// One chain, one client, one miner with one contract.
pub struct World {
    pub chain: MemoryChain,
    pub client: Signer,
    pub miner: Signer,
    pub script: Arc<Script>,
    pub secret: NodeSecret,
    pub online: Option<Online>,
    dirs: Vec<(Signer, TempDir)>,
}

impl World {
    /// Windows of `window` blocks, of which a fourth is challenged. The names are those of trackers.
    pub async fn new(window: BlockNumber, trackers: &[&str]) -> Self {
        let rules = AuditRules { rate: 1 << 62, ..AuditRules::of_window(window) };
        let defaults = MemoryChain::default().parameters();
        let chain = MemoryChain::new(ChainParameters { block_millis: 40, window, audit: rules, ..defaults });
        chain.set_housekeeping(false);
        chain.set_unspoken(None);
        let signer = |name: &str| {
            let signer = Signer::from_uri(&format!("//{name}")).unwrap();
            chain.fund(signer.account(), 1_000_000 * LX);
            signer
        };
        let (client, miner) = (signer("Client"), signer("Miner"));
        let dirs = trackers.iter().map(|name| (signer(name), tempfile::tempdir().unwrap())).collect();
        let secret = NodeSecret::from_seed([5; 32]);
        let pieces = vec![sample(1, 5_000), sample(2, 40_000), sample(3, 700)];
        let script = Script::new(chain.clone(), secret.clone(), pieces);
        let mut world = Self { chain, client, miner, script, secret, online: None, dirs };
        world.come_online("/ip4/127.0.0.1/tcp/0".parse().unwrap()).await;
        world.register().await;
        world
    }

    async fn come_online(&mut self, listen: Multiaddr) {
        self.online = Some(Online::start(&self.script, listen).await);
    }

    /// Where the miner is.
    pub fn address(&self) -> Multiaddr {
        self.online.as_ref().unwrap().address.clone()
    }

    /// The miner goes away; gives where it was.
    pub async fn go_away(&mut self) -> Multiaddr {
        let address = self.address();
        self.online.take().unwrap().away().await;
        address
    }

    /// And comes back there.
    pub async fn come_back(&mut self, address: Multiaddr) {
        self.come_online(address).await;
    }

    async fn register(&self) {
        let (account, genesis) = (self.miner.account(), self.chain.genesis());
        let details = ProviderDetails {
            encryption_key: EncryptionKey([1; 32]),
            addresses: addresses(&self.address()),
            region: b"test".to_vec().try_into().unwrap(),
            services: Services::STORAGE,
            capacity: GIB,
            price: PRICE,
        };
        let node_signature = self.secret.sign(&registration_payload(&genesis, &account));
        let call = Call::Register { node_key: self.secret.node_key(), node_signature, details };
        self.chain.submit(&self.miner, call).await.unwrap();
    }

    /// Opens and accepts a contract over the miner's pieces. Gives its first block.
    pub async fn open(&self) -> (ContractId, BlockNumber) {
        let entries = self.script.entries();
        let bytes = entries.iter().map(|entry| entry.len).sum();
        let offer = Offer {
            miner: self.miner.account(),
            client: self.client.account(),
            max_bytes: bytes,
            max_windows: WINDOWS,
            price: PRICE,
            expires: self.chain.height() + 50,
            nonce: 1,
        };
        let genesis = self.chain.genesis();
        let (id, signature) = (offer.contract_id(&genesis), self.secret.sign(&offer.payload(&genesis)));
        let promise = Promise {
            offer,
            signature,
            root: batch_root(&entries),
            pieces: entries.len().try_into().unwrap(),
            bytes,
            windows: WINDOWS,
            commission: None,
        };
        self.chain.submit(&self.client, Call::Open { promises: vec![promise] }).await.unwrap();
        self.chain.submit(&self.miner, Call::Accept { ids: vec![id] }).await.unwrap();
        let watched = self.chain.contract(id).await.unwrap().unwrap().watched().unwrap();
        (id, watched.since)
    }

    pub fn signer(&self, name: &str) -> Signer {
        Signer::from_uri(&format!("//{name}")).unwrap()
    }

    pub fn config(&self, name: &str) -> TrackerConfig {
        let account = self.signer(name).account();
        let (_, dir) = self.dirs.iter().find(|(signer, _)| signer.account() == account).unwrap();
        config(dir.path())
    }

    pub async fn start(&self, name: &str) -> Tracker {
        self.start_with(name, self.config(name)).await
    }

    pub async fn start_with(&self, name: &str, config: TrackerConfig) -> Tracker {
        within(Tracker::start(Arc::new(self.chain.clone()), self.signer(name), config)).await.unwrap()
    }

    /// Bonds an account behind which nobody works.
    pub async fn bond_idle(&self, name: &str) {
        let (signer, secret) = (self.signer(name), NodeSecret::generate());
        let call = Call::Bond {
            node_key: secret.node_key(),
            node_signature: secret.sign(&bond_payload(&self.chain.genesis(), &signer.account())),
            details: TrackerDetails {
                encryption_key: EncryptionKey([1; 32]),
                addresses: addresses(&"/ip4/127.0.0.1/tcp/9".parse().unwrap()),
                region: b"test".to_vec().try_into().unwrap(),
            },
            bond: 1_000 * LX,
        };
        self.chain.submit(&signer, call).await.unwrap();
    }

    /// Lets the chain come to `height`, at once.
    pub fn advance_to(&self, height: BlockNumber) {
        self.chain.advance(height.saturating_sub(self.chain.height()));
    }

    /// Lets block after block pass until `done`.
    pub async fn advance_until(&self, what: &str, done: impl AsyncFn() -> bool) {
        let limit = tokio::time::Instant::now() + PATIENCE;
        while !done().await {
            assert!(tokio::time::Instant::now() < limit, "never came about: {what}");
            self.chain.advance(1);
            tokio::time::sleep(2 * POLL).await;
        }
    }

    /// What the three seats said of a window that is not final.
    pub async fn votes(&self, id: ContractId, window: u32) -> [Option<Verdict>; 3] {
        let Some(audit) = self.chain.audit(id).await.unwrap() else { return [None; 3] };
        let Some(at) = window.checked_sub(audit.first) else { return [None; 3] };
        let votes = audit.votes.get(usize::try_from(at).unwrap()).copied().unwrap_or_default();
        [0, 1, 2].map(|seat| votes.of(seat))
    }

    /// Waits until all three seats said the same of a window.
    pub async fn all_say(&self, verdict: Verdict, id: ContractId, window: u32) {
        let what = format!("all say {verdict:?} of window {window}");
        eventually(&what, async || self.votes(id, window).await == [Some(verdict); 3]).await;
    }

    /// The blocks of `range` that challenge the contract.
    pub async fn challenges(&self, id: ContractId, range: std::ops::Range<BlockNumber>) -> Vec<BlockNumber> {
        let bytes = self.script.entries().iter().map(|entry| entry.len).sum();
        let count = u32::try_from(range.len()).unwrap();
        let seeds = self.chain.audit_seeds(range.start, count).await.unwrap();
        let rules = self.chain.parameters().audit;
        let hit = |seed: &Option<_>| seed.is_some_and(|seed| challenged(&seed, &id, bytes, &rules).is_some());
        let hits = range.zip(seeds).filter(|(_, seed)| hit(seed));
        hits.map(|(block, _)| block).collect()
    }
}

pub fn config(dir: &Path) -> TrackerConfig {
    let mut config = TrackerConfig::new(dir, "test");
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config.least_claim = 1;
    config
}

fn addresses(address: &Multiaddr) -> lunarx_core::Addresses {
    vec![address.to_string().into_bytes().try_into().unwrap()].try_into().unwrap()
}

/// A node that listens nowhere.
pub struct Peer {
    pub network: Network,
    _stop: DropGuard,
}

impl Peer {
    pub fn new(world: &World, secret: NodeSecret) -> Self {
        let (network, runner) =
            lunarx_network::construct(Config::client(secret, world.chain.genesis())).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runner.run(stop.clone()));
        Self { network, _stop: stop.drop_guard() }
    }

    pub async fn knows(&self, tracker: &Tracker) -> NodeKey {
        self.network.add_addresses(tracker.node_key(), tracker.addresses().to_vec()).await;
        tracker.node_key()
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
