//! Trackers are told what is kept.

mod world;

use async_trait::async_trait;
use lunarx_chain::{Call, Chain, MemoryChain, Signer};
use lunarx_core::{bond_payload, ContractId, EncryptionKey, NodeKey, PieceId, TrackerDetails, MAX_ADDRESSES};
use lunarx_network::{
    Announcement, Config, Network, NodeSecret, Refusal, ResolveRequest, Task, TaskResult, TrackerService,
};
use lunarx_proof::BatchEntry;
use std::sync::{Arc, Mutex};
use tokio_util::sync::{CancellationToken, DropGuard};
use world::{eventually, sample, within, Peer, World, FUNDS};

/// Notes announcements, and refuses as long as it is told to.
#[derive(Default)]
struct Notebook {
    refuses: Mutex<bool>,
    heard: Mutex<Vec<(NodeKey, Announcement)>>,
}

#[async_trait]
impl TrackerService for Notebook {
    async fn announce(&self, miner: NodeKey, announcement: Announcement) -> Result<(), Refusal> {
        if *self.refuses.lock().unwrap() {
            return Err(Refusal::Busy);
        }
        self.heard.lock().unwrap().push((miner, announcement));
        Ok(())
    }
    async fn locate(&self, _: PieceId) -> Result<Vec<NodeKey>, Refusal> {
        Err(Refusal::Unavailable)
    }
    async fn resolve(&self, _: ResolveRequest) -> Result<Vec<NodeKey>, Refusal> {
        Err(Refusal::Unavailable)
    }
    async fn tasks(&self, _: NodeKey, _: u32) -> Result<Vec<Task>, Refusal> {
        Err(Refusal::Unavailable)
    }
    async fn result(&self, _: NodeKey, _: TaskResult) -> Result<(), Refusal> {
        Err(Refusal::Unavailable)
    }
}

/// A bonded tracker.
struct Tracker {
    notebook: Arc<Notebook>,
    _network: Network,
    _stop: DropGuard,
}

impl Tracker {
    async fn bonded(chain: &MemoryChain, number: u8) -> Self {
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let config = Config::miner(NodeSecret::generate(), chain.genesis(), listen);
        let (network, runner) = lunarx_network::construct(config).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runner.run(stop.clone()));
        let notebook = Arc::new(Notebook::default());
        network.serve_tracker(notebook.clone());

        let signer = Signer::from_uri(&format!("//Tracker//{number}")).unwrap();
        chain.fund(signer.account(), FUNDS);
        let addresses = within(network.listening()).await;
        assert!(addresses.len() <= usize::try_from(MAX_ADDRESSES).unwrap());
        let address = addresses[0].to_string().into_bytes().try_into().unwrap();
        let details = TrackerDetails {
            encryption_key: EncryptionKey([1; 32]),
            addresses: vec![address].try_into().unwrap(),
            region: b"test".to_vec().try_into().unwrap(),
        };
        let node_signature = network.sign(&bond_payload(&chain.genesis(), &signer.account()));
        let (node_key, bond) = (network.node_key(), MemoryChain::MIN_BOND);
        chain.submit(&signer, Call::Bond { node_key, node_signature, details, bond }).await.unwrap();
        Self { notebook, _network: network, _stop: stop.drop_guard() }
    }

    fn heard(&self) -> Vec<(NodeKey, Announcement)> {
        self.notebook.heard.lock().unwrap().clone()
    }
}

async fn stored(world: &World, peer: &Peer, miner: NodeKey, seed: u8) -> (ContractId, BatchEntry) {
    let signed = peer.reserve(miner, world.request(2_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner, id, 0, &sample(seed, 2_000)).await.unwrap();
    world.open(&signed, &[piece], 10).await.unwrap();
    world.active(id).await;
    (id, piece)
}

#[tokio::test(flavor = "multi_thread")]
async fn trackers_are_told_once_and_again_after_a_restart() {
    let world = World::new();
    let tracker = Tracker::bonded(world.memory(), 1).await;
    let miner = world.start().await;
    let (key, peer) = (miner.node_key(), Peer::of(&world, &miner).await);
    let (id, piece) = stored(&world, &peer, key, 1).await;
    let announcement = Announcement { contract: id, entries: vec![piece] };
    world.advance_until("the tracker is told", async || !tracker.heard().is_empty()).await;
    assert_eq!(tracker.heard(), [(key, announcement.clone())]);

    let (second, _) = stored(&world, &peer, key, 2).await;
    world.advance_until("the tracker is told more", async || tracker.heard().len() > 1).await;
    assert_eq!(tracker.heard()[1].1.contract, second);

    // A new tracker is told all; the old one has heard nothing twice.
    let other = Tracker::bonded(world.memory(), 2).await;
    world.advance_until("the new tracker is told", async || other.heard().len() == 2).await;
    assert_eq!(tracker.heard().len(), 2);

    miner.stop().await.unwrap();
    let _miner = world.start().await;
    world.advance_until("it is told again", async || tracker.heard().len() == 4).await;
    assert_eq!(tracker.heard()[2..].iter().filter(|(_, told)| *told == announcement).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_refuses_is_told_later_and_holds_up_nobody() {
    let world = World::new();
    let (first, second) =
        (Tracker::bonded(world.memory(), 1).await, Tracker::bonded(world.memory(), 2).await);
    *first.notebook.refuses.lock().unwrap() = true;
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let (id, _) = stored(&world, &peer, miner.node_key(), 1).await;
    world.advance_until("the other tracker is told", async || second.heard().len() == 1).await;
    assert!(first.heard().is_empty());
    *first.notebook.refuses.lock().unwrap() = false;
    world.advance_until("it is told later", async || first.heard().len() == 1).await;
    assert_eq!(first.heard()[0].1.contract, id);
    eventually("the miner serves", async || peer.network.heartbeat(miner.node_key()).await.is_ok()).await;
}
