//! From one format of what is stored to the next, in one block.

use crate::{Config, EraStart, Pallet};
use alloc::vec::Vec;
use frame_support::{
    migrations::VersionedMigration,
    traits::{fungible::Inspect, Get, UncheckedOnRuntimeUpgrade},
    weights::Weight,
};
use sp_runtime::SaturatedConversion;

/// From the first runtime's state, which knew no eras: the first one begins now. Each of `Pots`, accounts of the runtime
/// itself that genesis did not endow, gets the existential deposit out of the reward pool, so that it can take less.
pub type FromV1<T, Pots> =
    VersionedMigration<1, 2, Inner<T, Pots>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

/// What [`FromV1`] does if the version is the right one.
pub struct Inner<T, Pots>(core::marker::PhantomData<(T, Pots)>);

impl<T: Config, Pots: Get<Vec<T::AccountId>>> UncheckedOnRuntimeUpgrade for Inner<T, Pots> {
    fn on_runtime_upgrade() -> Weight {
        EraStart::<T>::put(frame_system::Pallet::<T>::block_number().saturated_into::<u32>());
        let deposit = T::Currency::minimum_balance();
        let pots = Pots::get();
        for pot in &pots {
            if T::Currency::total_balance(pot) < deposit {
                // Fails only if the pool is empty. The pot then waits for a payment of at least the deposit.
                let _ = Pallet::<T>::mint_reward(pot, deposit);
            }
        }
        let pots = pots.len().saturated_into::<u64>();
        T::DbWeight::get()
            .reads_writes(pots.saturating_mul(3).saturating_add(1), pots.saturating_mul(3).saturating_add(1))
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<Vec<u8>, sp_runtime::TryRuntimeError> {
        use codec::Encode;
        Ok(crate::Issued::<T>::get().encode())
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use codec::Decode;
        use frame_support::ensure;
        let before = lunarx_core::Balance::decode(&mut state.as_slice())
            .map_err(|_| "what was noted before cannot be read")?;
        let pots = Pots::get();
        let deposit = T::Currency::minimum_balance();
        let endowed = deposit.saturating_mul(pots.len().saturated_into());
        ensure!(
            crate::Issued::<T>::get().saturating_sub(before) <= endowed,
            "more was issued than the deposits"
        );
        for pot in pots {
            ensure!(T::Currency::total_balance(&pot) >= deposit, "an account of the runtime is not alive");
        }
        Pallet::<T>::do_try_state()?;
        Ok(())
    }
}
