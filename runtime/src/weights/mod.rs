//! Weights measured on the runtime's Wasm by `scripts/benchmark weights`.

pub mod pallet_lunarx_audits;
pub mod pallet_lunarx_contracts;
pub mod pallet_lunarx_issuance;
pub mod pallet_lunarx_providers;
pub mod pallet_lunarx_trackers;
