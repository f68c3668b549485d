//! A chain whose node loses sight of transactions.

use async_trait::async_trait;
use lunarx_chain::{AccountBalance, Call, Chain, ChainError, MemoryChain, Receipt, Signer};
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};
use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc,
};
use tokio::sync::watch;

/// A chain where `open` times out, and takes effect `delay` blocks later.
pub struct LateChain {
    chain: MemoryChain,
    delay: BlockNumber,
    /// The late transaction has been included.
    pub included: Arc<AtomicBool>,
}

impl LateChain {
    pub fn new(chain: MemoryChain, delay: BlockNumber) -> Self {
        Self { chain, delay, included: Arc::default() }
    }
}

#[async_trait]
impl Chain for LateChain {
    fn genesis(&self) -> [u8; 32] {
        self.chain.genesis()
    }

    fn parameters(&self) -> ChainParameters {
        self.chain.parameters()
    }

    fn finalized(&self) -> watch::Receiver<BlockNumber> {
        self.chain.finalized()
    }

    async fn supply(&self) -> Result<Supply, ChainError> {
        self.chain.supply().await
    }

    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError> {
        self.chain.economy().await
    }

    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError> {
        self.chain.due_rewards(account).await
    }

    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError> {
        self.chain.authority(account).await
    }

    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.chain.provider(account).await
    }

    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.chain.provider_of_node(node).await
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
        self.chain.providers().await
    }

    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError> {
        self.chain.contract(id).await
    }

    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.chain.contracts_of(account).await
    }

    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError> {
        self.chain.quote(bytes, windows, price).await
    }

    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.chain.contracts().await
    }

    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        self.chain.audit_seeds(from, count).await
    }

    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError> {
        self.chain.rounds().await
    }

    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError> {
        self.chain.tracker(account).await
    }

    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError> {
        self.chain.trackers().await
    }

    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError> {
        self.chain.audit(contract).await
    }

    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError> {
        self.chain.disputes().await
    }

    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
        self.chain.balance(account).await
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        if !matches!(call, Call::Open { .. }) {
            return self.chain.submit(signer, call).await;
        }
        let (chain, signer, included) = (self.chain.clone(), signer.clone(), self.included.clone());
        let at = chain.height() + self.delay;
        tokio::spawn(async move {
            let mut blocks = chain.finalized();
            blocks.wait_for(|height| *height >= at).await.unwrap();
            chain.submit(&signer, call).await.unwrap();
            included.store(true, Ordering::SeqCst);
        });
        Err(ChainError::TimedOut { extrinsic: [7; 32], seconds: 300, reason: "lost sight of it".into() })
    }
}
