//! Nodes find each other through the DHT.

use crate::support::*;
use lunarx_network::{Limits, NetworkError};

#[tokio::test(flavor = "multi_thread")]
async fn a_third_node_is_found_through_a_bootstrap_node() {
    let entry = Node::miner(1, TCP, &Memory::new(1), Limits::default());
    let miner = Node::miner(2, TCP, &Memory::new(2), Limits::default());
    miner.knows(&entry).await;
    soon(miner.network.connect(entry.key())).await.unwrap();
    let client = Node::client(3);
    client.knows(&entry).await;
    // The entry learns the miner's address from its identification, which may be under way.
    let found = async {
        loop {
            match client.network.find(miner.key()).await {
                Ok(addresses) => break addresses,
                Err(NetworkError::NoAddress { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let found = soon(found).await;
    assert_eq!(found, miner.addresses().await);
    soon(client.network.reserve(miner.key(), request())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_addresses_are_replaced_by_what_the_dht_says() {
    let entry = Node::miner(1, QUIC, &Memory::new(1), Limits::default());
    let miner = Node::miner(2, QUIC, &Memory::new(2), Limits::default());
    miner.knows(&entry).await;
    soon(miner.network.connect(entry.key())).await.unwrap();
    let client = Node::client(3);
    client.knows(&entry).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let stale = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    client.network.add_addresses(miner.key(), vec![stale]).await;
    let reserved = async {
        loop {
            match client.network.reserve(miner.key(), request()).await {
                Ok(signed) => break signed,
                Err(NetworkError::Unreachable { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    soon(reserved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_not_in_the_dht() {
    let entry = Node::miner(1, TCP, &Memory::new(1), Limits::default());
    let (client, other) = (Node::client(2), Node::client(3));
    client.knows(&entry).await;
    other.knows(&entry).await;
    soon(client.network.connect(entry.key())).await.unwrap();
    let error = soon(other.network.find(client.key())).await.unwrap_err();
    assert!(matches!(error, NetworkError::NoAddress { .. }), "{error}");
}
