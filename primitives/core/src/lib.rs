//! The words that chain and workers share: ids, units, SCALE types, and the traits through which
//! pallets know each other.
//!
//! No internal dependencies, `no_std`. Everything that is encoded here is consensus: field order and
//! codec indices are pinned, and changed only together with a migration.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod audit;
mod authority;
mod contract;
mod ids;
mod lx;
mod offer;
mod provider;
mod rewards;
mod tracker;
mod traits;
mod units;

pub use audit::{
    answer_payload, AuditInfo, AuditRules, ChallengeInfo, DisputeInfo, Dues, Report, Score, Standing,
    Verdict, Watched, WindowVotes, MAX_REPORTED_WINDOWS,
};
pub use authority::{AuthorityInfo, Hurdle};
pub use contract::{Commission, ContractInfo, ContractState};
pub use ids::{
    blake2b_256, AccountId, AuditSeed, BatchRoot, ContractId, EncryptionKey, NodeId, NodeKey, NodeSignature,
    PieceId,
};
pub use lx::{Lx, NotAnAmount};
pub use offer::{Offer, Promise};
pub use provider::{
    registration_payload, Address, Addresses, ProviderDetails, ProviderInfo, Region, Services, MAX_ADDRESSES,
    MAX_ADDRESS_BYTES, MAX_REGION_BYTES,
};
pub use rewards::{ByClass, DueReward, EconomyInfo, EraIndex, FundInfo, Rewards};
pub use tracker::{bond_payload, Round, RoundDetails, TrackerDetails, TrackerInfo, TrackerState, SEATS};
pub use traits::{
    AllocationError, ContractRegistry, Decided, ProviderRegistry, Service, ServiceVerdicts, Terms,
    TrackerRegistry,
};
pub use units::{
    collateral_for, window_fee, Balance, BlockNumber, ChainParameters, Quote, Supply, CAP, DECIMALS, GIB,
    INVESTOR_SHARE, LX, REWARD_SHARE, TEAM_SHARE,
};
