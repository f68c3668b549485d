//! Runs a benchmark inside the runtime's Wasm, each time on a fresh genesis state.

use anyhow::{anyhow, Context};
use codec::{Decode, Encode};
use frame_benchmarking::{BenchmarkBatch, BenchmarkConfig, BenchmarkResult};
use sc_client_db::BenchmarkingState;
use sc_executor::WasmExecutor;
use sp_core::{
    storage::Storage,
    traits::{CallContext, RuntimeCode, WrappedRuntimeCode},
};
use sp_externalities::Extensions;
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{traits::BlakeTwo256, BuildStorage};
use sp_state_machine::{OverlayedChanges, StateMachine};

type Executor =
    WasmExecutor<(sp_io::SubstrateHostFunctions, frame_benchmarking::benchmarking::HostFunctions)>;

/// The Wasm file, ready to be called.
pub struct Bench {
    wasm: Vec<u8>,
    hash: Vec<u8>,
    executor: Executor,
    genesis: Storage,
}

impl Bench {
    /// Prepares `wasm` on an empty chain.
    pub fn new(wasm: &[u8]) -> anyhow::Result<Self> {
        let genesis = lunarx_runtime::RuntimeGenesisConfig::default()
            .build_storage()
            .map_err(|error| anyhow!("no genesis state: {error}"))?;
        Ok(Self {
            wasm: wasm.to_vec(),
            hash: lunarx_core::blake2b_256(wasm).to_vec(),
            executor: Executor::builder().build(),
            genesis,
        })
    }

    /// Calls a function of the runtime and gives its encoded answer.
    pub fn call(&self, method: &str, argument: &impl Encode, tracking: bool) -> anyhow::Result<Vec<u8>> {
        let state = BenchmarkingState::<BlakeTwo256>::new(self.genesis.clone(), None, false, tracking)
            .map_err(|error| anyhow!("no state: {error}"))?;
        let mut overlay = OverlayedChanges::default();
        let mut extensions = Extensions::default();
        extensions.register(KeystoreExt::new(MemoryKeystore::new()));
        let fetcher = WrappedRuntimeCode(self.wasm.as_slice().into());
        let code = RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash: self.hash.clone() };
        let argument = argument.encode();
        let answer = StateMachine::new(
            &state,
            &mut overlay,
            &self.executor,
            method,
            &argument,
            &mut extensions,
            &code,
            CallContext::Offchain,
        )
        .execute();
        answer.map_err(|error| anyhow!("{method}: {error}"))
    }

    /// Runs one benchmark at one point.
    pub fn run(&self, config: &BenchmarkConfig, tracking: bool) -> anyhow::Result<Vec<BenchmarkResult>> {
        let answer = self.call("Benchmark_dispatch_benchmark", config, tracking)?;
        let batches = Result::<Vec<BenchmarkBatch>, String>::decode(&mut &answer[..])?
            .map_err(|error| anyhow!(error))?;
        Ok(batches.into_iter().next().context("the runtime ran no benchmark")?.results)
    }
}
