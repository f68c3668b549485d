//! The genesis shares: exact sums, minted at once, locked where they are not liquid.

use crate::{Config, Issued, Pallet};
use frame_support::traits::{fungible::Mutate, VestingSchedule};
use frame_system::pallet_prelude::BlockNumberFor;
use lunarx_core::{Balance, BlockNumber, INVESTOR_SHARE, TEAM_SHARE};
use serde::{Deserialize, Serialize};

/// A part of the cap that is given away at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Share {
    /// The core team's: [`TEAM_SHARE`].
    Team,
    /// The early investors': [`INVESTOR_SHARE`].
    Investor,
}

impl Share {
    /// Every share.
    pub const ALL: [Self; 2] = [Self::Team, Self::Investor];

    /// LX-units in it.
    pub const fn size(self) -> Balance {
        match self {
            Self::Team => TEAM_SHARE,
            Self::Investor => INVESTOR_SHARE,
        }
    }
}

/// One account's piece of a share. An account may have several, as far as vesting takes schedules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allocation<AccountId> {
    /// To whom.
    pub who: AccountId,
    /// Of which share.
    pub share: Share,
    /// LX-units in all.
    pub amount: Balance,
    /// LX-units of `amount` that are free from the start.
    pub liquid: Balance,
    /// Block at which vesting of the rest begins.
    pub vesting_start: BlockNumber,
    /// Blocks in which the rest becomes free, evenly. Zero only if there is no rest.
    pub vesting_blocks: BlockNumber,
}

impl<AccountId> Allocation<AccountId> {
    /// What is locked at genesis and how much of it each block frees, rounded up so that the term is
    /// kept. `None` if the numbers make no sense.
    fn lock(&self) -> Option<(Balance, Balance)> {
        let locked = self.amount.checked_sub(self.liquid)?;
        let blocks = Balance::from(self.vesting_blocks);
        match (locked, blocks) {
            (0, _) => Some((0, 0)),
            (_, 0) => None,
            _ => Some((locked, locked.div_ceil(blocks))),
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Mints and locks the shares.
    ///
    /// # Panics
    /// Where a share's sum is not exact, or an allocation cannot be minted or locked: a chain must not
    /// start on a wrong supply.
    pub(crate) fn build_shares(allocations: &[Allocation<T::AccountId>]) {
        if allocations.is_empty() {
            return;
        }
        for share in Share::ALL {
            let sum = allocations
                .iter()
                .filter(|allocation| allocation.share == share)
                .try_fold(0, |sum: Balance, allocation| sum.checked_add(allocation.amount));
            assert_eq!(sum, Some(share.size()), "allocations of the {share:?} share must sum up to it");
        }
        for allocation in allocations {
            Self::build_allocation(allocation);
        }
        Issued::<T>::put(Share::ALL.iter().map(|share| share.size()).sum::<Balance>());
    }

    fn build_allocation(allocation: &Allocation<T::AccountId>) {
        let who = &allocation.who;
        let (locked, per_block) = allocation.lock().expect(
            "an allocation's liquid part is at most its amount, and a locked rest has vesting blocks",
        );
        T::Currency::mint_into(who, allocation.amount)
            .expect("an allocation can be minted: it is at least the existential deposit");
        let start = BlockNumberFor::<T>::from(allocation.vesting_start);
        T::Vesting::add_vesting_schedule(who, locked, per_block, start)
            .expect("an account has no more allocations than vesting takes schedules");
    }
}
