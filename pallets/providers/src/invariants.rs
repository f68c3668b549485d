//! What must hold at the end of every block.
#![cfg(any(feature = "std", feature = "try-runtime"))]

use crate::{Authorities, Candidates, Config, Excluded, HoldReason, NodeIds, Pallet, Providers};
use alloc::collections::BTreeSet;
use frame_support::{dispatch::DispatchResult, ensure, traits::fungible::hold::Inspect};

impl<T: Config> Pallet<T> {
    /// Checks that
    /// - each provider's collateral is what is held from it,
    /// - no provider's contracts use more than its capacity,
    /// - node ids and providers match one to one,
    /// - no account is twice among authorities, excluded or candidates.
    pub fn do_try_state() -> DispatchResult {
        let mut providers = 0u32;
        for (account, provider) in Providers::<T>::iter() {
            let held = T::Currency::balance_on_hold(&HoldReason::Collateral.into(), &account);
            ensure!(held == provider.collateral, "collateral is not what is held");
            ensure!(provider.used <= provider.details.capacity, "more is used than was promised");
            let owner = NodeIds::<T>::get(provider.node_key.node_id());
            ensure!(owner == Some(account), "a provider's node id is not its own");
            providers = providers.saturating_add(1);
        }
        let node_ids = NodeIds::<T>::iter_keys().fold(0u32, |count, _| count.saturating_add(1));
        ensure!(node_ids == providers, "a node id belongs to no provider");

        for set in [Authorities::<T>::get(), Excluded::<T>::get()] {
            let distinct: BTreeSet<_> = set.iter().collect();
            ensure!(distinct.len() == set.len(), "an account is twice in a set");
        }
        let candidates = Candidates::<T>::get();
        let distinct: BTreeSet<_> = candidates.iter().map(|candidate| &candidate.account).collect();
        ensure!(distinct.len() == candidates.len(), "an account is twice among the candidates");
        Ok(())
    }
}
