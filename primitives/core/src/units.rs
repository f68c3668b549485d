//! Money and time: LX, fees, the chain's parameters as workers see them.

use crate::AuditRules;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Amounts of LX, in 10^-12 LX.
pub type Balance = u128;
/// Heights of the chain.
pub type BlockNumber = u32;

/// Decimal places of LX.
pub const DECIMALS: u8 = 12;
/// One LX.
pub const LX: Balance = 1_000_000_000_000;
/// The most LX that may ever be issued: 100 million.
pub const CAP: Balance = 100_000_000 * LX;
/// Core team's share of [`CAP`], issued at genesis under vesting.
pub const TEAM_SHARE: Balance = 25_000_000 * LX;
/// Early investors' share of [`CAP`], issued at genesis under vesting.
pub const INVESTOR_SHARE: Balance = 20_000_000 * LX;
/// What is left for rewards, minted only for service.
pub const REWARD_SHARE: Balance = CAP - TEAM_SHARE - INVESTOR_SHARE;
/// 2^30 bytes, the unit of capacity and of prices.
pub const GIB: u64 = 1 << 30;

/// The fee of one window: `price · bytes · window / (GiB · day)`, rounded up, so that a service is
/// never free. `price` is per GiB and day, `window` and `day` are in blocks.
///
/// `None` where the product overflows or `day` is zero.
pub fn window_fee(price: Balance, bytes: u64, window: BlockNumber, day: BlockNumber) -> Option<Balance> {
    let byte_blocks = Balance::from(bytes).checked_mul(Balance::from(window))?;
    let unit = Balance::from(GIB).checked_mul(Balance::from(day))?;
    let product = price.checked_mul(byte_blocks)?;
    (unit > 0).then(|| product.div_ceil(unit))
}

/// The collateral that `capacity` bytes ask for at `per_gib` LX-units a GiB, rounded up.
/// Saturates, which no real balance can cover.
pub fn collateral_for(capacity: u64, per_gib: Balance) -> Balance {
    Balance::from(capacity).saturating_mul(per_gib).div_ceil(Balance::from(GIB))
}

/// What a contract would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Quote {
    /// Fee of one window.
    pub window_fee: Balance,
    /// Fee of the whole term: what is held from the client at `open`.
    pub total: Balance,
}

/// The state of LX, in 10^-12 LX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Supply {
    /// The most that may ever be issued.
    pub cap: Balance,
    /// Issued since genesis.
    pub issued: Balance,
    /// Left to mint as rewards: `cap - issued`.
    pub unminted: Balance,
    /// On accounts now: `issued` less what was burned.
    pub circulating: Balance,
}

/// What workers and clients must know of the runtime's configuration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ChainParameters {
    /// Milliseconds between blocks.
    pub block_millis: u64,
    /// Blocks a day.
    pub day: BlockNumber,
    /// Blocks a window (the audited and paid unit of a contract's time).
    pub window: BlockNumber,
    /// Blocks after `open` in which a miner may accept.
    pub accept_within: BlockNumber,
    /// Blocks after an offer's making by which it must expire at the latest.
    pub max_offer_life: BlockNumber,
    /// Most windows in a contract's term.
    pub max_windows: u32,
    /// Most promises in one `open`, and most contracts in one batched call about contracts.
    pub max_promises: u32,
    /// Most contracts in one tracker's report.
    pub max_reports: u32,
    /// Collateral held per GiB of promised capacity.
    pub collateral_per_gib: Balance,
    /// Blocks between the announcement of an exit and the withdrawal.
    pub exit_delay: BlockNumber,
    /// How contracts are audited.
    pub audit: AuditRules,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_make_the_cap() {
        assert_eq!(TEAM_SHARE + INVESTOR_SHARE + REWARD_SHARE, CAP);
        assert_eq!(REWARD_SHARE, 55_000_000 * LX);
    }

    #[test]
    fn fee_is_pro_rata_and_rounded_up() {
        assert_eq!(window_fee(LX, GIB, 28_800, 28_800), Some(LX));
        assert_eq!(window_fee(LX, GIB, 1_200, 28_800), Some(LX.div_ceil(24)));
        assert_eq!(window_fee(1, 1, 1, 28_800), Some(1));
        assert_eq!(window_fee(0, GIB, 1, 28_800), Some(0));
    }

    #[test]
    fn fee_refuses_overflow() {
        assert_eq!(window_fee(Balance::MAX, 2, 1, 1), None);
        assert_eq!(window_fee(1, 1, 1, 0), None);
    }

    #[test]
    fn collateral_is_rounded_up() {
        assert_eq!(collateral_for(GIB, 5), 5);
        assert_eq!(collateral_for(GIB + 1, 5), 6);
        assert_eq!(collateral_for(0, 5), 0);
    }
}
