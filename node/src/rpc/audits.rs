//! What the methods about trackers and audits answer, as JSON.

use super::views::{text, Amount};
use lunarx_core::{
    AuditInfo, AuditSeed, BlockNumber, ChallengeInfo, ContractId, DisputeInfo, EncryptionKey, NodeId,
    NodeKey, Round, RoundDetails, Standing, TrackerInfo, TrackerState, Verdict, WindowVotes, SEATS,
};
use lunarx_runtime::AccountId;
use serde::{Deserialize, Serialize};
use sp_core::crypto::Ss58Codec;

/// Whom challenges concern.
#[derive(Deserialize, Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// One contract.
    Contract(ContractId),
    /// All contracts that an account stores.
    Miner(String),
    /// All contracts in which an account holds a seat in the round of the block.
    Tracker(String),
}

/// Where a tracker stands.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
pub enum TrackerStateView {
    /// Drawn for seats.
    Active,
    /// Not drawn until it resumes.
    Suspended,
    /// Not drawn any more.
    Leaving { exit_at: BlockNumber },
}

/// A tracker.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct TrackerView {
    account: String,
    node_id: NodeId,
    node_key: NodeKey,
    encryption_key: EncryptionKey,
    addresses: Vec<String>,
    region: String,
    bond: Amount,
    missed_rounds: u32,
    verifiers: Vec<NodeKey>,
    credits: Amount,
    #[serde(flatten)]
    state: TrackerStateView,
}

impl From<TrackerInfo<AccountId>> for TrackerView {
    fn from(info: TrackerInfo<AccountId>) -> Self {
        Self {
            node_id: info.node_id(),
            account: info.account.to_ss58check(),
            node_key: info.node_key,
            encryption_key: info.details.encryption_key,
            addresses: info.details.addresses.iter().map(|address| text(address)).collect(),
            region: text(&info.details.region),
            bond: info.bond.into(),
            missed_rounds: info.missed,
            verifiers: info.verifiers,
            credits: info.credits.into(),
            state: match info.state {
                TrackerState::Active => TrackerStateView::Active,
                TrackerState::Suspended => TrackerStateView::Suspended,
                TrackerState::Leaving { exit_at } => TrackerStateView::Leaving { exit_at },
            },
        }
    }
}

/// A round.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct RoundView {
    round: Round,
    start: BlockNumber,
    seed: AuditSeed,
    members: Vec<String>,
}

impl From<RoundDetails<AccountId>> for RoundView {
    fn from(details: RoundDetails<AccountId>) -> Self {
        let RoundDetails { round, start, seed, members } = details;
        Self { round, start, seed, members: members.iter().map(Ss58Codec::to_ss58check).collect() }
    }
}

/// What the seats said of one window: `valid`, `silent`, `offline`, or null where a seat has not spoken.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct WindowView {
    window: u32,
    seats: Vec<Option<&'static str>>,
    proven: bool,
}

/// How the windows of a contract stand.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    first_open_window: u32,
    proven_unsettled: u32,
    windows: Vec<WindowView>,
    dispute: Option<DisputeView>,
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Silent => "silent",
        Verdict::Offline => "offline",
    }
}

impl From<AuditInfo<AccountId>> for AuditView {
    fn from(info: AuditInfo<AccountId>) -> Self {
        let view = |(window, votes): (u32, WindowVotes)| WindowView {
            window,
            seats: (0..SEATS).map(|seat| votes.of(seat).map(name)).collect(),
            proven: votes.is_proven(),
        };
        Self {
            first_open_window: info.first,
            proven_unsettled: info.proven,
            windows: (info.first..).zip(info.votes).map(view).collect(),
            dispute: info.dispute.map(Into::into),
        }
    }
}

/// An open dispute.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct DisputeView {
    contract: ContractId,
    opener: String,
    /// As what it was asked: `anybody`, `seatAgain` or `seat`.
    standing: &'static str,
    challenge: Option<BlockNumber>,
    opened: BlockNumber,
    deadline: BlockNumber,
    /// The block of the question whose place it took.
    replaced: Option<BlockNumber>,
    positions: Vec<u64>,
}

impl From<DisputeInfo<AccountId>> for DisputeView {
    fn from(info: DisputeInfo<AccountId>) -> Self {
        let DisputeInfo { contract, opener, standing, challenge, opened, deadline, replaced, positions } =
            info;
        let standing = match standing {
            Standing::Anybody => "anybody",
            Standing::SeatAgain => "seatAgain",
            Standing::Seat => "seat",
        };
        let opener = opener.to_ss58check();
        Self { contract, opener, standing, challenge, opened, deadline, replaced, positions }
    }
}

/// One challenge.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeView {
    contract: ContractId,
    miner: String,
    block: BlockNumber,
    seats: Vec<String>,
    positions: Vec<u64>,
}

impl From<ChallengeInfo<AccountId>> for ChallengeView {
    fn from(info: ChallengeInfo<AccountId>) -> Self {
        let ChallengeInfo { contract, miner, block, seats, positions } = info;
        let seats = seats.iter().map(Ss58Codec::to_ss58check).collect();
        Self { contract, miner: miner.to_ss58check(), block, seats, positions }
    }
}

/// Challenges of one block.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct ChallengesView {
    /// Those that are due.
    pub challenges: Vec<ChallengeView>,
    /// The contract after which to go on, if there are more to look at.
    pub next: Option<ContractId>,
}
