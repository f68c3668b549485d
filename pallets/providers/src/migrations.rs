//! From one format of what is stored to the next, over as many blocks as it takes.

use crate::{Authorities, Bootstrap, Config, Pallet, Power, Provider, Providers, WeightInfo};
use frame_support::{
    migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
    pallet_prelude::StorageVersion,
    traits::GetStorageVersion,
    weights::WeightMeter,
};
use lunarx_core::Score;

/// The format of the first runtime, before there were audits and elections.
pub(crate) mod v1 {
    use crate::{Config, Pallet};
    use codec::{Decode, Encode};
    use frame_support::{storage_alias, Blake2_128Concat};
    use lunarx_core::{Balance, BlockNumber, NodeKey, ProviderDetails};

    /// Stored as version.
    pub const VERSION: u16 = 1;

    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
    pub struct Provider {
        pub node_key: NodeKey,
        pub details: ProviderDetails,
        pub used: u64,
        pub collateral: Balance,
        pub exit_at: Option<BlockNumber>,
    }

    #[cfg(any(test, feature = "runtime-benchmarks"))]
    impl From<crate::Provider> for Provider {
        fn from(provider: crate::Provider) -> Self {
            let crate::Provider { node_key, details, used, collateral, exit_at, .. } = provider;
            Self { node_key, details, used, collateral, exit_at }
        }
    }

    #[storage_alias]
    pub type Providers<T: Config> =
        StorageMap<Pallet<T>, Blake2_128Concat, <T as frame_system::Config>::AccountId, Provider>;
}

impl From<v1::Provider> for Provider {
    /// With a clean score, and without power: nothing was proven yet.
    fn from(old: v1::Provider) -> Self {
        let v1::Provider { node_key, details, used, collateral, exit_at } = old;
        let (score, power) = (Score::default(), Power::default());
        Self { node_key, details, used, collateral, exit_at, score, power }
    }
}

/// Gives miners a score and power. The standing authorities, which nobody elected, become those that yield to elected
/// ones.
pub struct FromV1<T>(core::marker::PhantomData<T>);

impl<T: Config> FromV1<T> {
    /// A miner that is stored in the old format still.
    pub(crate) fn not_yet(account: &T::AccountId) -> Option<Provider> {
        let migrating = Pallet::<T>::on_chain_storage_version() == v1::VERSION;
        migrating.then(|| v1::Providers::<T>::get(account)).flatten().map(Provider::from)
    }

    /// Rewrites the miner after `last`, and says which it was.
    pub(crate) fn next(last: Option<T::AccountId>) -> Option<T::AccountId> {
        let mut rest = match last {
            Some(last) => v1::Providers::<T>::iter_from(v1::Providers::<T>::hashed_key_for(last)),
            None => v1::Providers::<T>::iter(),
        };
        let (account, old) = rest.next()?;
        Providers::<T>::insert(&account, Provider::from(old));
        Some(account)
    }

    pub(crate) fn finish() {
        Bootstrap::<T>::put(Authorities::<T>::get());
        StorageVersion::new(2).put::<Pallet<T>>();
    }
}

impl<T: Config> SteppedMigration for FromV1<T> {
    type Cursor = T::AccountId;
    type Identifier = MigrationId<19>;

    fn id() -> Self::Identifier {
        MigrationId { pallet_id: *b"lunarx-providers/v1", version_from: 1, version_to: 2 }
    }

    fn step(
        mut cursor: Option<Self::Cursor>,
        meter: &mut WeightMeter,
    ) -> Result<Option<Self::Cursor>, SteppedMigrationError> {
        // A chain that began with a later format: what it stores would be read wrongly.
        if Pallet::<T>::on_chain_storage_version() != v1::VERSION {
            return Ok(None);
        }
        let required = T::WeightInfo::migrate_step();
        if !meter.can_consume(required) {
            return Err(SteppedMigrationError::InsufficientWeight { required });
        }
        while meter.try_consume(required).is_ok() {
            cursor = Self::next(cursor);
            if cursor.is_none() {
                Self::finish();
                break;
            }
        }
        Ok(cursor)
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
        use codec::Encode;
        let migrates = Pallet::<T>::on_chain_storage_version() == v1::VERSION;
        Ok(migrates
            .then(|| v1::Providers::<T>::iter().collect::<alloc::vec::Vec<_>>().encode())
            .unwrap_or_default())
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use codec::Decode;
        use frame_support::ensure;
        if state.is_empty() {
            return Ok(Pallet::<T>::do_try_state()?);
        }
        let before = alloc::vec::Vec::<(T::AccountId, v1::Provider)>::decode(&mut state.as_slice())
            .map_err(|_| "what was noted before cannot be read")?;
        ensure!(Providers::<T>::iter().count() == before.len(), "miners were lost or came up");
        for (account, old) in before {
            // The contracts' migration may have closed some meanwhile.
            let now = Providers::<T>::get(&account).ok_or("a miner is missing")?;
            let expected = Provider { used: now.used, ..Provider::from(old.clone()) };
            ensure!(now == expected && now.used <= old.used, "a miner was changed");
        }
        ensure!(Bootstrap::<T>::get() == Authorities::<T>::get(), "the authorities are not those that yield");
        Pallet::<T>::do_try_state()?;
        Ok(())
    }
}
