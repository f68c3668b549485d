//! The command line of `lunarx-node`.

use crate::{miner::MinerArgs, tracker::TrackerArgs};
use sc_cli::RunCmd;

/// The LunarX node: runs the chain and, with --miner, sells this machine's spare disk;
/// with --tracker, watches those who do.
#[derive(Debug, clap::Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    #[command(flatten)]
    pub run: RunCmd,

    /// Also run the miner daemon, over this node's own view of the chain.
    #[arg(long)]
    pub miner: bool,

    #[command(flatten)]
    pub miner_args: MinerArgs,

    /// Also run the tracker daemon, over this node's own view of the chain.
    #[arg(long)]
    pub tracker: bool,

    #[command(flatten)]
    pub tracker_args: TrackerArgs,
}

/// What the binary does beside running a node.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
    /// Run the miner daemon alone, against the RPC of a node elsewhere.
    Miner(MinerCommand),
    /// Run the tracker daemon alone, against the RPC of a node elsewhere.
    Tracker(TrackerCommand),
    /// Make and inspect keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),
    /// Print a chain's specification.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),
    /// Validate blocks.
    CheckBlock(sc_cli::CheckBlockCmd),
    /// Write blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),
    /// Write the state of a block into a chain specification.
    ExportState(sc_cli::ExportStateCmd),
    /// Read blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),
    /// Remove the chain's database.
    PurgeChain(sc_cli::PurgeChainCmd),
    /// Go back to an earlier block.
    Revert(sc_cli::RevertCmd),
    /// Print figures about the database.
    ChainInfo(sc_cli::ChainInfoCmd),
}

/// `lunarx-node miner`.
#[derive(Debug, clap::Args)]
pub struct MinerCommand {
    /// WebSocket RPC of a node; several are tried in turn.
    #[arg(
        long = "rpc",
        value_name = "URL",
        default_value = "ws://127.0.0.1:9944",
        env = "LUNARX_RPC",
        value_delimiter = ','
    )]
    pub rpc: Vec<String>,

    /// Folder for pieces, keys and the store's index.
    #[arg(long, value_name = "DIR")]
    pub base_path: std::path::PathBuf,

    #[command(flatten)]
    pub args: MinerArgs,
}

/// `lunarx-node tracker`.
#[derive(Debug, clap::Args)]
pub struct TrackerCommand {
    /// WebSocket RPC of a node; several are tried in turn.
    #[arg(
        long = "rpc",
        value_name = "URL",
        default_value = "ws://127.0.0.1:9944",
        env = "LUNARX_RPC",
        value_delimiter = ','
    )]
    pub rpc: Vec<String>,

    /// Folder for keys and the answers of miners.
    #[arg(long, value_name = "DIR")]
    pub base_path: std::path::PathBuf,

    #[command(flatten)]
    pub args: TrackerArgs,
}
