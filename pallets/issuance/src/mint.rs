//! The only way to new LX, and what can be said of the supply.

use crate::{Config, Error, Event, Issued, Pallet};
use frame_support::{
    dispatch::DispatchResult,
    traits::fungible::{Inspect, Mutate},
};
use lunarx_core::{Balance, Supply, CAP};

impl<T: Config> Pallet<T> {
    /// Makes `amount` LX-units and gives them to `who`. Fails with [`Error::CapReached`] rather than
    /// pass the cap, even in part.
    pub(crate) fn mint_reward(who: &T::AccountId, amount: Balance) -> DispatchResult {
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
}
