//! The register as other pallets and the runtime API use it.

use crate::{migrations::FromV1, Config, NodeIds, Pallet, Provider, Providers};
use alloc::vec::Vec;
use lunarx_core::{collateral_for, AllocationError, NodeId, ProviderInfo, ProviderRegistry, Service, Terms};
use sp_runtime::{traits::Get, Perbill};

impl<T: Config> ProviderRegistry<T::AccountId> for Pallet<T> {
    fn terms(miner: &T::AccountId) -> Option<Terms> {
        let provider = Providers::<T>::get(miner)?;
        Some(Terms {
            node_key: provider.node_key,
            price: provider.details.price,
            accepting: provider.exit_at.is_none(),
        })
    }

    fn allocate(miner: &T::AccountId, bytes: u64) -> Result<(), AllocationError> {
        let mut provider = Providers::<T>::get(miner).ok_or(AllocationError::Unknown)?;
        if provider.exit_at.is_some() {
            return Err(AllocationError::Exiting);
        }
        provider.used = Self::used_after(&provider, bytes).ok_or(AllocationError::OverCapacity)?;
        Providers::<T>::insert(miner, provider);
        Ok(())
    }

    fn release(miner: &T::AccountId, bytes: u64) {
        Providers::<T>::mutate_extant(miner, |provider| {
            debug_assert!(provider.used >= bytes, "only what was allocated is released");
            provider.used = provider.used.saturating_sub(bytes);
        });
    }

    fn settled(miner: &T::AccountId, proven: u32, unproven: u32, service: Service) {
        Providers::<T>::mutate_extant(miner, |Provider { score, power, .. }| {
            score.proven = score.proven.saturating_add(proven.into());
            score.unproven = score.unproven.saturating_add(unproven.into());
            if service.from >= power.since {
                *power = power.with(service, T::EraBlocks::get(), T::Era::get());
            }
        });
    }

    fn slash_lost(miner: &T::AccountId, bytes: u64, slash: u32, finder: Option<&T::AccountId>) {
        Self::slash_for_loss(miner, bytes, Perbill::from_parts(slash.saturating_mul(1_000)), finder);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_register(
        miner: &T::AccountId,
        node_key: lunarx_core::NodeKey,
        capacity: u64,
        price: lunarx_core::Balance,
    ) {
        crate::benchmarking::register_unsigned::<T>(miner, node_key, capacity, price);
    }
}

impl<T: Config> Pallet<T> {
    /// Bytes used with `bytes` more, if capacity and collateral allow.
    fn used_after(provider: &Provider, bytes: u64) -> Option<u64> {
        let used = provider.used.checked_add(bytes)?;
        let covered = collateral_for(used, T::CollateralPerGib::get()) <= provider.collateral;
        (used <= provider.details.capacity && covered).then_some(used)
    }

    /// A registered miner, also while miners are being migrated.
    pub fn info(account: T::AccountId) -> Option<ProviderInfo<T::AccountId>> {
        let provider = Providers::<T>::get(&account).or_else(|| FromV1::<T>::not_yet(&account))?;
        Some(provider.into_info(account))
    }

    /// The miner to whom a node id belongs.
    pub fn by_node(node: NodeId) -> Option<ProviderInfo<T::AccountId>> {
        Self::info(NodeIds::<T>::get(node)?)
    }

    /// At most `limit` miners in storage order, those behind `after` if it is given. The caller bounds
    /// `limit`.
    pub fn page(after: Option<T::AccountId>, limit: u32) -> Vec<ProviderInfo<T::AccountId>> {
        // By keys: entries that are not migrated yet would be passed over.
        let accounts = match after {
            Some(account) => Providers::<T>::iter_keys_from(Providers::<T>::hashed_key_for(account)),
            None => Providers::<T>::iter_keys(),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        accounts.filter_map(Self::info).take(limit).collect()
    }
}
