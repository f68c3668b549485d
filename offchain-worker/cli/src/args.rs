//! The command line.

use crate::amount::parse_lx;
use clap::{Args as ClapArgs, Parser, Subcommand};
use lunarx_client::Code;
use lunarx_core::{Balance, ContractId};
use lunarx_tracker::TrackerRef;
use std::path::PathBuf;

/// The RPC endpoint where neither flag, environment nor configuration names one.
pub const DEFAULT_RPC: &str = "ws://127.0.0.1:21001";
/// Days of storage unless chosen.
const DEFAULT_DAYS: u32 = 30;
/// Watermarks of each piece that an audit reads unless chosen.
const DEFAULT_SAMPLES: u8 = 4;
/// As many as a piece has.
const MOST_SAMPLES: i64 = 32;

/// Store files in the LunarX network, and read them back.
///
/// Files are encrypted here, cut into N pieces of which any K suffice, and stored at N miners, each
/// paid through a contract on chain. Nobody but you can read them.
#[derive(Debug, Parser)]
#[command(name = "lunarx", version, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  lunarx wallet new                         a new wallet; prints its 24 words once
  lunarx put photos.tar --code 4/8 --days 90
  lunarx put photos.tar --dry-run           what that would cost
  tar c photos | lunarx put - --name photos.tar
  lunarx ls
  lunarx get 5f3a -o photos.tar             the beginning of an id suffices
  lunarx get 5f3a -o - | tar t
  lunarx audit 5f3a                         whether its miners serve it
  lunarx rescue 5f3a photos.tar             from miners that refuse it
  lunarx rm 5f3a                            ends its contracts, refunds what is not served
  lunarx contracts                          everything that the account pays for

Environment: LUNARX_HOME, LUNARX_RPC (separated by commas), LUNARX_PASSWORD, RUST_LOG";

/// Options of every command.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Chain node to speak to, such as ws://127.0.0.1:21001; repeat it for more than one
    #[arg(long, global = true, value_name = "URL", env = "LUNARX_RPC", value_delimiter = ',')]
    pub rpc: Vec<String>,
    /// Folder of wallet and catalogue [default: lunarx in the user's data folder]
    #[arg(long, global = true, value_name = "DIR", env = "LUNARX_HOME")]
    pub home: Option<PathBuf>,
    /// Configuration: {"rpc": [..], "password_file": ".."} [default: config.json in the home folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read the wallet's password from the first line of this file
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Print the result as JSON; amounts are decimal strings in LX
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make, restore or show the wallet
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Store a file, or what comes from a pipe
    Put(Put),
    /// Read an object back
    Get(Get),
    /// List the objects in the catalogue, when their terms end, and puts that are pending
    Ls,
    /// Show how an object fares: its term, its contracts, and which of its pieces can be read
    ///
    /// Of each contract: the windows that are over, those in which the service was confirmed (proven on
    /// chain, by trackers or by the miner's own answer), what is paid and still held, and, where the miner
    /// has to prove on chain that it holds the piece, until which block. A contract that was ended, or whose
    /// term is over, is closing until the outcome of its last windows is final.
    Status(Object),
    /// Read watermarks of each piece from its miner, as any read does: who is damaged, who refuses
    ///
    /// A watermark is a short tag of bytes at a secret random place, fixed when the object was stored. Miners
    /// answer the trackers' challenges for their pay; this shows whether they serve you as well. Exit code 1
    /// if a piece is damaged or refused by a miner that is there.
    Audit(Audit),
    /// Read an object whose miners refuse it, from their answers to challenges
    ///
    /// Reads what is served, and for the rest collects what miners must give up to be paid: each challenge
    /// gives some chunks of 1 KiB, at random. What is known is kept in PATH.rescue; run it again, a day or so
    /// later, until the file is whole. Exit code 1 until then.
    Rescue(Rescue),
    /// End the contracts of an object, or of a put that was interrupted, and forget it
    Rm(Object),
    /// List the account's live contracts, or end some of them
    Contracts(Contracts),
    /// List the registered miners: space, price, collateral, and how their contracts went so far
    ///
    /// The score is the share of all settled windows in which the miner was online and answered every
    /// challenge, as a majority of the trackers saw it, rounded down; a miner without settled windows is new.
    /// Lost are contracts that were closed because their data was gone; slashed is the collateral that the
    /// miner lost for them.
    Miners,
    /// How a miner stands, and its way out
    #[command(subcommand)]
    Miner(MinerCommand),
    /// Show what an account has
    Balance(BalanceOf),
    /// Send LX to another account
    Transfer(Transfer),
    /// Show how much LX there is, what the running era promises to whom, and what the funds hold
    ///
    /// With --json, amounts are whole units of 10^-12 LX, as decimal strings.
    Economy,
    /// Show the rewards that an account can claim, or claim those of the wallet
    ///
    /// Who stores, audits, makes blocks or supplies earns newly made LX, era by era. It is claimed when the era is
    /// over, within 30 eras; then it goes back to the pool.
    Rewards(Rewards),
    /// Check miners for a tracker, with no data and no keys of users; runs until it is stopped
    Verifier(Verifier),
}

/// What to do with the wallet.
#[derive(Debug, Subcommand)]
pub enum WalletCommand {
    /// Make a new wallet and print its 24 words, once
    New,
    /// Restore a wallet from its 24 words, asked for or read from standard input
    Restore,
    /// Show the wallet's account and public keys, never its words
    Show,
}

/// `lunarx put`.
#[derive(Debug, ClapArgs)]
pub struct Put {
    /// The file; - for standard input
    pub file: PathBuf,
    /// The object's name [default: the file's]
    #[arg(long)]
    pub name: Option<String>,
    /// Any K of N pieces suffice to read; N miners are needed
    #[arg(long, value_name = "K/N", default_value = "4/8")]
    pub code: Code,
    /// For how long
    #[arg(long, default_value_t = DEFAULT_DAYS, value_parser = clap::value_parser!(u32).range(1..))]
    pub days: u32,
    /// The most to pay, in LX per GiB and day
    #[arg(long, value_name = "LX", value_parser = parse_lx)]
    pub max_price: Option<Balance>,
    /// Show what it would cost, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `lunarx get`.
#[derive(Debug, ClapArgs)]
pub struct Get {
    /// The object's id, or its beginning
    pub id: String,
    /// Where to write; - for standard output [default: the object's name, in this folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

/// `lunarx audit`.
#[derive(Debug, ClapArgs)]
pub struct Audit {
    /// The object's id, or its beginning
    pub id: String,
    /// Watermarks to read of each piece
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SAMPLES, value_parser = clap::value_parser!(u8).range(1..=MOST_SAMPLES))]
    pub samples: u8,
    /// Open a dispute on chain over each piece that is damaged or refused, while it is paid for
    #[arg(long)]
    pub dispute: bool,
    /// Hold the deposits of --dispute without asking
    #[arg(long, requires = "dispute")]
    pub yes: bool,
}

/// `lunarx rescue`.
#[derive(Debug, ClapArgs)]
pub struct Rescue {
    /// The object's id, or its beginning
    pub id: String,
    /// Where to write
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

/// An object.
#[derive(Debug, ClapArgs)]
pub struct Object {
    /// The object's id, or its beginning
    pub id: String,
}

/// `lunarx contracts`.
#[derive(Debug, ClapArgs)]
pub struct Contracts {
    /// What to do with them; without, they are listed.
    #[command(subcommand)]
    pub command: Option<ContractsCommand>,
}

/// What to do with contracts.
#[derive(Debug, Subcommand)]
pub enum ContractsCommand {
    /// End contracts at once, whatever they belong to: the pieces under them are lost
    End {
        /// Ids in full, as `lunarx contracts` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<ContractId>,
    },
}

/// What to do as a miner.
#[derive(Debug, Subcommand)]
pub enum MinerCommand {
    /// Show a miner's proven power, its place in the election of those who make blocks, and what it has at stake
    ///
    /// Power is proven service, in GiB times days here and bytes times blocks with --json, an eighth of it less with
    /// each era. Whoever stands for election
    /// and is among the strongest makes blocks; a node that runs with --miner and --validator stands by itself.
    Status {
        /// Whose: SS58 address [default: the wallet's]
        account: Option<String>,
    },
    /// Announce the exit of the wallet's miner: it takes no new contracts, and leaves the makers of blocks
    ///
    /// Contracts go on to their end, and the miner must serve them. Afterwards, and after the exit delay, `lunarx
    /// miner withdraw` gives the collateral back.
    Exit {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take back the collateral of the wallet's miner, when its exit is over, and the deposit of its session keys
    Withdraw,
}

/// `lunarx balance`.
#[derive(Debug, ClapArgs)]
pub struct BalanceOf {
    /// SS58 address [default: the wallet's]
    pub account: Option<String>,
}

/// `lunarx transfer`.
#[derive(Debug, ClapArgs)]
pub struct Transfer {
    /// SS58 address of the receiver
    pub to: String,
    /// How much, in LX, such as 1.5
    #[arg(value_name = "LX", value_parser = parse_lx)]
    pub amount: Balance,
}

/// `lunarx rewards`.
#[derive(Debug, ClapArgs)]
pub struct Rewards {
    /// Whose: SS58 address [default: the wallet's]
    pub account: Option<String>,
    /// Claim the wallet's, all eras at once
    #[arg(long, conflicts_with = "account")]
    pub claim: bool,
}

/// `lunarx verifier`.
#[derive(Debug, ClapArgs)]
pub struct Verifier {
    /// The tracker: its account, or its node key
    #[arg(long, value_name = "ACCOUNT|NODEKEY")]
    pub tracker: TrackerRef,
    /// Folder of the verifier's node key [default: verifier in the home folder]
    #[arg(long, value_name = "DIR")]
    pub base_path: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn defaults() {
        let args = Args::try_parse_from(["lunarx", "put", "-", "--json"]).unwrap();
        assert!(args.global.json);
        let Command::Put(put) = args.command else { panic!("not a put") };
        assert_eq!((put.code.to_string(), put.days, put.dry_run), ("4/8".into(), 30, false));
    }

    #[test]
    fn contracts_are_listed_or_ended() {
        let id = ContractId([0xcd; 32]);
        let parse = |line: String| {
            let args = Args::try_parse_from(line.split_whitespace()).unwrap();
            let Command::Contracts(contracts) = args.command else { panic!("{line}") };
            (args.global.json, contracts.command)
        };
        assert!(matches!(parse("lunarx contracts".into()), (false, None)));
        assert!(matches!(parse("lunarx contracts --json".into()), (true, None)));
        for line in [format!("contracts end {id} {id} --json"), format!("contracts --json end {id} {id}")] {
            let (json, command) = parse(format!("lunarx {line}"));
            let Some(ContractsCommand::End { ids }) = command else { panic!("{line}") };
            assert_eq!((json, ids), (true, vec![id, id]));
        }
    }

    #[test]
    fn deposits_are_held_for_disputes_only() {
        let parse = |line: &str| Args::try_parse_from(line.split_whitespace());
        let Command::Audit(audit) = parse("lunarx audit 5f3a --json").unwrap().command else { panic!() };
        assert_eq!((audit.samples, audit.dispute, audit.yes), (4, false, false));
        let Command::Audit(audit) = parse("lunarx audit 5f3a --samples 32 --dispute --yes").unwrap().command
        else {
            panic!()
        };
        assert_eq!((audit.samples, audit.dispute, audit.yes), (32, true, true));
        for line in [
            "lunarx audit a --yes",
            "lunarx audit a --samples 0",
            "lunarx audit a --samples 33",
            "lunarx rescue a",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_verifier_needs_its_tracker() {
        let parse = |line: &str| Args::try_parse_from(line.split_whitespace());
        let line = format!("lunarx verifier --tracker {}", "07".repeat(32));
        let Command::Verifier(verifier) = parse(&line).unwrap().command else { panic!() };
        assert_eq!(verifier.tracker, TrackerRef::Node(lunarx_core::NodeKey([7; 32])));
        assert!(parse("lunarx verifier").is_err() && parse("lunarx verifier --tracker x").is_err());
    }

    #[test]
    fn rewards_are_claimed_for_the_wallet_only() {
        let parse = |line: &str| Args::try_parse_from(line.split_whitespace());
        let Command::Rewards(rewards) = parse("lunarx rewards").unwrap().command else { panic!() };
        assert_eq!((rewards.account, rewards.claim), (None, false));
        let Command::Rewards(rewards) = parse("lunarx rewards --claim").unwrap().command else { panic!() };
        assert!(rewards.claim);
        assert!(parse("lunarx rewards 5Grw --claim").is_err());
    }

    #[test]
    fn refuses_nonsense() {
        let short = "contracts end 0x1234";
        let lines = ["put a --code 9/8", "put a --code x", "put a --days 0", "transfer x -1", "get", ""];
        for line in lines.into_iter().chain(["contracts end", short]) {
            let line = format!("lunarx {line}");
            assert!(Args::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
