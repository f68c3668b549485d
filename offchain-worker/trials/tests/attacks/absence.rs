//! A miner that is offline, honestly, and comes back.

use crate::world::{assert_paid, bytes_of, eventually, fee, pieces, World, WINDOW};
use lunarx_chain::{Call, Chain};
use lunarx_core::Verdict;

#[tokio::test(flavor = "multi_thread")]
async fn offline_and_back() {
    const WINDOWS: u32 = 12;
    const DOWN: u32 = 3;
    let world = World::new(3).await;
    let mut honest = world.honest(1).await;
    assert!(honest.path().exists());
    let ledger = world.ledger(&[("honest", honest.account())]).await;
    let kept = honest.keep(&world, &pieces(), WINDOWS).await;
    let down = kept.since + 2 * WINDOW;
    world.chain.reach(down).await;
    honest.go().await;
    // Somebody asks it on chain meanwhile: it has time.
    world.chain.reach(down + WINDOW).await;
    world.submit(&world.client, Call::Dispute { contract: kept.id, challenge: None }).await;
    eventually("it is seen to be offline", async || {
        world.votes(kept.id, 2).await.iter().filter(|said| **said == Some(Verdict::Offline)).count() >= 2
    })
    .await;
    world.chain.reach(down + DOWN * WINDOW).await;
    let away = world.chain.height() - down;
    honest.come_back(&world).await;
    eventually("it answers", async || world.dispute(kept.id).await.is_none()).await;
    let answered = world.chain.calls().iter().any(|(_, call)| matches!(call, Call::Answer { .. }));
    assert!(answered, "by an answer, not by a conviction");
    world.closed(kept.id).await;
    let books = ledger.close("offline and back").await;
    let score = world.chain.provider(honest.account()).await.unwrap().unwrap().score;
    println!("away for {away} blocks of {WINDOW} a window: {} of {WINDOWS} windows unpaid", score.unproven);
    assert_eq!((score.lost, score.slashed), (0, 0), "absence is no loss");
    // The windows in which it was away, and those before and after of which it missed a part.
    assert!(score.unproven >= 1 && score.unproven <= u64::from(away.div_ceil(WINDOW)) + 1);
    let bytes = bytes_of(&pieces());
    let paid = WINDOWS - u32::try_from(score.unproven).unwrap();
    let cost = books.gain("client") + i128::from(paid) * fee(bytes);
    println!("the question cost the client {} LX-units", -cost);
    assert_paid(books.gain("honest") + cost, paid, bytes);
}
