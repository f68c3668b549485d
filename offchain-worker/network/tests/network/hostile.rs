//! Peers that lie, stall, or do not keep to the protocol.

use crate::{raw::*, support::*};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use lunarx_network::{Limits, NetworkError};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_flips_a_byte_is_named() {
    let service = Memory::with(1, Honesty::Flips, usize::MAX, 0);
    let piece = service.insert(content(3 * MIB));
    let (miner, client) = (Node::miner(1, QUIC, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    let mut download = soon(client.network.retrieve(miner.key(), piece, 3 << 20, 0, 3 << 20)).await.unwrap();
    assert!(soon(download.next()).await.unwrap().is_ok());
    let error = soon(download.next()).await.unwrap().unwrap_err();
    assert!(!error.is_retryable());
    match error {
        NetworkError::Corrupt { node, piece: of, offset, .. } => {
            assert_eq!((node, of, offset), (miner.key(), piece, 1 << 20));
        }
        other => panic!("{other}"),
    }
    assert!(soon(download.next()).await.is_none());
    // A bad disk is no breach of the protocol: the miner is asked again for other bytes.
    let mut rest = soon(client.network.retrieve(miner.key(), piece, 3 << 20, 2 << 20, 1)).await.unwrap();
    assert!(soon(rest.next()).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_lies_about_the_length_is_named() {
    let service = Memory::with(1, Honesty::Stretches, usize::MAX, 0);
    let piece = service.insert(content(100));
    let (miner, client) = (Node::miner(1, TCP, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    let mut download = soon(client.network.retrieve(miner.key(), piece, 100, 0, 100)).await.unwrap();
    let error = soon(download.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, NetworkError::Corrupt { node, .. } if node == miner.key()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_an_oversized_frame_is_cut_off_and_kept_out() {
    let miner = Node::miner(1, TCP, &Memory::new(1), Limits::default());
    let mut raw = Raw::new();
    raw.dial(&miner).await;
    let _stream = soon(raw.send(&miner, &u32::MAX.to_le_bytes())).await;
    soon(raw.closed()).await;
    raw.dial(&miner).await;
    soon(raw.closed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_a_malformed_message_is_cut_off() {
    let miner = Node::miner(1, TCP, &Memory::new(1), Limits::default());
    let mut raw = Raw::new();
    raw.dial(&miner).await;
    let _stream = soon(raw.send(&miner, &[1, 0, 0, 0, 99])).await;
    soon(raw.closed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_or_trickles_loses_its_stream_only() {
    let limits = Limits { request: Duration::from_millis(200), ..Limits::default() };
    let miner = Node::miner(1, TCP, &Memory::new(1), limits);
    let mut raw = Raw::new();
    raw.dial(&miner).await;
    for bytes in [&[][..], &[70], &[70, 0, 0, 0, 1]] {
        let mut stream = soon(raw.send(&miner, bytes)).await;
        let ended = async {
            let mut byte = [0];
            loop {
                tokio::select! {
                    read = stream.read(&mut byte) => break read,
                    event = raw.swarm.select_next_some() => {
                        assert!(!matches!(event, SwarmEvent::ConnectionClosed { .. }));
                    }
                }
            }
        };
        assert!(matches!(soon(ended).await, Ok(0) | Err(_)), "{bytes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_data_without_bytes_is_cut_off() {
    use codec::Encode;
    let miner = Node::miner(1, TCP, &Memory::new(1), Limits::default());
    let store = (1u8, [1u8; 32], 0u32).encode();
    let bytes = [&[37, 0, 0, 0], &store[..], &[2, 0, 0, 0, 0, 0]].concat();
    let mut raw = Raw::new();
    raw.dial(&miner).await;
    let _stream = soon(raw.send(&miner, &bytes)).await;
    soon(raw.closed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_does_not_answer_times_out() {
    let mut raw = Raw::new();
    let (key, address) = soon(raw.listen()).await;
    let mut incoming = raw.control.accept(PIECE).unwrap();
    let limits = Limits { answer: Duration::from_millis(300), ..Limits::default() };
    let client = Node::client_with(2, limits);
    client.network.add_addresses(key, vec![address]).await;
    let serving = async {
        let mut held = Vec::new();
        loop {
            tokio::select! {
                Some(stream) = incoming.next() => held.push(stream),
                _ = raw.swarm.select_next_some() => {}
            }
        }
    };
    let asking = async {
        let error = client.network.reserve(key, request()).await.unwrap_err();
        assert!(matches!(error, NetworkError::TimedOut { .. }) && error.is_retryable(), "{error}");
        let piece = lunarx_core::PieceId([1; 32]);
        let mut download = client.network.retrieve(key, piece, 10, 0, 10).await.unwrap();
        let error = download.next().await.unwrap().unwrap_err();
        assert!(matches!(error, NetworkError::TimedOut { .. }), "{error}");
    };
    tokio::select! {
        () = soon(asking) => {}
        () = serving => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_with_an_oversized_answer_is_blocked() {
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
                    stream.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                    held.push(stream);
                }
                _ = raw.swarm.select_next_some() => {}
            }
        }
    };
    let asking = async {
        let error = client.network.reserve(key, request()).await.unwrap_err();
        assert!(matches!(error, NetworkError::Protocol { node, .. } if node == key), "{error}");
        let error = client.network.connect(key).await.unwrap_err();
        assert!(matches!(error, NetworkError::Blocked { .. }), "{error}");
    };
    tokio::select! {
        () = soon(asking) => {}
        () = serving => {}
    }
}
