//! One file a group of commands.

mod account;
mod audit;
mod contracts;
mod economy;
mod get;
mod miner;
mod objects;
mod put;
mod rescue;
mod verifier;
mod wallet;

use crate::{
    args::{Args, Command},
    session::Session,
};
use anyhow::Result;

/// Does what the command line says.
pub async fn run(args: Args) -> Result<()> {
    let session = Session::new(&args.global)?;
    let result = command(&session, args.command).await;
    session.close().await;
    result
}

async fn command(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Wallet(command) => wallet::run(session, command),
        Command::Put(put) => put::run(session, put).await,
        Command::Get(get) => get::run(session, get).await,
        Command::Ls => objects::list(session).await,
        Command::Status(object) => objects::status(session, &object.id).await,
        Command::Audit(args) => audit::run(session, args).await,
        Command::Rescue(args) => rescue::run(session, args).await,
        Command::Rm(object) => objects::remove(session, &object.id).await,
        Command::Contracts(args) => contracts::run(session, args).await,
        Command::Miners => account::miners(session).await,
        Command::Miner(command) => miner::run(session, command).await,
        Command::Balance(of) => account::balance(session, of.account.as_deref()).await,
        Command::Economy => economy::economy(session).await,
        Command::Rewards(args) => economy::rewards(session, args).await,
        Command::Verifier(args) => verifier::run(session, args).await,
        Command::Transfer(transfer) => account::transfer(session, &transfer.to, transfer.amount).await,
    }
}
