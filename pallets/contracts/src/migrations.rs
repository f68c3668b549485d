//! From one format of what is stored to the next, over as many blocks as it takes.

use crate::{
    escrow::{word_pay, Paid},
    Config, Contract, Contracts, EndReason, Event, Pallet, WeightInfo,
};
use frame_support::{
    migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
    pallet_prelude::StorageVersion,
    traits::{Get, GetStorageVersion},
    weights::WeightMeter,
};
use lunarx_core::{AuditRules, BlockNumber, ContractId, ContractState};

/// The format of the first runtime, in which time passed was service proven.
pub(crate) mod v1 {
    use crate::{Config, Pallet};
    use codec::{Decode, Encode};
    use frame_support::{storage_alias, Blake2_128Concat};
    use lunarx_core::{Balance, BatchRoot, BlockNumber, ContractId, ContractState};

    /// Stored as version.
    pub const VERSION: u16 = 1;

    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
    pub struct Contract<AccountId> {
        pub client: AccountId,
        pub miner: AccountId,
        pub root: BatchRoot,
        pub pieces: u32,
        pub bytes: u64,
        pub windows: u32,
        pub window: BlockNumber,
        pub window_fee: Balance,
        pub escrow: Balance,
        pub paid: Balance,
        pub state: ContractState,
    }

    #[cfg(any(test, feature = "runtime-benchmarks"))]
    impl<AccountId> From<crate::Contract<AccountId>> for Contract<AccountId> {
        fn from(contract: crate::Contract<AccountId>) -> Self {
            let crate::Contract { client, miner, root, pieces, bytes, windows, window, .. } = contract;
            let crate::Contract { window_fee, escrow, paid, state, .. } = contract;
            Self { client, miner, root, pieces, bytes, windows, window, window_fee, escrow, paid, state }
        }
    }

    /// Stores a contract as version 1 did.
    #[cfg(any(test, feature = "runtime-benchmarks"))]
    pub fn put<T: Config>(id: ContractId, contract: crate::Contract<T::AccountId>) {
        use crate::{schedule::slot_of, Schedule};
        Schedule::<T>::remove(slot_of(contract.due), id);
        let old = Contract::from(contract);
        Schedule::<T>::insert(slot_of(old.due()), id, ());
        Contracts::<T>::insert(id, old);
    }

    impl<AccountId> Contract<AccountId> {
        /// Where it stood in the schedule.
        pub fn due(&self) -> BlockNumber {
            match self.state {
                ContractState::Pending { accept_by } => accept_by.saturating_add(1),
                ContractState::Active { since, .. } => {
                    since.saturating_add(self.windows.saturating_mul(self.window))
                }
            }
        }
    }

    #[storage_alias]
    pub type Contracts<T: Config> =
        StorageMap<Pallet<T>, Blake2_128Concat, ContractId, Contract<<T as frame_system::Config>::AccountId>>;
}

/// Settles what began before the upgrade by the rules under which it began: every such window is the miner's. What is
/// left of a term goes on as a contract that begins with the next window, and is audited.
pub struct FromV1<T>(core::marker::PhantomData<T>);

impl<T: Config> FromV1<T> {
    /// A contract that is stored in the old format still.
    pub(crate) fn not_yet(id: &ContractId) -> Option<Contract<T::AccountId>> {
        let migrating = Pallet::<T>::on_chain_storage_version() == v1::VERSION;
        migrating.then(|| v1::Contracts::<T>::get(id)).flatten().map(Self::converted)
    }

    /// Rewrites the contract after `last`, and says which it was. `upgrade` is the block until which time was proof.
    pub(crate) fn next(last: Option<ContractId>, upgrade: BlockNumber) -> Option<ContractId> {
        let mut rest = match last {
            Some(last) => v1::Contracts::<T>::iter_from(v1::Contracts::<T>::hashed_key_for(last)),
            None => v1::Contracts::<T>::iter(),
        };
        let (id, old) = rest.next()?;
        Self::rewrite(&id, Self::converted(old), upgrade);
        Some(id)
    }

    /// The same in the new format.
    fn converted(old: v1::Contract<T::AccountId>) -> Contract<T::AccountId> {
        let due = old.due();
        let v1::Contract { client, miner, root, pieces, bytes, windows, window, .. } = old;
        let v1::Contract { window_fee, escrow, paid, state, .. } = old;
        Contract {
            client,
            miner,
            root,
            pieces,
            bytes,
            windows,
            window,
            window_fee,
            last_fee: window_fee,
            word_pay: word_pay(T::TrackerShare::get(), window_fee),
            ended: None,
            due,
            escrow,
            paid,
            commission: None,
            state,
        }
    }

    fn rewrite(id: &ContractId, mut contract: Contract<T::AccountId>, upgrade: BlockNumber) {
        let ContractState::Active { since, settled } = contract.state else {
            return Contracts::<T>::insert(id, contract);
        };
        let (windows, window) = (contract.windows, contract.window);
        let begun = upgrade.saturating_sub(since).div_ceil(window.max(1)).min(windows);
        // The miner serves to the end of the term: a last window that runs is left to the audits.
        let begun = if upgrade < contract.due { begun.min(windows.saturating_sub(1)) } else { begun };
        Self::settle(id, &mut contract, begun.saturating_sub(settled));
        contract.windows = windows.saturating_sub(begun);
        let since = since.saturating_add(begun.saturating_mul(window));
        contract.state = ContractState::Active { since, settled: 0 };
        if contract.windows == 0 {
            return Pallet::<T>::close(id, contract, EndReason::Completed);
        }
        let due = contract.due.saturating_add(AuditRules::of_window(window).final_after);
        Pallet::<T>::schedule(id, contract, due);
    }

    /// Pays the miner for `windows` that began.
    fn settle(id: &ContractId, contract: &mut Contract<T::AccountId>, windows: u32) {
        if windows == 0 {
            return;
        }
        let fees = contract.fees(windows, false);
        let before = contract.escrow;
        let Paid { miner: paid, .. } = Pallet::<T>::pay(id, contract, fees, 0);
        Pallet::<T>::deposit_event(Event::ServiceConfirmed {
            id: *id,
            client: contract.client.clone(),
            miner: contract.miner.clone(),
            windows,
            proven: windows,
            paid,
            trackers: 0,
            supplier: 0,
            refunded: before.saturating_sub(contract.escrow).saturating_sub(paid),
        });
    }
}

impl<T: Config> SteppedMigration for FromV1<T> {
    /// The block of the first step, and the contract of the last one.
    type Cursor = (BlockNumber, ContractId);
    type Identifier = MigrationId<19>;

    fn id() -> Self::Identifier {
        MigrationId { pallet_id: *b"lunarx-contracts/v1", version_from: 1, version_to: 2 }
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
        let upgrade = cursor.map_or_else(Pallet::<T>::now, |(upgrade, _)| upgrade);
        while meter.try_consume(required).is_ok() {
            cursor = Self::next(cursor.map(|(_, last)| last), upgrade).map(|id| (upgrade, id));
            if cursor.is_none() {
                StorageVersion::new(2).put::<Pallet<T>>();
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
            .then(|| v1::Contracts::<T>::iter().collect::<alloc::vec::Vec<_>>().encode())
            .unwrap_or_default())
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(state: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        use codec::Decode;
        use frame_support::ensure;
        if state.is_empty() {
            return Ok(Pallet::<T>::do_try_state()?);
        }
        let before =
            alloc::vec::Vec::<(ContractId, v1::Contract<T::AccountId>)>::decode(&mut state.as_slice())
                .map_err(|_| "what was noted before cannot be read")?;
        let live = Contracts::<T>::iter().count();
        let mut kept = 0usize;
        for (id, old) in before {
            let Some(now) = Contracts::<T>::get(id) else {
                let over =
                    matches!(old.state, ContractState::Active { .. }) && old.due() <= Pallet::<T>::now();
                ensure!(over, "a contract was closed before its term");
                continue;
            };
            kept = kept.saturating_add(1);
            // Less where the miner's account could not take its pay: that went back to the client.
            let total = |escrow, paid| lunarx_core::Balance::saturating_add(escrow, paid);
            ensure!(
                total(now.escrow, now.paid) <= total(old.escrow, old.paid),
                "a contract was paid too much"
            );
            ensure!(
                (&now.client, &now.miner, now.root, now.bytes)
                    == (&old.client, &old.miner, old.root, old.bytes),
                "a contract was changed"
            );
        }
        ensure!(live == kept, "a contract came up");
        Pallet::<T>::do_try_state()?;
        Ok(())
    }
}
