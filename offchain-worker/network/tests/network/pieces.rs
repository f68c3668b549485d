//! Pieces go to a miner and come back.

use crate::support::*;
use bytes::Bytes;
use lunarx_core::{NodeKey, PieceId};
use lunarx_network::{Limits, Network, NetworkError, Refusal, MAX_RANGE_BYTES};
use std::time::Duration;

async fn download(
    client: &Network,
    miner: NodeKey,
    piece: PieceId,
    piece_len: usize,
    (offset, len): (usize, usize),
) -> Result<Vec<u8>, NetworkError> {
    let (piece_len, offset, len) = (piece_len as u64, offset as u64, len as u64);
    let mut download = client.retrieve(miner, piece, piece_len, offset, len).await?;
    let mut bytes = Vec::new();
    while let Some(range) = soon(download.next()).await {
        let range = range?;
        assert_eq!(range.offset(), offset + bytes.len() as u64);
        assert!(range.bytes().len() as u64 <= MAX_RANGE_BYTES);
        bytes.extend(range.into_bytes());
    }
    Ok(bytes)
}

/// Reserve, store, cut, resume, finish, retrieve whole and in parts.
async fn journey(listen: &str) {
    let service = Memory::new(1);
    let (miner, client) = (Node::miner(1, listen, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    let signed = soon(client.network.reserve(miner.key(), request())).await.unwrap();
    let contract = signed.offer.contract_id(&GENESIS);
    let bytes = Bytes::from(content(5 * MIB + 12_345));

    let mut upload = soon(client.network.store(miner.key(), contract, 3)).await.unwrap();
    assert_eq!(upload.offset(), 0);
    soon(upload.send(bytes.slice(..3 * MIB))).await.unwrap();
    soon(service.appended.subscribe().wait_for(|sum| *sum >= MIB)).await.unwrap();
    drop(upload);

    // The miner may still be taking in what was under way: it says so, and the client goes on there.
    let piece = loop {
        let mut upload = soon(client.network.store(miner.key(), contract, 3)).await.unwrap();
        let offset = usize::try_from(upload.offset()).unwrap();
        assert!((MIB..=3 * MIB).contains(&offset), "resumes at {offset}");
        match soon(upload.send(bytes.slice(offset..))).await {
            Ok(()) => match soon(upload.finish(bytes.len() as u64)).await {
                Ok(piece) => break piece,
                Err(NetworkError::Refused { refusal: Refusal::BadOffset { .. }, .. }) => continue,
                Err(error) => panic!("{error}"),
            },
            Err(NetworkError::Refused { refusal: Refusal::BadOffset { .. }, .. }) => continue,
            Err(error) => panic!("{error}"),
        }
    };
    let (expected, _) = lunarx_proof::range::commit(&bytes[..], bytes.len() as u64).unwrap();
    assert_eq!(piece, expected);

    for (offset, len) in [(0, bytes.len()), (1, 1), (MIB - 1, 2), (2 * MIB + 77, 3 * MIB), (bytes.len(), 0)] {
        let got = download(&client.network, miner.key(), piece, bytes.len(), (offset, len)).await.unwrap();
        assert_eq!(got, bytes[offset..offset + len], "{offset}+{len}");
    }
    miner.stop().await;
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserve_store_resume_and_retrieve_over_tcp() {
    journey(TCP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserve_store_resume_and_retrieve_over_quic() {
    journey(QUIC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pieces_at_once_over_one_connection() {
    let service = Memory::new(1);
    let (miner, client) = (Node::miner(1, TCP, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    let bytes = Bytes::from(content(MIB + 1));
    let store = |index: u32| {
        let (network, miner, bytes) = (client.network.clone(), miner.key(), bytes.clone());
        async move {
            let mut upload = network.store(miner, contract(1), index).await?;
            upload.send(bytes.clone()).await?;
            upload.finish(bytes.len() as u64).await
        }
    };
    let pieces = soon(futures::future::join_all((0..24).map(store))).await;
    let expected = lunarx_proof::range::commit(&bytes[..], bytes.len() as u64).unwrap().0;
    assert!(pieces.into_iter().all(|piece| piece.unwrap() == expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_reach_the_client_even_in_mid_upload() {
    for listen in [TCP, QUIC] {
        let service = Memory::with(1, Honesty::Honest, 2 * MIB, usize::MAX >> 3);
        let (miner, client) = (Node::miner(1, listen, &service, Limits::default()), Node::client(2));
        client.knows(&miner).await;
        let much = lunarx_network::ReserveRequest { max_bytes: u64::MAX, ..request() };
        let error = soon(client.network.reserve(miner.key(), much)).await.unwrap_err();
        assert!(matches!(error, NetworkError::Refused { refusal: Refusal::NoSpace { .. }, .. }), "{error}");

        let mut upload = soon(client.network.store(miner.key(), contract(1), 0)).await.unwrap();
        let sent = soon(upload.send(content(64 * MIB).into())).await;
        let error = sent.expect_err("64 MiB do not fit into any window");
        assert!(
            matches!(error, NetworkError::Refused { refusal: Refusal::TooLarge { .. }, .. }),
            "{listen}: {error}"
        );

        let missing =
            download(&client.network, miner.key(), PieceId([5; 32]), 10, (0, 10)).await.unwrap_err();
        assert!(matches!(missing, NetworkError::Refused { refusal: Refusal::NotFound, .. }), "{missing}");
        let outside = download(&client.network, miner.key(), PieceId([5; 32]), 10, (5, 6)).await.unwrap_err();
        assert!(matches!(outside, NetworkError::OutsidePiece { .. }), "{outside}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_miner_ends_transfers_and_a_restarted_one_resumes_them() {
    let service = Memory::new(1);
    let (miner, client) = (Node::miner(1, TCP, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    let bytes = Bytes::from(content(4 * MIB));
    let mut upload = soon(client.network.store(miner.key(), contract(1), 0)).await.unwrap();
    soon(upload.send(bytes.slice(..2 * MIB))).await.unwrap();
    soon(service.appended.subscribe().wait_for(|sum| *sum >= MIB)).await.unwrap();
    miner.stop().await;
    let cut = async {
        loop {
            if let Err(error) = upload.send(bytes.slice(..MIB)).await {
                break error;
            }
        }
    };
    let error = soon(cut).await;
    assert!(matches!(error, NetworkError::ConnectionLost { .. }) && error.is_retryable(), "{error}");

    let miner = Node::miner(1, TCP, &service, Limits::default());
    client.knows(&miner).await;
    let mut upload = soon(client.network.store(miner.key(), contract(1), 0)).await.unwrap();
    let offset = usize::try_from(upload.offset()).unwrap();
    assert!(offset >= MIB);
    soon(upload.send(bytes.slice(offset.min(bytes.len())..))).await.unwrap();
    let expected = lunarx_proof::range::commit(&bytes[..], bytes.len() as u64).unwrap().0;
    assert_eq!(soon(upload.finish(bytes.len() as u64)).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_given_back_by_its_owner_only() {
    for listen in [TCP, QUIC] {
        let service = Memory::new(1);
        let miner = Node::miner(1, listen, &service, Limits::default());
        let (client, other) = (Node::client(2), Node::client(3));
        client.knows(&miner).await;
        other.knows(&miner).await;
        let signed = soon(client.network.reserve(miner.key(), request())).await.unwrap();
        let contract = signed.offer.contract_id(&GENESIS);
        let mut upload = soon(client.network.store(miner.key(), contract, 0)).await.unwrap();
        soon(upload.send(content(10).into())).await.unwrap();
        drop(upload);
        soon(service.appended.subscribe().wait_for(|sum| *sum == 10)).await.unwrap();

        let error = soon(other.network.release(miner.key(), contract)).await.unwrap_err();
        assert!(matches!(error, NetworkError::Refused { refusal: Refusal::NotYours, .. }), "{error}");
        let upload = soon(client.network.store(miner.key(), contract, 0)).await.unwrap();
        assert_eq!(upload.offset(), 10);
        soon(client.network.release(miner.key(), contract)).await.unwrap();
        let upload = soon(client.network.store(miner.key(), contract, 0)).await.unwrap();
        assert_eq!(upload.offset(), 0);
        let error = soon(client.network.release(miner.key(), contract)).await.unwrap_err();
        assert!(matches!(error, NetworkError::Refused { refusal: Refusal::NotFound, .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_the_miner_dropped_it_as_idle() {
    for listen in [TCP, QUIC] {
        let service = Memory::new(1);
        let limits = Limits { idle_stream: Duration::from_millis(200), ..Limits::default() };
        let (miner, client) = (Node::miner(1, listen, &service, limits), Node::client(2));
        client.knows(&miner).await;
        let bytes = Bytes::from(content(3 * MIB + 5));
        let sent = MIB + 1_000;
        let mut upload = soon(client.network.store(miner.key(), contract(1), 0)).await.unwrap();
        soon(upload.send(bytes.slice(..sent))).await.unwrap();
        // The source pauses. The miner hands on the last bytes when it gives the stream up.
        soon(service.appended.subscribe().wait_for(|sum| *sum == sent)).await.unwrap();
        let cut = async {
            loop {
                if let Err(error) = upload.send(bytes.slice(sent..sent + 1)).await {
                    break error;
                }
            }
        };
        let error = soon(cut).await;
        assert!(matches!(error, NetworkError::ConnectionLost { .. }), "{listen}: {error}");
        assert!(error.is_retryable());

        let mut upload = soon(client.network.store(miner.key(), contract(1), 0)).await.unwrap();
        assert_eq!(upload.offset(), sent as u64, "{listen}: the miner has all that it was sent");
        soon(upload.send(bytes.slice(sent..))).await.unwrap();
        let expected = lunarx_proof::range::commit(&bytes[..], bytes.len() as u64).unwrap().0;
        assert_eq!(soon(upload.finish(bytes.len() as u64)).await.unwrap(), expected);

        // A pause before the end is no different.
        let mut upload = soon(client.network.store(miner.key(), contract(2), 0)).await.unwrap();
        soon(upload.send(bytes.clone())).await.unwrap();
        soon(service.appended.subscribe().wait_for(|sum| *sum == 2 * bytes.len())).await.unwrap();
        let error = soon(upload.finish(bytes.len() as u64)).await.unwrap_err();
        assert!(matches!(error, NetworkError::ConnectionLost { .. }), "{listen}: {error}");
        let upload = soon(client.network.store(miner.key(), contract(2), 0)).await.unwrap();
        assert_eq!(upload.offset(), bytes.len() as u64);
        assert_eq!(soon(upload.finish(bytes.len() as u64)).await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_do_not_serve_say_so() {
    let client = Node::client(2);
    let listen = vec![TCP.parse().unwrap()];
    let secret = lunarx_network::NodeSecret::from_seed([3; 32]);
    let config = lunarx_network::Config { listen, ..lunarx_network::Config::client(secret.clone(), GENESIS) };
    let other = Node::start(config);
    client.knows(&other).await;
    let error = soon(client.network.reserve(other.key(), request())).await.unwrap_err();
    assert!(matches!(error, NetworkError::Unsupported { .. }), "{error}");

    // A miner whose service has not started yet.
    let config = lunarx_network::Config::miner(secret, GENESIS, vec![TCP.parse().unwrap()]);
    let starting = Node::start(config);
    client.knows(&starting).await;
    other.stop().await;
    let refused = async {
        loop {
            match client.network.reserve(starting.key(), request()).await {
                // The old connection may not be seen as closed yet.
                Err(NetworkError::ConnectionLost { .. } | NetworkError::Unsupported { .. }) => continue,
                other => break other,
            }
        }
    };
    let error = soon(refused).await.unwrap_err();
    assert!(matches!(error, NetworkError::Refused { refusal: Refusal::Unavailable, .. }), "{error}");
}
