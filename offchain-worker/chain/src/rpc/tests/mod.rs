//! The whole of [`super::RpcChain`] against a fake node: real metadata, real signatures.

mod fake;
mod metadata;
mod reads;
mod transactions;

use super::node::Node;
use super::transaction::Pace;
use super::RpcChain;
use crate::{Chain, ChainError};
use fake::FakeNode;
use lunarx_core::BlockNumber;
use std::time::Duration;
use subxt_rpcs::RpcClient;
use tokio::time::timeout;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

const PACE: Pace = Pace {
    attempt: Duration::from_millis(300),
    pause: Duration::from_millis(20),
    deadline: Duration::from_secs(10),
};

async fn try_chain(node: &FakeNode, pace: Pace) -> Result<RpcChain, ChainError> {
    RpcChain::start(Node::new(RpcClient::new(node.clone()), "fake".into()), pace).await
}

async fn chain(node: &FakeNode) -> RpcChain {
    try_chain(node, PACE).await.unwrap()
}

/// Waits until `height` is shown as finalized.
async fn shown(chain: &RpcChain, height: BlockNumber) {
    let mut finalized = chain.finalized();
    timeout(PATIENCE, finalized.wait_for(|shown| *shown >= height)).await.unwrap().unwrap();
}

/// Waits until `condition` holds: for what nothing announces.
async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}
