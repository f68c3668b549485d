//! The chains that the node knows by name.

use lunarx_runtime::{genesis, DECIMALS, WASM_BINARY};
use sc_service::{ChainType, GenericChainSpec, Properties};

/// A chain's specification: no extensions.
pub type ChainSpec = GenericChainSpec;

/// One authority, for a single process.
pub fn dev() -> Result<ChainSpec, String> {
    build("LunarX development", "lunarx_dev", ChainType::Development, genesis::DEV)
}

/// Three authorities, for networks of several processes on one machine.
pub fn local() -> Result<ChainSpec, String> {
    build("LunarX local", "lunarx_local", ChainType::Local, genesis::LOCAL)
}

fn build(name: &str, id: &str, kind: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let wasm =
        WASM_BINARY.ok_or("this binary was built without the runtime's Wasm file (SKIP_WASM_BUILD)")?;
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "LX".into());
    properties.insert("tokenDecimals".into(), DECIMALS.into());
    properties.insert("ss58Format".into(), 42.into());
    Ok(ChainSpec::builder(wasm, None)
        .with_name(name)
        .with_id(id)
        .with_protocol_id("lunarx")
        .with_chain_type(kind)
        .with_genesis_config_preset_name(preset)
        .with_properties(properties)
        .build())
}
