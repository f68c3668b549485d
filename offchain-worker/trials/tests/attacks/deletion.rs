//! Deleted all, deleted one percent, the tree without the data.

use crate::{
    rogue::Conduct,
    world::{assert_refunded, bytes_of, collateral, fee, pieces, World},
};
use lunarx_trials::lx;

/// Longer than a dispute takes.
const WINDOWS: u32 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn deleted_all() {
    let world = World::new(3).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(&world, WINDOWS).await;
    cheat.script.lose_all();
    world.convicted(id).await;
    let books = ledger.close("deleted all").await;
    let lost = collateral(bytes_of(&pieces()));
    assert_eq!(books.gain("cheat"), -lost);
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
    let found: i128 = ["tracker 1", "tracker 2", "tracker 3"].map(|name| books.gain(name)).iter().sum();
    assert_eq!(found, lost / 10, "who asked has a tenth");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_one_percent() {
    let world = World::new(3).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, since) = cheat.contract(&world, 400).await;
    cheat.script.lose(57, 1_000);
    assert_eq!(cheat.script.lost_chunks(), (1, 99));
    world.settle(&cheat.signer, id);
    let dispute = world.disputed(id).await;
    let windows = (dispute.opened - since) / crate::world::WINDOW;
    world.convicted(id).await;
    let books = ledger.close("deleted one percent").await;
    let bytes = bytes_of(&pieces());
    println!("asked on chain after {windows} windows; saved: the disk for 1 % of {bytes} bytes");
    // It was paid for the windows before, at most.
    let paid = books.gain("cheat") + collateral(bytes);
    assert!((0..=i128::from(windows) * fee(bytes)).contains(&paid), "{}", lx(paid));
    assert!(books.gain("cheat") < 0);
    assert!(books.gain("client") <= 0 && -books.gain("client") <= i128::from(windows) * fee(bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn tree_without_data() {
    let world = World::new(3).await;
    let cheat = world.rogue(1, pieces()).await;
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(&world, WINDOWS).await;
    // All hashes are right, the chunks are not there.
    cheat.script.lose_all();
    cheat.script.set(Conduct::Forging);
    world.closed(id).await;
    let books = ledger.close("tree without data").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes_of(&pieces())), "its own signature convicts it");
    assert_refunded(books.gain("client"), bytes_of(&pieces()));
}
