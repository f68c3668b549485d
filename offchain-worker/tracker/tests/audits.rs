//! Windows from the challenge to the verdict, with honest, silent, lying and absent miners.

mod world;

use lunarx_chain::{Call, Chain};
use lunarx_core::{AuditSeed, NodeSignature, RoundDetails, TrackerState, Verdict};
use lunarx_proof::Answer;
use world::{eventually, within, Mode, World};

const WINDOW: u32 = 20;
const THREE: [&str; 3] = ["Ada", "Bob", "Cid"];

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_miner_is_called_valid_by_three_trackers() {
    let world = World::new(WINDOW, &THREE).await;
    let (ada, bob, cid) = (world.start("Ada").await, world.start("Bob").await, world.start("Cid").await);
    let (id, since) = world.open().await;
    world.advance_to(since + WINDOW + WINDOW / 2);
    world.all_say(Verdict::Valid, id, 0).await;
    let due = world.challenges(id, since..since + WINDOW).await;
    assert!(!due.is_empty());
    for tracker in [&ada, &bob, &cid] {
        for block in &due {
            assert!(world.script.asked.lock().unwrap().contains(&(tracker.node_key(), *block)), "{block}");
        }
    }
    eventually("heartbeats come", async || *world.script.beats.lock().unwrap() > 0).await;
    assert!(world.chain.disputes().await.unwrap().is_empty());
    world
        .advance_until("the pay is drawn and claimed", async || {
            let audit = world.chain.audit(id).await.unwrap().unwrap();
            let trackers = world.chain.trackers().await.unwrap();
            audit.first > 0
                && audit.dues.rounds().next().is_none()
                && trackers.iter().all(|one| one.credits == 0)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_miner_is_disputed_and_loses_the_contract() {
    let world = World::new(WINDOW, &THREE).await;
    let _trackers = [world.start("Ada").await, world.start("Bob").await, world.start("Cid").await];
    *world.script.mode.lock().unwrap() = Mode::Silent;
    let (id, since) = world.open().await;
    world.advance_to(since + WINDOW + 3 * WINDOW / 4);
    world.all_say(Verdict::Silent, id, 0).await;
    assert!(world.chain.disputes().await.unwrap().is_empty(), "the seats still have time");
    world.advance_to(since + 2 * WINDOW + WINDOW / 2);
    eventually("somebody disputes", async || !world.chain.disputes().await.unwrap().is_empty()).await;
    let dispute = world.chain.disputes().await.unwrap().remove(0);
    let due = world.challenges(id, since..since + WINDOW).await;
    assert!(dispute.standing.is_seat() && dispute.challenge.is_some_and(|block| due.contains(&block)));
    world.advance_to(dispute.deadline);
    world
        .advance_until("the contract is closed as faulty", async || {
            world.chain.contract(id).await.unwrap().is_none()
        })
        .await;
    let miner = world.chain.provider(world.miner.account()).await.unwrap().unwrap();
    assert_eq!(miner.score.lost, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_convicts() {
    let world = World::new(WINDOW, &["Ada"]).await;
    let _tracker = world.start("Ada").await;
    *world.script.mode.lock().unwrap() = Mode::Lying;
    let (id, since) = world.open().await;
    world.advance_to(since + WINDOW - 1);
    world
        .advance_until("the contract is closed", async || world.chain.contract(id).await.unwrap().is_none())
        .await;
    let miner = world.chain.provider(world.miner.account()).await.unwrap().unwrap();
    assert_eq!(miner.score.lost, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_miner_is_offline_and_answers_what_is_due_when_it_is_back() {
    let mut world = World::new(WINDOW, &THREE).await;
    let _trackers = [world.start("Ada").await, world.start("Bob").await, world.start("Cid").await];
    let (id, since) = world.open().await;
    let address = world.go_away().await;
    let end = since + WINDOW;
    world.advance_to(end + 3 * WINDOW / 4);
    world.all_say(Verdict::Offline, id, 0).await;
    assert!(world.chain.disputes().await.unwrap().is_empty(), "absence is not silence");
    let due = world.challenges(id, since..end).await;
    assert!(!due.is_empty() && world.script.blocks_asked().is_empty());

    world.come_back(address).await;
    world.advance_to(end + WINDOW + WINDOW / 2);
    eventually("what is due is asked for", async || {
        let asked = world.script.blocks_asked();
        due.iter().all(|block| asked.contains(block))
    })
    .await;
    world.advance_to(end + WINDOW + 3 * WINDOW / 4);
    world.all_say(Verdict::Offline, id, 1).await;
    // Heartbeats come at random, and the first of window 2 may have come before it could be reached.
    world
        .advance_until("a window after its return is valid", async || {
            let audit = world.chain.audit(id).await.unwrap().unwrap();
            assert!(audit.dispute.is_none(), "absence is not silence");
            audit.votes.iter().any(|votes| [0, 1, 2].map(|seat| votes.of(seat)) == [Some(Verdict::Valid); 3])
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_hides_what_is_due_is_not_called_valid_again() {
    let mut world = World::new(WINDOW, &["Ada"]).await;
    let _tracker = world.start("Ada").await;
    let (id, since) = world.open().await;
    let address = world.go_away().await;
    let end = since + WINDOW;
    world.advance_to(end + 3 * WINDOW / 4);
    world.all_say(Verdict::Offline, id, 0).await;
    // It is back, and lost what window 0 asks for. Blocks from window 2 on challenge nobody.
    *world.script.mode.lock().unwrap() = Mode::Silent;
    (end + WINDOW..end + 4 * WINDOW).for_each(|block| world.chain.set_seed(block, None));
    world.come_back(address).await;
    world.advance_to(end + 2 * WINDOW);
    eventually("it is asked", async || !world.script.blocks_asked().is_empty()).await;
    world.advance_to(end + 2 * WINDOW + 3 * WINDOW / 4);
    world.all_say(Verdict::Silent, id, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_no_window_and_asks_little_twice() {
    let world = World::new(WINDOW, &["Ada"]).await;
    let tracker = world.start("Ada").await;
    let (id, since) = world.open().await;
    world.advance_to(since + WINDOW - 1);
    let due = world.challenges(id, since..since + WINDOW).await;
    eventually("all is asked", async || world.script.blocks_asked() == due).await;
    within(tracker.stop()).await.unwrap();
    world.advance_to(since + WINDOW + WINDOW / 2);
    let _tracker = world.start("Ada").await;
    world.all_say(Verdict::Valid, id, 0).await;
    let asked = world.script.asked.lock().unwrap().clone();
    let again = asked.iter().filter(|(_, block)| due.contains(block)).count() - due.len();
    // The answers under way when it stopped: two at most are asked of one miner at once.
    assert!(again <= 2, "{again} of {} were asked for again", due.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_was_away_for_windows_reports_what_is_open() {
    let world = World::new(WINDOW, &["Ada"]).await;
    world.start("Ada").await.stop().await.unwrap();
    let (id, since) = world.open().await;
    world.advance_to(since + 2 * WINDOW + WINDOW / 2);
    let _tracker = world.start("Ada").await;
    world.all_say(Verdict::Valid, id, 0).await;
    world.all_say(Verdict::Valid, id, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_round_takes_over_the_seat_of_a_vanished_tracker() {
    let world = World::new(WINDOW, &THREE).await;
    let _trackers = [world.start("Ada").await, world.start("Bob").await];
    world.bond_idle("Cid").await;
    let all: Vec<_> = THREE.iter().map(|name| world.signer(name).account()).collect();
    let round = RoundDetails { round: 0, start: 0, seed: AuditSeed([3; 32]), members: all.clone() };
    world.chain.set_rounds(vec![round.clone()]);
    let (id, since) = world.open().await;
    world.advance_to(since + WINDOW + WINDOW / 2);
    let seats = world.chain.seats(&id, since + WINDOW).unwrap();
    let empty = seats.iter().position(|holder| *holder == all[2]).unwrap();
    let mut expected = [Some(Verdict::Valid); 3];
    expected[empty] = None;
    eventually("two judge", async || world.votes(id, 0).await == expected).await;

    let start = world.chain.height();
    let members = all[..2].to_vec();
    let next = RoundDetails { round: 1, start, seed: AuditSeed([4; 32]), members };
    world.chain.set_rounds(vec![next, round]);
    world.advance_to(since + 2 * WINDOW + 1);
    world.all_say(Verdict::Valid, id, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accused_tracker_shows_what_it_saw() {
    let world = World::new(WINDOW, &["Ada"]).await;
    let _tracker = world.start("Ada").await;
    let (id, since) = world.open().await;
    world.advance_to(since + WINDOW + WINDOW / 2);
    world.all_say(Verdict::Valid, id, 0).await;
    let before = world.chain.tracker(world.signer("Ada").account()).await.unwrap().unwrap();
    assert_eq!(before.state, TrackerState::Active);
    let challenge = Some(world.challenges(id, since..since + WINDOW).await[0]);
    world.chain.submit(&world.client, Call::Dispute { contract: id, challenge }).await.unwrap();
    world.chain.advance(1);
    // While it is accused, a worthless answer is refused for being one.
    let nothing = Answer { proofs: Default::default(), signature: NodeSignature([0; 64]) };
    let vouch = Call::Vouch { contract: id, answer: nothing };
    eventually("it vouches", async || {
        let error = world.chain.submit(&world.signer("Ada"), vouch.clone()).await.unwrap_err();
        error.is_dispatch("Audits", "NotAccused")
    })
    .await;
    // The miner gives up: whoever did not vouch would be fined.
    world.chain.submit(&world.miner, Call::Surrender { contract: id }).await.unwrap();
    let after = world.chain.tracker(world.signer("Ada").account()).await.unwrap().unwrap();
    assert_eq!(after.bond, before.bond);
}
