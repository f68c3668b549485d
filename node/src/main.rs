//! `lunarx-node`: the chain client, and the miner and tracker daemons inside it or beside it.

// The large error type is sc-cli's and sc-service's, returned once in a process's life.
#![allow(clippy::result_large_err)]

mod authoring;
mod chain_spec;
mod cli;
mod command;
mod daemon;
mod in_process;
mod miner;
mod rpc;
mod service;
mod tracker;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Returned from `main` it would be printed as a Rust value.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
