//! `lunarx-node`: the chain client, and the miner daemon inside it or beside it.

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
