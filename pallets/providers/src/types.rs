//! What is stored.

use crate::Config;
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use lunarx_core::{Balance, BlockNumber, NodeKey, ProviderDetails, ProviderInfo, Score};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

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

/// How an account was slashed for the offences of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Slash {
    /// Its collateral before the first of them.
    pub base: Balance,
    /// The largest fraction of `base` that was due so far.
    pub fraction: Perbill,
}
