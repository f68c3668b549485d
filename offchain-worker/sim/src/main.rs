//! `lunarx-sim`: a year of audits in small, and the tables of it.
//!
//! The same seed prints the same tables.

use clap::Parser;
use lunarx_sim::report::{examine, Request};

/// Simulates audits of the LunarX network and prints tables of what came out.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// All chance comes from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Miners.
    #[arg(long, default_value_t = 10_000)]
    miners: u32,
    /// Days.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// Contracts in the search for losses, for each lost fraction.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    contracts: u32,
    /// One year only: no comparison with other shares of liars and other times.
    #[arg(long)]
    one_year: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { seed, miners, days, contracts, one_year, json } = Args::parse();
    let findings = examine(&Request { seed, miners, days, contracts, variants: !one_year })?;
    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print!("{}", findings.markdown());
    }
    Ok(())
}
