//! The node's own session keys, for the miner beside it.

use crate::in_process::InProcess;
use async_trait::async_trait;
use lunarx_chain::ChainError;
use lunarx_core::AccountId;
use lunarx_worker::{Authoring, SessionKeys};
use sc_service::RpcHandlers;
use serde::Deserialize;
use subxt_rpcs::{rpc_params, RpcClient};

/// The node, through its own RPC handlers.
pub struct OwnNode(RpcClient);

impl OwnNode {
    /// Over the node's handlers.
    pub fn new(handlers: RpcHandlers) -> Self {
        Self(RpcClient::new(InProcess(handlers)))
    }
}

/// The answer of `author_rotateKeysWithOwner`.
#[derive(Deserialize)]
struct Generated {
    keys: Bytes,
    proof: Option<Bytes>,
}

/// `0x` and hexadecimal digits.
#[derive(Deserialize)]
struct Bytes(#[serde(with = "sp_core::bytes")] Vec<u8>);

fn hex(bytes: &[u8]) -> String {
    sp_core::bytes::to_hex(bytes, false)
}

fn failed(error: subxt_rpcs::Error) -> ChainError {
    ChainError::Node { request: "its session keys".into(), reason: error.to_string() }
}

#[async_trait]
impl Authoring for OwnNode {
    async fn holds(&self, keys: &[u8]) -> Result<bool, ChainError> {
        self.0.request("author_hasSessionKeys", rpc_params![hex(keys)]).await.map_err(failed)
    }

    async fn new_keys(&self, owner: AccountId) -> Result<SessionKeys, ChainError> {
        let params = rpc_params![hex(&owner.0)];
        let Generated { keys, proof } =
            self.0.request("author_rotateKeysWithOwner", params).await.map_err(failed)?;
        let proof = proof.ok_or_else(|| ChainError::Incompatible {
            reason: "its runtime proves no ownership of session keys".into(),
        })?;
        Ok(SessionKeys { keys: keys.0, proof: proof.0 })
    }
}
