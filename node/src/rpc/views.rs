//! What the `lunarx_*` methods answer, as JSON.

use lunarx_core::{
    AuthorityInfo, ByClass, Commission, ContractId, ContractInfo, ContractState, DueReward, EconomyInfo,
    EncryptionKey, EraIndex, FundInfo, Hurdle, NodeId, NodeKey, ProviderInfo, Quote, Score, Supply,
};
use lunarx_runtime::{AccountId, Balance, BlockNumber};
use serde::Serialize;
use sp_core::crypto::Ss58Codec;

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

impl From<Supply> for SupplyView {
    fn from(supply: Supply) -> Self {
        Self {
            cap: supply.cap.into(),
            issued: supply.issued.into(),
            unminted: supply.unminted.into(),
            circulating: supply.circulating.into(),
            decimals: lunarx_core::DECIMALS,
        }
    }
}

/// An amount for each class.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ByClassView {
    miners: Amount,
    trackers: Amount,
    authors: Amount,
    contributors: Amount,
}

impl From<ByClass<Balance>> for ByClassView {
    fn from(parts: ByClass<Balance>) -> Self {
        Self {
            miners: parts.miners.into(),
            trackers: parts.trackers.into(),
            authors: parts.authors.into(),
            contributors: parts.contributors.into(),
        }
    }
}

/// How much LX is made, and for whom.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct EconomyView {
    cap: Amount,
    issued: Amount,
    unminted: Amount,
    circulating: Amount,
    promised: Amount,
    era: EraIndex,
    era_start: BlockNumber,
    era_blocks: BlockNumber,
    emission: Amount,
    budget: ByClassView,
    claim_within: EraIndex,
    funds: Vec<FundView>,
    decimals: u8,
}

/// An account that holds LX for a purpose.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct FundView {
    name: String,
    account: String,
    balance: Amount,
    vesting: Amount,
}

impl From<EconomyInfo<AccountId>> for EconomyView {
    fn from(info: EconomyInfo<AccountId>) -> Self {
        let fund = |fund: FundInfo<AccountId>| FundView {
            name: String::from_utf8_lossy(&fund.name).into_owned(),
            account: fund.account.to_ss58check(),
            balance: fund.balance.into(),
            vesting: fund.vesting.into(),
        };
        Self {
            cap: info.cap.into(),
            issued: info.issued.into(),
            unminted: info.unminted.into(),
            circulating: info.circulating.into(),
            promised: info.promised.into(),
            era: info.era,
            era_start: info.era_start,
            era_blocks: info.era_blocks,
            emission: info.emission.into(),
            budget: info.budget.into(),
            claim_within: info.claim_within,
            funds: info.funds.into_iter().map(fund).collect(),
            decimals: lunarx_core::DECIMALS,
        }
    }
}

/// What an account can claim for one era.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct DueRewardView {
    era: EraIndex,
    due: ByClassView,
    total: Amount,
    until: EraIndex,
}

impl From<DueReward> for DueRewardView {
    fn from(reward: DueReward) -> Self {
        let total = reward.total().into();
        Self { era: reward.era, due: reward.due.into(), total, until: reward.until }
    }
}

/// How an account stands as maker of blocks.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityView {
    power: Amount,
    collateral: Amount,
    min_collateral: Amount,
    min_power: Amount,
    session_keys: Option<String>,
    hurdle: Option<&'static str>,
    rank: Option<u32>,
    candidates: u32,
    authority: bool,
    authorities: u32,
    last_block: Option<BlockNumber>,
}

impl From<AuthorityInfo> for AuthorityView {
    fn from(info: AuthorityInfo) -> Self {
        Self {
            power: info.power.into(),
            collateral: info.collateral.into(),
            min_collateral: info.min_collateral.into(),
            min_power: info.min_power.into(),
            session_keys: info.session_keys.map(|keys| sp_core::bytes::to_hex(&keys, false)),
            hurdle: info.hurdle.map(|hurdle| match hurdle {
                Hurdle::NotRegistered => "notRegistered",
                Hurdle::Exiting => "exiting",
                Hurdle::Barred => "barred",
                Hurdle::NoSessionKeys => "noSessionKeys",
                Hurdle::TooLittleCollateral => "tooLittleCollateral",
                Hurdle::TooLittlePower => "tooLittlePower",
            }),
            rank: info.rank,
            candidates: info.candidates,
            authority: info.authority,
            authorities: info.authorities,
            last_block: info.last_block,
        }
    }
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
    score: ScoreView,
}

/// How a miner's contracts went.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ScoreView {
    proven_windows: u64,
    unproven_windows: u64,
    lost_contracts: u32,
    slashed: Amount,
}

impl From<Score> for ScoreView {
    fn from(score: Score) -> Self {
        Self {
            proven_windows: score.proven,
            unproven_windows: score.unproven,
            lost_contracts: score.lost,
            slashed: score.slashed.into(),
        }
    }
}

/// Text that the chain has checked.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl From<ProviderInfo<AccountId>> for ProviderView {
    fn from(info: ProviderInfo<AccountId>) -> Self {
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
            score: info.score.into(),
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

/// What a supplier draws.
#[derive(Serialize, Clone)]
pub struct CommissionView {
    supplier: String,
    millionths: u32,
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
    window: BlockNumber,
    windows: u32,
    window_fee: Amount,
    last_fee: Amount,
    word_pay: Amount,
    ended: Option<BlockNumber>,
    escrow: Amount,
    paid: Amount,
    commission: Option<CommissionView>,
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
            window: info.window,
            windows: info.windows,
            window_fee: info.window_fee.into(),
            last_fee: info.last_fee.into(),
            word_pay: info.word_pay.into(),
            ended: info.ended,
            escrow: info.escrow.into(),
            paid: info.paid.into(),
            commission: info.commission.map(|Commission { supplier, share }| CommissionView {
                supplier: supplier.to_ss58check(),
                millionths: share,
            }),
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

impl From<Quote> for QuoteView {
    fn from(quote: Quote) -> Self {
        Self { window_fee: quote.window_fee.into(), total: quote.total.into() }
    }
}
