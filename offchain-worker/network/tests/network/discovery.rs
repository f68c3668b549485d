//! Nodes find each other through the DHT. Nobody connects by hand: what a node is told of others is all
//! that it starts from.

use crate::support::*;
use lunarx_core::NodeKey;
use lunarx_network::{Config, Limits, Multiaddr, Network, NetworkError, NodeSecret};

fn miner(seed: u8, listen: &str) -> Node {
    Node::miner(seed, listen, &Memory::new(seed), Limits::default())
}

/// Asks until `network` finds the node: others may be on their way into the DHT.
async fn found(network: &Network, node: NodeKey) -> Vec<Multiaddr> {
    let found = async {
        loop {
            match network.find(node).await {
                Ok(addresses) => break addresses,
                Err(NetworkError::NoAddress { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    soon(found).await
}

/// Waits until `node` has all of `others` in its table.
async fn met(node: &Node, others: &[&Node]) {
    let met = async {
        loop {
            let nodes = node.network.dht_nodes().await;
            if others.iter().all(|other| nodes.contains(&other.key())) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(met).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_node_is_found_through_a_bootstrap_node() {
    for listen in [TCP, QUIC] {
        let (entry, miner, client) = (miner(1, listen), miner(2, listen), Node::client(3));
        miner.knows(&entry).await;
        client.knows(&entry).await;
        assert_eq!(found(&client.network, miner.key()).await, miner.addresses().await);
        soon(client.network.reserve(miner.key(), request())).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_enters_through_the_nodes_of_its_configuration() {
    let entry = miner(1, TCP);
    let listen = vec![TCP.parse().unwrap()];
    let config = Config {
        bootstrap: vec![(entry.key(), entry.addresses().await)],
        ..Config::miner(NodeSecret::from_seed([2; 32]), GENESIS, listen)
    };
    let miner = Node::start(config);
    met(&entry, &[&miner]).await;
    met(&miner, &[&entry]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_enters_although_most_nodes_that_it_knows_are_gone() {
    let (entry, miner) = (miner(1, TCP), miner(2, TCP));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for seed in 10..22 {
        let gone = NodeSecret::from_seed([seed; 32]).node_key();
        let nowhere = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()];
        miner.network.add_addresses(gone, nowhere).await;
    }
    miner.knows(&entry).await;
    met(&entry, &[&miner]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn miners_that_know_one_node_in_common_meet_each_other() {
    let (entry, first, second) = (miner(1, TCP), miner(2, TCP), miner(3, TCP));
    first.knows(&entry).await;
    second.knows(&entry).await;
    met(&first, &[&entry, &second]).await;
    met(&second, &[&entry, &first]).await;
    // So the first one leads to the second, without the node through which they met.
    entry.stop().await;
    let client = Node::client(4);
    client.knows(&first).await;
    assert_eq!(found(&client.network, second.key()).await, second.addresses().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_addresses_are_replaced_by_what_the_dht_says() {
    let (entry, miner, client) = (miner(1, QUIC), miner(2, QUIC), Node::client(3));
    miner.knows(&entry).await;
    client.knows(&entry).await;
    met(&entry, &[&miner]).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let stale = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    client.network.add_addresses(miner.key(), vec![stale]).await;
    soon(client.network.reserve(miner.key(), request())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_not_in_the_dht() {
    let entry = miner(1, TCP);
    // It has addresses that it states: what keeps it out is that it does not serve the DHT.
    let listen = vec![TCP.parse().unwrap()];
    let secret = NodeSecret::from_seed([2; 32]);
    let client = Node::start(Config { listen, ..Config::client(secret, GENESIS) });
    client.knows(&entry).await;
    client.addresses().await;
    soon(client.network.connect(entry.key())).await.unwrap();
    // Both sides identify each other at the same time, and the miner comes after that.
    met(&client, &[&entry]).await;
    let miner = miner(3, TCP);
    miner.knows(&entry).await;
    met(&entry, &[&miner]).await;

    let other = Node::client(4);
    other.knows(&entry).await;
    assert_eq!(found(&other.network, miner.key()).await, miner.addresses().await);
    let error = soon(other.network.find(client.key())).await.unwrap_err();
    assert!(matches!(error, NetworkError::NoAddress { .. }), "{error}");
    assert_eq!(entry.network.dht_nodes().await, [miner.key()]);
}
