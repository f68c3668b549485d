//! Contracts that are not accepted, and a chain that goes away: no money is left behind.

mod world;

use lunarx_chain::{Chain, ChainError};
use lunarx_client::{ClientError, Fault, NoProgress, PutOutcome};
use lunarx_core::ContractState;
use std::{
    collections::BTreeSet,
    sync::{atomic::Ordering, Arc},
};
use tokio_util::sync::CancellationToken;
use world::{
    bytes, holders,
    late::LateChain,
    request,
    rogue::{Rogue, Vice},
    within, World, PARAMETERS, SEGMENT,
};

/// Puts half a segment; once its contracts are on chain, and so many are accepted, does `then`.
async fn put_and_then<T>(
    world: &World,
    stop: &CancellationToken,
    accepted: usize,
    then: impl std::future::Future<Output = T>,
) -> (Result<PutOutcome, ClientError>, T) {
    let source = std::io::Cursor::new(bytes(SEGMENT / 2));
    let request = request("2/4", Some(SEGMENT / 2));
    let put = world.client.put(source, request, Arc::new(NoProgress), stop.clone());
    let opened = async {
        let mut blocks = world.chain.finalized();
        loop {
            let contracts = world.chain.contracts_of(world.client.account()).await.unwrap();
            let active = contracts.iter().filter(|info| matches!(info.state, ContractState::Active { .. }));
            if contracts.len() == 4 && active.count() >= accepted {
                break;
            }
            blocks.changed().await.unwrap();
        }
        then.await
    };
    within(async { tokio::join!(put, opened) }).await
}

async fn never_accept(world: &World, count: u8) -> Vec<Rogue> {
    let mut rogues = Vec::new();
    for number in 1..=count {
        rogues.push(world.add_rogue(number, Vice::NeverAccepts).await);
    }
    rogues
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_never_accepts_is_replaced() {
    let mut world = World::new(4).await;
    let rogue = world.add_rogue(1, Vice::NeverAccepts).await;
    let _ticker = world.tick_slowly();
    let original = bytes(SEGMENT / 2);
    let outcome = world.put(&original, "2/4").await.unwrap();
    let [fault] = &outcome.faults[..] else { panic!("{:?}", outcome.faults) };
    assert_eq!((fault.miner, &fault.fault), (rogue.account, &Fault::NotAccepted));
    assert_eq!(outcome.short, 0);
    let holders = holders(&world, &outcome, 0).await;
    assert!(!holders.contains(&rogue.account));
    rogue.until(|deeds| deeds.releases == 1).await;

    // Every piece is under the contract that the manifest names.
    assert_eq!(world.held().await, outcome.held, "only what was accepted is held");
    let status = within(world.client.status(outcome.manifest.object)).await.unwrap();
    for piece in &status.segments[0].pieces {
        let contract = piece.on_chain.as_ref().expect("on chain");
        assert!(matches!(contract.state, ContractState::Active { .. }));
        assert_eq!((Some(contract.miner), &piece.readable), (piece.miner, &Ok(())));
    }
    for holder in &holders[..2] {
        let number = world.number_of(*holder);
        world.kill(number).await;
    }
    assert!(world.get(outcome.manifest.object).await.unwrap().1 == original);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_never_accepts_is_told_where_nobody_can_take_its_place() {
    let world = World::new(3).await;
    let rogue = world.add_rogue(1, Vice::NeverAccepts).await;
    let _ticker = world.tick_slowly();
    let original = bytes(SEGMENT / 2);
    let begin = world.chain.height();
    let outcome = world.put(&original, "2/4").await.unwrap();
    let passed = world.chain.height() - begin;
    assert!(passed < PARAMETERS.accept_within, "waited {passed} blocks, which is all the time to accept");
    let [fault] = &outcome.faults[..] else { panic!("{:?}", outcome.faults) };
    assert_eq!((fault.miner, &fault.fault), (rogue.account, &Fault::NotAccepted));
    assert_eq!(outcome.short, 1);
    assert_eq!(world.held().await, outcome.held, "only what was accepted is held");
    assert!(world.get(outcome.manifest.object).await.unwrap().1 == original);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_accepts_end_everything() {
    let world = World::new(1).await;
    // Nobody else tidies up.
    world.chain.set_housekeeping(false);
    let rogues = never_accept(&world, 3).await;
    let _ticker = world.tick();
    let error = world.put(&bytes(SEGMENT / 2), "2/4").await.unwrap_err();
    let ClientError::TooFewAccepts { needed: 2, accepted: 1, faults } = &error else { panic!("{error}") };
    assert_eq!(faults.len(), 3);
    world.assert_settled(world.window_fee(SEGMENT / 2, "2/4").await).await;
    assert!(rogues.iter().all(|rogue| rogue.deeds().releases == 1), "their space is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_stops_answering_after_open_is_waited_for() {
    let world = World::new(3).await;
    let _rogues = never_accept(&world, 1).await;
    let stop = CancellationToken::new();
    let outage = async {
        world.chain.set_reachable(false);
        let ticker = world.tick();
        world.chain.finalized().wait_for(|height| *height > 50).await.unwrap();
        world.chain.set_reachable(true);
        ticker
    };
    let (result, _ticker) = put_and_then(&world, &stop, 2, outage).await;
    let outcome = result.unwrap();
    assert_eq!(world.held().await, outcome.held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_stopped_while_the_chain_is_away_ends_everything_once_it_is_back() {
    let world = World::new(1).await;
    let _rogues = never_accept(&world, 3).await;
    let stop = CancellationToken::new();
    let outage = async {
        world.chain.set_reachable(false);
        stop.cancel();
        let ticker = world.tick();
        world.chain.finalized().wait_for(|height| *height > 50).await.unwrap();
        world.chain.set_reachable(true);
        ticker
    };
    let (result, _ticker) = put_and_then(&world, &stop, 0, outage).await;
    assert!(matches!(result, Err(ClientError::Stopped)), "{result:?}");
    world.assert_settled(world.window_fee(SEGMENT / 2, "2/4").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ended_is_named() {
    let world = World::new(1).await;
    let _rogues = never_accept(&world, 3).await;
    let stop = CancellationToken::new();
    let outage = async {
        world.chain.set_reachable(false);
        stop.cancel();
    };
    let (result, ()) = put_and_then(&world, &stop, 0, outage).await;
    let error = result.unwrap_err();
    let ClientError::ContractsLeft { cause, contracts, .. } = &error else { panic!("{error}") };
    assert!(matches!(**cause, ClientError::Stopped), "{cause}");
    world.chain.set_reachable(true);
    let live = world.chain.contracts_of(world.client.account()).await.unwrap();
    let live: BTreeSet<_> = live.iter().map(|info| info.id).collect();
    assert_eq!(contracts.iter().copied().collect::<BTreeSet<_>>(), live);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_that_takes_effect_late_is_ended() {
    let mut world = World::new(3).await;
    let late = LateChain::new(world.chain.clone(), 30);
    let included = late.included.clone();
    world.use_chain(Arc::new(late));
    let _ticker = world.tick();
    let error = world.put(&bytes(SEGMENT / 2), "2/3").await.unwrap_err();
    assert!(matches!(error, ClientError::Chain(ChainError::TimedOut { .. })), "{error}");
    assert!(included.load(Ordering::SeqCst), "it was waited for");
    world.assert_settled(world.window_fee(SEGMENT / 2, "2/3").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_chain_is_told() {
    let world = World::new(2).await;
    let object = world.put(&bytes(10), "1/2").await.unwrap().manifest.object;
    world.chain.set_reachable(false);
    let errors = [
        world.put(&bytes(10), "1/2").await.map(|_| ()).unwrap_err(),
        world.get(object).await.map(|_| ()).unwrap_err(),
        within(world.client.remove(object)).await.map(|_| ()).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ClientError::Chain(ChainError::Unreachable { .. })), "{error}");
    }
    world.chain.set_reachable(true);
    assert_eq!(world.get(object).await.unwrap().1, bytes(10), "nothing is lost");
}
