//! The configuration of each pallet, one file a concern.

mod access;
mod consensus;
mod governance;
mod money;
mod parameters;
mod service;
mod system;

pub use access::{OpenCalls, ProxyType};
pub use consensus::{EpochDuration, FindAuthor, KeyDeposit, ReportLongevity};
pub use governance::{funds, named_accounts, CouncilInstance, TreasuryAccount};
pub use money::{ExistentialDeposit, TransactionByteFee};
pub use parameters::{dynamic_params, RuntimeParameters};
pub use service::{
    AcceptWithin, AnswerCost, CurrentWindow, ExitDelay, MaxOfferLife, MaxPromises, MaxReports, MaxWindows,
    RoundBlocks, SlashDestination, TrackerPot, Window,
};
pub use system::{MAXIMUM_BLOCK_BYTES, MAXIMUM_BLOCK_WEIGHT, NORMAL_DISPATCH_RATIO};
