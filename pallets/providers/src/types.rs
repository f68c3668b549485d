//! What is stored.

use crate::Config;
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use lunarx_core::{Balance, BlockNumber, EraIndex, NodeKey, ProviderDetails, ProviderInfo, Score, Service};
use scale_info::TypeInfo;
use sp_runtime::{Perbill, Saturating};

/// Accounts in a set of authorities.
pub(crate) type AuthoritySet<T> =
    BoundedVec<<T as frame_system::Config>::AccountId, <T as Config>::MaxAuthorities>;

/// A registered miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Provider {
    /// Its node's public key. Does not change.
    pub node_key: NodeKey,
    /// What it says of itself.
    pub details: ProviderDetails,
    /// Bytes under pending and active contracts.
    pub used: u64,
    /// Held from its account.
    pub collateral: Balance,
    /// Set once it announced its exit: the block from which it can withdraw.
    pub exit_at: Option<BlockNumber>,
    /// How its contracts went so far.
    pub score: Score,
    /// What it has proven.
    pub power: Power,
}

impl Provider {
    /// As workers and RPC see it.
    pub fn into_info<AccountId>(self, account: AccountId) -> ProviderInfo<AccountId> {
        let ProviderDetails { encryption_key, addresses, region, services, capacity, price } = self.details;
        ProviderInfo {
            account,
            node_key: self.node_key,
            encryption_key,
            addresses,
            region,
            services,
            capacity,
            used: self.used,
            price,
            collateral: self.collateral,
            exit_at: self.exit_at,
            score: self.score,
        }
    }
}

/// Of its power, what a miner keeps from one era to the next.
const KEPT: Perbill = Perbill::from_parts(875_000_000);

/// Proven service, worth less from era to era.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Power {
    /// Bytes times blocks, as of [`Power::era`].
    pub byte_blocks: u128,
    /// The era in which it was noted.
    pub era: EraIndex,
    /// Service that began before this block counts for nothing: data was lost in it.
    pub since: BlockNumber,
}

/// What eras without end are worth, in eras: 1 / (1 - [`KEPT`]).
const ENDLESS_ERAS: u128 = 8;

impl Power {
    /// What it is worth in `era`.
    pub fn at(&self, era: EraIndex) -> u128 {
        let eras = usize::try_from(era.saturating_sub(self.era)).unwrap_or(usize::MAX);
        KEPT.saturating_pow(eras).mul_floor(self.byte_blocks)
    }

    /// With `service` more, settled in `era`: as if its blocks had been noted era by era, so that nobody gains by
    /// settling late.
    pub(crate) fn with(self, service: Service, era_blocks: BlockNumber, era: EraIndex) -> Self {
        let era_blocks = era_blocks.max(1);
        let bytes = u128::from(service.bytes);
        let eras = service.blocks.checked_div(era_blocks).unwrap_or(0);
        let rest = service.blocks.saturating_sub(eras.saturating_mul(era_blocks));
        let kept = KEPT.saturating_pow(usize::try_from(eras).unwrap_or(usize::MAX));
        let whole = bytes.saturating_mul(era_blocks.into()).saturating_mul(ENDLESS_ERAS);
        let byte_blocks = Perbill::one()
            .saturating_sub(kept)
            .mul_floor(whole)
            .saturating_add(kept.mul_floor(bytes.saturating_mul(rest.into())));
        let era = era.max(self.era);
        Self { byte_blocks: self.at(era).saturating_add(byte_blocks), era, ..self }
    }
}

/// A miner that stands for election.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Candidate<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Its power when it was looked at last.
    pub power: u128,
}

/// How an account was slashed for the offences of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Slash {
    /// Its collateral before the first of them.
    pub base: Balance,
    /// The largest fraction of `base` that was due so far.
    pub fraction: Perbill,
}
