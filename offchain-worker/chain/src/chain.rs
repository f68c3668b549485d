//! The seam between workers and the chain.

use crate::{Call, ChainError, Signer};
use async_trait::async_trait;
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};
use tokio::sync::watch;

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountBalance {
    /// Not held: may still be frozen, by vesting for one.
    pub free: Balance,
    /// Held as collateral, escrow and deposits.
    pub held: Balance,
    /// What a transfer or a new hold can take. Fees, and the existential deposit if the account is
    /// to go on, come out of it.
    pub transferable: Balance,
}

/// A call that took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The finalized block that includes it.
    pub block: BlockNumber,
    /// Hash of the extrinsic.
    pub extrinsic: [u8; 32],
    /// The transaction's fee including its tip, where the chain told it.
    pub fee: Option<Balance>,
}

/// The chain: reads of its state, and calls.
///
/// # Guarantees
/// - Reads are of a finalized block, and of the same or a later one than every read and receipt
///   before: nothing read is ever undone.
/// - When [`Chain::finalized`] shows a height, reads already see that height.
/// - [`Chain::submit`] returns a receipt only for a call that took effect in a finalized block. On an
///   error that is not [`ChainError::TimedOut`] the call has not taken effect and never will.
/// - A call takes effect at most once per `submit`, whatever the network does.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
    /// Hash of block 0: the chain's identity.
    fn genesis(&self) -> [u8; 32];

    /// The runtime's configuration.
    fn parameters(&self) -> ChainParameters;

    /// The height of the latest finalized block. Never goes back.
    fn finalized(&self) -> watch::Receiver<BlockNumber>;

    /// The state of LX.
    async fn supply(&self) -> Result<Supply, ChainError>;

    /// How much LX is made, and for whom.
    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError>;

    /// What an account can claim, one entry an era.
    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError>;

    /// How an account stands as maker of blocks.
    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError>;

    /// A registered miner.
    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError>;

    /// The miner to whom a node id belongs.
    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError>;

    /// All miners, as of one block.
    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError>;

    /// A live contract.
    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError>;

    /// All live contracts in which `account` is client or miner, as of one block.
    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError>;

    /// What `bytes` for `windows` windows cost at `price` LX-units per GiB and day. `None` on
    /// overflow.
    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError>;

    /// All live contracts, as of one block.
    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError>;

    /// The seeds of `count` blocks from `from` on, one entry a block; blocks after the finalized one are
    /// left out. `None` where there is none, or not any more.
    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError>;

    /// The running round and those before it that are still known, newest first.
    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError>;

    /// A bonded tracker.
    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError>;

    /// All trackers, as of one block.
    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError>;

    /// How the windows of an active contract stand.
    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError>;

    /// All open disputes, as of one block.
    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError>;

    /// What an account has. Zeros for an account that does not exist.
    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError>;

    /// Signs and sends a call, and waits until it is finalized. Calls of one key take effect in the
    /// order in which they were submitted.
    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError>;
}
