//! What trackers ask of miners, and what others ask of trackers.

use crate::{raw::*, support::*};
use async_trait::async_trait;
use codec::{Compact, Encode};
use futures::{AsyncWriteExt, StreamExt};
use lunarx_core::{NodeKey, PieceId};
use lunarx_network::{
    Announcement, Config, Heartbeat, Limits, NetworkError, NodeSecret, Refusal, ResolveRequest, Task,
    TaskOutcome, TaskResult, TrackerService, MAX_ENTRIES, MAX_EXCLUDED, MAX_NODES, MAX_TASKS,
};
use lunarx_proof::BatchEntry;
use std::sync::{Arc, Mutex};

/// A tracker that notes what it is told, and answers with more than it may.
#[derive(Default)]
struct Notebook {
    announced: Mutex<Vec<(NodeKey, Announcement)>>,
    results: Mutex<Vec<(NodeKey, TaskResult)>>,
    resolved: Mutex<Vec<ResolveRequest>>,
}

fn task(block: u32) -> Task {
    Task { contract: contract(1), block, miner: NodeKey([2; 32]) }
}

#[async_trait]
impl TrackerService for Notebook {
    async fn announce(&self, miner: NodeKey, announcement: Announcement) -> Result<(), Refusal> {
        self.announced.lock().unwrap().push((miner, announcement));
        Ok(())
    }

    async fn locate(&self, piece: PieceId) -> Result<Vec<NodeKey>, Refusal> {
        match piece.0[0] {
            0 => Err(Refusal::NotFound),
            1 => Ok(vec![NodeKey([1; 32]), NodeKey([2; 32])]),
            _ => Ok(vec![NodeKey([3; 32]); 1_000]),
        }
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Vec<NodeKey>, Refusal> {
        self.resolved.lock().unwrap().push(request);
        Ok(vec![NodeKey([4; 32]); 1_000])
    }

    async fn tasks(&self, _: NodeKey, _: u32) -> Result<Vec<Task>, Refusal> {
        Ok((0..1_000).map(task).collect())
    }

    async fn result(&self, verifier: NodeKey, result: TaskResult) -> Result<(), Refusal> {
        self.results.lock().unwrap().push((verifier, result));
        Ok(())
    }
}

/// A node that serves as a tracker and holds no pieces.
fn tracker(listen: &str) -> (Node, Arc<Notebook>) {
    let config = Config::miner(NodeSecret::from_seed([9; 32]), GENESIS, vec![listen.parse().unwrap()]);
    let (node, notebook) = (Node::start(config), Arc::new(Notebook::default()));
    node.network.serve_tracker(notebook.clone());
    (node, notebook)
}

fn announcement(count: u32) -> Announcement {
    let entry = |i: u32| BatchEntry { piece: PieceId([2; 32]), len: i.into() };
    Announcement { contract: contract(5), entries: (0..count).map(entry).collect() }
}

fn resolve(count: u32, excluded: u32) -> ResolveRequest {
    let exclude = vec![NodeKey([7; 32]); usize::try_from(excluded).unwrap()];
    ResolveRequest { bytes: 1, count, max_price: 2, exclude }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, NetworkError>) -> Refusal {
    match result {
        Err(NetworkError::Refused { refusal, .. }) => refusal,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_proves_and_tells_its_space() {
    for listen in [TCP, QUIC] {
        let (miner, asker) = (Node::miner(1, listen, &Memory::new(1), Limits::default()), Node::client(2));
        asker.knows(&miner).await;
        let network = &asker.network;
        assert_eq!(soon(network.prove(miner.key(), contract(1), CHALLENGED)).await.unwrap(), long_answer());
        let refused = soon(network.prove(miner.key(), contract(1), CHALLENGED + 1)).await;
        assert_eq!(refusal(refused), Refusal::NotChallenged);
        let heartbeat = soon(network.heartbeat(miner.key())).await.unwrap();
        assert_eq!(heartbeat, Heartbeat { free: 7, stored: 8 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_is_told_and_asked() {
    for listen in [TCP, QUIC] {
        let ((tracker, notebook), peer) = (tracker(listen), Node::client(2));
        peer.knows(&tracker).await;
        let (network, key) = (&peer.network, tracker.key());

        soon(network.announce(key, announcement(MAX_ENTRIES))).await.unwrap();
        assert_eq!(*notebook.announced.lock().unwrap(), [(peer.key(), announcement(MAX_ENTRIES))]);

        let found = soon(network.locate(key, PieceId([1; 32]))).await.unwrap();
        assert_eq!(found, [NodeKey([1; 32]), NodeKey([2; 32])]);
        assert_eq!(refusal(soon(network.locate(key, PieceId([0; 32]))).await), Refusal::NotFound);

        soon(network.resolve(key, resolve(3, MAX_EXCLUDED))).await.unwrap();
        assert_eq!(*notebook.resolved.lock().unwrap(), [resolve(3, MAX_EXCLUDED)]);

        assert_eq!(soon(network.tasks(key, 2)).await.unwrap(), [task(0), task(1)]);

        for outcome in [TaskOutcome::Answered(long_answer()), TaskOutcome::Refused, TaskOutcome::Unreachable]
        {
            let result = TaskResult { contract: contract(1), block: 5, outcome };
            soon(network.result(key, result.clone())).await.unwrap();
            assert_eq!(notebook.results.lock().unwrap().pop(), Some((peer.key(), result)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_in_answers_are_cut_to_their_bounds() {
    let ((tracker, _), peer) = (tracker(TCP), Node::client(2));
    peer.knows(&tracker).await;
    let most = usize::try_from(MAX_NODES).unwrap();
    assert_eq!(soon(peer.network.locate(tracker.key(), PieceId([9; 32]))).await.unwrap().len(), most);
    assert_eq!(soon(peer.network.resolve(tracker.key(), resolve(3, 0))).await.unwrap().len(), 3);
    let tasks = soon(peer.network.tasks(tracker.key(), u32::MAX)).await.unwrap();
    assert_eq!(tasks.len(), usize::try_from(MAX_TASKS).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_does_not_serve_is_unavailable() {
    let (miner, peer) = (Node::miner(1, TCP, &Memory::new(1), Limits::default()), Node::client(2));
    let (tracker, _) = tracker(TCP);
    peer.knows(&miner).await;
    peer.knows(&tracker).await;
    let network = &peer.network;
    let told = soon(network.announce(miner.key(), announcement(MAX_ENTRIES))).await;
    assert_eq!(refusal(told), Refusal::Unavailable);
    assert_eq!(refusal(soon(network.tasks(miner.key(), 1)).await), Refusal::Unavailable);
    let result =
        TaskResult { contract: contract(1), block: 5, outcome: TaskOutcome::Answered(long_answer()) };
    assert_eq!(refusal(soon(network.result(miner.key(), result)).await), Refusal::Unavailable);
    assert_eq!(refusal(soon(network.reserve(tracker.key(), request())).await), Refusal::Unavailable);
    let proof = soon(network.prove(tracker.key(), contract(1), CHALLENGED)).await;
    assert_eq!(refusal(proof), Refusal::Unavailable);
    assert_eq!(refusal(soon(network.heartbeat(tracker.key())).await), Refusal::Unavailable);
    // One node may be both.
    miner.network.serve_tracker(Arc::new(Notebook::default()));
    assert!(soon(network.tasks(miner.key(), 1)).await.is_ok());
    assert!(soon(network.heartbeat(miner.key())).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_long_a_request_is_not_even_sent() {
    let peer = Node::client(2);
    let nobody = NodeSecret::from_seed([8; 32]).node_key();
    for error in [
        soon(peer.network.announce(nobody, announcement(MAX_ENTRIES + 1))).await.unwrap_err(),
        soon(peer.network.resolve(nobody, resolve(1, MAX_EXCLUDED + 1))).await.unwrap_err(),
        soon(peer.network.resolve(nobody, resolve(MAX_NODES + 1, 0))).await.unwrap_err(),
    ] {
        assert!(matches!(error, NetworkError::TooMany { .. }) && !error.is_retryable(), "{error}");
    }
}

/// A frame around `message`.
fn frame(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_le_bytes(), message].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_cut_off_before_the_tracker_hears_of_them() {
    let entries = (6u8, [1u8; 32], vec![[0u8; 40]; 257]).encode();
    let claimed = (6u8, [1u8; 32], Compact(u32::MAX)).encode();
    let excluded = (8u8, 1u64, 2u32, 3u128, vec![[0u8; 32]; 65]).encode();
    let count = (8u8, 1u64, 256u32, 3u128, Vec::<[u8; 32]>::new()).encode();
    let garbage = [&[10u8][..], &content(5_000)].concat();
    let trailing = (5u8, 0u8).encode();
    let frames: Vec<_> = [entries, claimed, excluded, count, garbage, trailing].map(|m| frame(&m)).into();
    // One byte more than the longest request.
    let too_long = 131_240u32.to_le_bytes().to_vec();
    for bytes in frames.into_iter().chain([too_long]) {
        let (tracker, notebook) = tracker(TCP);
        let mut raw = Raw::new();
        raw.dial(&tracker).await;
        let _stream = soon(raw.send(&tracker, &bytes)).await;
        soon(raw.closed()).await;
        assert!(notebook.announced.lock().unwrap().is_empty());
        assert!(notebook.resolved.lock().unwrap().is_empty());
        assert!(notebook.results.lock().unwrap().is_empty());
    }
}

/// Answers every stream with `answer` while `asking` runs.
async fn answered<T>(answer: Vec<u8>, asking: impl AsyncFnOnce(&Node, NodeKey) -> T) -> T {
    let mut raw = Raw::new();
    let (key, address) = soon(raw.listen()).await;
    let mut incoming = raw.control.accept(PIECE).unwrap();
    let client = Node::client(2);
    client.network.add_addresses(key, vec![address]).await;
    let serving = async {
        let mut held = Vec::new();
        loop {
            tokio::select! {
                Some((_, mut stream)) = incoming.next() => {
                    // The client may cut the connection in the middle.
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.flush().await;
                    held.push(stream);
                }
                _ = raw.swarm.select_next_some() => {}
            }
        }
    };
    tokio::select! {
        result = soon(asking(&client, key)) => result,
        () = serving => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_asked_for_is_a_breach() {
    let nodes = frame(&(8u8, vec![[1u8; 32]; 4]).encode());
    let error = answered(nodes, async |client, key| client.network.resolve(key, resolve(3, 0)).await).await;
    assert!(matches!(error, Err(NetworkError::Protocol { .. })), "{error:?}");

    let tasks = frame(&(9u8, vec![([1u8; 32], 5u32, [2u8; 32]); 2]).encode());
    let error = answered(tasks, async |client, key| client.network.tasks(key, 1).await).await;
    assert!(matches!(error, Err(NetworkError::Protocol { .. })), "{error:?}");

    let noted = frame(&[10]);
    let error = answered(noted, async |client, key| client.network.heartbeat(key).await).await;
    assert!(matches!(error, Err(NetworkError::Protocol { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_too_long_or_garbage_is_a_breach() {
    let too_many = frame(&[&[6u8][..], &Compact(65u32).encode(), &content(100_000)].concat());
    let garbage = frame(&[&[6u8][..], &content(1_000)].concat());
    let oversized = 131_202u32.to_le_bytes().to_vec();
    for bytes in [too_many, garbage, oversized] {
        let prove = async |client: &Node, key| client.network.prove(key, contract(1), 5).await;
        let error = answered(bytes, prove).await;
        assert!(matches!(error, Err(NetworkError::Protocol { .. })), "{error:?}");
    }
}
