//! The chain over JSON-RPC: a remote node by WebSocket, or this process's own.
//!
//! `link` keeps a connection to one of several nodes, `node` makes bounded requests, `heads` follows
//! finality, `runtime` reads the metadata, `queue` orders each key's transactions and `transaction`
//! sees them through.

mod heads;
mod link;
mod node;
mod queue;
mod runtime;
#[cfg(test)]
mod tests;
mod transaction;

use crate::{AccountBalance, Call, Chain, ChainError, Receipt, Signer};
use async_trait::async_trait;
use codec::{Decode, DecodeAll, Encode};
use heads::{Follower, Heads};
use link::Link;
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};
use node::{Hash, Head, Node};
use queue::Queues;
use runtime::Runtimes;
use std::sync::Arc;
use subxt_rpcs::RpcClient;
use tokio::sync::watch;
use transaction::{Pace, Transactions};

/// Entries asked for at once: the most that the runtime gives.
const PAGE: u32 = 256;
/// Most pages read: over a million entries.
const MAX_PAGES: usize = 4096;

/// The chain behind a node.
pub struct RpcChain {
    parameters: watch::Receiver<ChainParameters>,
    transactions: Transactions,
    _follower: Follower,
}

impl RpcChain {
    /// Connects to the first of `urls` (`ws://` or `wss://`) that answers. When the connection dies,
    /// it is made again with any of them that serves the same chain; requests fail in between.
    pub async fn connect(urls: &[String]) -> Result<Self, ChainError> {
        let link = Arc::new(Link::new(urls));
        let node = Node::new(RpcClient::new(link.clone()), link.endpoint());
        link.pin(node.genesis().await?);
        Self::start(node, Pace::default()).await
    }

    /// Over an existing client, such as the RPC handlers of the node in this process.
    pub async fn over(client: RpcClient) -> Result<Self, ChainError> {
        Self::start(Node::new(client, "the node in this process".into()), Pace::default()).await
    }

    async fn start(node: Node, pace: Pace) -> Result<Self, ChainError> {
        let genesis = node.genesis().await?;
        let head = node.finalized_head().await?;
        let parameters = watch::Sender::new(read_parameters(&node, head).await?);
        let heads = Arc::new(Heads::new(head));
        let (runtimes, queues) = (Runtimes::default(), Queues::default());
        let shown = parameters.subscribe();
        let follower = Follower::start(node.clone(), heads.clone(), parameters);
        let transactions = Transactions { node, genesis, heads, runtimes, queues, pace };
        Ok(Self { parameters: shown, transactions, _follower: follower })
    }

    fn head(&self) -> Head {
        self.transactions.heads.current()
    }

    async fn read<T: Decode>(
        &self,
        function: &str,
        arguments: impl Encode,
        head: Head,
    ) -> Result<T, ChainError> {
        read(&self.transactions.node, function, &arguments.encode(), head).await
    }

    /// All pages of one block. `page` gives the arguments that follow `after`, `key` an entry's key.
    async fn read_pages<T, K, A>(
        &self,
        function: &str,
        page: impl Fn(Option<K>) -> A,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, ChainError>
    where
        T: Decode,
        K: PartialEq + Copy,
        A: Encode,
    {
        let head = self.head();
        let (mut entries, mut after) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let more: Vec<T> = self.read(function, page(after), head).await?;
            let Some(last) = more.last().map(&key) else { return Ok(entries) };
            let full = u32::try_from(more.len()).is_ok_and(|count| count >= PAGE);
            entries.extend(more);
            if !full {
                return Ok(entries);
            }
            if after == Some(last) {
                break;
            }
            after = Some(last);
        }
        let reason = format!("its pages do not end within {MAX_PAGES}");
        Err(ChainError::Decode { request: function.into(), reason })
    }

    /// The seeds of `count` blocks, as of one block, page by page.
    async fn read_seeds(
        &self,
        mut from: BlockNumber,
        count: u32,
    ) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        const FUNCTION: &str = "LunarxApi_audit_seeds";
        let head = self.head();
        let mut seeds = Vec::new();
        let mut left = head.number.saturating_add(1).saturating_sub(from).min(count);
        while left > 0 {
            let len = left.min(PAGE);
            let page: Vec<Option<AuditSeed>> = self.read(FUNCTION, (from, len), head).await?;
            if u32::try_from(page.len()) != Ok(len) {
                let reason = format!("expected {len} seeds, not {}", page.len());
                return Err(ChainError::Decode { request: FUNCTION.into(), reason });
            }
            seeds.extend(page);
            from = from.saturating_add(len);
            left = left.saturating_sub(len);
        }
        Ok(seeds)
    }
}

async fn read<T: Decode>(node: &Node, function: &str, arguments: &[u8], head: Head) -> Result<T, ChainError> {
    let answer = node.state_call(function, arguments, head.hash).await?;
    T::decode_all(&mut answer.as_slice())
        .map_err(|error| ChainError::Decode { request: function.into(), reason: error.to_string() })
}

async fn read_parameters(node: &Node, head: Head) -> Result<ChainParameters, ChainError> {
    read(node, "LunarxApi_parameters", &[], head).await
}

#[async_trait]
impl Chain for RpcChain {
    fn genesis(&self) -> Hash {
        self.transactions.genesis
    }

    fn parameters(&self) -> ChainParameters {
        *self.parameters.borrow()
    }

    fn finalized(&self) -> watch::Receiver<BlockNumber> {
        self.transactions.heads.numbers()
    }

    async fn supply(&self) -> Result<Supply, ChainError> {
        self.read("LunarxApi_supply", (), self.head()).await
    }

    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError> {
        self.read("LunarxApi_economy", (), self.head()).await
    }

    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError> {
        self.read("LunarxApi_due_rewards", account, self.head()).await
    }

    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError> {
        self.read("LunarxApi_authority", account, self.head()).await
    }

    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.read("LunarxApi_provider", account, self.head()).await
    }

    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.read("LunarxApi_provider_of_node", node, self.head()).await
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
        let page = |after: Option<AccountId>| (after, PAGE);
        self.read_pages("LunarxApi_providers", page, |entry: &ProviderInfo<AccountId>| entry.account).await
    }

    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError> {
        self.read("LunarxApi_contract", id, self.head()).await
    }

    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        let page = |after: Option<ContractId>| (account, after, PAGE);
        self.read_pages("LunarxApi_contracts_of", page, |entry: &ContractInfo<AccountId>| entry.id).await
    }

    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError> {
        self.read("LunarxApi_quote", (bytes, windows, price), self.head()).await
    }

    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        let page = |after: Option<ContractId>| (after, PAGE);
        self.read_pages("LunarxApi_contracts", page, |entry: &ContractInfo<AccountId>| entry.id).await
    }

    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        self.read_seeds(from, count).await
    }

    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError> {
        self.read("LunarxApi_rounds", (), self.head()).await
    }

    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError> {
        self.read("LunarxApi_tracker", account, self.head()).await
    }

    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError> {
        let page = |after: Option<AccountId>| (after, PAGE);
        self.read_pages("LunarxApi_trackers", page, |entry: &TrackerInfo<AccountId>| entry.account).await
    }

    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError> {
        self.read("LunarxApi_audit", contract, self.head()).await
    }

    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError> {
        let page = |after: Option<ContractId>| (after, PAGE);
        self.read_pages("LunarxApi_disputes", page, |entry: &DisputeInfo<AccountId>| entry.contract).await
    }

    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
        let info = self.transactions.node.account(account, self.head().hash).await?;
        // What is frozen may be covered by what is held.
        let untouchable = info.frozen.saturating_sub(info.reserved);
        Ok(AccountBalance {
            free: info.free,
            held: info.reserved,
            transferable: info.free.saturating_sub(untouchable),
        })
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        self.transactions.submit(signer, &call).await
    }
}
