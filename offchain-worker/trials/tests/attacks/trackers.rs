//! Those who judge: paid to lie for and against, false accusers, and one that vanishes.

use crate::world::{
    assert_paid, assert_refunded, bytes_of, collateral, eventually, fee, pieces, signed, tracker, Peer,
    World, WINDOW,
};
use lunarx_chain::{Call, Chain};
use lunarx_core::{NodeKey, NodeSignature, Verdict, LX};
use lunarx_network::{NodeSecret, TaskOutcome, TaskResult};
use lunarx_proof::Answer;
use std::time::Duration;

/// Of the runtime, for a seat that called a window valid and cannot show the answer.
const FINE: u128 = 100 * LX;

/// A verifier of all three trackers says the same of every task.
async fn bribed(world: &World, secret: &NodeSecret, outcome: TaskOutcome) {
    for number in 1..=3 {
        let (peer, key) = (Peer::new(&world.chain, secret.clone()), world.tracker(number).node_key());
        peer.network.add_addresses(key, world.tracker(number).addresses().to_vec()).await;
        let named = async || peer.network.tasks(key, 1).await.is_ok();
        eventually("the verifier is known", named).await;
        tokio::spawn(lie(peer, key, outcome.clone()));
    }
}

/// Until it gets no more work.
async fn lie(peer: Peer, tracker: NodeKey, outcome: TaskOutcome) {
    while let Ok(tasks) = peer.network.tasks(tracker, 64).await {
        for task in tasks {
            let (contract, block, outcome) = (task.contract, task.block, outcome.clone());
            // Refused where the tracker knows better.
            let _ = peer.network.result(tracker, TaskResult { contract, block, outcome }).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verifier_paid_to_lie_against_a_miner() {
    let liar = NodeSecret::generate();
    let world = World::with_verifiers(3, vec![liar.node_key()]).await;
    bribed(&world, &liar, TaskOutcome::Refused).await;
    let honest = world.honest(1).await;
    let ledger = world.ledger(&[("honest", honest.account())]).await;
    let kept = honest.keep(&world, &pieces(), 3).await;
    world.closed(kept.id).await;
    let books = ledger.close("verifier paid to lie against a miner").await;
    assert_paid(books.gain("honest"), 3, bytes_of(&pieces()));
    assert_eq!(books.gain("client"), -3 * fee(bytes_of(&pieces())));
}

#[tokio::test(flavor = "multi_thread")]
async fn verifier_paid_to_lie_for_a_miner() {
    let liar = NodeSecret::generate();
    let world = World::with_verifiers(3, vec![liar.node_key()]).await;
    let nothing = Answer { proofs: Default::default(), signature: NodeSignature([0; 64]) };
    bribed(&world, &liar, TaskOutcome::Answered(nothing)).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(&world, 100).await;
    cheat.script.lose_all();
    world.convicted(id).await;
    let books = ledger.close("verifier paid to lie for a miner").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes_of(&pieces())));
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
    let fined = ["tracker 1", "tracker 2", "tracker 3"].iter().any(|name| books.gain(name) < 0);
    assert!(!fined, "a tracker that looks itself loses nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn tracker_paid_to_lie_for_a_miner() {
    let world = World::with_liars(2, 1).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(&world, 100).await;
    cheat.script.lose_all();
    let liar = world.lie(3, id, Verdict::Valid);
    world.convicted(id).await;
    liar.await.unwrap();
    let books = ledger.close("tracker paid to lie for a miner").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes_of(&pieces())));
    assert_eq!(books.gain("tracker 3"), -signed(FINE), "it cannot show an answer that there never was");
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
}

#[tokio::test(flavor = "multi_thread")]
async fn false_accusation() {
    const WINDOWS: u32 = 3;
    let world = World::with_liars(2, 1).await;
    let honest = world.honest(1).await;
    let kept = honest.keep(&world, &pieces(), WINDOWS).await;
    let ledger = world.ledger(&[("honest", honest.account())]).await;
    let liar = world.lie(3, kept.id, Verdict::Silent);
    let challenge = Some(world.first_challenge(kept.id, kept.since).await);
    world.submit(&tracker(3), Call::Dispute { contract: kept.id, challenge }).await;
    eventually("the miner answers", async || world.dispute(kept.id).await.is_none()).await;
    world.closed(kept.id).await;
    liar.await.unwrap();
    let books = ledger.close("false accusation by one seat").await;
    let paid = -books.gain("tracker 3");
    assert!(paid > 0, "the accuser pays the answer");
    // A twentieth of the fees is the trackers', so what the liar lost is the answer less its share at most.
    let bytes = bytes_of(&pieces());
    assert!(books.gain("honest") >= i128::from(WINDOWS) * fee(bytes) * 19 / 20 + paid - 1);
    assert_eq!(books.gain("client"), -i128::from(WINDOWS) * fee(bytes));
    let score = world.chain.provider(honest.account()).await.unwrap().unwrap().score;
    assert_eq!((score.proven, score.unproven, score.slashed), (3, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn false_accusation_by_two_seats_of_three() {
    const WINDOWS: u32 = 2;
    let world = World::with_liars(1, 2).await;
    let honest = world.honest(1).await;
    let kept = honest.keep(&world, &pieces(), WINDOWS).await;
    let ledger = world.ledger(&[("honest", honest.account())]).await;
    let liars = [world.lie(2, kept.id, Verdict::Silent), world.lie(3, kept.id, Verdict::Silent)];
    eventually("both say that it is silent", async || {
        let silent = world.votes(kept.id, WINDOWS - 1).await;
        silent.iter().filter(|said| **said == Some(Verdict::Silent)).count() == 2
    })
    .await;
    // Its operator has it asked on chain: its worker answers, and the windows are proven.
    world.submit(&honest.signer, Call::Dispute { contract: kept.id, challenge: None }).await;
    world.closed(kept.id).await;
    for liar in liars {
        liar.await.unwrap();
    }
    let books = ledger.close("false accusation by two seats of three").await;
    assert_paid(books.gain("honest"), WINDOWS, bytes_of(&pieces()));
    assert_eq!(books.gain("client"), -i128::from(WINDOWS) * fee(bytes_of(&pieces())));
    let score = world.chain.provider(honest.account()).await.unwrap().unwrap().score;
    assert_eq!((score.unproven, score.lost), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tracker_vanishing() {
    const WINDOWS: u32 = 4;
    let mut world = World::new(3).await;
    let honest = world.honest(1).await;
    let ledger = world.ledger(&[("honest", honest.account())]).await;
    let kept = honest.keep(&world, &pieces(), WINDOWS).await;
    world.chain.reach(kept.since + WINDOW / 2).await;
    world.vanish(3).await;
    world.closed(kept.id).await;
    let books = ledger.close("tracker vanishing").await;
    assert_paid(books.gain("honest"), WINDOWS, bytes_of(&pieces()));
    assert_eq!(books.gain("client"), -i128::from(WINDOWS) * fee(bytes_of(&pieces())));
    assert_eq!(books.gain("tracker 3"), 0, "no work, no pay; and no fine");
}
