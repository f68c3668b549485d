//! What miners, clients and verifiers get from a tracker.

mod world;

use lunarx_chain::{Call, Chain};
use lunarx_core::{ContractId, NodeKey, Verdict, LX};
use lunarx_network::{
    Announcement, Config, NetworkError, NodeSecret, Refusal, ResolveRequest, TaskOutcome, TaskResult,
};
use lunarx_tracker::{run_verifier, TrackerConfig, TrackerRef};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use world::{eventually, within, Peer, World, WINDOWS};

fn refusal<T>(result: Result<T, NetworkError>) -> Refusal {
    match result {
        Err(NetworkError::Refused { refusal, .. }) => refusal,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn announcements_are_what_the_chain_says_or_refused() {
    let world = World::new(20, &["Ada"]).await;
    let tracker = world.start("Ada").await;
    let (contract, since) = world.open().await;
    let entries = world.script.entries();
    let miner = &world.online.as_ref().unwrap().network;
    let stranger = Peer::new(&world, NodeSecret::generate());
    let key = stranger.knows(&tracker).await;
    miner.add_addresses(key, tracker.addresses().to_vec()).await;
    let tell = async |entries| within(miner.announce(key, Announcement { contract, entries })).await;

    let mut other = entries.clone();
    other[0].piece.0[0] ^= 1;
    assert_eq!(refusal(tell(other).await), Refusal::NotFound);
    assert_eq!(refusal(tell(entries[..2].to_vec()).await), Refusal::NotFound);
    assert_eq!(refusal(tell(Vec::new()).await), Refusal::NotFound);
    let mut swapped = entries.clone();
    swapped.swap(0, 1);
    assert_eq!(refusal(tell(swapped).await), Refusal::NotFound);
    let unknown = Announcement { contract: ContractId([9; 32]), entries: entries.clone() };
    assert_eq!(refusal(within(miner.announce(key, unknown)).await), Refusal::NotFound);
    let others = Announcement { contract, entries: entries.clone() };
    assert_eq!(refusal(within(stranger.network.announce(key, others)).await), Refusal::NotYours);
    let locate =
        async |entry: usize| within(stranger.network.locate(key, entries[entry].piece)).await.unwrap();
    assert!(locate(0).await.is_empty(), "nothing was believed");

    tell(entries.clone()).await.unwrap();
    for entry in 0..entries.len() {
        assert_eq!(locate(entry).await, [world.secret.node_key()]);
    }
    // They are told once, and outlive a restart.
    within(tracker.stop()).await.unwrap();
    let tracker = world.start("Ada").await;
    stranger.knows(&tracker).await;
    assert_eq!(locate(1).await, [world.secret.node_key()]);
    // They end with the contract.
    world.chain.set_unspoken(Some(Verdict::Valid));
    world.advance_to(since + (WINDOWS + 4) * 20);
    world.chain.submit(&world.client, Call::Settle { ids: vec![contract] }).await.unwrap();
    assert!(world.chain.contract(contract).await.unwrap().is_none());
    eventually("the pieces are forgotten", async || locate(1).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_miners_that_fit() {
    let world = World::new(20, &["Ada"]).await;
    let tracker = world.start("Ada").await;
    let peer = Peer::new(&world, NodeSecret::generate());
    let key = peer.knows(&tracker).await;
    let fit = ResolveRequest { bytes: 1 << 20, count: 3, max_price: 1_000 * LX, exclude: Vec::new() };
    let ask = async |request| within(peer.network.resolve(key, request)).await.unwrap();
    assert_eq!(ask(fit.clone()).await, [world.secret.node_key()]);
    assert!(ask(ResolveRequest { max_price: 999 * LX, ..fit.clone() }).await.is_empty());
    assert!(ask(ResolveRequest { bytes: 2 << 30, ..fit.clone() }).await.is_empty());
    assert!(ask(ResolveRequest { exclude: vec![world.secret.node_key()], ..fit }).await.is_empty());
}

/// Takes all tasks and says of each that the miner refuses. Returns once it gets no more work.
async fn lie(peer: Peer, tracker: NodeKey) {
    loop {
        match peer.network.tasks(tracker, 64).await {
            Ok(tasks) => {
                for task in tasks {
                    let (contract, block) = (task.contract, task.block);
                    let result = TaskResult { contract, block, outcome: TaskOutcome::Refused };
                    // Refused where the honest one was faster.
                    let _ = peer.network.result(tracker, result).await;
                }
            }
            Err(NetworkError::Refused { refusal: Refusal::NotYours, .. }) => return,
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verifiers_do_the_work_and_liars_lose_it() {
    let window = 400;
    let world = World::new(window, &["Ada"]).await;
    let (honest, liar) = (NodeSecret::generate(), NodeSecret::generate());
    let verifiers = vec![honest.node_key(), liar.node_key()];
    let config = TrackerConfig { verifiers: verifiers.clone(), ..world.config("Ada") };
    let tracker = world.start_with("Ada", config).await;
    let account = world.signer("Ada").account();
    world
        .advance_until("the verifiers are on chain", async || {
            let mut named = world.chain.tracker(account).await.unwrap().unwrap().verifiers;
            named.sort_by_key(|key| verifiers.iter().position(|one| one == key));
            named == verifiers
        })
        .await;
    let stranger = Peer::new(&world, NodeSecret::generate());
    let key = stranger.knows(&tracker).await;
    assert_eq!(refusal(within(stranger.network.tasks(key, 1)).await), Refusal::NotYours);

    let stop = CancellationToken::new();
    let (chain, node) =
        (Arc::new(world.chain.clone()), Config::client(honest.clone(), world.chain.genesis()));
    let verifier = tokio::spawn(run_verifier(chain, node, TrackerRef::Account(account), stop.clone()));
    let peer = Peer::new(&world, liar);
    peer.knows(&tracker).await;
    // It may be none of ours for the tracker until the next look at the chain.
    world.advance_until("the liar is known", async || peer.network.tasks(key, 1).await.is_ok()).await;
    let lying = tokio::spawn(lie(peer, key));

    let (id, since) = world.open().await;
    let by_honest = async || {
        let asked = world.script.asked.lock().unwrap();
        asked.iter().any(|(by, _)| *by == honest.node_key())
    };
    world
        .advance_until("the honest one works, and the liar gets no more to do", async || {
            lying.is_finished() && by_honest().await
        })
        .await;
    lying.await.unwrap();
    // Its lies cost nobody anything.
    assert!(world.chain.disputes().await.unwrap().is_empty());
    world.advance_to(since + window + window / 2);
    world.all_say(Verdict::Valid, id, 0).await;
    stop.cancel();
    within(verifier).await.unwrap().unwrap();
}
