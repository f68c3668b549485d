//! Answers of another time or place: replayed, late, fetched from elsewhere.

use crate::{
    rogue::{Conduct, Rogue},
    world::{assert_refunded, bytes_of, collateral, eventually, fee, len, pieces, World},
};
use lunarx_chain::{Call, Chain};
use lunarx_core::ContractId;
use lunarx_trials::Ledger;

const WINDOWS: u32 = 100;

/// A cheat that answered once, and then deleted all.
async fn deleted_after_an_answer(world: &World) -> (Rogue, Ledger, ContractId) {
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(world, WINDOWS).await;
    eventually("it answers a challenge", async || cheat.script.last().is_some()).await;
    cheat.script.lose_all();
    (cheat, ledger, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_proof() {
    let world = World::new(3).await;
    let (cheat, ledger, id) = deleted_after_an_answer(&world).await;
    cheat.script.set(Conduct::Replaying);
    let opened = world.disputed(id).await.opened;
    // On chain too.
    let old = Call::Answer { contract: id, opened, proofs: cheat.script.last().unwrap().proofs };
    let refused = world.chain.submit(&cheat.signer, old).await.unwrap_err();
    assert!(refused.is_dispatch("Audits", "WrongProofs"), "{refused}");
    world.convicted(id).await;
    let books = ledger.close("replayed proof").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes_of(&pieces())));
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_proof_signed_anew() {
    let world = World::new(3).await;
    let (cheat, ledger, id) = deleted_after_an_answer(&world).await;
    cheat.script.set(Conduct::Resigning);
    world.closed(id).await;
    let books = ledger.close("replayed proof, signed anew").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes_of(&pieces())), "convicted at once");
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
}

#[tokio::test(flavor = "multi_thread")]
async fn late_proof() {
    let world = World::new(3).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(&world, WINDOWS).await;
    // It has everything, and answers after every time that there is.
    cheat.script.set(Conduct::Late(u32::MAX / 2));
    let dispute = world.disputed(id).await;
    let proofs = cheat.script.proofs(&dispute.positions).0;
    world.chain.hurry_to(dispute.deadline).await;
    let answer = Call::Answer { contract: id, opened: dispute.opened, proofs };
    let refused = world.chain.submit(&cheat.signer, answer).await.unwrap_err();
    assert!(["TooLate", "NotDisputed"].iter().any(|why| refused.is_dispatch("Audits", why)), "{refused}");
    world.closed(id).await;
    let books = ledger.close("late proof").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes_of(&pieces())));
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
}

#[tokio::test(flavor = "multi_thread")]
async fn fetched_from_elsewhere() {
    let world = World::new(3).await;
    let (cheat, other) = (world.rogue(1, pieces()).await, world.rogue(2, pieces()).await);
    cheat.knows(&other).await;
    let ledger = world.ledger(&[("cheat", cheat.account()), ("accomplice", other.account())]).await;
    let (id, since) = cheat.contract(&world, 400).await;
    cheat.script.lose_all();
    cheat.script.set(Conduct::Fetching(other.key()));
    world.settle(&cheat.signer, id);
    // As long as somebody keeps the bytes, the service is given, and paid like any other.
    let paid = async || world.contract(id).await.unwrap().paid;
    eventually("windows are paid", async || paid().await > 0).await;
    let challenges = world.challenges(id, since..world.chain.height()).await.len();
    let fetched = cheat.script.fetched();
    println!("{challenges} challenges, {fetched} bytes fetched for them, {} stored", bytes_of(&pieces()));
    assert!(fetched >= len(&pieces()[0]));
    // And no longer.
    other.away().await;
    let dispute = world.disputed(id).await;
    let windows = i128::from((dispute.opened - since) / crate::world::WINDOW);
    world.convicted(id).await;
    let books = ledger.close("fetched from elsewhere").await;
    let bytes = bytes_of(&pieces());
    assert!(books.gain("cheat") < 0);
    assert!(books.gain("cheat") + collateral(bytes) <= windows * fee(bytes), "paid for the service alone");
    assert_eq!(books.gain("accomplice"), 0);
    assert!(world.chain.disputes().await.unwrap().is_empty());
}
