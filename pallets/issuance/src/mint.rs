//! The only way to new LX, and what can be said of the supply.

use crate::{Config, Error, Event, Issued, Pallet};
use frame_support::{
    dispatch::DispatchResult,
    traits::fungible::{Inspect, Mutate},
};
use lunarx_core::{Balance, Supply, CAP};

/// Makes LX as reward for service.
///
/// # Guarantees
/// - All that was ever made never passes [`CAP`].
/// - A failure changes nothing.
pub trait RewardMint<AccountId> {
    /// Makes `amount` LX-units and gives them to `who`.
    fn mint_reward(who: &AccountId, amount: Balance) -> DispatchResult;
}

impl<T: Config> RewardMint<T::AccountId> for Pallet<T> {
    fn mint_reward(who: &T::AccountId, amount: Balance) -> DispatchResult {
        Self::mint_reward(who, amount)
    }
}

impl<T: Config> Pallet<T> {
    /// Makes `amount` LX-units and gives them to `who`. Fails with [`Error::CapReached`] rather than
    /// pass the cap, even in part.
    pub fn mint_reward(who: &T::AccountId, amount: Balance) -> DispatchResult {
        let issued = Issued::<T>::get()
            .checked_add(amount)
            .filter(|issued| *issued <= CAP)
            .ok_or(Error::<T>::CapReached)?;
        T::Currency::mint_into(who, amount)?;
        Issued::<T>::put(issued);
        Self::deposit_event(Event::Minted { who: who.clone(), amount, issued });
        Ok(())
    }

    /// The state of LX.
    pub fn supply() -> Supply {
        let issued = Issued::<T>::get();
        Supply {
            cap: CAP,
            issued,
            unminted: CAP.saturating_sub(issued),
            circulating: T::Currency::total_issuance(),
        }
    }

    /// Checks what must hold at the end of every block: issued and unminted make up the cap, and what
    /// circulates was issued.
    #[cfg(any(feature = "try-runtime", test))]
    pub fn do_try_state() -> DispatchResult {
        use frame_support::ensure;

        let supply = Self::supply();
        ensure!(supply.issued <= supply.cap, "more is issued than the cap allows");
        ensure!(
            supply.issued.checked_add(supply.unminted) == Some(supply.cap),
            "issued and unminted do not make up the cap"
        );
        ensure!(supply.circulating <= supply.issued, "more circulates than was issued");
        Ok(())
    }
}
