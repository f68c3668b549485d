//! Data that is there, and is not given: to some, to its owner. And questions without end.

use crate::{
    rogue::{fetch, Conduct},
    world::{
        assert_paid, bytes_of, collateral, eventually, fee, pieces, sample, signed, signer, tracker, within,
        World, WINDOW,
    },
};
use lunarx_chain::{Call, Chain};
use lunarx_core::{Balance, ContractId, LX};
use lunarx_network::NetworkError;
use lunarx_trials::{Books, Ledger};
use std::collections::BTreeMap;

const WINDOWS: u32 = 4;
/// What an answer of 48 chunks costs at most.
const ANSWER: Balance = LX / 10;
/// What an answer costs its miner beyond what it is paid: the base fee, and the bytes around the proofs.
const ROUNDING: Balance = LX / 1_000;

/// A cheat that has everything, is silent to some trackers and answers every question on chain. Gives the books
/// and how many questions each tracker put.
async fn silent_to(title: &'static str, trackers: &[usize], windows: u32) -> (World, Books, [usize; 3]) {
    let world = World::new(3).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let deaf = trackers.iter().map(|number| world.tracker(*number).node_key()).collect();
    cheat.script.set(Conduct::SilentTo(deaf));
    let (id, since) = cheat.contract(&world, windows).await;
    cheat.answer_disputes(&world.chain, id);
    world.closed(id).await;
    let books = ledger.close(title).await;
    let calls = world.chain.calls();
    let by = |number| {
        let asked = |(by, call): &&(_, Call)| {
            *by == tracker(number).account() && matches!(call, Call::Dispute { .. })
        };
        calls.iter().filter(asked).count()
    };
    let questions = [1, 2, 3].map(by);
    println!("questions of the trackers in {} blocks: {questions:?}", world.chain.height() - since);
    (world, books, questions)
}

#[tokio::test(flavor = "multi_thread")]
async fn selective_refusal_makes_no_tracker_pay() {
    let (world, books, questions) =
        silent_to("selective refusal: silent to one seat of three", &[3], WINDOWS).await;
    assert_eq!(questions, [0; 3], "the others call the windows valid");
    let bytes = bytes_of(&pieces());
    assert_eq!(books.gain("client"), -i128::from(WINDOWS) * fee(bytes), "the client pays for what it got");
    assert_paid(books.gain("cheat"), WINDOWS, bytes);
    assert!(books.gain("tracker 3") >= 0);
    let bond = world.chain.tracker(tracker(3).account()).await.unwrap().unwrap().bond;
    assert_eq!(bond, 1_000 * LX, "nobody is fined");
}

/// It is asked once, and no more for a day: the windows after that are not paid.
#[tokio::test(flavor = "multi_thread")]
async fn silent_to_all_trackers() {
    const WINDOWS: u32 = 12;
    let (_, books, questions) =
        silent_to("silent to all trackers, answers on chain", &[1, 2, 3], WINDOWS).await;
    let questions: usize = questions.iter().sum();
    assert_eq!(questions, 1);
    let (bytes, windows) = (bytes_of(&pieces()), i128::from(WINDOWS));
    assert!(books.gain("client") > -windows * fee(bytes), "it is not paid for all windows");
    let lost: i128 = ["tracker 1", "tracker 2", "tracker 3"].map(|name| -books.gain(name)).iter().sum();
    assert!(lost > 0 && lost <= signed(ANSWER), "the trackers pay one answer: {lost}");
    // What it got beyond the windows that the answer proved is what the answer is paid, less than it cost.
    let pay = books.gain("cheat") + books.gain("client");
    assert!(pay <= signed(books.fees("cheat")), "{pay}");
}

/// A cheat that lost a chunk has an accomplice put one question after the other, most of which it can answer, so
/// that no tracker can name the challenge that it missed.
#[tokio::test(flavor = "multi_thread")]
async fn accomplice_that_keeps_a_question_open() {
    let world = World::new(3).await;
    let (cheat, eve) = (world.rogue(1, pieces()).await, signer("Eve"));
    let parties = [("cheat", cheat.account()), ("accomplice", eve.account())];
    let ledger = world.ledger(&parties).await;
    let (id, since) = cheat.contract(&world, 400).await;
    cheat.script.lose(57, 1_000);
    world.settle(&cheat.signer, id);
    cheat.answer_disputes(&world.chain, id);
    let chain = world.chain.clone();
    let questions = tokio::spawn(async move {
        let mut asked = 0;
        while chain.contract(id).await.is_ok_and(|info| info.is_some()) {
            // Refused while one is open.
            let question = Call::Dispute { contract: id, challenge: None };
            asked += u32::from(chain.submit(&eve, question).await.is_ok());
        }
        asked
    });
    let seated = async || world.dispute(id).await.filter(|dispute| dispute.standing.is_seat());
    eventually("a seat's question takes the place", async || seated().await.is_some()).await;
    let dispute = seated().await.expect("the cheat cannot answer it");
    let windows = i128::from((dispute.opened - since) / WINDOW);
    world.convicted(id).await;
    let books = ledger.close("an accomplice keeps a question open").await;
    println!(
        "{} questions of the accomplice; convicted after {windows} windows",
        within(questions).await.unwrap()
    );
    let bytes = bytes_of(&pieces());
    let paid = -books.gain("client");
    assert!((0..=windows * fee(bytes)).contains(&paid), "the client pays windows before, at most: {paid}");
    let gain = books.gain("cheat") + books.gain("accomplice");
    assert!(gain <= paid - collateral(bytes) && gain < 0, "the cheat loses its collateral: {gain}");
    let found: i128 = ["tracker 1", "tracker 2", "tracker 3"].map(|name| books.gain(name)).iter().sum();
    assert!(found >= collateral(bytes) / 10, "who asked has a tenth: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostage() {
    let world = World::new(3).await;
    // Three chunks.
    let data = sample(5, 3_000);
    let cheat = world.rogue(1, vec![data.clone()]).await;
    let (id, _) = cheat.contract(&world, 100).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    cheat.script.serve_reads(false);
    let (peer, entry) = (world.peer(), cheat.script.entries()[0]);
    peer.network.add_addresses(cheat.key(), vec![cheat.address.clone()]).await;
    assert!(within(fetch(&peer.network, cheat.key(), entry)).await.is_none(), "it is held back");

    let (mut chunks, mut questions) = (BTreeMap::new(), 0);
    while chunks.len() < 3 {
        world.submit(&world.client, Call::Dispute { contract: id, challenge: None }).await;
        let positions = world.disputed(id).await.positions;
        cheat.answer_dispute(&world, id).await.unwrap();
        let proofs = last_answer(&world, id);
        chunks.extend(positions.iter().map(|at| at / 1024).zip(proofs));
        questions += 1;
    }
    let rescued: Vec<u8> = chunks.into_values().flatten().collect();
    assert!(rescued == data, "the client has it back, read from the chain");
    let books = ledger.close("hostage, given up on chain").await;
    println!("{questions} questions of 24 chunks each");
    // What it is paid for answers is less than they cost it; not much less, for the honest answer too.
    let left = signed(books.fees("cheat")) - books.gain("cheat");
    assert!(left > 0 && left < questions * signed(ROUNDING), "{left} LX-units are not paid back");
    assert_eq!(books.gain("client"), -books.gain("cheat"), "the client pays the answers, and nobody else");
}

/// The chunks that the last answer on chain gave up.
fn last_answer(world: &World, id: ContractId) -> Vec<Vec<u8>> {
    let calls = world.chain.calls();
    let answer = calls.iter().rev().find_map(|(_, call)| match call {
        Call::Answer { contract, proofs, .. } if *contract == id => Some(proofs.clone()),
        _ => None,
    });
    answer.unwrap().iter().map(|proof| proof.chunk.to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_challenges() {
    let world = World::new(3).await;
    let (honest, eve) = (world.honest(1).await, signer("Eve"));
    let parties = [("honest", honest.account()), ("flooder", eve.account())];
    let kept = honest.keep(&world, &pieces(), WINDOWS).await;
    let ledger = Ledger::open(&world.chain, &parties).await;
    // Over the network: what is due, again and again, and what is not.
    let (peer, key, id) = (world.peer(), honest.worker().node_key(), kept.id);
    peer.network.add_addresses(key, honest.worker().addresses().to_vec()).await;
    let since = kept.since;
    let flood = tokio::spawn(async move {
        for number in 0..2_000u32 {
            let contract = if number % 2 == 0 { id } else { ContractId([7; 32]) };
            match peer.network.prove(key, contract, since + number % 80).await {
                Ok(_) | Err(NetworkError::Refused { .. }) => {}
                // Cut off: that is an answer too.
                Err(_) => return,
            }
        }
    });
    // On chain: one question after the other.
    for _ in 0..3 {
        world.submit(&eve, Call::Dispute { contract: id, challenge: None }).await;
        let twice = world.chain.submit(&eve, Call::Dispute { contract: id, challenge: None }).await;
        assert!(twice.is_err_and(|error| error.is_dispatch("Audits", "AlreadyDisputed")));
        eventually("the miner answers", async || world.dispute(id).await.is_none()).await;
    }
    let after = ledger.close("flood of challenges: three questions on chain").await;
    assert!(after.gain("flooder") < 0);
    assert_eq!(after.gain("honest"), -after.gain("flooder"), "the flooder pays the answers");
    world.closed(id).await;
    within(flood).await.unwrap();
    let books = ledger.close("flood of challenges").await;
    assert_paid(books.gain("honest") - after.gain("honest"), WINDOWS, bytes_of(&pieces()));
    let score = world.chain.provider(honest.account()).await.unwrap().unwrap().score;
    assert_eq!((score.proven, score.unproven, score.lost), (4, 0, 0));
}
