//! What an upgrade does to the state that the first runtime left.
//!
//! [`SingleBlock`] runs whole in the upgrade's first block. [`MultiBlock`] goes through the miners' and contracts'
//! entries over as many blocks as it takes; until it is done blocks take no transactions, and the runtime's API shows
//! entries of both formats. Each migration looks at the version that its pallet has stored, so that it does nothing
//! where it has been: all may stay here.

use crate::{
    configs::{SlashDestination, TrackerPot, TreasuryAccount},
    AccountId, Contracts, Issuance, Providers, Runtime,
};
use alloc::{vec, vec::Vec};
use frame_support::{
    traits::{Get, GetStorageVersion, OnRuntimeUpgrade, StorageVersion},
    weights::Weight,
};

/// The runtime's own accounts that take small amounts.
pub struct Pots;

impl Get<Vec<AccountId>> for Pots {
    fn get() -> Vec<AccountId> {
        vec![TrackerPot::get(), SlashDestination::get(), TreasuryAccount::get()]
    }
}

/// Chains that began after the first runtime and before versions were raised have the present formats under the first
/// version. They are told by their trackers' rounds, of which the first runtime knew nothing: their versions are
/// raised, and nothing is migrated.
pub struct BegunLater;

impl OnRuntimeUpgrade for BegunLater {
    fn on_runtime_upgrade() -> Weight {
        let weight = <Runtime as frame_system::Config>::DbWeight::get();
        if pallet_lunarx_trackers::CurrentRound::<Runtime>::exists() {
            raise::<Issuance>();
            raise::<Providers>();
            raise::<Contracts>();
        }
        weight.reads_writes(4, 3)
    }
}

/// Raises the stored version of a pallet from the first one to the second.
fn raise<Pallet: GetStorageVersion + frame_support::traits::PalletInfoAccess>() {
    if Pallet::on_chain_storage_version() == 1 {
        StorageVersion::new(2).put::<Pallet>();
    }
}

/// Migrations that touch a known number of entries.
pub type SingleBlock = (BegunLater, pallet_lunarx_issuance::migrations::FromV1<Runtime, Pots>);

/// Migrations of whole maps. The miners first: closing a contract gives a miner its space back.
pub type MultiBlock = (
    pallet_lunarx_providers::migrations::FromV1<Runtime>,
    pallet_lunarx_contracts::migrations::FromV1<Runtime>,
);
