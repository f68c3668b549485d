//! `lunarx-node`: the chain client, and the miner daemon inside it or beside it.

// The large error type is sc-cli's and sc-service's, returned once in a process's life.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod in_process;
mod miner;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
