//! `lunarx-sim`: a year of audits in small, lookups in a large network, and the tables of both.
//!
//! The same seed prints the same tables.

use anyhow::{bail, Context};
use clap::{Parser, Subcommand};
use lunarx_sim::{
    dht::{self, Rules, Setting, Share},
    report::{examine, Request},
};

/// Simulates the LunarX network and prints tables of what came out: its audits, or what the subcommand says.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
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

#[derive(Subcommand)]
enum Command {
    /// Lookups in the DHT, node by node.
    ///
    /// 30 million nodes take 240 MB. Routing tables are as random ones: see docs/network.md.
    Dht(Dht),
}

#[derive(Parser)]
struct Dht {
    /// Nodes of the network.
    #[arg(long, default_value_t = 1_000_000)]
    nodes: u32,
    /// Lookups of random keys from random nodes.
    #[arg(long, default_value_t = 10_000)]
    lookups: u32,
    /// Entries of a bucket, of an answer, and nodes that hold a record.
    #[arg(long, default_value_t = 20)]
    k: usize,
    /// Questions at the same time; several paths have one each.
    #[arg(long, default_value_t = 3)]
    alpha: usize,
    /// Paths that share no node.
    #[arg(long, default_value_t = 1)]
    paths: usize,
    /// Share of nodes that are dead but in the others' tables: percent, such as 30, or a fraction, such as 0.3.
    #[arg(long, default_value = "0", value_parser = share)]
    dead: Share,
    /// Share of nodes that name only each other, written likewise.
    #[arg(long, default_value = "0", value_parser = share)]
    adversarial: Share,
    /// All chance comes from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads `30`, `30%` or `0.3`. One and less is a fraction, but for a whole `1` with the percent sign.
fn share(text: &str) -> anyhow::Result<Share> {
    let (number, percent) = match text.strip_suffix('%') {
        Some(number) => (number, true),
        None => (text, false),
    };
    let number: f64 = number.trim().parse().context("expected a share, such as 30% or 0.3")?;
    let share = if percent || number > 1.0 { number / 100.0 } else { number };
    if !(0.0..=1.0).contains(&share) {
        bail!("expected a share between 0 and 100%");
    }
    Ok(Share((share * 1e6).round() as u32))
}

fn main() -> anyhow::Result<()> {
    let Args { command, seed, miners, days, contracts, one_year, json } = Args::parse();
    if let Some(Command::Dht(Dht { nodes, lookups, k, alpha, paths, dead, adversarial, seed, json })) =
        command
    {
        let rules = Rules { k, alpha, paths };
        let figures = dht::run(&Setting { nodes, lookups, rules, dead, adversarial, seed })?;
        if json {
            println!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            print!("{}", figures.text());
        }
        return Ok(());
    }
    let findings = examine(&Request { seed, miners, days, contracts, variants: !one_year })?;
    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print!("{}", findings.markdown());
    }
    Ok(())
}
