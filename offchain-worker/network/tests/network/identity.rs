//! Nobody is served, or believed, under another key.

use crate::support::*;
use lunarx_core::NodeKey;
use lunarx_network::{Limits, NetworkError, NodeSecret};

#[tokio::test(flavor = "multi_thread")]
async fn another_key_at_the_address_is_named() {
    for listen in [TCP, QUIC] {
        let service = Memory::new(1);
        let (miner, client) = (Node::miner(1, listen, &service, Limits::default()), Node::client(2));
        let expected = NodeSecret::from_seed([7; 32]).node_key();
        client.network.add_addresses(expected, miner.addresses().await).await;
        let error = soon(client.network.reserve(expected, request())).await.unwrap_err();
        assert!(!error.is_retryable());
        match error {
            NetworkError::WrongIdentity { expected: wanted, actual, .. } => {
                assert_eq!((wanted, actual), (expected, miner.key()));
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_address_is_found_beside_a_wrong_one() {
    let service = Memory::new(1);
    let miner = Node::miner(1, TCP, &service, Limits::default());
    let other = Node::miner(3, TCP, &Memory::new(3), Limits::default());
    let client = Node::client(2);
    let both = [other.addresses().await, miner.addresses().await].concat();
    client.network.add_addresses(miner.key(), both).await;
    soon(client.network.reserve(miner.key(), request())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_addresses_that_lead_nowhere_are_errors() {
    let client = Node::client(2);
    let unknown = NodeSecret::from_seed([7; 32]).node_key();
    let error = soon(client.network.connect(unknown)).await.unwrap_err();
    assert!(matches!(error, NetworkError::NoAddress { .. }), "{error}");
    let error = soon(client.network.find(unknown)).await.unwrap_err();
    assert!(matches!(error, NetworkError::NoAddress { .. }), "{error}");

    // Bound and dropped: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    client.network.add_addresses(unknown, vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()]).await;
    let error = soon(client.network.connect(unknown)).await.unwrap_err();
    assert!(matches!(error, NetworkError::Unreachable { .. }) && error.is_retryable(), "{error}");

    // y = 2 is on no point of the curve.
    let mut invalid = [0; 32];
    invalid[0] = 2;
    let error = soon(client.network.connect(NodeKey(invalid))).await.unwrap_err();
    assert!(matches!(error, NetworkError::InvalidKey(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_the_miner_did_not_sign_are_refused() {
    let service = Memory::with(1, Honesty::Forges, usize::MAX, 0);
    let (miner, client) = (Node::miner(1, TCP, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    let error = soon(client.network.reserve(miner.key(), request())).await.unwrap_err();
    assert!(matches!(error, NetworkError::BadOffer { node, .. } if node == miner.key()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_network_says_so() {
    let client = Node::client(2);
    let network = client.network.clone();
    client.stop().await;
    let error = soon(network.connect(NodeSecret::from_seed([7; 32]).node_key())).await.unwrap_err();
    assert!(matches!(error, NetworkError::Stopped), "{error}");
    assert!(soon(network.listening()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_another_chain_do_not_serve() {
    let service = Memory::new(1);
    let miner = Node::miner(1, TCP, &service, Limits::default());
    let secret = NodeSecret::from_seed([2; 32]);
    let client = Node::start(lunarx_network::Config::client(secret, [0xdd; 32]));
    client.knows(&miner).await;
    let error = soon(client.network.reserve(miner.key(), request())).await.unwrap_err();
    assert!(matches!(error, NetworkError::Unsupported { .. }), "{error}");
}
