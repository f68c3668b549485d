//! What a peer can make a node spend is bounded.

use crate::{raw::*, support::*};
use lunarx_network::{Limits, NetworkError, Refusal};
use std::time::Duration;

/// Windows, send buffers and ranges ahead of both transports, with room.
const IN_FLIGHT: usize = 24 * MIB;
/// More than can be in flight.
const MUCH: usize = 64 * MIB;
/// Long enough for `MUCH` to pass on any machine, if nothing held it up.
const STANDSTILL: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn too_many_streams_of_one_peer_are_refused() {
    let limits = Limits { streams_per_peer: 2, ..Limits::default() };
    let (miner, client) = (Node::miner(1, TCP, &Memory::new(1), limits), Node::client(2));
    client.knows(&miner).await;
    let store = |index| client.network.store(miner.key(), contract(1), index);
    let first = soon(store(0)).await.unwrap();
    let _second = soon(store(1)).await.unwrap();
    let error = soon(store(2)).await.err().unwrap();
    assert!(matches!(error, NetworkError::Refused { refusal: Refusal::Busy, .. }), "{error}");
    assert!(error.is_retryable());
    // Another peer is served, and so is this one once it gives a stream back.
    let other = Node::client(3);
    other.knows(&miner).await;
    soon(other.network.reserve(miner.key(), request())).await.unwrap();
    drop(first);
    let again = async {
        while let Err(error) = client.network.store(miner.key(), contract(1), 2).await {
            assert!(error.is_retryable(), "{error}");
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

/// What a killed process leaves behind: connections under the user's key that look alive.
#[tokio::test(flavor = "multi_thread")]
async fn connections_left_behind_do_not_keep_out_the_next() {
    for listen in [TCP, QUIC] {
        let limits = Limits { connections_per_peer: 2, ..Limits::default() };
        let miner = Node::miner(1, listen, &Memory::new(1), limits);
        let mut left_behind = Vec::new();
        for _ in 0..6 {
            let client = Node::client(2);
            client.knows(&miner).await;
            soon(client.network.reserve(miner.key(), request())).await.unwrap();
            left_behind.push(client);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_the_rate_are_refused() {
    // No token comes back within the test.
    let limits = Limits { request_burst: 4, requests_per_second: 0, ..Limits::default() };
    let (miner, client) = (Node::miner(1, TCP, &Memory::new(1), limits), Node::client(2));
    client.knows(&miner).await;
    for _ in 0..4 {
        soon(client.network.reserve(miner.key(), request())).await.unwrap();
    }
    for _ in 0..4 {
        let error = soon(client.network.reserve(miner.key(), request())).await.unwrap_err();
        assert!(matches!(error, NetworkError::Refused { refusal: Refusal::Busy, .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_floods_with_requests_is_cut_off_and_kept_out() {
    let limits = Limits { request_burst: 4, requests_per_second: 0, ..Limits::default() };
    let miner = Node::miner(1, TCP, &Memory::new(1), limits);
    let mut raw = Raw::new();
    raw.dial(&miner).await;
    // A request for a piece that the miner does not have.
    let retrieve = [&[49, 0, 0, 0, 2][..], &[1; 32], &1u64.to_le_bytes(), &1u64.to_le_bytes()].concat();
    soon(raw.flood(&miner, &retrieve)).await;
    raw.dial(&miner).await;
    soon(raw.closed()).await;
    // Others are served as before.
    let client = Node::client(2);
    client.knows(&miner).await;
    soon(client.network.reserve(miner.key(), request())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_up_the_miner() {
    for listen in [TCP, QUIC] {
        let service = Memory::new(1);
        let piece = service.insert(content(MUCH));
        let (miner, client) = (Node::miner(1, listen, &service, Limits::default()), Node::client(2));
        client.knows(&miner).await;
        let len = MUCH as u64;
        let mut download = soon(client.network.retrieve(miner.key(), piece, len, 0, len)).await.unwrap();
        assert!(soon(download.next()).await.unwrap().is_ok());
        let mut read = service.read.subscribe();
        let passed = tokio::time::timeout(STANDSTILL, read.wait_for(|sum| *sum > IN_FLIGHT)).await;
        assert!(passed.is_err(), "{listen}: the miner read on");
        let mut ranges = 1;
        while let Some(range) = soon(download.next()).await {
            range.unwrap();
            ranges += 1;
        }
        assert_eq!(ranges, 64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_miner_holds_up_the_sender() {
    for listen in [TCP, QUIC] {
        let service = Memory::with(1, Honesty::Honest, usize::MAX, 0);
        let (miner, client) = (Node::miner(1, listen, &service, Limits::default()), Node::client(2));
        client.knows(&miner).await;
        let bytes = bytes::Bytes::from(content(MUCH));
        let mut upload = soon(client.network.store(miner.key(), contract(1), 0)).await.unwrap();
        for at in (0..MUCH).step_by(MIB) {
            let sent = tokio::time::timeout(STANDSTILL, upload.send(bytes.slice(at..at + MIB))).await;
            if sent.is_err() {
                break;
            }
        }
        assert!(upload.offset() < IN_FLIGHT as u64, "{listen}: sent {}", upload.offset());
    }
}
