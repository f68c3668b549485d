//! Runs the benchmarks of LunarX's pallets on the runtime's Wasm file and writes one file of weights a
//! pallet. Called by `scripts/benchmark weights`.
//!
//! Method, as that of polkadot-sdk's own tool: each component takes `STEPS` values over its range while
//! the others stand at their highest; each point is repeated `REPEATS` times on a state without
//! tracking for the time, and once with tracking for the reads and writes; the line through them is
//! fitted by least squares over the points' inter-quartile means (`Analysis::min_squares_iqr`).

mod fit;
mod state;
mod write;

use anyhow::{bail, Context};
use codec::Decode;
use frame_benchmarking::{BenchmarkConfig, BenchmarkList, BenchmarkParameter, BenchmarkResult};
use std::path::PathBuf;

/// Values of each component.
const STEPS: u32 = 12;
/// Timed repeats of each value.
const REPEATS: u32 = 8;

/// A benchmark's name and the measurements of all its points.
pub struct Measured {
    name: String,
    times: Vec<BenchmarkResult>,
    accesses: Vec<BenchmarkResult>,
}

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = match std::env::args().nth(1) {
        Some(folder) => folder.into(),
        None => bail!("usage: lunarx-weigh FOLDER [PALLET]   (writes FOLDER/<pallet>.rs)"),
    };
    let only = std::env::args().nth(2);
    let wasm = lunarx_runtime::WASM_BINARY.context("built without the runtime's Wasm file")?;
    let bench = state::Bench::new(wasm)?;
    let answer = bench.call("Benchmark_benchmark_metadata", &true, false)?;
    // The second half of the answer, storage information, is not needed.
    let lists = Vec::<BenchmarkList>::decode(&mut &answer[..])?;
    for list in lists {
        let pallet = String::from_utf8(list.pallet.clone())?;
        if only.as_ref().is_some_and(|only| *only != pallet) {
            continue;
        }
        let mut measured = Vec::new();
        for benchmark in &list.benchmarks {
            let name = String::from_utf8(benchmark.name.clone())?;
            eprintln!("{pallet}::{name}");
            measured.push(measure(&bench, &list, &benchmark.name, &benchmark.components).context(name)?);
        }
        let path = folder.join(format!("{pallet}.rs"));
        std::fs::write(&path, write::file(&pallet, &measured)?)?;
        println!("{}", path.display());
    }
    Ok(())
}

fn measure(
    bench: &state::Bench,
    list: &BenchmarkList,
    name: &[u8],
    components: &[(BenchmarkParameter, u32, u32)],
) -> anyhow::Result<Measured> {
    let mut times = Vec::new();
    let mut accesses = Vec::new();
    for point in fit::points(components, STEPS) {
        let config = |verify| BenchmarkConfig {
            pallet: list.pallet.clone(),
            instance: list.instance.clone(),
            benchmark: name.to_vec(),
            selected_components: point.clone(),
            verify,
            internal_repeats: 1,
        };
        bench.run(&config(true), false).context("the benchmark's own check failed")?;
        accesses.extend(bench.run(&config(false), true)?);
        for _ in 0..REPEATS {
            times.extend(bench.run(&config(false), false)?);
        }
    }
    Ok(Measured { name: String::from_utf8(name.to_vec())?, times, accesses })
}
