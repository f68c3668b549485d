//! The node's RPC: the standard set, and `lunarx_*` for people and DApps.
//!
//! Amounts are decimal texts in 10^-12 LX, as JSON numbers lose digits. Accounts are SS58, ids and
//! keys hexadecimal. Every `lunarx_*` method reads the state of the best block, or of the block whose
//! hash is the last parameter.

use jsonrpsee::{
    core::RpcResult,
    proc_macros::rpc,
    types::{ErrorObject, ErrorObjectOwned},
    RpcModule,
};
use lunarx_core::ContractId;
use lunarx_runtime::{opaque::Block, AccountId, Balance, BlockNumber, Hash, Nonce};
use lunarx_runtime_api::{LunarxApi, MAX_PAGE};
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool_api::TransactionPool;
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_block_builder::BlockBuilder;
use sp_blockchain::{Error as BlockChainError, HeaderBackend, HeaderMetadata};
use sp_consensus::SelectChain;
use sp_core::crypto::Ss58Codec;
use sp_keystore::KeystorePtr;
use std::sync::Arc;

mod audits;
mod views;

pub use audits::{AuditView, ChallengesView, DisputeView, RoundView, Subject, TrackerView};
pub use views::{
    AuthorityView, ContractView, DueRewardView, EconomyView, ProviderView, QuoteView, SupplyView,
};

/// Error code of a failed runtime call.
const RUNTIME_ERROR: i32 = 9_000;
/// Error code of a parameter that can not be read.
const BAD_PARAMETER: i32 = 9_001;

/// The `lunarx_*` namespace.
#[rpc(server, namespace = "lunarx")]
pub trait LunarxRpc {
    /// The state of LX.
    #[method(name = "supply")]
    fn supply(&self, at: Option<Hash>) -> RpcResult<SupplyView>;

    /// How much LX is made, and for whom: supply, promises, the running era and its budget, funds.
    #[method(name = "economy")]
    fn economy(&self, at: Option<Hash>) -> RpcResult<EconomyView>;

    /// The rewards that an account can claim, one entry an era.
    #[method(name = "rewards")]
    fn rewards(&self, account: String, at: Option<Hash>) -> RpcResult<Vec<DueRewardView>>;

    /// How an account stands as maker of blocks: its power, its place among the candidates, what it lacks.
    #[method(name = "authority")]
    fn authority(&self, account: String, at: Option<Hash>) -> RpcResult<AuthorityView>;

    /// A page of miners: at most 256 entries, after the account `after`.
    #[method(name = "providers")]
    fn providers(
        &self,
        after: Option<String>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ProviderView>>;

    /// One miner, or null.
    #[method(name = "provider")]
    fn provider(&self, account: String, at: Option<Hash>) -> RpcResult<Option<ProviderView>>;

    /// One live contract, or null.
    #[method(name = "contract")]
    fn contract(&self, id: ContractId, at: Option<Hash>) -> RpcResult<Option<ContractView>>;

    /// A page of the live contracts in which `account` is client or miner.
    #[method(name = "contractsOf")]
    fn contracts_of(
        &self,
        account: String,
        after: Option<ContractId>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ContractView>>;

    /// A page of the trackers, after the account `after`.
    #[method(name = "trackers")]
    fn trackers(
        &self,
        after: Option<String>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<TrackerView>>;

    /// One tracker, or null.
    #[method(name = "tracker")]
    fn tracker(&self, account: String, at: Option<Hash>) -> RpcResult<Option<TrackerView>>;

    /// The known rounds of the trackers, the running one first.
    #[method(name = "rounds")]
    fn rounds(&self, at: Option<Hash>) -> RpcResult<Vec<RoundView>>;

    /// The three accounts that watch an active contract in the running round; none where no tracker is bonded, nor in the
    /// first blocks after it was accepted.
    #[method(name = "seats")]
    fn seats(&self, contract: ContractId, at: Option<Hash>) -> RpcResult<Vec<String>>;

    /// How the windows of an active contract stand: verdicts, and an open dispute; or null.
    #[method(name = "audit")]
    fn audit(&self, contract: ContractId, at: Option<Hash>) -> RpcResult<Option<AuditView>>;

    /// A page of the open disputes, after the contract `after`.
    #[method(name = "disputes")]
    fn disputes(
        &self,
        after: Option<ContractId>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<DisputeView>>;

    /// The challenges of `block` that concern a contract, a miner or a tracker: `subject` is
    /// `{"contract": ID}`, `{"miner": ACCOUNT}` or `{"tracker": ACCOUNT}`. A call looks at 256 contracts, after
    /// the contract `after`; `next` says where to go on.
    #[method(name = "challenges")]
    fn challenges(
        &self,
        subject: Subject,
        block: BlockNumber,
        after: Option<ContractId>,
        at: Option<Hash>,
    ) -> RpcResult<ChallengesView>;

    /// What `bytes` for `windows` windows cost at `price` (decimal text, 10^-12 LX per GiB and day);
    /// null where it overflows.
    #[method(name = "quote")]
    fn quote(
        &self,
        bytes: u64,
        windows: u32,
        price: String,
        at: Option<Hash>,
    ) -> RpcResult<Option<QuoteView>>;
}

struct Lunarx<C> {
    client: Arc<C>,
}

fn bad_parameter(what: &str, why: impl std::fmt::Display) -> ErrorObjectOwned {
    ErrorObject::owned(BAD_PARAMETER, format!("can not read the {what}: {why}"), None::<()>)
}

fn runtime_error(error: ApiError) -> ErrorObjectOwned {
    ErrorObject::owned(RUNTIME_ERROR, "the runtime could not answer", Some(error.to_string()))
}

fn account(text: &str) -> RpcResult<AccountId> {
    AccountId::from_ss58check(text).map_err(|error| bad_parameter("account", format!("{error:?}")))
}

impl<C> Lunarx<C>
where
    C: HeaderBackend<Block>,
{
    fn at(&self, at: Option<Hash>) -> Hash {
        at.unwrap_or_else(|| self.client.info().best_hash)
    }
}

impl<C> LunarxRpcServer for Lunarx<C>
where
    C: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync + 'static,
    C::Api: LunarxApi<Block, AccountId>,
{
    fn supply(&self, at: Option<Hash>) -> RpcResult<SupplyView> {
        Ok(self.client.runtime_api().supply(self.at(at)).map_err(runtime_error)?.into())
    }

    fn economy(&self, at: Option<Hash>) -> RpcResult<EconomyView> {
        Ok(self.client.runtime_api().economy(self.at(at)).map_err(runtime_error)?.into())
    }

    fn rewards(&self, who: String, at: Option<Hash>) -> RpcResult<Vec<DueRewardView>> {
        let due = self.client.runtime_api().due_rewards(self.at(at), account(&who)?);
        Ok(due.map_err(runtime_error)?.into_iter().map(Into::into).collect())
    }

    fn authority(&self, who: String, at: Option<Hash>) -> RpcResult<AuthorityView> {
        let info = self.client.runtime_api().authority(self.at(at), account(&who)?).map_err(runtime_error)?;
        Ok(info.into())
    }

    fn providers(
        &self,
        after: Option<String>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ProviderView>> {
        let after = after.as_deref().map(account).transpose()?;
        let limit = limit.unwrap_or(MAX_PAGE);
        let page = self.client.runtime_api().providers(self.at(at), after, limit).map_err(runtime_error)?;
        Ok(page.into_iter().map(Into::into).collect())
    }

    fn provider(&self, who: String, at: Option<Hash>) -> RpcResult<Option<ProviderView>> {
        let info = self.client.runtime_api().provider(self.at(at), account(&who)?).map_err(runtime_error)?;
        Ok(info.map(Into::into))
    }

    fn contract(&self, id: ContractId, at: Option<Hash>) -> RpcResult<Option<ContractView>> {
        let info = self.client.runtime_api().contract(self.at(at), id).map_err(runtime_error)?;
        Ok(info.map(Into::into))
    }

    fn contracts_of(
        &self,
        who: String,
        after: Option<ContractId>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ContractView>> {
        let limit = limit.unwrap_or(MAX_PAGE);
        let page = self
            .client
            .runtime_api()
            .contracts_of(self.at(at), account(&who)?, after, limit)
            .map_err(runtime_error)?;
        Ok(page.into_iter().map(Into::into).collect())
    }

    fn trackers(
        &self,
        after: Option<String>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<TrackerView>> {
        let after = after.as_deref().map(account).transpose()?;
        let page = self.client.runtime_api().trackers(self.at(at), after, limit.unwrap_or(MAX_PAGE));
        Ok(page.map_err(runtime_error)?.into_iter().map(Into::into).collect())
    }

    fn tracker(&self, who: String, at: Option<Hash>) -> RpcResult<Option<TrackerView>> {
        let info = self.client.runtime_api().tracker(self.at(at), account(&who)?).map_err(runtime_error)?;
        Ok(info.map(Into::into))
    }

    fn rounds(&self, at: Option<Hash>) -> RpcResult<Vec<RoundView>> {
        let rounds = self.client.runtime_api().rounds(self.at(at)).map_err(runtime_error)?;
        Ok(rounds.into_iter().map(Into::into).collect())
    }

    fn seats(&self, contract: ContractId, at: Option<Hash>) -> RpcResult<Vec<String>> {
        let holders = self.client.runtime_api().seats(self.at(at), contract).map_err(runtime_error)?;
        Ok(holders.iter().map(Ss58Codec::to_ss58check).collect())
    }

    fn audit(&self, contract: ContractId, at: Option<Hash>) -> RpcResult<Option<AuditView>> {
        let info = self.client.runtime_api().audit(self.at(at), contract).map_err(runtime_error)?;
        Ok(info.map(Into::into))
    }

    fn disputes(
        &self,
        after: Option<ContractId>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<DisputeView>> {
        let page = self.client.runtime_api().disputes(self.at(at), after, limit.unwrap_or(MAX_PAGE));
        Ok(page.map_err(runtime_error)?.into_iter().map(Into::into).collect())
    }

    fn challenges(
        &self,
        subject: Subject,
        block: BlockNumber,
        after: Option<ContractId>,
        at: Option<Hash>,
    ) -> RpcResult<ChallengesView> {
        let (api, at) = (self.client.runtime_api(), self.at(at));
        let page = match &subject {
            Subject::Contract(id) => api.contract(at, *id).map(|info| info.into_iter().collect()),
            Subject::Miner(miner) => api.contracts_of(at, account(miner)?, after, MAX_PAGE),
            Subject::Tracker(_) => api.contracts(at, after, MAX_PAGE),
        };
        let page: Vec<_> = page.map_err(runtime_error)?;
        let whole = u32::try_from(page.len()).is_ok_and(|count| count >= MAX_PAGE);
        let next = page.last().filter(|_| whole).map(|info| info.id);
        let ids = page.into_iter().map(|info| info.id).collect();
        let mut due = api.challenges(at, block, ids).map_err(runtime_error)?;
        match &subject {
            Subject::Contract(_) => {}
            Subject::Miner(miner) => {
                let miner = account(miner)?;
                due.retain(|challenge| challenge.miner == miner);
            }
            Subject::Tracker(tracker) => {
                let tracker = account(tracker)?;
                due.retain(|challenge| challenge.seats.contains(&tracker));
            }
        }
        Ok(ChallengesView { challenges: due.into_iter().map(Into::into).collect(), next })
    }

    fn quote(
        &self,
        bytes: u64,
        windows: u32,
        price: String,
        at: Option<Hash>,
    ) -> RpcResult<Option<QuoteView>> {
        let price: Balance = price.parse().map_err(|error| bad_parameter("price", error))?;
        let quote =
            self.client.runtime_api().quote(self.at(at), bytes, windows, price).map_err(runtime_error)?;
        Ok(quote.map(Into::into))
    }
}

/// What the RPC needs of the service.
pub struct FullDeps<C, P, SC, B> {
    /// The chain client.
    pub client: Arc<C>,
    /// The transaction pool.
    pub pool: Arc<P>,
    /// Chooses the best chain.
    pub select_chain: SC,
    /// The authority's keys.
    pub keystore: KeystorePtr,
    /// State of BABE.
    pub babe: BabeWorkerHandle<Block>,
    /// State of GRANDPA.
    pub grandpa: GrandpaDeps<B>,
}

/// What GRANDPA's RPC needs.
pub struct GrandpaDeps<B> {
    /// Votes of the round.
    pub voter_state: SharedVoterState,
    /// Voters.
    pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    /// Justifications as they come.
    pub justifications: GrandpaJustificationStream<Block>,
    /// Runs subscriptions.
    pub executor: SubscriptionTaskExecutor,
    /// Proves finality.
    pub finality: Arc<FinalityProofProvider<B, Block>>,
}

/// Puts all methods together.
pub fn create_full<C, P, SC, B>(
    deps: FullDeps<C, P, SC, B>,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
    C: ProvideRuntimeApi<Block>
        + HeaderBackend<Block>
        + HeaderMetadata<Block, Error = BlockChainError>
        + Send
        + Sync
        + 'static,
    C::Api: frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce>
        + pallet_transaction_payment_rpc::TransactionPaymentRuntimeApi<Block, Balance>
        + sp_consensus_babe::BabeApi<Block>
        + LunarxApi<Block, AccountId>
        + BlockBuilder<Block>,
    P: TransactionPool + 'static,
    SC: SelectChain<Block> + 'static,
    B: sc_client_api::Backend<Block> + 'static,
{
    use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
    use sc_consensus_babe_rpc::{Babe, BabeApiServer};
    use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
    use substrate_frame_rpc_system::{System, SystemApiServer};

    let FullDeps { client, pool, select_chain, keystore, babe, grandpa } = deps;
    let mut module = RpcModule::new(());
    module.merge(System::new(client.clone(), pool).into_rpc())?;
    module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
    module.merge(Babe::new(client.clone(), babe, keystore, select_chain).into_rpc())?;
    module.merge(
        Grandpa::new(
            grandpa.executor,
            grandpa.authority_set,
            grandpa.voter_state,
            grandpa.justifications,
            grandpa.finality,
        )
        .into_rpc(),
    )?;
    module.merge(Lunarx { client }.into_rpc())?;
    Ok(module)
}
