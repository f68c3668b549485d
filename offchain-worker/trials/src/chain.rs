//! The handle: reads by the runtime's own API, calls as transactions.

use crate::{
    calls::{recode, runtime_call},
    node::{self, Job, Record, Submission, PACE},
};
use async_trait::async_trait;
use codec::{Decode, Encode};
use frame_support::traits::{
    fungible::Inspect,
    tokens::{Fortitude, Preservation},
};
use lunarx_chain::{AccountBalance, Call, Chain, ChainError, Receipt, Signer};
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};
use lunarx_runtime::{AccountId as Account, Balances, Runtime, System};
use lunarx_runtime_api::{runtime_decl_for_lunarx_api::LunarxApi, MAX_PAGE};
use std::{
    sync::{mpsc, Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// A chain of the real runtime. Clones share it; it ends with the last one.
#[derive(Clone)]
pub struct RuntimeChain {
    jobs: mpsc::Sender<Job>,
    record: Arc<Mutex<Record>>,
    finalized: watch::Receiver<BlockNumber>,
    genesis: [u8; 32],
    parameters: ChainParameters,
}

impl RuntimeChain {
    /// Starts a chain from the `local` preset, and waits for its first block.
    pub async fn start() -> Self {
        let (jobs, inbox) = mpsc::channel();
        let (sender, mut finalized) = watch::channel(0);
        let record = Arc::default();
        let shared = Arc::clone(&record);
        thread::spawn(move || node::run(&inbox, sender, shared));
        finalized.wait_for(|height| *height > 0).await.expect("the chain starts");
        let parameters = ChainParameters {
            block_millis: 0,
            day: 0,
            window: 0,
            accept_within: 0,
            max_offer_life: 0,
            max_windows: 0,
            max_promises: 0,
            max_reports: 0,
            collateral_per_gib: 0,
            exit_delay: 0,
            audit: lunarx_core::AuditRules::of_window(1),
        };
        let mut chain = Self { jobs, record, finalized, genesis: [0; 32], parameters };
        (chain.genesis, chain.parameters) =
            chain.read(|| (System::block_hash(0).0, Runtime::parameters())).await.expect("the chain runs");
        // Workers wait by the clock: their blocks come faster here.
        chain.parameters.block_millis = u64::try_from(PACE.as_millis()).expect("few milliseconds");
        chain
    }

    /// Makes blocks as fast as they can be made until `height`, then at the usual pace again.
    pub async fn hurry_to(&self, height: BlockNumber) {
        self.set_pace(Duration::ZERO);
        self.reach(height).await;
        self.set_pace(PACE);
    }

    /// Waits for `height`.
    pub async fn reach(&self, height: BlockNumber) {
        let reached = self.finalized.clone().wait_for(|now| *now >= height).await.map(|_| ());
        reached.expect("the chain runs");
    }

    /// The last block.
    pub fn height(&self) -> BlockNumber {
        *self.finalized.borrow()
    }

    /// All LX of an account, held or not.
    pub async fn wealth(&self, account: AccountId) -> Balance {
        let total = move || Balances::total_balance(&Account::new(account.0));
        self.read(total).await.expect("the chain runs")
    }

    /// All LX that there is.
    pub async fn issuance(&self) -> Balance {
        self.read(Balances::total_issuance).await.expect("the chain runs")
    }

    /// Fees of transactions that an account paid so far.
    pub fn fees(&self, account: AccountId) -> Balance {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.fees.get(&account).copied().unwrap_or_default()
    }

    /// The calls that took effect so far, in order: what anybody can read in the blocks.
    pub fn calls(&self) -> Vec<(AccountId, Call)> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    fn set_pace(&self, pace: Duration) {
        self.jobs.send(Job::Pace(pace)).expect("the chain runs");
    }

    /// Reads the state after the last block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ChainError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Read(Box::new(move || {
            // Whoever asked may have gone.
            let _ = reply.send(read());
        }));
        self.jobs.send(job).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }

    /// Reads something that names accounts.
    async fn read_as<A: Encode + Send + 'static, B: Decode>(
        &self,
        read: impl FnOnce() -> A + Send + 'static,
    ) -> Result<B, ChainError> {
        let decode = |error: codec::Error| ChainError::Decode {
            request: "the runtime".into(),
            reason: error.to_string(),
        };
        recode(&self.read(read).await?).map_err(decode)
    }
}

/// An invariant was broken, so the chain stands still. Its words are in the test's output.
fn stopped() -> ChainError {
    ChainError::Unreachable { endpoint: "the trial's chain".into(), reason: "it has stopped".into() }
}

#[async_trait]
impl Chain for RuntimeChain {
    fn genesis(&self) -> [u8; 32] {
        self.genesis
    }

    fn parameters(&self) -> ChainParameters {
        self.parameters
    }

    fn finalized(&self) -> watch::Receiver<BlockNumber> {
        self.finalized.clone()
    }

    async fn supply(&self) -> Result<Supply, ChainError> {
        self.read(Runtime::supply).await
    }

    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError> {
        self.read_as(Runtime::economy).await
    }

    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError> {
        self.read(move || Runtime::due_rewards(Account::new(account.0))).await
    }

    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError> {
        self.read(move || Runtime::authority(Account::new(account.0))).await
    }

    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.read_as(move || Runtime::provider(Account::new(account.0))).await
    }

    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.read_as(move || Runtime::provider_of_node(node)).await
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
        self.read_as(|| Runtime::providers(None, MAX_PAGE)).await
    }

    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError> {
        self.read_as(move || Runtime::contract(id)).await
    }

    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.read_as(move || Runtime::contracts_of(Account::new(account.0), None, MAX_PAGE)).await
    }

    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError> {
        self.read(move || Runtime::quote(bytes, windows, price)).await
    }

    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.read_as(|| Runtime::contracts(None, MAX_PAGE)).await
    }

    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        self.read(move || pallet_lunarx_audits::Pallet::<Runtime>::seeds(from, count)).await
    }

    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError> {
        self.read_as(Runtime::rounds).await
    }

    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError> {
        self.read_as(move || Runtime::tracker(Account::new(account.0))).await
    }

    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError> {
        self.read_as(|| Runtime::trackers(None, MAX_PAGE)).await
    }

    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError> {
        self.read_as(move || Runtime::audit(contract)).await
    }

    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError> {
        self.read_as(|| Runtime::disputes(None, MAX_PAGE)).await
    }

    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
        let read = move || {
            let account = Account::new(account.0);
            let data = frame_system::Account::<Runtime>::get(&account).data;
            let transferable =
                Balances::reducible_balance(&account, Preservation::Expendable, Fortitude::Polite);
            AccountBalance { free: data.free, held: data.reserved, transferable }
        };
        self.read(read).await
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        let account = signer.account();
        let encoded = runtime_call(call.clone())
            .map_err(|error| ChainError::Rejected { reason: format!("the call does not encode: {error}") })?;
        let (reply, answer) = oneshot::channel();
        let submission = Submission { account, call, encoded, reply };
        self.jobs.send(Job::Submit(Box::new(submission))).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}
