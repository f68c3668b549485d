//! The runtime's chain, trackers and miners on loopback, and what every trial needs of them.

use crate::rogue::Rogue;
use bytes::Bytes;
use lunarx_chain::{Call, Chain, Receipt, Signer};
use lunarx_core::{
    bond_payload, collateral_for, window_fee, AccountId, Address, Addresses, Balance, BlockNumber,
    ContractId, ContractInfo, ContractState, DisputeInfo, EncryptionKey, NodeKey, Promise, Report,
    TrackerDetails, Verdict, GIB, LX,
};
use lunarx_network::{Config, Multiaddr, Network, NodeSecret, ReserveRequest};
use lunarx_proof::{batch_root, challenged, BatchEntry};
use lunarx_tracker::{Tracker, TrackerConfig};
use lunarx_trials::{Ledger, RuntimeChain};
use lunarx_worker::{Miner, MinerConfig};
use std::{future::Future, ops::Range, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);
/// Blocks of a window of the `local` preset.
pub const WINDOW: BlockNumber = 20;
/// A hundredth of an LX a GiB and day: ten days' pay are the collateral.
pub const PRICE: Balance = LX / 100;
/// Of the runtime, for a GiB.
const COLLATERAL: Balance = LX / 10;
/// Least bond of the runtime.
const BOND: Balance = 1_000 * LX;

/// A chain and its trackers.
pub struct World {
    pub chain: RuntimeChain,
    pub client: Signer,
    trackers: Vec<Option<Tracker>>,
    /// Of every tracker.
    verifiers: Vec<NodeKey>,
    folder: TempDir,
}

pub fn signer(name: &str) -> Signer {
    Signer::from_uri(&format!("//{name}")).unwrap()
}

/// The account of a tracker.
pub fn tracker(number: usize) -> Signer {
    signer(&format!("Tracker{number}"))
}

/// The account of a miner.
pub fn miner(number: usize) -> Signer {
    signer(&format!("Miner{number}"))
}

pub fn listen() -> Multiaddr {
    "/ip4/127.0.0.1/tcp/0".parse().unwrap()
}

pub fn addresses(address: &Multiaddr) -> Addresses {
    let address: Address = address.to_string().into_bytes().try_into().unwrap();
    vec![address].try_into().unwrap()
}

impl World {
    /// With honest trackers 1 to `count`, all members of the running round.
    pub async fn new(count: usize) -> Self {
        Self::build(count, 0, Vec::new()).await
    }

    /// All of whose trackers let these verifiers work for them.
    pub async fn with_verifiers(count: usize, verifiers: Vec<NodeKey>) -> Self {
        Self::build(count, 0, verifiers).await
    }

    /// With `liars` more, bonded, behind which nobody works: a trial speaks for them.
    pub async fn with_liars(count: usize, liars: usize) -> Self {
        Self::build(count, liars, Vec::new()).await
    }

    async fn build(count: usize, liars: usize, verifiers: Vec<NodeKey>) -> Self {
        let (chain, folder) = (RuntimeChain::start().await, tempfile::tempdir().unwrap());
        let mut world = Self { chain, client: signer("Client"), trackers: Vec::new(), verifiers, folder };
        let starts: Vec<_> = (1..=count).map(|number| world.start_tracker(number)).collect();
        let mut started = Vec::new();
        for start in starts.into_iter().map(tokio::spawn) {
            started.push(Some(within(start).await.unwrap()));
        }
        world.trackers = started;
        for number in count + 1..=count + liars {
            world.bond(number).await;
        }
        world.members(count + liars).await;
        world
    }

    fn start_tracker(&self, number: usize) -> impl Future<Output = Tracker> + Send + 'static {
        let mut config = TrackerConfig::new(self.dir(&format!("tracker-{number}")), "test");
        config.listen = vec![listen()];
        config.verifiers = self.verifiers.clone();
        let chain = Arc::new(self.chain.clone());
        async move { within(Tracker::start(chain, tracker(number), config)).await.unwrap() }
    }

    async fn bond(&self, number: usize) {
        let (signer, secret) = (tracker(number), NodeSecret::generate());
        let call = Call::Bond {
            node_key: secret.node_key(),
            node_signature: secret.sign(&bond_payload(&self.chain.genesis(), &signer.account())),
            details: TrackerDetails {
                encryption_key: EncryptionKey([1; 32]),
                addresses: addresses(&"/ip4/127.0.0.1/tcp/9".parse().unwrap()),
                region: b"test".to_vec().try_into().unwrap(),
            },
            bond: BOND,
        };
        self.submit(&signer, call).await;
    }

    async fn members(&self, count: usize) {
        eventually("all are members of the round", async || {
            let rounds = self.chain.rounds().await.unwrap();
            rounds.first().is_some_and(|round| round.members.len() >= count)
        })
        .await;
    }

    pub fn tracker(&self, number: usize) -> &Tracker {
        self.trackers[number - 1].as_ref().expect("it runs")
    }

    /// A tracker vanishes.
    pub async fn vanish(&mut self, number: usize) {
        within(self.trackers[number - 1].take().expect("it runs").stop()).await.unwrap();
    }

    pub fn dir(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub async fn submit(&self, signer: &Signer, call: Call) -> Receipt {
        within(self.chain.submit(signer, call)).await.unwrap()
    }

    /// A ledger of the client, the trackers and others.
    pub async fn ledger(&self, others: &[(&'static str, AccountId)]) -> Ledger {
        let names = [(1, "tracker 1"), (2, "tracker 2"), (3, "tracker 3")];
        let mut parties = vec![("client", self.client.account())];
        parties.extend(names.map(|(number, name)| (name, tracker(number).account())));
        parties.extend_from_slice(others);
        Ledger::open(&self.chain, &parties).await
    }

    pub async fn contract(&self, id: ContractId) -> Option<ContractInfo<AccountId>> {
        self.chain.contract(id).await.unwrap()
    }

    pub async fn dispute(&self, id: ContractId) -> Option<DisputeInfo<AccountId>> {
        self.chain.disputes().await.unwrap().into_iter().find(|dispute| dispute.contract == id)
    }

    /// Waits until somebody disputes the contract, and its bytes are drawn.
    pub async fn disputed(&self, id: ContractId) -> DisputeInfo<AccountId> {
        eventually("the contract is disputed", async || {
            self.dispute(id).await.is_some_and(|dispute| !dispute.positions.is_empty())
        })
        .await;
        self.dispute(id).await.expect("nobody answers yet")
    }

    /// Waits for a dispute, lets its time pass, and waits until the contract is closed for it.
    pub async fn convicted(&self, id: ContractId) {
        let dispute = self.disputed(id).await;
        self.chain.hurry_to(dispute.deadline + 1).await;
        self.closed(id).await;
    }

    pub async fn closed(&self, id: ContractId) {
        eventually("the contract is closed", async || self.contract(id).await.is_none()).await;
    }

    /// What the three seats said of a window that is not final.
    pub async fn votes(&self, id: ContractId, window: u32) -> [Option<Verdict>; 3] {
        let Some(audit) = self.chain.audit(id).await.unwrap() else { return [None; 3] };
        let Some(at) = window.checked_sub(audit.first) else { return [None; 3] };
        let votes = audit.votes.get(usize::try_from(at).unwrap()).copied().unwrap_or_default();
        [0, 1, 2].map(|seat| votes.of(seat))
    }

    /// The blocks of `range` that challenge the contract.
    pub async fn challenges(&self, id: ContractId, range: Range<BlockNumber>) -> Vec<BlockNumber> {
        let bytes = self.contract(id).await.unwrap().bytes;
        let count = u32::try_from(range.len()).unwrap();
        let seeds = self.chain.audit_seeds(range.start, count).await.unwrap();
        let rules = self.chain.parameters().audit;
        let hit = |seed: &Option<_>| seed.is_some_and(|seed| challenged(&seed, &id, bytes, &rules).is_some());
        range.zip(seeds).filter(|(_, seed)| hit(seed)).map(|(block, _)| block).collect()
    }

    /// The first block from `since` on that challenges the contract.
    pub async fn first_challenge(&self, id: ContractId, since: BlockNumber) -> BlockNumber {
        eventually("a block challenges", async || {
            !self.challenges(id, since..self.chain.height() + 1).await.is_empty()
        })
        .await;
        self.challenges(id, since..self.chain.height() + 1).await[0]
    }

    /// A liar says the same of each window of a contract as soon as it is over, until the contract is closed.
    pub fn lie(&self, number: usize, id: ContractId, verdict: Verdict) -> tokio::task::JoinHandle<()> {
        let (chain, liar) = (self.chain.clone(), tracker(number));
        tokio::spawn(async move {
            let mut next = 0;
            while let Some(watched) = chain.contract(id).await.unwrap().and_then(|info| info.watched()) {
                if next >= watched.windows {
                    return;
                }
                if watched.elapsed(chain.height()) > next {
                    let report =
                        Report { contract: id, window: next, verdicts: vec![verdict].try_into().unwrap() };
                    // Refused once the contract is closed, or the window is final.
                    let _ = chain.submit(&liar, Call::Report { reports: vec![report] }).await;
                    next += 1;
                } else {
                    tokio::time::sleep(POLL).await;
                }
            }
        })
    }

    /// Somebody has a contract settled whenever a window is due, until it is closed.
    pub fn settle(&self, signer: &Signer, id: ContractId) {
        let (chain, signer) = (self.chain.clone(), signer.clone());
        tokio::spawn(async move {
            while chain.contract(id).await.is_ok_and(|info| info.is_some()) {
                // Refused where nothing is due.
                let _ = chain.submit(&signer, Call::Settle { ids: vec![id] }).await;
                let next = chain.height() + WINDOW / 2;
                let _ = chain.finalized().wait_for(|height| *height >= next).await;
            }
        });
    }

    /// A scripted miner, registered and online, with these pieces.
    pub async fn rogue(&self, number: usize, pieces: Vec<Vec<u8>>) -> Rogue {
        Rogue::start(&self.chain, miner(number), pieces).await
    }

    /// A real miner.
    pub async fn honest(&self, number: usize) -> Honest {
        let mut config = MinerConfig::new(self.dir(&format!("miner-{number}")), GIB, PRICE, "test");
        config.listen = vec![listen()];
        config.settle_every = 1;
        let signer = miner(number);
        let worker = start_miner(&self.chain, &signer, config.clone()).await;
        // Where it comes back to.
        config.listen = worker.addresses().to_vec();
        Honest { signer, config, worker: Some(worker) }
    }

    /// A client's node.
    pub fn peer(&self) -> Peer {
        Peer::new(&self.chain, NodeSecret::generate())
    }
}

async fn start_miner(chain: &RuntimeChain, signer: &Signer, config: MinerConfig) -> Miner {
    within(Miner::start(Arc::new(chain.clone()), signer.clone(), config)).await.unwrap()
}

/// A real miner, which can go and come back.
pub struct Honest {
    pub signer: Signer,
    config: MinerConfig,
    worker: Option<Miner>,
}

impl Honest {
    pub fn account(&self) -> AccountId {
        self.signer.account()
    }

    pub fn worker(&self) -> &Miner {
        self.worker.as_ref().expect("it runs")
    }

    pub fn path(&self) -> &Path {
        &self.config.data_dir
    }

    pub async fn go(&mut self) {
        within(self.worker.take().expect("it runs").stop()).await.unwrap();
    }

    pub async fn come_back(&mut self, world: &World) {
        self.worker = Some(start_miner(&world.chain, &self.signer, self.config.clone()).await);
    }

    /// The client reserves, stores, opens; the miner accepts.
    pub async fn keep(&self, world: &World, pieces: &[Vec<u8>], windows: u32) -> Kept {
        let (peer, key) = (world.peer(), self.worker().node_key());
        peer.network.add_addresses(key, self.worker().addresses().to_vec()).await;
        let max_bytes = pieces.iter().map(|piece| len(piece)).sum();
        let client = world.client.account();
        let request = ReserveRequest { client, max_bytes, max_windows: windows, max_price: PRICE };
        let signed = within(peer.network.reserve(key, request)).await.unwrap();
        let id = signed.offer.contract_id(&world.chain.genesis());
        let mut entries = Vec::new();
        for (index, bytes) in (0..).zip(pieces) {
            let piece = within(async {
                let mut upload = peer.network.store(key, id, index).await.unwrap();
                for part in bytes.chunks(1 << 16) {
                    upload.send(Bytes::copy_from_slice(part)).await.unwrap();
                }
                upload.finish(len(bytes)).await.unwrap()
            });
            entries.push(BatchEntry { piece: piece.await, len: len(bytes) });
        }
        let promise = Promise {
            offer: signed.offer,
            signature: signed.signature,
            root: batch_root(&entries),
            pieces: entries.len().try_into().unwrap(),
            bytes: max_bytes,
            windows,
            commission: None,
        };
        world.submit(&world.client, Call::Open { promises: vec![promise] }).await;
        let active = |info: ContractInfo<AccountId>| match info.state {
            ContractState::Active { since, .. } => Some(since),
            ContractState::Pending { .. } => None,
        };
        let since = async || world.contract(id).await.and_then(active);
        eventually("the miner accepts", async || since().await.is_some()).await;
        Kept { id, since: since().await.unwrap() }
    }
}

/// A contract with a real miner.
pub struct Kept {
    pub id: ContractId,
    pub since: BlockNumber,
}

/// A node that listens nowhere.
pub struct Peer {
    pub network: Network,
    _stop: DropGuard,
}

impl Peer {
    pub fn new(chain: &RuntimeChain, secret: NodeSecret) -> Self {
        let (network, runner) = lunarx_network::construct(Config::client(secret, chain.genesis())).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runner.run(stop.clone()));
        Self { network, _stop: stop.drop_guard() }
    }
}

pub fn len(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap()
}

/// Bytes without a pattern.
pub fn sample(seed: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

/// 100 KB in two pieces.
pub fn pieces() -> Vec<Vec<u8>> {
    vec![sample(1, 60_000), sample(2, 40_000)]
}

pub fn bytes_of(pieces: &[Vec<u8>]) -> u64 {
    pieces.iter().map(|piece| len(piece)).sum()
}

/// What the client pays for a window.
pub fn fee(bytes: u64) -> i128 {
    signed(window_fee(PRICE, bytes, WINDOW, 28_800).unwrap())
}

/// What a miner loses with bytes.
pub fn collateral(bytes: u64) -> i128 {
    signed(collateral_for(bytes, COLLATERAL))
}

pub fn signed(units: Balance) -> i128 {
    i128::try_from(units).unwrap()
}

/// What a tracker is paid for a word: a third of a twentieth of the fee.
pub fn word_pay(bytes: u64) -> i128 {
    fee(bytes) / 20 / 3
}

/// A miner is paid for `windows`: their fees less the trackers' pay for what they said, three words each at most.
pub fn assert_paid(gain: i128, windows: u32, bytes: u64) {
    let all = i128::from(windows) * fee(bytes);
    let words = all - gain;
    let most = 3 * i128::from(windows) * word_pay(bytes);
    assert!(
        (0..=most).contains(&words) && words % word_pay(bytes) == 0,
        "{gain} LX-units for {windows} windows of {all} in all"
    );
}

/// A client has everything back but the trackers' pay for words on windows that were proven before a loss.
pub fn assert_refunded(gain: i128, bytes: u64) {
    let words = -gain / word_pay(bytes);
    assert!(
        (0..=3 * 80).contains(&words) && gain == -words * word_pay(bytes),
        "the client has {gain} LX-units"
    );
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
