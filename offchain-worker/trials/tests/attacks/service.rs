//! Data that is there, and is not given: to some, to its owner. And questions without end.

use crate::{
    rogue::{fetch, Conduct},
    world::{assert_paid, bytes_of, eventually, fee, pieces, sample, signed, signer, tracker, within, World},
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

/// What came of a miner that has everything, and is silent to one seat of three.
struct Refusal {
    books: Books,
    /// Questions that the refused tracker put on chain.
    questions: usize,
}

async fn refuse_one_seat() -> Refusal {
    let world = World::new(3).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    cheat.script.set(Conduct::SilentTo([world.tracker(3).node_key()].into()));
    let (id, since) = cheat.contract(&world, WINDOWS).await;
    cheat.answer_disputes(&world.chain, id);
    world.closed(id).await;
    let books = ledger.close("selective refusal: silent to one seat of three").await;
    let asked = world.chain.calls().into_iter().filter(|(_, call)| matches!(call, Call::Dispute { .. }));
    let by: Vec<_> = asked.map(|(by, _)| by).collect();
    assert!(by.iter().all(|account| *account == tracker(3).account()), "only the refused one asks");
    let bond = world.chain.tracker(tracker(3).account()).await.unwrap().unwrap().bond;
    assert_eq!(bond, 1_000 * LX, "nobody is fined");
    println!("{} questions in {} blocks", by.len(), world.chain.height() - since);
    Refusal { books, questions: by.len() }
}

#[tokio::test(flavor = "multi_thread")]
async fn selective_refusal() {
    let Refusal { books, questions } = refuse_one_seat().await;
    let bytes = bytes_of(&pieces());
    assert_eq!(books.gain("client"), -i128::from(WINDOWS) * fee(bytes), "the client pays for what it got");
    assert!(questions <= 1, "one a day at most");
    // Beside its pay it gets what the answer is paid, which is less than the answer cost it.
    let answers = books.gain("cheat") - (i128::from(WINDOWS) * fee(bytes) * 19 / 20);
    assert!((-4..signed(books.fees("cheat"))).contains(&answers), "{answers}");
    let loss = -books.gain("tracker 3");
    assert!(loss <= i128::try_from(questions).unwrap() * signed(ANSWER), "{loss}");
}

/// As `docs/audits.md` has it: a tracker asks on chain only where no majority calls the window valid.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "does not hold yet: the refused tracker puts a question on chain, and pays its answer"]
async fn selective_refusal_makes_no_tracker_pay() {
    let Refusal { books, questions } = refuse_one_seat().await;
    assert_eq!(questions, 0);
    assert!(books.gain("tracker 3") >= 0);
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
        Call::Answer { contract, proofs } if *contract == id => Some(proofs.clone()),
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
