//! The chain as the development presets start it.

use frame_support::dispatch::RawOrigin;
use lunarx_runtime::{genesis, AccountId, RuntimeGenesisConfig, RuntimeOrigin, System};
use serde_json::Value;
use sp_core::{sr25519, Pair};
use sp_io::TestExternalities;
use sp_runtime::BuildStorage;

pub fn account(uri: &str) -> AccountId {
    sr25519::Pair::from_string(uri, None).unwrap().public().into()
}

pub fn signed(uri: &str) -> RuntimeOrigin {
    RawOrigin::Signed(account(uri)).into()
}

fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch,
    }
}

/// The chain at block 1, as a preset starts it.
pub fn chain(preset: &str) -> TestExternalities {
    let patch = genesis::preset(&preset.into()).expect("the preset is known");
    let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
    merge(&mut config, serde_json::from_slice(&patch).unwrap());
    let config: RuntimeGenesisConfig = serde_json::from_value(config).unwrap();
    let mut ext: TestExternalities = config.build_storage().unwrap().into();
    ext.execute_with(|| System::set_block_number(1));
    ext
}
