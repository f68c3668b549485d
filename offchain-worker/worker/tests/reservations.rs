//! What a miner lends, to whom, and for how long.

mod world;

use lunarx_network::{NetworkError, Refusal, ReserveRequest};
use lunarx_store::PieceStore;
use lunarx_worker::MinerConfig;
use world::{sample, within, Peer, World, CAPACITY, PRICE};

fn refusal(refused: Result<impl Sized, NetworkError>) -> Refusal {
    match refused {
        Err(NetworkError::Refused { refusal, .. }) => refusal,
        Err(error) => panic!("expected a refusal, not {error}"),
        Ok(_) => panic!("expected a refusal"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_more_than_it_has() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let refused = refusal(peer.reserve(miner.node_key(), world.request(CAPACITY + 1)).await);
    assert!(matches!(refused, Refusal::TooLarge { max: CAPACITY }), "{refused}");
    peer.reserve(miner.node_key(), world.request(CAPACITY / 2)).await.unwrap();
    let refused = refusal(peer.reserve(miner.node_key(), world.request(CAPACITY / 2 + 1)).await);
    assert!(matches!(refused, Refusal::NoSpace { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_less_than_its_price_and_more_than_the_longest_term() {
    let world = World::new();
    let miner = world.start_with(MinerConfig { max_windows: Some(5), ..world.config() }).await;
    let peer = Peer::of(&world, &miner).await;
    let cheap = ReserveRequest { max_windows: 5, max_price: PRICE - 1, ..world.request(1_000) };
    assert!(matches!(
        refusal(peer.reserve(miner.node_key(), cheap).await),
        Refusal::PriceTooLow { ask: PRICE }
    ));
    let long = ReserveRequest { max_windows: 6, ..world.request(1_000) };
    assert!(matches!(
        refusal(peer.reserve(miner.node_key(), long).await),
        Refusal::TooLong { max_windows: 5 }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn lends_each_client_a_small_part_only() {
    let world = World::new();
    let quota = 100_000;
    let miner = world.start_with(MinerConfig { client_quota: Some(quota), ..world.config() }).await;
    let (peer, other) = (Peer::of(&world, &miner).await, Peer::of(&world, &miner).await);
    peer.reserve(miner.node_key(), world.request(60_000)).await.unwrap();
    let same_peer = ReserveRequest { client: world.miner.account(), ..world.request(60_000) };
    let refused = refusal(peer.reserve(miner.node_key(), same_peer).await);
    assert!(matches!(refused, Refusal::Quota { left: 40_000 }), "{refused}");
    let refused = refusal(other.reserve(miner.node_key(), world.request(60_000)).await);
    assert!(matches!(refused, Refusal::Quota { left: 40_000 }), "same account: {refused}");
    other
        .reserve(miner.node_key(), ReserveRequest { client: world.miner.account(), ..world.request(60_000) })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn remembers_what_it_lent_after_a_restart() {
    let world = World::new();
    let quota = MinerConfig { client_quota: Some(100_000), ..world.config() };
    let miner = world.start_with(quota.clone()).await;
    let peer = Peer::of(&world, &miner).await;
    peer.reserve(miner.node_key(), world.request(60_000)).await.unwrap();
    miner.stop().await.unwrap();
    let miner = world.start_with(quota).await;
    peer.knows(&miner).await;
    let refused = refusal(peer.reserve(miner.node_key(), world.request(60_000)).await);
    assert!(matches!(refused, Refusal::Quota { left: 40_000 }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frees_what_was_never_opened() {
    let world = World::new();
    let short = MinerConfig { client_quota: Some(100_000), offer_life: 3, ..world.config() };
    let miner = world.start_with(short).await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(100_000)).await.unwrap();
    let id = world.contract_id(&signed);
    peer.store(miner.node_key(), id, 0, &sample(1, 50_000)).await.unwrap();
    world
        .advance_until("the quota is free again", async || {
            peer.reserve(miner.node_key(), world.request(100_000)).await.is_ok()
        })
        .await;
    miner.stop().await.unwrap();
    let store = world.store();
    assert!(store.contracts(None, 100).unwrap().iter().all(|stored| stored.contract != id));
}

#[tokio::test(flavor = "multi_thread")]
async fn frees_what_its_client_gave_up_long_before_the_offer_ends() {
    let world = World::new();
    let quota = MinerConfig { client_quota: Some(100_000), ..world.config() };
    let miner = world.start_with(quota).await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(100_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner.node_key(), id, 0, &sample(1, 50_000)).await.unwrap();
    peer.network.release(miner.node_key(), id).await.unwrap();
    let refused = refusal(peer.network.release(miner.node_key(), id).await);
    assert!(matches!(refused, Refusal::NotFound), "{refused}");
    let refused = refusal(peer.store(miner.node_key(), id, 1, &sample(2, 100)).await);
    assert!(matches!(refused, Refusal::NotFound), "{refused}");
    // Its quota is free at once, its space after some blocks.
    peer.reserve(miner.node_key(), world.request(100_000)).await.unwrap();
    let gone = async || peer.fetch(miner.node_key(), piece).await.is_err();
    world.advance_until("the pieces are gone", gone).await;
    miner.stop().await.unwrap();
    let store = world.store();
    assert!(store.contracts(None, 100).unwrap().iter().all(|stored| stored.contract != id));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_write_into_a_reservation() {
    let world = World::new();
    let miner = world.start().await;
    let (peer, stranger) = (Peer::of(&world, &miner).await, Peer::of(&world, &miner).await);
    let signed = peer.reserve(miner.node_key(), world.request(10_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let refused = refusal(stranger.store(miner.node_key(), id, 0, &sample(1, 100)).await);
    assert!(matches!(refused, Refusal::NotYours), "{refused}");
    let piece = peer.store(miner.node_key(), id, 0, &sample(2, 100)).await.unwrap();
    assert_eq!(stranger.fetch(miner.node_key(), piece).await.unwrap(), sample(2, 100), "reads are open");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_once_a_contract_was_accepted() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(10_000)).await.unwrap();
    let id = world.contract_id(&signed);
    let piece = peer.store(miner.node_key(), id, 0, &sample(1, 5_000)).await.unwrap();
    world.open(&signed, &[piece], 3).await.unwrap();
    world.active(id).await;
    let refused = refusal(peer.store(miner.node_key(), id, 1, &sample(2, 100)).await);
    assert!(matches!(refused, Refusal::NotFound), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn never_takes_more_bytes_than_it_reserved() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let signed = peer.reserve(miner.node_key(), world.request(10_000)).await.unwrap();
    let id = world.contract_id(&signed);
    assert!(peer.store(miner.node_key(), id, 0, &sample(1, 10_001)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn lends_nothing_once_it_announced_its_exit() {
    let world = World::new();
    let miner = world.start().await;
    let peer = Peer::of(&world, &miner).await;
    let exit = lunarx_chain::Call::AnnounceExit;
    within(lunarx_chain::Chain::submit(world.memory(), &world.miner, exit)).await.unwrap();
    world
        .advance_until("nothing is lent", async || {
            peer.reserve(miner.node_key(), world.request(1_000)).await.is_err()
        })
        .await;
    let refused = refusal(peer.reserve(miner.node_key(), world.request(1_000)).await);
    assert!(matches!(refused, Refusal::Unavailable), "{refused}");
}
