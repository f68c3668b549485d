//! Seeds, verdicts, disputes and slashes.

use super::{details, node_key, MemoryChain, Scene, FINAL, FUNDS, GENESIS};
use crate::{Call, Chain, ChainError, Signer};
use ed25519_dalek::{Signer as _, SigningKey};
use lunarx_core::{
    bond_payload, collateral_for, AccountId, AuditRules, AuditSeed, Balance, BlockNumber, ContractId,
    ContractInfo, ContractState, DisputeInfo, NodeKey, NodeSignature, Offer, PieceId, Promise, Report,
    RoundDetails, Score, TrackerDetails, TrackerInfo, TrackerState, Verdict, Watched, LX,
};
use lunarx_proof::{batch_root, challenged, dispute_seed, questioned, Answer, BatchEntry, LeafProof, Proofs};
use Verdict::{Offline, Silent, Valid};

const RULES: fn() -> AuditRules = || AuditRules::of_window(20);
const BOND: Balance = MemoryChain::MIN_BOND;
const PIECE: [u8; 1_000] = [7; 1_000];
/// Of one piece of 1,000 bytes, rounded up.
const FEE: Balance = 18_626_452;

/// A contract of four windows over one piece, and three trackers.
struct Audited {
    scene: Scene,
    id: ContractId,
    since: BlockNumber,
    trackers: [Signer; 3],
}

fn entry() -> BatchEntry {
    BatchEntry { piece: PieceId(*blake3::hash(&PIECE).as_bytes()), len: 1_000 }
}

/// As many right proofs.
fn proofs(count: usize) -> Proofs {
    let chunk = PIECE.to_vec().try_into().unwrap();
    let proof = LeafProof {
        index: 0,
        entry: entry(),
        batch_path: Default::default(),
        chunk,
        chunk_path: Default::default(),
    };
    vec![proof; count].try_into().unwrap()
}

fn damaged(count: usize) -> Proofs {
    let mut proofs = proofs(count).into_inner();
    proofs[0].chunk[5] ^= 1;
    proofs.try_into().unwrap()
}

fn bond(node: u8, account: AccountId, bond: Balance) -> Call {
    let node = SigningKey::from_bytes(&[node; 32]);
    let node_signature = NodeSignature(node.sign(&bond_payload(&GENESIS, &account)).to_bytes());
    let provider = details(1);
    let (encryption_key, addresses, region) = (provider.encryption_key, provider.addresses, provider.region);
    let details = TrackerDetails { encryption_key, addresses, region };
    Call::Bond { node_key: node_key(&node), node_signature, details, bond }
}

impl Audited {
    async fn new() -> Self {
        let scene = Scene::registered().await;
        let trackers = ["//T1", "//T2", "//T3"].map(|uri| Signer::from_uri(uri).unwrap());
        for (node, tracker) in (50..).zip(&trackers) {
            scene.chain.fund(tracker.account(), FUNDS);
            scene.submit(tracker, bond(node, tracker.account(), BOND)).await.unwrap();
        }
        let offer: Offer<AccountId> = scene.offer();
        let promise =
            Promise { root: batch_root(&[entry()]), bytes: 1_000, windows: 4, ..scene.promise(offer) };
        let id = promise.offer.contract_id(&GENESIS);
        scene.by_client(Call::Open { promises: vec![promise] }).await.unwrap();
        let since = scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap().block;
        scene.chain.set_unspoken(None);
        scene.chain.set_housekeeping(false);
        Self { scene, id, since, trackers }
    }

    /// Goes to a block after the acceptance.
    fn go(&self, block: BlockNumber) {
        self.scene.chain.advance((self.since + block).checked_sub(self.scene.chain.height()).unwrap());
    }

    /// Who holds a seat.
    async fn holder(&self, seat: usize) -> &Signer {
        let holder = self.scene.chain.seats(&self.id, self.scene.chain.height()).unwrap()[seat];
        self.trackers.iter().find(|tracker| tracker.account() == holder).unwrap()
    }

    async fn say(&self, seat: usize, window: u32, verdicts: &[Verdict]) -> Result<(), ChainError> {
        let verdicts = verdicts.to_vec().try_into().unwrap();
        let reports = vec![Report { contract: self.id, window, verdicts }];
        self.scene.submit(self.holder(seat).await, Call::Report { reports }).await.map(drop)
    }

    async fn refused(&self, signer: &Signer, call: Call, error: &str) {
        self.scene.dispatch(signer, call, "Audits", error).await;
    }

    async fn contract(&self) -> Option<ContractInfo<AccountId>> {
        self.scene.chain.contract(self.id).await.unwrap()
    }

    async fn settled(&self) -> (u32, Balance) {
        let contract = self.contract().await.unwrap();
        let ContractState::Active { settled, .. } = contract.state else { panic!("{contract:?}") };
        (settled, contract.paid)
    }

    async fn settle(&self) -> Result<(), ChainError> {
        self.scene.by_miner(Call::Settle { ids: vec![self.id] }).await.map(drop)
    }

    /// Makes `block` one that challenges the contract. Returns its seed.
    fn challenge(&self, block: BlockNumber) -> AuditSeed {
        let hits = |seed: &AuditSeed| challenged(seed, &self.id, 1_000, &RULES()).is_some();
        let seed = (0..=255).map(|byte| AuditSeed([byte; 32])).find(hits).unwrap();
        self.scene.chain.set_seed(block, Some(seed));
        seed
    }

    async fn question(&self, challenge: Option<BlockNumber>) -> DisputeInfo<AccountId> {
        let client = &self.scene.client;
        self.scene.submit(client, Call::Dispute { contract: self.id, challenge }).await.unwrap();
        self.scene.chain.audit(self.id).await.unwrap().unwrap().dispute.unwrap()
    }

    fn signed(&self, block: BlockNumber, seed: &AuditSeed, proofs: Proofs) -> Answer {
        let payload = Answer::payload(&GENESIS, &self.id, block, seed, &proofs);
        Answer { proofs, signature: NodeSignature(self.scene.node.sign(&payload).to_bytes()) }
    }

    async fn score(&self) -> Score {
        self.scene.chain.provider(self.scene.miner.account()).await.unwrap().unwrap().score
    }

    async fn slashed(&self) -> Balance {
        self.scene.chain.balance(MemoryChain::SLASHED).await.unwrap().free
    }

    async fn bonded(&self, tracker: &Signer) -> TrackerInfo<AccountId> {
        self.scene.chain.tracker(tracker.account()).await.unwrap().unwrap()
    }
}

fn collateral() -> Balance {
    collateral_for(1_000, LX)
}

#[tokio::test]
async fn seeds_follow_from_the_blocks_number_until_a_test_says_otherwise() {
    let chain = MemoryChain::default();
    chain.advance(9);
    let seeds = chain.audit_seeds(7, 100).await.unwrap();
    assert_eq!(seeds.len(), 4, "blocks 7 to 10");
    // BLAKE2b-256 of "lunarx/memory-chain/seed" and 7 as a little-endian u32, by Python's hashlib.
    assert_eq!(seeds[0].unwrap().to_string(), GOLDEN);
    chain.set_seed(8, None);
    chain.set_seed(9, Some(AuditSeed([1; 32])));
    let set = chain.audit_seeds(7, 4).await.unwrap();
    assert_eq!(set, [seeds[0], None, Some(AuditSeed([1; 32])), seeds[3]]);
    chain.advance(RULES().seed_history - 3);
    assert_eq!(chain.audit_seeds(7, 2).await.unwrap(), [None, None], "too old");
    assert!(chain.audit_seeds(10, 1).await.unwrap()[0].is_some());
}

const GOLDEN: &str = "0x45cb722b5d081293a729d2d85f16044cff06e458ff198a08f5bc0805b701c90b";

#[tokio::test]
async fn a_tracker_bonds_with_its_node_and_leaves_after_the_delay() {
    let scene = Scene::new();
    let account = scene.miner.account();
    let refused = |call, error: &'static str| scene.dispatch(&scene.miner, call, "Trackers", error);
    refused(bond(9, account, BOND - 1), "BondTooSmall").await;
    refused(bond(9, scene.client.account(), BOND), "BadNodeSignature").await;
    refused(Call::Resume, "NotBonded").await;
    scene.by_miner(bond(9, account, BOND)).await.unwrap();
    refused(bond(9, account, BOND), "AlreadyBonded").await;
    scene.dispatch(&scene.client, bond(9, scene.client.account(), BOND), "Trackers", "NodeIdTaken").await;

    scene.by_miner(Call::TopUpBond { amount: LX }).await.unwrap();
    let keys = vec![NodeKey([1; 32]), NodeKey([2; 32])];
    scene.by_miner(Call::SetVerifiers { verifiers: keys.clone() }).await.unwrap();
    refused(Call::SetVerifiers { verifiers: [keys.clone(), keys.clone()].concat() }, "VerifierTwice").await;
    let tracker = scene.chain.tracker(account).await.unwrap().unwrap();
    assert_eq!((tracker.bond, &tracker.verifiers), (BOND + LX, &keys));
    assert_eq!(scene.chain.trackers().await.unwrap(), [tracker]);
    assert_eq!(scene.chain.rounds().await.unwrap()[0].members, [account]);
    refused(Call::Resume, "NotSuspended").await;

    refused(Call::WithdrawTracker, "NotLeaving").await;
    scene.by_miner(Call::ExitTracker).await.unwrap();
    assert!(scene.chain.rounds().await.unwrap()[0].members.is_empty());
    refused(Call::WithdrawTracker, "ExitDelayNotOver").await;
    scene.chain.advance(scene.chain.parameters().exit_delay);
    scene.by_miner(Call::WithdrawTracker).await.unwrap();
    assert_eq!((scene.free(&scene.miner).await, scene.held(&scene.miner).await), (FUNDS, 0));
}

#[tokio::test]
async fn two_of_three_seats_decide_and_the_rest_goes_back_once_it_is_final() {
    let audited = Audited::new().await;
    audited.go(18);
    let early = audited.say(0, 0, &[Valid]).await.unwrap_err();
    assert!(early.is_dispatch("Audits", "NothingCounted"), "the window is not over: {early}");
    audited.go(60);
    audited.say(0, 0, &[Valid, Valid, Valid]).await.unwrap();
    audited.say(1, 0, &[Valid, Offline, Silent]).await.unwrap();
    audited.say(2, 1, &[Offline]).await.unwrap();
    assert!(audited.say(0, 0, &[Silent]).await.is_err(), "words are not taken back");
    assert_eq!(audited.bonded(audited.holder(0).await).await.credits, 0, "before it is final");
    let audit = audited.scene.chain.audit(audited.id).await.unwrap().unwrap();
    assert_eq!((audit.first, audit.proven), (0, 0));
    let majorities: Vec<_> = audit.votes.iter().map(|votes| votes.majority()).collect();
    assert_eq!(majorities, [Some(Valid), Some(Offline), None]);

    audited.go(2 * 20 + FINAL - 2);
    audited.settle().await.unwrap();
    assert_eq!(audited.settled().await, (1, FEE));
    audited.go(2 * 20 + FINAL);
    let audit = audited.scene.chain.audit(audited.id).await.unwrap().unwrap();
    assert_eq!((audit.first, audit.proven, audit.votes.len()), (2, 0, 2));
    audited.settle().await.unwrap();
    assert_eq!(audited.settled().await, (2, FEE));
    assert_eq!(audited.contract().await.unwrap().escrow, 2 * FEE);
    assert_eq!(audited.score().await, Score { proven: 1, unproven: 1, ..Score::default() });
    assert!(audited.say(2, 0, &[Valid]).await.is_err(), "final");

    let tracker = audited.holder(0).await;
    let dues = audited.scene.chain.audit(audited.id).await.unwrap().unwrap().dues;
    assert_eq!(dues.latest, [1, 1, 0], "of the one window that is proven");
    audited.say(0, 0, &[]).await.unwrap();
    assert_eq!(audited.bonded(tracker).await.credits, FEE / 60);
    assert!(audited.say(0, 0, &[]).await.is_err(), "once");
    audited.scene.submit(tracker, Call::Claim).await.unwrap();
    assert_eq!(audited.bonded(tracker).await.credits, 0);
    audited.refused(tracker, Call::Claim, "NoCredits").await;
}

#[tokio::test]
async fn what_no_seat_says_is_as_the_test_says() {
    for (unspoken, paid) in [(Some(Valid), FEE), (Some(Offline), 0), (None, 0)] {
        let audited = Audited::new().await;
        audited.scene.chain.set_unspoken(unspoken);
        audited.go(20 + FINAL);
        audited.settle().await.unwrap();
        assert_eq!(audited.settled().await, (1, paid), "{unspoken:?}");
    }
}

#[tokio::test]
async fn a_seat_is_open_to_the_running_round_once_its_own_holder_is_late() {
    let audited = Audited::new().await;
    let old = audited.scene.chain.rounds().await.unwrap().remove(0);
    let newcomer = audited.scene.client.account();
    let start = audited.since + 21;
    let new = RoundDetails { round: 1, start, seed: AuditSeed([1; 32]), members: vec![newcomer] };
    audited.go(25);
    audited.scene.chain.set_rounds(vec![new, old.clone()]);
    let report = |window| {
        let verdicts = vec![Valid].try_into().unwrap();
        Call::Report { reports: vec![Report { contract: audited.id, window, verdicts }] }
    };
    audited.refused(&audited.scene.client, report(0), "NothingCounted").await;
    let first = audited.scene.chain.seats(&audited.id, audited.since).unwrap()[0];
    let first = audited.trackers.iter().find(|tracker| tracker.account() == first).unwrap();
    audited.scene.submit(first, report(0)).await.unwrap();
    audited.go(39);
    audited.scene.by_client(report(0)).await.unwrap();
    let votes = audited.scene.chain.audit(audited.id).await.unwrap().unwrap().votes[0];
    assert_eq!([0, 1, 2].map(|seat| votes.of(seat)), [Some(Valid); 3]);
    assert_eq!([0, 1, 2].map(|seat| votes.is_substituted(seat)), [false, true, true]);
    // Window 1 ended in the new round.
    audited.refused(first, report(1), "NothingCounted").await;
    audited.scene.by_client(report(1)).await.unwrap();
}

#[tokio::test]
async fn an_answer_proves_windows_that_are_not_final_and_gives_the_deposit_back() {
    let audited = Audited::new().await;
    let block = audited.since + 5;
    let seed = audited.challenge(block);
    audited.go(45);
    audited.say(0, 0, &[Silent, Offline]).await.unwrap();
    audited.say(1, 0, &[Silent, Offline]).await.unwrap();
    let before = audited.scene.free(&audited.scene.client).await;
    let dispute = audited.question(Some(block)).await;
    assert_eq!(audited.scene.free(&audited.scene.client).await, before - MemoryChain::DEPOSIT);
    assert_eq!(dispute.deadline, dispute.opened + RULES().return_within);
    assert!(dispute.positions.is_empty(), "they are drawn by blocks to come");
    let again = Call::Dispute { contract: audited.id, challenge: None };
    audited.refused(&audited.scene.miner, again, "AlreadyDisputed").await;

    audited.go(20 + FINAL + 5);
    let late = audited.settle().await.unwrap_err();
    assert!(late.is_dispatch("Contracts", "NothingDue"), "nothing is settled in dispute: {late}");
    let [open] = &audited.scene.chain.disputes().await.unwrap()[..] else { panic!("one dispute") };
    let seeds = audited.scene.chain.audit_seeds(open.opened + 1, 8).await.unwrap();
    let drawn =
        dispute_seed(open.opened, &seeds.into_iter().map(Option::unwrap).collect::<Vec<_>>()).unwrap();
    let named = challenged(&seed, &audited.id, 1_000, &RULES()).unwrap();
    assert_eq!(open.positions, [named, questioned(&drawn, &audited.id, 1_000, &RULES())].concat());

    let answer = |proofs| Call::Answer { contract: audited.id, opened: open.opened, proofs };
    audited.refused(&audited.scene.client, answer(proofs(48)), "NotMiner").await;
    for wrong in [proofs(47), damaged(48)] {
        audited.refused(&audited.scene.miner, answer(wrong), "WrongProofs").await;
    }
    audited.scene.by_miner(answer(proofs(48))).await.unwrap();
    assert_eq!(audited.scene.free(&audited.scene.client).await, before);
    audited.refused(&audited.scene.miner, answer(proofs(48)), "NotDisputed").await;
    audited.go(4 * 20 + FINAL);
    audited.settle().await.unwrap();
    // Window 0 was final before the answer; a majority saw the miner offline in window 1.
    assert_eq!(audited.contract().await, None);
    assert_eq!(audited.score().await, Score { proven: 2, unproven: 2, ..Score::default() });
}

#[tokio::test]
async fn silence_costs_the_collateral_and_an_accused_tracker_a_tenth_of_its_bond() {
    let audited = Audited::new().await;
    let block = audited.since + 5;
    let seed = audited.challenge(block);
    audited.go(20);
    for seat in 0..3 {
        audited.say(seat, 0, &[Valid]).await.unwrap();
    }
    let before = audited.scene.free(&audited.scene.client).await;
    let dispute = audited.question(Some(block)).await;
    let (honest, liar) = (audited.holder(0).await, audited.holder(1).await);
    let vouch = |proofs| Call::Vouch { contract: audited.id, answer: audited.signed(block, &seed, proofs) };
    audited.refused(&audited.scene.client, vouch(proofs(24)), "NotAccused").await;
    audited.refused(honest, vouch(damaged(24)), "WrongProofs").await;
    audited.scene.submit(honest, vouch(proofs(24))).await.unwrap();

    // Nothing that trackers say shortens its time.
    audited.go(40);
    audited.say(0, 1, &[Silent]).await.unwrap();
    audited.say(1, 1, &[Silent]).await.unwrap();
    let deadline = audited.scene.chain.disputes().await.unwrap()[0].deadline;
    assert_eq!(deadline, dispute.deadline);
    let resolve = Call::Resolve { contract: audited.id };
    audited.scene.chain.advance(deadline - audited.scene.chain.height() - 1);
    audited.refused(&audited.scene.client, resolve.clone(), "NotOver").await;
    let late = Call::Answer { contract: audited.id, opened: dispute.opened, proofs: proofs(48) };
    audited.refused(&audited.scene.miner, late, "TooLate").await;
    audited.scene.by_client(resolve).await.unwrap();

    assert_eq!(audited.contract().await, None);
    let tenth = collateral() / 10;
    assert_eq!(audited.scene.free(&audited.scene.client).await, before + 4 * FEE + tenth);
    assert_eq!(audited.slashed().await, collateral() - tenth + 2 * MemoryChain::LIE_FINE);
    assert_eq!(audited.score().await, Score { lost: 1, slashed: collateral(), ..Score::default() });
    let miner = audited.scene.chain.provider(audited.scene.miner.account()).await.unwrap().unwrap();
    assert_eq!((miner.collateral, miner.used), (10 * LX - collateral(), 0));
    assert_eq!(audited.bonded(honest).await.bond, BOND);
    let liar = audited.bonded(liar).await;
    assert_eq!((liar.bond, liar.state), (BOND - MemoryChain::LIE_FINE, TrackerState::Suspended));
}

#[tokio::test]
async fn a_wrong_answer_that_the_miner_signed_convicts_it_at_once() {
    let audited = Audited::new().await;
    let block = audited.since + 1;
    let seed = audited.challenge(block);
    audited.go(3);
    let finder = &audited.trackers[0];
    let convict = |block, answer| Call::Convict { contract: audited.id, block, answer };
    let wrong = audited.signed(block, &seed, damaged(24));
    audited.refused(finder, convict(block, audited.signed(block, &seed, proofs(24))), "RightAnswer").await;
    let forged = Answer { proofs: damaged(24), signature: NodeSignature([0; 64]) };
    audited.refused(finder, convict(block, forged), "BadSignature").await;
    audited.scene.chain.set_seed(block + 1, None);
    audited.refused(finder, convict(block + 1, wrong.clone()), "UnknownSeed").await;
    let before = audited.scene.free(finder).await;
    audited.scene.submit(finder, convict(block, wrong)).await.unwrap();
    assert_eq!(audited.scene.free(finder).await, before + collateral() / 10);
    assert_eq!(audited.contract().await, None);
    assert_eq!(audited.score().await.slashed, collateral());
    assert_eq!(audited.scene.held(&audited.scene.client).await, 0);
}

#[tokio::test]
async fn a_miner_that_surrenders_loses_half_and_the_opener_gets_its_deposit() {
    let audited = Audited::new().await;
    audited.question(None).await;
    let surrender = Call::Surrender { contract: audited.id };
    audited.refused(&audited.scene.client, surrender.clone(), "NotMiner").await;
    audited.scene.by_miner(surrender).await.unwrap();
    assert_eq!(
        audited.score().await,
        Score { lost: 1, slashed: collateral().div_ceil(2), ..Score::default() }
    );
    assert_eq!(audited.slashed().await, collateral().div_ceil(2));
    let client = &audited.scene.client;
    assert_eq!((audited.scene.free(client).await, audited.scene.held(client).await), (FUNDS, 0));
    assert!(audited.scene.chain.disputes().await.unwrap().is_empty());
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_refused() {
    let audited = Audited::new().await;
    let dispute = |challenge| Call::Dispute { contract: audited.id, challenge };
    let client = &audited.scene.client;
    audited.go(30);
    let block = audited.since + 7;
    audited.scene.chain.set_seed(block, None);
    audited.refused(client, dispute(Some(block)), "UnknownSeed").await;
    audited.refused(client, dispute(Some(audited.since - 1)), "NotChallenged").await;
    audited.refused(client, dispute(Some(audited.since + 70)), "UnknownSeed").await;
    let misses = |seed: &AuditSeed| challenged(seed, &audited.id, 1_000, &RULES()).is_none();
    let miss = (0..=255).map(|byte| AuditSeed([byte; 32])).find(misses);
    audited.scene.chain.set_seed(block, miss);
    audited.refused(client, dispute(Some(block)), "NotChallenged").await;
    audited.challenge(block);
    audited.go(RULES().seed_history + 7);
    audited.refused(client, dispute(Some(block)), "UnknownSeed").await;
    let unknown = Call::Dispute { contract: ContractId([1; 32]), challenge: None };
    audited.refused(client, unknown, "NotActive").await;
}

#[tokio::test]
async fn a_tracker_that_calls_a_disputed_window_valid_is_accused_too() {
    let audited = Audited::new().await;
    let block = audited.since + 5;
    let seed = audited.challenge(block);
    audited.go(20);
    audited.question(Some(block)).await;
    let tracker = audited.holder(0).await;
    let vouch = Call::Vouch { contract: audited.id, answer: audited.signed(block, &seed, proofs(24)) };
    audited.refused(tracker, vouch.clone(), "NotAccused").await;
    audited.say(0, 0, &[Valid]).await.unwrap();
    audited.scene.submit(tracker, vouch).await.unwrap();
    let liar = audited.holder(1).await;
    audited.say(1, 0, &[Valid]).await.unwrap();

    audited.scene.chain.set_housekeeping(true);
    audited.scene.chain.advance(RULES().return_within + 1);
    assert_eq!(audited.contract().await, None, "resolved by itself");
    assert_eq!(audited.bonded(tracker).await.bond, BOND);
    assert_eq!(audited.bonded(liar).await.bond, BOND - MemoryChain::LIE_FINE);
}

#[tokio::test]
async fn a_miner_that_lost_three_contracts_takes_no_more() {
    let scene = Scene::registered().await;
    for nonce in 1..=3 {
        let promise = scene.promise(Offer { nonce, ..scene.offer() });
        let contract = promise.offer.contract_id(&GENESIS);
        scene.by_client(Call::Open { promises: vec![promise] }).await.unwrap();
        scene.by_miner(Call::Accept { ids: vec![contract] }).await.unwrap();
        let watched: Watched<AccountId> =
            scene.chain.contract(contract).await.unwrap().unwrap().watched().unwrap();
        assert_eq!(watched.window, 20);
        scene.by_miner(Call::Surrender { contract }).await.unwrap();
    }
    scene.refused(scene.promise(Offer { nonce: 4, ..scene.offer() }), "Contracts", "MinerNotAccepting").await;
    let miner = scene.chain.provider(scene.miner.account()).await.unwrap().unwrap();
    assert_eq!((miner.score.lost, miner.score.slashed), (3, 3 * LX / 2));
}
