//! Contracts from the reservation to the last payment, through restarts and lies.

mod world;

use lunarx_chain::{Call, Chain};
use lunarx_core::{BatchRoot, ContractState};
use lunarx_proof::BatchEntry;
use lunarx_store::PieceStore;
use world::{eventually, sample, Peer, World};

const WINDOWS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn stores_accepts_serves_and_is_paid() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let bytes = sample(1, 100_000);

    let signed = peer.reserve(miner.node_key(), world.request(200_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner.node_key(), id, 0, &bytes).await.unwrap();
    world.open(&signed, &[piece], WINDOWS).await.unwrap();
    let info = world.active(id).await;
    assert_eq!((info.bytes, info.paid), (100_000, 0));
    assert_eq!(peer.fetch(miner.node_key(), piece).await.unwrap(), bytes);

    let before = world.memory().balance(world.miner.account()).await.unwrap();
    let window = world.memory().parameters().window;
    let audit = world.memory().parameters().audit;
    world.memory().advance(window);
    assert_eq!(world.chain.count("settle"), 0);
    world.memory().advance(audit.final_after);
    eventually("the first window is paid", async || {
        world.contract(id).await.is_some_and(|info| info.paid == info.window_fee)
    })
    .await;
    world.memory().advance(WINDOWS * window);
    eventually("the term is settled", async || world.contract(id).await.is_none()).await;
    let after = world.memory().balance(world.miner.account()).await.unwrap();
    assert!(after.free > before.free, "{} > {}", after.free, before.free);

    world
        .advance_until("the pieces are gone", async || peer.fetch(miner.node_key(), piece).await.is_err())
        .await;
    miner.stop().await.unwrap();
    let store = world.store();
    assert!(store.contracts(None, 100).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_pieces_are_one_contract() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(12_288)).await.unwrap();
    let id = world.contract_id(&signed);
    let mut pieces = Vec::new();
    for index in 0..3 {
        let bytes = sample(u8::try_from(index).unwrap(), 3_000);
        pieces.push(peer.store(miner.node_key(), id, index, &bytes).await.unwrap());
    }
    world.open(&signed, &pieces, WINDOWS).await.unwrap();
    assert_eq!(world.active(id).await.pieces, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn accepts_after_a_restart_what_was_stored_before() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let bytes = sample(2, 50_000);
    let piece = peer.store(miner.node_key(), id, 0, &bytes).await.unwrap();
    let key = miner.node_key();
    miner.stop().await.unwrap();
    world.open(&signed, &[piece], WINDOWS).await.unwrap();

    let miner = world.start().await;
    assert_eq!(miner.node_key(), key);
    world.active(id).await;
    peer.knows(&miner).await;
    assert_eq!(peer.fetch(key, piece).await.unwrap(), bytes);
    assert!(!world.chain.calls().contains(&"settle"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_restart() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let first = peer.store(miner.node_key(), id, 0, &sample(1, 20_000)).await.unwrap();
    miner.stop().await.unwrap();

    let miner = world.start().await;
    peer.knows(&miner).await;
    let second = peer.store(miner.node_key(), id, 1, &sample(2, 20_000)).await.unwrap();
    world.open(&signed, &[first, second], WINDOWS).await.unwrap();
    world.active(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settles_after_a_restart_what_became_due_meanwhile() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner.node_key(), id, 0, &sample(2, 50_000)).await.unwrap();
    world.open(&signed, &[piece], WINDOWS).await.unwrap();
    world.active(id).await;
    miner.stop().await.unwrap();
    let parameters = world.memory().parameters();
    world.memory().advance(2 * parameters.window + parameters.audit.final_after);

    let _miner = world.start().await;
    eventually("both windows are paid", async || {
        world.contract(id).await.is_some_and(|info| info.paid == 2 * info.window_fee)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_accepts_another_root() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner.node_key(), id, 0, &sample(3, 40_000)).await.unwrap();
    let lie = BatchEntry { len: piece.len + 1, ..piece };
    world.open(&signed, &[lie], WINDOWS).await.unwrap();

    // An honest contract beside it shows that the miner has looked.
    let honest = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let piece =
        peer.store(miner.node_key(), world.contract_id(&honest), 0, &sample(4, 40_000)).await.unwrap();
    world.open(&honest, &[piece], WINDOWS).await.unwrap();
    world.active(world.contract_id(&honest)).await;
    let info = world.contract(id).await.unwrap();
    assert!(matches!(info.state, ContractState::Pending { .. }));

    // It gets its promised space back in the end, and the client its fee.
    world.advance_until("the contract is expired", async || world.contract(id).await.is_none()).await;
    assert!(world.chain.calls().contains(&"expire"));
    miner.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn never_accepts_what_was_not_stored() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let invented = BatchEntry { piece: lunarx_core::PieceId([9; 32]), len: 10 };
    world.open(&signed, &[invented], WINDOWS).await.unwrap();
    assert_ne!(world.contract(id).await.unwrap().root, BatchRoot([0; 32]));
    world.advance_until("the contract is expired", async || world.contract(id).await.is_none()).await;
    assert!(!world.chain.calls().contains(&"accept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_the_pieces_of_a_contract_that_the_client_ended() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner.node_key(), id, 0, &sample(5, 50_000)).await.unwrap();
    world.open(&signed, &[piece], WINDOWS).await.unwrap();
    world.active(id).await;
    assert!(peer.fetch(miner.node_key(), piece).await.is_ok());
    world.memory().submit(&world.client, Call::End { ids: vec![id] }).await.unwrap();
    // Its last window can still be disputed, so its data is kept until the contract is closed.
    world.memory().advance(world.memory().parameters().audit.final_after - 1);
    assert!(world.contract(id).await.is_some());
    assert!(peer.fetch(miner.node_key(), piece).await.is_ok());
    world
        .advance_until("the pieces are gone", async || peer.fetch(miner.node_key(), piece).await.is_err())
        .await;
    assert!(world.contract(id).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_while_the_chain_is_away_and_catches_up_when_it_is_back() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(50_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let bytes = sample(6, 50_000);
    world.chain.cut(true);
    world.memory().advance(1);
    let piece = peer.store(miner.node_key(), id, 0, &bytes).await.unwrap();
    world.open(&signed, &[piece], WINDOWS).await.unwrap();
    assert_eq!(peer.fetch(miner.node_key(), piece).await.unwrap(), bytes);
    eventually("nothing new is reserved", async || {
        peer.reserve(miner.node_key(), world.request(1_000)).await.is_err()
    })
    .await;
    assert!(matches!(world.contract(id).await.unwrap().state, ContractState::Pending { .. }));

    world.chain.cut(false);
    world.active(id).await;
    eventually("it reserves again", async || {
        peer.reserve(miner.node_key(), world.request(1_000)).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_contract_holds_up_no_other() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let mut ids = Vec::new();
    let mut stored = Vec::new();
    for seed in 0..5 {
        let signed = peer.reserve(miner.node_key(), world.request(2_000)).await.unwrap();
        let id = world.contract_id(&signed);
        let piece = peer.store(miner.node_key(), id, 0, &sample(seed, 2_000)).await.unwrap();
        stored.push((signed, piece));
        ids.push(id);
    }
    world.chain.refuse(ids[2]);
    world.chain.cut(true);
    for (signed, piece) in &stored {
        world.open(signed, &[*piece], WINDOWS).await.unwrap();
    }
    world.chain.cut(false);
    world.memory().advance(1);
    for id in ids.iter().filter(|id| **id != ids[2]) {
        world.active(*id).await;
    }
    assert!(matches!(world.contract(ids[2]).await.unwrap().state, ContractState::Pending { .. }));
    // Each try costs a fee: halving finds the one among five in seven calls.
    let tries = world.chain.calls().iter().filter(|call| **call == "accept").count();
    assert!(tries <= 7, "{tries}");
}
