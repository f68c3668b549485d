//! JSON-RPC requests to one node: bounded in time and size, decoded and checked.

use crate::ChainError;
use codec::{DecodeAll, Encode};
use lunarx_core::{AccountId, BlockNumber};
use serde_json::Value;
use std::time::Duration;
use subxt_rpcs::client::{rpc_params, RpcParams, RpcSubscription};
use subxt_rpcs::RpcClient;

/// Longest wait for an answer.
pub(super) const REQUEST_TIME: Duration = Duration::from_secs(20);
/// Most bytes in an answer, decoded. Metadata is the largest, below 1 MiB.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// Most extrinsics looked at in a block.
const MAX_EXTRINSICS: usize = 65_536;
/// Metadata version asked for: the latest that all nodes of our SDK release and subxt share.
const METADATA_VERSION: u32 = 15;
/// `twox128("System") ++ twox128("Account")`.
const ACCOUNT_PREFIX: &str = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9";
/// `twox128("System") ++ twox128("Events")`.
const EVENTS_KEY: &str = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";

pub(super) type Hash = [u8; 32];

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub number: BlockNumber,
    pub hash: Hash,
}

/// `frame_system::AccountInfo` with `pallet_balances::AccountData`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, codec::Encode, codec::Decode)]
pub(super) struct AccountInfo {
    pub nonce: u32,
    pub consumers: u32,
    pub providers: u32,
    pub sufficients: u32,
    pub free: u128,
    pub reserved: u128,
    pub frozen: u128,
    pub flags: u128,
}

/// Versions under which a transaction is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    pub spec: u32,
    pub transaction: u32,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer.
    Unreachable(String),
    /// An error answer.
    Refused { code: i32, reason: String },
    /// An answer of another form than expected.
    Unreadable(String),
}

/// A node behind an RPC client.
#[derive(Clone, Debug)]
pub(super) struct Node {
    client: RpcClient,
    /// For messages, without credentials.
    endpoint: String,
}

impl Node {
    pub fn new(client: RpcClient, endpoint: String) -> Self {
        Self { client, endpoint }
    }

    pub async fn genesis(&self) -> Result<Hash, ChainError> {
        self.block_hash(0).await
    }

    pub async fn block_hash(&self, number: BlockNumber) -> Result<Hash, ChainError> {
        const METHOD: &str = "chain_getBlockHash";
        let answer = self.request(METHOD, rpc_params![number]).await?;
        match answer {
            Value::Null => Err(self.refusal(METHOD, format!("block {number} is not known"))),
            answer => hash(&answer).map_err(|failure| self.error(METHOD, failure)),
        }
    }

    pub async fn finalized_head(&self) -> Result<Head, ChainError> {
        const METHOD: &str = "chain_getFinalizedHead";
        let answer = self.request(METHOD, rpc_params![]).await?;
        let hash = hash(&answer).map_err(|failure| self.error(METHOD, failure))?;
        self.head(hash).await
    }

    /// The block with this hash.
    pub async fn head(&self, hash: Hash) -> Result<Head, ChainError> {
        const METHOD: &str = "chain_getHeader";
        let header = self.request(METHOD, rpc_params![to_hex(&hash)]).await?;
        if header.is_null() {
            return Err(self.refusal(METHOD, format!("block {} is not known", to_hex(&hash))));
        }
        let number = header_number(&header).map_err(|failure| self.error(METHOD, failure))?;
        Ok(Head { number, hash })
    }

    /// The extrinsics of a block, each with its length prefix.
    pub async fn extrinsics(&self, block: Hash) -> Result<Vec<Vec<u8>>, ChainError> {
        const METHOD: &str = "chain_getBlock";
        let answer = self.request(METHOD, rpc_params![to_hex(&block)]).await?;
        if answer.is_null() {
            return Err(self.refusal(METHOD, format!("block {} is not known", to_hex(&block))));
        }
        let Some(list) = answer.pointer("/block/extrinsics").and_then(Value::as_array) else {
            return Err(self.error(METHOD, unreadable("expected a block with extrinsics")));
        };
        if list.len() > MAX_EXTRINSICS {
            let reason = format!("{} extrinsics, at most {MAX_EXTRINSICS} expected", list.len());
            return Err(self.error(METHOD, Failure::Unreadable(reason)));
        }
        list.iter().map(|item| bytes(item).map_err(|failure| self.error(METHOD, failure))).collect()
    }

    /// Calls the runtime at `block`.
    pub async fn state_call(
        &self,
        function: &str,
        arguments: &[u8],
        block: Hash,
    ) -> Result<Vec<u8>, ChainError> {
        let params = rpc_params![function, to_hex(arguments), to_hex(&block)];
        let answer = match self.try_request("state_call", params).await {
            Err(Failure::Refused { reason, .. })
                if reason.contains("is not found") && reason.contains(function) =>
            {
                return Err(ChainError::Incompatible {
                    reason: format!("its runtime has no function {function}"),
                });
            }
            result => result.map_err(|failure| self.error(function, failure))?,
        };
        bytes(&answer).map_err(|failure| self.error(function, failure))
    }

    /// An account at `block`: zeros if it does not exist.
    pub async fn account(&self, account: AccountId, block: Hash) -> Result<AccountInfo, ChainError> {
        const METHOD: &str = "state_getStorage";
        let Some(value) = self.storage(&account_key(account), block).await? else {
            return Ok(AccountInfo::default());
        };
        AccountInfo::decode_all(&mut value.as_slice()).map_err(|error| ChainError::Decode {
            request: METHOD.into(),
            reason: format!("expected an account: {error}"),
        })
    }

    /// All events of a block, as encoded in its state.
    pub async fn events(&self, block: Hash) -> Result<Vec<u8>, ChainError> {
        Ok(self.storage(EVENTS_KEY, block).await?.unwrap_or_default())
    }

    async fn storage(&self, key: &str, block: Hash) -> Result<Option<Vec<u8>>, ChainError> {
        const METHOD: &str = "state_getStorage";
        match self.request(METHOD, rpc_params![key, to_hex(&block)]).await? {
            Value::Null => Ok(None),
            value => bytes(&value).map(Some).map_err(|failure| self.error(METHOD, failure)),
        }
    }

    /// The runtime's versions at `block`, or at the best block.
    pub async fn versions(&self, block: Option<Hash>) -> Result<Versions, ChainError> {
        const METHOD: &str = "state_getRuntimeVersion";
        let answer = self.request(METHOD, rpc_params![block.map(|hash| to_hex(&hash))]).await?;
        let read = |name: &str| {
            let number = answer.get(name).and_then(Value::as_u64);
            number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
                self.error(METHOD, Failure::Unreadable(format!("expected a number as {name}")))
            })
        };
        Ok(Versions { spec: read("specVersion")?, transaction: read("transactionVersion")? })
    }

    /// The runtime's metadata at `block`, or at the best block.
    pub async fn metadata(&self, block: Option<Hash>) -> Result<Vec<u8>, ChainError> {
        const FUNCTION: &str = "Metadata_metadata_at_version";
        let block = match block {
            Some(block) => block,
            None => {
                let answer = self.request("chain_getBlockHash", rpc_params![]).await?;
                hash(&answer).map_err(|failure| self.error("chain_getBlockHash", failure))?
            }
        };
        let answer = self.state_call(FUNCTION, &METADATA_VERSION.encode(), block).await?;
        let opaque = <Option<Vec<u8>>>::decode_all(&mut answer.as_slice()).map_err(|error| {
            self.error(FUNCTION, Failure::Unreadable(format!("expected metadata: {error}")))
        })?;
        opaque.ok_or_else(|| ChainError::Incompatible {
            reason: format!("its runtime has no metadata of version {METADATA_VERSION}"),
        })
    }

    /// The account's next nonce, those of its transactions in the pool included.
    pub async fn next_nonce(&self, account: AccountId) -> Result<u32, ChainError> {
        const METHOD: &str = "system_accountNextIndex";
        let answer = self.request(METHOD, rpc_params![crate::to_ss58(account)]).await?;
        let nonce = answer.as_u64().and_then(|nonce| u32::try_from(nonce).ok());
        nonce.ok_or_else(|| self.error(METHOD, unreadable("expected a nonce")))
    }

    /// Sends a transaction and reports what becomes of it.
    pub async fn send(&self, extrinsic: &[u8]) -> Result<RpcSubscription<Value>, Failure> {
        let params = rpc_params![to_hex(extrinsic)];
        self.subscribe("author_submitAndWatchExtrinsic", params, "author_unwatchExtrinsic").await
    }

    /// Headers of finalized blocks; a later one stands for those skipped.
    pub async fn finalized_headers(&self) -> Result<RpcSubscription<Value>, ChainError> {
        const METHOD: &str = "chain_subscribeFinalizedHeads";
        self.subscribe(METHOD, rpc_params![], "chain_unsubscribeFinalizedHeads")
            .await
            .map_err(|failure| self.error(METHOD, failure))
    }

    async fn subscribe(
        &self,
        method: &str,
        params: RpcParams,
        end: &str,
    ) -> Result<RpcSubscription<Value>, Failure> {
        match tokio::time::timeout(REQUEST_TIME, self.client.subscribe(method, params, end)).await {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(no_answer()),
        }
    }

    async fn request(&self, method: &str, params: RpcParams) -> Result<Value, ChainError> {
        self.try_request(method, params).await.map_err(|failure| self.error(method, failure))
    }

    async fn try_request(&self, method: &str, params: RpcParams) -> Result<Value, Failure> {
        match tokio::time::timeout(REQUEST_TIME, self.client.request(method, params)).await {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(no_answer()),
        }
    }

    fn refusal(&self, request: &str, reason: String) -> ChainError {
        ChainError::Node { request: request.into(), reason }
    }

    pub fn error(&self, request: &str, failure: Failure) -> ChainError {
        match failure {
            Failure::Unreachable(reason) => {
                ChainError::Unreachable { endpoint: self.endpoint.clone(), reason }
            }
            Failure::Refused { reason, .. } => self.refusal(request, reason),
            Failure::Unreadable(reason) => ChainError::Decode { request: request.into(), reason },
        }
    }
}

impl From<subxt_rpcs::Error> for Failure {
    fn from(error: subxt_rpcs::Error) -> Self {
        match error {
            subxt_rpcs::Error::User(error) => {
                let data = error.data.map(|data| format!(": {}", data.get())).unwrap_or_default();
                Self::Refused { code: error.code, reason: format!("{}{data}", error.message) }
            }
            subxt_rpcs::Error::Deserialization(error) => Self::Unreadable(error.to_string()),
            subxt_rpcs::Error::Decode(error) => Self::Unreadable(error.to_string()),
            error => Self::Unreachable(error.to_string()),
        }
    }
}

/// The number in a block's header.
pub(super) fn header_number(header: &Value) -> Result<BlockNumber, Failure> {
    let digits = header.get("number").and_then(Value::as_str).and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| BlockNumber::from_str_radix(digits, 16).ok())
        .ok_or_else(|| unreadable("expected a header with a 32-bit number"))
}

/// A hash in an answer.
pub(super) fn hash(answer: &Value) -> Result<Hash, Failure> {
    bytes(answer)?.try_into().map_err(|_| unreadable("expected a hash of 32 bytes"))
}

fn bytes(answer: &Value) -> Result<Vec<u8>, Failure> {
    let digits = answer.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.ok_or_else(|| unreadable("expected hexadecimal bytes"))?;
    if digits.len() / 2 > MAX_ANSWER_BYTES {
        let reason = format!("{} bytes, at most {MAX_ANSWER_BYTES} expected", digits.len() / 2);
        return Err(Failure::Unreadable(reason));
    }
    hex::decode(digits).map_err(|error| Failure::Unreadable(error.to_string()))
}

/// Storage key of an account: `Blake2_128Concat` under `System.Account`.
pub(super) fn account_key(account: AccountId) -> String {
    let hash = blake2b_simd::Params::new().hash_length(16).hash(&account.0);
    format!("{ACCOUNT_PREFIX}{}{}", hash.to_hex(), hex::encode(account.0))
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn unreadable(reason: &str) -> Failure {
    Failure::Unreadable(reason.into())
}

fn no_answer() -> Failure {
    Failure::Unreachable(format!("no answer within {} s", REQUEST_TIME.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_key_is_the_one_of_substrate() {
        // `System.Account` of Alice, as polkadot.js shows it.
        let alice = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
        let expected = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\
            de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
        assert_eq!(account_key(alice.parse().unwrap()), expected);
    }

    #[test]
    fn refuses_what_is_no_hash_or_header() {
        for text in ["", "0x", "0xzz", "12", &to_hex(&[1; 31]), &to_hex(&[1; 33])] {
            assert!(hash(&Value::from(text)).is_err(), "{text}");
        }
        assert_eq!(hash(&Value::from(to_hex(&[9; 32]))), Ok([9; 32]));
        for number in ["", "0x", "16", "0x100000000", "-0x1"] {
            assert!(header_number(&serde_json::json!({ "number": number })).is_err(), "{number}");
        }
        assert_eq!(header_number(&serde_json::json!({ "number": "0x10" })), Ok(16));
    }
}
