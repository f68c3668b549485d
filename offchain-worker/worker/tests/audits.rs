//! Challenges and disputes: what is due is proven, what is not is refused, what is damaged is given up.

mod world;

use lunarx_chain::{Call, Chain, MemoryChain};
use lunarx_core::{AuditSeed, BlockNumber, ContractId, ContractInfo};
use lunarx_network::{verify_signature, NetworkError, Refusal};
use lunarx_proof::{challenged, proves_all, Answer, BatchEntry, Covered, DISPUTE_BLOCKS};
use lunarx_store::PieceStore;
use lunarx_worker::{Miner, MinerConfig};
use std::{fs, path::PathBuf, time::Duration};
use world::{eventually, sample, within, Peer, World, CAPACITY};

const WINDOWS: u32 = 10;

/// A miner with one active contract over two pieces.
struct Kept {
    world: World,
    miner: Miner,
    peer: Peer,
    id: ContractId,
    pieces: Vec<BatchEntry>,
}

impl Kept {
    async fn new() -> Self {
        let world = World::new();
        let miner = world.start().await;
        let peer = Peer::of(&world, &miner).await;
        let signed = peer.reserve(miner.node_key(), world.request(300_000)).await.unwrap();
        let id = world.contract_id(&signed);
        let first = peer.store(miner.node_key(), id, 0, &sample(1, 160_000)).await.unwrap();
        let second = peer.store(miner.node_key(), id, 1, &sample(2, 777)).await.unwrap();
        let pieces = vec![first, second];
        world.open(&signed, &pieces, WINDOWS).await.unwrap();
        world.active(id).await;
        Self { world, miner, peer, id, pieces }
    }

    fn chain(&self) -> &MemoryChain {
        self.world.memory()
    }

    async fn info(&self) -> ContractInfo<lunarx_core::AccountId> {
        self.world.contract(self.id).await.unwrap()
    }

    /// Seeds that challenge the contract, or that do not.
    fn seeds(&self, hit: bool) -> impl Iterator<Item = AuditSeed> {
        let (rules, id) = (self.chain().parameters().audit, self.id);
        let seeds = (0u64..).map(|n| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            AuditSeed(bytes)
        });
        seeds.filter(move |seed| challenged(seed, &id, 160_777, &rules).is_some() == hit)
    }

    /// Makes the next block, with a seed that challenges the contract or does not.
    fn next_block(&self, hit: bool) -> BlockNumber {
        self.next_blocks(1, hit)[0]
    }

    /// Makes blocks. Their seeds are set before, since calls of the miner make blocks too.
    fn next_blocks(&self, count: u32, hit: bool) -> Vec<BlockNumber> {
        let height = self.chain().height();
        let blocks: Vec<_> = (height + 1..=height + count).collect();
        for (block, seed) in blocks.iter().zip(self.seeds(hit)) {
            self.chain().set_seed(*block, Some(seed));
        }
        self.chain().advance(count);
        blocks
    }

    /// What the miner says to a challenge, once it has seen the block.
    async fn prove(&self, block: BlockNumber) -> Result<Answer, Refusal> {
        let asked = async {
            loop {
                match self.peer.network.prove(self.miner.node_key(), self.id, block).await {
                    Ok(answer) => break Ok(answer),
                    Err(NetworkError::Refused { refusal: Refusal::Busy, .. }) => {
                        tokio::task::yield_now().await
                    }
                    Err(NetworkError::Refused { refusal, .. }) => break Err(refusal),
                    Err(error) => panic!("{error}"),
                }
            }
        };
        within(asked).await
    }

    /// Checks an answer as a tracker does.
    async fn check(&self, block: BlockNumber, answer: &Answer) {
        let info = self.info().await;
        let parameters = self.chain().parameters();
        let seed = self.chain().audit_seeds(block, 1).await.unwrap()[0].unwrap();
        let positions = challenged(&seed, &self.id, info.bytes, &parameters.audit).unwrap();
        let covered = Covered { root: info.root, pieces: info.pieces, bytes: info.bytes };
        assert!(proves_all(&covered, &positions, &answer.proofs));
        let payload = Answer::payload(&self.chain().genesis(), &self.id, block, &seed, &answer.proofs);
        assert!(verify_signature(&self.miner.node_key(), &payload, &answer.signature));
    }

    async fn dispute(&self, challenge: Option<BlockNumber>) {
        let call = Call::Dispute { contract: self.id, challenge };
        self.chain().submit(&self.world.client, call).await.unwrap();
    }

    async fn is_disputed(&self) -> bool {
        !self.chain().disputes().await.unwrap().is_empty()
    }

    /// The file of piece 0, which is too large for a pack.
    fn file(&self) -> PathBuf {
        let name = hex::encode(self.id);
        let folder = self.world.dir.path().join("store/pieces").join(&name[..2]).join(&name[2..4]);
        let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let prefix = format!("{name}-0-");
        files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&prefix)).unwrap()
    }

    /// Overwrites all of piece 0 in place: any byte that is asked for is wrong, and the length is right.
    fn damage(&self) {
        let len = fs::metadata(self.file()).unwrap().len();
        fs::write(self.file(), vec![0x55; usize::try_from(len).unwrap()]).unwrap();
    }

    async fn given_up(&self) {
        eventually("the contract is surrendered", async || self.world.contract(self.id).await.is_none())
            .await;
        assert_eq!(self.world.chain.count("surrender"), 1);
        assert_eq!(self.world.chain.count("answer"), 0, "nothing wrong is signed");
        let provider = self.chain().provider(self.world.miner.account()).await.unwrap().unwrap();
        assert_eq!(provider.score.lost, 1);
    }

    async fn restart(self) -> Self {
        let Self { world, miner, peer, id, pieces } = self;
        miner.stop().await.unwrap();
        let miner = world.start().await;
        peer.knows(&miner).await;
        Self { world, miner, peer, id, pieces }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proves_a_challenge_that_is_due() {
    let kept = Kept::new().await;
    let block = kept.next_block(true);
    let answer = kept.prove(block).await.unwrap();
    kept.check(block, &answer).await;
    assert_eq!(kept.prove(block).await.unwrap(), answer);

    // Old challenges stay due, after a restart too.
    kept.chain().advance(30);
    let kept = kept.restart().await;
    let answer = kept.prove(block).await.unwrap();
    kept.check(block, &answer).await;
    let later = kept.next_block(true);
    kept.check(later, &kept.prove(later).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_challenge_that_is_not_due() {
    let kept = Kept::new().await;
    let (hit, missed) = (kept.next_block(true), kept.next_block(false));
    let none = kept.chain().height() + 1;
    kept.chain().set_seed(none, None);
    kept.chain().advance(1);
    assert_eq!(kept.prove(missed).await, Err(Refusal::NotChallenged));
    assert_eq!(kept.prove(none).await, Err(Refusal::NotChallenged));
    assert_eq!(kept.prove(0).await, Err(Refusal::NotChallenged), "before the contract");
    let network = &kept.peer.network;
    let refused = |result: Result<Answer, NetworkError>| match result.unwrap_err() {
        NetworkError::Refused { refusal, .. } => refusal,
        other => panic!("{other}"),
    };
    let early = within(network.prove(kept.miner.node_key(), kept.id, BlockNumber::MAX)).await;
    assert_eq!(refused(early), Refusal::Busy, "not there yet");
    let other = within(network.prove(kept.miner.node_key(), ContractId([9; 32]), hit)).await;
    assert_eq!(refused(other), Refusal::NotFound);
    assert!(kept.prove(hit).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_its_space() {
    let kept = Kept::new().await;
    let heartbeat = within(kept.peer.network.heartbeat(kept.miner.node_key())).await.unwrap();
    assert!(heartbeat.stored >= 160_777, "{heartbeat:?}");
    assert!(heartbeat.free + heartbeat.stored <= CAPACITY, "{heartbeat:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_disputes() {
    let kept = Kept::new().await;
    let block = kept.next_block(true);
    for challenge in [None, Some(block)] {
        kept.dispute(challenge).await;
        assert!(kept.is_disputed().await);
        // The bytes asked for follow from the next eight blocks.
        kept.chain().advance(DISPUTE_BLOCKS);
        eventually("the dispute is answered", async || !kept.is_disputed().await).await;
        let info = kept.info().await;
        assert_eq!(info.miner, kept.world.miner.account());
    }
    assert_eq!(kept.world.chain.count("answer"), 2);
    let provider = kept.chain().provider(kept.world.miner.account()).await.unwrap().unwrap();
    assert_eq!((provider.score.lost, provider.score.slashed), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_a_dispute_that_was_opened_while_it_was_down() {
    let kept = Kept::new().await;
    let block = kept.next_block(true);
    let Kept { world, miner, peer, id, pieces } = kept;
    miner.stop().await.unwrap();
    let call = Call::Dispute { contract: id, challenge: Some(block) };
    world.memory().submit(&world.client, call).await.unwrap();
    world.memory().advance(50);
    assert!(!world.memory().disputes().await.unwrap().is_empty());

    let miner = world.start().await;
    peer.knows(&miner).await;
    let kept = Kept { world, miner, peer, id, pieces };
    eventually("the dispute is answered", async || !kept.is_disputed().await).await;
    assert_eq!(kept.info().await.id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_a_dispute_although_the_chain_was_away() {
    let kept = Kept::new().await;
    kept.world.chain.cut(true);
    kept.dispute(None).await;
    kept.chain().advance(DISPUTE_BLOCKS);
    kept.world.chain.cut(false);
    eventually("the dispute is answered", async || !kept.is_disputed().await).await;
    assert_eq!(kept.world.chain.count("answer"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn disputed_windows_are_settled_once_it_answered() {
    let kept = Kept::new().await;
    kept.chain().set_unspoken(None);
    let parameters = kept.chain().parameters();
    kept.chain().advance(parameters.window);
    kept.dispute(None).await;
    kept.chain().advance(parameters.audit.final_after);
    eventually("the dispute is answered", async || !kept.is_disputed().await).await;
    eventually("the window is paid", async || {
        kept.chain().advance(1);
        kept.info().await.paid >= kept.info().await.window_fee
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_found_by_a_challenge_is_never_signed_and_surrendered() {
    let kept = Kept::new().await;
    kept.damage();
    let block = kept.next_block(true);
    assert_eq!(kept.prove(block).await, Err(Refusal::Unavailable));
    // Asked again and again until it gave up, it signs nothing.
    kept.chain().advance(1);
    eventually("the contract is surrendered", async || {
        assert!(kept.prove(block).await.is_err());
        kept.world.contract(kept.id).await.is_none()
    })
    .await;
    kept.given_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_found_by_a_dispute_is_surrendered() {
    let kept = Kept::new().await;
    kept.damage();
    kept.dispute(None).await;
    kept.chain().advance(DISPUTE_BLOCKS);
    kept.given_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_by_the_scrubber_before_anybody_asks() {
    let kept = Kept::new().await;
    kept.damage();
    let config = MinerConfig { scrub_every: Duration::from_millis(1), ..kept.world.config() };
    let Kept { world, miner, peer, id, pieces } = kept;
    miner.stop().await.unwrap();
    let miner = world.start_with(config).await;
    peer.knows(&miner).await;
    let kept = Kept { world, miner, peer, id, pieces };
    eventually("it is found", async || {
        kept.chain().advance(1);
        kept.world.contract(kept.id).await.is_none()
    })
    .await;
    kept.given_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_is_gone_is_surrendered() {
    let kept = Kept::new().await;
    fs::remove_file(kept.file()).unwrap();
    // Whole of what is left, but not what was promised.
    let kept = kept.restart().await;
    let block = kept.next_block(true);
    assert_eq!(kept.prove(block).await, Err(Refusal::Unavailable));
    kept.chain().advance(1);
    kept.given_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_waited_for_until_the_last_blocks() {
    let kept = Kept::new().await;
    let Kept { world, miner, peer: _, id, pieces: _ } = kept;
    miner.stop().await.unwrap();
    let store = world.store();
    store.remove(id).unwrap();
    drop(store);
    world.memory().submit(&world.client, Call::Dispute { contract: id, challenge: None }).await.unwrap();
    world.memory().advance(DISPUTE_BLOCKS);
    let deadline = world.memory().disputes().await.unwrap()[0].deadline;

    let miner = world.start().await;
    assert!(world.contract(id).await.is_some(), "the operator has time to bring it back");
    world.memory().advance(deadline - 5 - world.memory().height());
    eventually("it is surrendered", async || world.contract(id).await.is_none()).await;
    assert_eq!(world.chain.count("surrender"), 1);
    miner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_challenges_keeps_nobody_from_reading() {
    let kept = Kept::new().await;
    let blocks = kept.next_blocks(100, true);
    kept.prove(blocks[99]).await.unwrap();
    let key = kept.miner.node_key();
    let mut flooders = Vec::new();
    for _ in 0..3 {
        flooders.push(Peer::of(&kept.world, &kept.miner).await);
    }
    // More different due ones than are kept, and as many made up, from many peers at once.
    let flood = async |flooder: &Peer| {
        let mut answered = 0;
        for block in blocks.iter().copied() {
            let due = flooder.network.prove(key, kept.id, block);
            let made_up = flooder.network.prove(key, ContractId([7; 32]), block);
            let (due, made_up) = tokio::join!(due, made_up);
            match due {
                Ok(answer) => {
                    kept.check(block, &answer).await;
                    answered += 1;
                }
                Err(NetworkError::Refused { refusal: Refusal::Busy, .. }) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(matches!(made_up, Err(NetworkError::Refused { refusal: Refusal::NotFound, .. })));
        }
        answered
    };
    let reading = async {
        for _ in 0..20 {
            assert_eq!(kept.peer.fetch(key, kept.pieces[0]).await.unwrap(), sample(1, 160_000));
        }
    };
    let floods = async { tokio::join!(flood(&flooders[0]), flood(&flooders[1]), flood(&flooders[2])) };
    let ((), answered) = within(async { tokio::join!(reading, floods) }).await;
    assert!(answered.0 > 0 && answered.1 > 0 && answered.2 > 0, "{answered:?}");
    assert!(kept.info().await.ended.is_none());
}
