//! The benchmarks whose results stand in `weights`. Run by `scripts/benchmark weights`.

use crate::Runtime;
use alloc::{string::String, vec::Vec};
use frame_benchmarking::{
    add_benchmark, define_benchmarks, list_benchmark, BenchmarkBatch, BenchmarkConfig, BenchmarkList,
    Benchmarking,
};
use frame_support::traits::{StorageInfo, StorageInfoTrait, WhitelistedStorageKeys};

define_benchmarks!(
    [pallet_lunarx_providers, crate::Providers]
    [pallet_lunarx_contracts, crate::Contracts]
    [pallet_lunarx_trackers, crate::Trackers]
    [pallet_lunarx_audits, crate::Audits]
    [pallet_lunarx_issuance, crate::Issuance]
);

impl frame_system_benchmarking::Config for Runtime {}

/// What can be benchmarked.
pub fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
    let mut list = Vec::<BenchmarkList>::new();
    list_benchmarks!(list, extra);
    (list, crate::AllPalletsWithSystem::storage_info())
}

/// Runs what `config` names.
pub fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
    let whitelist = crate::AllPalletsWithSystem::whitelisted_storage_keys();
    let mut batches = Vec::<BenchmarkBatch>::new();
    let params = (&config, &whitelist);
    add_benchmarks!(params, batches);
    Ok(batches)
}
