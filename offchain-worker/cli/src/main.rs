//! `lunarx`: the command line client. Files into the LunarX network and back.
//!
//! ```text
//! args ─▶ commands/* ─▶ lunarx-client ─▶ output (stdout: results, JSON · stderr: progress, errors)
//! ```
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by a signal.

mod amount;
mod args;
mod bar;
mod commands;
mod failure;
mod hints;
mod home;
mod output;
mod password;
mod session;
mod time;

use args::Args;
use clap::Parser;
use std::{io::IsTerminal, process::ExitCode};

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // Colours are for terminals: elsewhere they are only escape codes.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failure::report(&anyhow::Error::new(error).context("cannot start")),
    };
    let result = runtime.block_on(commands::run(args));
    // A thread may still wait for a pipe that says nothing more: it is not waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
