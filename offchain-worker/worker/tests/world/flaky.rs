//! A chain that can be cut off, and counts the calls that it passes on.

use async_trait::async_trait;
use lunarx_chain::{AccountBalance, Call, Chain, ChainError, MemoryChain, Receipt, Signer};
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};
use std::sync::{
    atomic::{AtomicBool, Ordering},
    Mutex,
};
use tokio::sync::watch;

pub struct FlakyChain {
    inner: MemoryChain,
    down: AtomicBool,
    calls: Mutex<Vec<Call>>,
    refused: Mutex<Option<ContractId>>,
}

impl FlakyChain {
    pub fn new(inner: MemoryChain) -> Self {
        Self { inner, down: AtomicBool::new(false), calls: Mutex::default(), refused: Mutex::default() }
    }

    pub fn inner(&self) -> &MemoryChain {
        &self.inner
    }

    /// Cuts the chain off, or brings it back.
    pub fn cut(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// From now on refuses every acceptance that includes `id`.
    pub fn refuse(&self, id: ContractId) {
        *self.refused.lock().unwrap() = Some(id);
    }

    /// Names of the calls made through this handle, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().iter().map(Call::name).collect()
    }

    /// How often a call was made through this handle.
    pub fn count(&self, name: &str) -> usize {
        self.calls().iter().filter(|call| **call == name).count()
    }

    fn up(&self) -> Result<&MemoryChain, ChainError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(ChainError::Unreachable { endpoint: "test".into(), reason: "cut off".into() });
        }
        Ok(&self.inner)
    }
}

#[async_trait]
impl Chain for FlakyChain {
    fn genesis(&self) -> [u8; 32] {
        self.inner.genesis()
    }

    fn parameters(&self) -> ChainParameters {
        self.inner.parameters()
    }

    fn finalized(&self) -> watch::Receiver<BlockNumber> {
        self.inner.finalized()
    }

    async fn supply(&self) -> Result<Supply, ChainError> {
        self.up()?.supply().await
    }

    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError> {
        self.up()?.economy().await
    }

    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError> {
        self.up()?.due_rewards(account).await
    }

    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError> {
        self.up()?.authority(account).await
    }

    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.up()?.provider(account).await
    }

    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.up()?.provider_of_node(node).await
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
        self.up()?.providers().await
    }

    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError> {
        self.up()?.contract(id).await
    }

    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.up()?.contracts_of(account).await
    }

    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError> {
        self.up()?.quote(bytes, windows, price).await
    }

    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.up()?.contracts().await
    }

    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        self.up()?.audit_seeds(from, count).await
    }

    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError> {
        self.up()?.rounds().await
    }

    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError> {
        self.up()?.tracker(account).await
    }

    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError> {
        self.up()?.trackers().await
    }

    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError> {
        self.up()?.audit(contract).await
    }

    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError> {
        self.up()?.disputes().await
    }

    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
        self.up()?.balance(account).await
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        let chain = self.up()?;
        self.calls.lock().unwrap().push(call.clone());
        let refused = *self.refused.lock().unwrap();
        if matches!(&call, Call::Accept { ids } if refused.is_some_and(|id| ids.contains(&id))) {
            let (pallet, error, docs) = ("Contracts".into(), "Test".into(), "refused by a test".into());
            return Err(ChainError::Dispatch { pallet, error, docs });
        }
        chain.submit(signer, call).await
    }
}
