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
use lunarx_core::{ContractId, ContractInfo, ContractState, EncryptionKey, NodeId, NodeKey, ProviderInfo};
use lunarx_runtime::{opaque::Block, AccountId, Balance, BlockNumber, Hash, Nonce};
use lunarx_runtime_api::LunarxApi;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool_api::TransactionPool;
use serde::Serialize;
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_block_builder::BlockBuilder;
use sp_blockchain::{Error as BlockChainError, HeaderBackend, HeaderMetadata};
use sp_consensus::SelectChain;
use sp_core::crypto::Ss58Codec;
use sp_keystore::KeystorePtr;
use std::sync::Arc;

/// Error code of a failed runtime call.
const RUNTIME_ERROR: i32 = 9_000;
/// Error code of a parameter that can not be read.
const BAD_PARAMETER: i32 = 9_001;

/// A decimal text.
#[derive(Serialize, Clone)]
pub struct Amount(String);

impl From<Balance> for Amount {
    fn from(value: Balance) -> Self {
        Self(value.to_string())
    }
}

/// The state of LX.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct SupplyView {
    cap: Amount,
    issued: Amount,
    unminted: Amount,
    circulating: Amount,
    decimals: u8,
}

/// A miner.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
    account: String,
    node_id: NodeId,
    node_key: NodeKey,
    encryption_key: EncryptionKey,
    addresses: Vec<String>,
    region: String,
    services: u16,
    capacity: u64,
    used: u64,
    price: Amount,
    collateral: Amount,
    exit_at: Option<BlockNumber>,
}

impl From<ProviderInfo<AccountId>> for ProviderView {
    fn from(info: ProviderInfo<AccountId>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            node_id: info.node_id(),
            account: info.account.to_ss58check(),
            node_key: info.node_key,
            encryption_key: info.encryption_key,
            addresses: info.addresses.iter().map(|address| text(address)).collect(),
            region: text(&info.region),
            services: info.services.0,
            capacity: info.capacity,
            used: info.used,
            price: info.price.into(),
            collateral: info.collateral.into(),
            exit_at: info.exit_at,
        }
    }
}

/// Where a contract stands.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
pub enum StateView {
    /// Waits for the miner.
    Pending { accept_by: BlockNumber },
    /// Serves.
    Active { since: BlockNumber, settled_windows: u32 },
}

/// A contract.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ContractView {
    id: ContractId,
    client: String,
    miner: String,
    root: lunarx_core::BatchRoot,
    pieces: u32,
    bytes: u64,
    windows: u32,
    window_fee: Amount,
    escrow: Amount,
    paid: Amount,
    #[serde(flatten)]
    state: StateView,
}

impl From<ContractInfo<AccountId>> for ContractView {
    fn from(info: ContractInfo<AccountId>) -> Self {
        Self {
            id: info.id,
            client: info.client.to_ss58check(),
            miner: info.miner.to_ss58check(),
            root: info.root,
            pieces: info.pieces,
            bytes: info.bytes,
            windows: info.windows,
            window_fee: info.window_fee.into(),
            escrow: info.escrow.into(),
            paid: info.paid.into(),
            state: match info.state {
                ContractState::Pending { accept_by } => StateView::Pending { accept_by },
                ContractState::Active { since, settled } => {
                    StateView::Active { since, settled_windows: settled }
                }
            },
        }
    }
}

/// What a contract would cost.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct QuoteView {
    window_fee: Amount,
    total: Amount,
}

/// The `lunarx_*` namespace.
#[rpc(server, namespace = "lunarx")]
pub trait LunarxRpc {
    /// The state of LX.
    #[method(name = "supply")]
    fn supply(&self, at: Option<Hash>) -> RpcResult<SupplyView>;

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
        let supply = self.client.runtime_api().supply(self.at(at)).map_err(runtime_error)?;
        Ok(SupplyView {
            cap: supply.cap.into(),
            issued: supply.issued.into(),
            unminted: supply.unminted.into(),
            circulating: supply.circulating.into(),
            decimals: lunarx_core::DECIMALS,
        })
    }

    fn providers(
        &self,
        after: Option<String>,
        limit: Option<u32>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ProviderView>> {
        let after = after.as_deref().map(account).transpose()?;
        let limit = limit.unwrap_or(lunarx_runtime_api::MAX_PAGE);
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
        let limit = limit.unwrap_or(lunarx_runtime_api::MAX_PAGE);
        let page = self
            .client
            .runtime_api()
            .contracts_of(self.at(at), account(&who)?, after, limit)
            .map_err(runtime_error)?;
        Ok(page.into_iter().map(Into::into).collect())
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
        Ok(quote.map(|quote| QuoteView { window_fee: quote.window_fee.into(), total: quote.total.into() }))
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
