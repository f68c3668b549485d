//! How a miner comes on chain, and when it refuses to run.

mod world;

use lunarx_chain::{Chain, Signer};
use lunarx_core::{collateral_for, Services, GIB};
use lunarx_worker::{run_miner, Miner, MinerConfig, MinerError};
use tokio_util::sync::CancellationToken;
use world::{config, eventually, within, World, CAPACITY, FUNDS, PRICE};

async fn refused(world: &World, signer: Signer, config: MinerConfig) -> MinerError {
    match within(Miner::start(world.chain.clone(), signer, config)).await {
        Err(error) => error,
        Ok(_) => panic!("the miner runs"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_what_it_is_configured_to() {
    let world = World::new();
    let miner = world.start().await;
    let info = world.memory().provider(world.miner.account()).await.unwrap().unwrap();
    assert_eq!(info.node_key, miner.node_key());
    assert_eq!((info.capacity, info.price, info.services), (CAPACITY, PRICE, Services::STORAGE));
    assert_eq!(info.region.as_slice(), b"test");
    let addresses: Vec<_> = info.addresses.iter().map(|a| String::from_utf8(a.to_vec()).unwrap()).collect();
    let listening: Vec<_> = miner.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(addresses, listening);
    let per_gib = world.memory().parameters().collateral_per_gib;
    assert_eq!(info.collateral, collateral_for(CAPACITY, per_gib));
    assert_eq!(world.chain.calls(), ["register"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn announces_its_external_addresses_instead() {
    let world = World::new();
    let external = vec!["/ip4/203.0.113.7/tcp/4001".parse().unwrap()];
    let _miner = world.start_with(MinerConfig { external, ..world.config() }).await;
    let info = world.memory().provider(world.miner.account()).await.unwrap().unwrap();
    assert_eq!(info.addresses.len(), 1);
    assert_eq!(info.addresses[0].as_slice(), b"/ip4/203.0.113.7/tcp/4001");
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_only_what_changed() {
    let world = World::new();
    let external = vec!["/ip4/203.0.113.7/tcp/4001".parse().unwrap()];
    let config = MinerConfig { external, ..world.config() };
    world.start_with(config.clone()).await.stop().await.unwrap();
    world.start_with(config.clone()).await.stop().await.unwrap();
    assert_eq!(world.chain.calls(), ["register"]);
    let dearer = MinerConfig { price: 2 * PRICE, capacity: 2 * CAPACITY, ..config };
    world.start_with(dearer).await.stop().await.unwrap();
    assert_eq!(world.chain.calls(), ["register", "update"]);
    let info = world.memory().provider(world.miner.account()).await.unwrap().unwrap();
    assert_eq!((info.capacity, info.price), (2 * CAPACITY, 2 * PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_account_that_has_another_node_key() {
    let world = World::new();
    let first = world.start().await;
    let other_dir = tempfile::tempdir().unwrap();
    let error = refused(&world, world.miner.clone(), config(other_dir.path())).await;
    assert!(matches!(error, MinerError::OtherNodeKey { registered, .. } if registered == first.node_key()));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_node_key_that_another_account_registered() {
    let world = World::new();
    world.start().await.stop().await.unwrap();
    let error = refused(&world, world.client.clone(), world.config()).await;
    assert!(
        matches!(error, MinerError::OtherAccount { registered, .. } if registered == world.miner.account())
    );
    assert_eq!(world.chain.calls(), ["register"], "no fee is lost on it");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_data_folder_that_is_in_use() {
    let world = World::new();
    let _first = world.start().await;
    let error = refused(&world, world.miner.clone(), world.config()).await;
    assert!(matches!(error, MinerError::Store(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_how_much_the_collateral_lacks() {
    let world = World::new();
    let per_gib = world.memory().parameters().collateral_per_gib;
    let capacity = u64::try_from(2 * FUNDS / per_gib).unwrap() * GIB;
    let error = refused(&world, world.miner.clone(), MinerConfig { capacity, ..world.config() }).await;
    match error {
        MinerError::CollateralMissing { needed, available, missing, .. } => {
            assert_eq!(needed, collateral_for(capacity, per_gib));
            assert_eq!(missing, needed - available);
        }
        error => panic!("{error}"),
    }
    assert!(world.chain.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_a_chain_that_is_not_there_yet() {
    let world = World::new();
    world.chain.cut(true);
    let (chain, signer, config) = (world.chain.clone(), world.miner.clone(), world.config());
    let start = tokio::spawn(Miner::start(chain, signer, config));
    eventually("the data folder is open", async || world.dir.path().join("node.key").exists()).await;
    assert!(!start.is_finished());
    world.chain.cut(false);
    within(start).await.unwrap().unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_when_it_is_told_to() {
    let world = World::new();
    let stop = CancellationToken::new();
    let run =
        tokio::spawn(run_miner(world.chain.clone(), world.miner.clone(), world.config(), None, stop.clone()));
    eventually("it is registered", async || {
        world.memory().provider(world.miner.account()).await.unwrap().is_some()
    })
    .await;
    stop.cancel();
    within(run).await.unwrap().unwrap();
    world.start().await.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_data_folder_of_another_chain() {
    let world = World::new();
    world.start().await.stop().await.unwrap();
    std::fs::write(world.dir.path().join("genesis"), [0xee; 32]).unwrap();
    let error = refused(&world, world.miner.clone(), world.config()).await;
    assert!(matches!(error, MinerError::OtherChain { expected, .. } if expected == [0xee; 32]), "{error}");
}
