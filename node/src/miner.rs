//! The miner daemon as this binary offers it: inside a node, or alone beside one.

use libp2p::Multiaddr;
use lunarx_core::Balance;
use lunarx_worker::{run_miner, Authoring, MinerConfig, Remote, DEFAULT_SCRUB_EVERY, DEFAULT_SETTLE_EVERY};
use sc_service::RpcHandlers;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{
    authoring::OwnNode,
    cli::MinerCommand,
    daemon::{self, lx},
};

/// Seconds.
const DAY: u64 = 86_400;

/// The option that names the account.
const KEY: &str = "--miner-key";

/// What the miner sells and where it is found.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "miner-options")]
pub struct MinerArgs {
    /// File with the miner account's secret: 12 or 24 words, or a secret URI. Readable by you alone.
    #[arg(long = "miner-key", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Disk for sale, such as 500GiB. Collateral is held in proportion.
    #[arg(long = "miner-capacity", value_name = "BYTES", default_value = "10GiB", value_parser = bytes)]
    pub capacity: u64,

    /// Disk that stays free whatever happens: below it, nothing more is taken.
    #[arg(long = "miner-keep-free", value_name = "BYTES", default_value = "1GiB", value_parser = bytes)]
    pub keep_free: u64,

    /// Days in which everything stored is read and compared with its ids once, so that a bad disk is found before an
    /// audit finds it. 0: never.
    #[arg(long = "miner-scrub-days", value_name = "DAYS", default_value_t = DEFAULT_SCRUB_EVERY.as_secs() / DAY)]
    pub scrub_days: u64,

    /// Where pieces lie, if not in the data folder: s3://BUCKET/PREFIX, with keys, region and endpoint in the variables
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT; or hdfs://HOST:PORT/PREFIX, with Hadoop's
    /// configuration in HADOOP_CONF_DIR. The data folder holds the index still, and pieces on their way.
    #[arg(long = "miner-objects", value_name = "URL", value_parser = remote)]
    pub objects: Option<Remote>,

    /// Price in LX for a GiB and a day.
    #[arg(long = "miner-price", value_name = "LX", default_value = "0.001", value_parser = lx)]
    pub price: Balance,

    /// In a node with --validator: hold at least so much collateral, even if the capacity asks for less.
    /// Making blocks needs what `lunarx miner status` says.
    #[arg(long = "miner-collateral", value_name = "LX", default_value = "0", value_parser = lx)]
    pub collateral: Balance,

    /// Windows that pass between two settlements of a contract. Each costs a fee; what is settled is paid,
    /// and counts for election.
    #[arg(long = "miner-settle-windows", value_name = "N", default_value_t = DEFAULT_SETTLE_EVERY)]
    pub settle_windows: u32,

    /// Where the disk is: lower-case letters, digits and '-', such as eu-west.
    #[arg(long = "miner-region", value_name = "NAME", default_value = "unknown")]
    pub region: String,

    /// Address to serve pieces on; may be repeated.
    #[arg(
        long = "miner-listen",
        value_name = "MULTIADDR",
        default_values = ["/ip4/0.0.0.0/udp/30500/quic-v1", "/ip4/0.0.0.0/tcp/30500"]
    )]
    pub listen: Vec<Multiaddr>,

    /// Address under which others reach this machine, if not the one it listens on; may be repeated.
    #[arg(long = "miner-external", value_name = "MULTIADDR")]
    pub external: Vec<Multiaddr>,
}

/// The object store of a URL.
fn remote(url: &str) -> Result<Remote, String> {
    Remote::from_url(url).map_err(|error| error.to_string())
}

/// Reads `500GiB`, `2TiB`, `1000000`.
fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err(format!("unknown unit '{unit}': use B, KiB, MiB, GiB or TiB")),
    };
    let number: u64 = number.parse().map_err(|_| "expected a number such as 500GiB".to_string())?;
    number.checked_mul(1 << shift).ok_or_else(|| "more bytes than any disk has".into())
}

fn config(args: &MinerArgs, data_dir: PathBuf) -> MinerConfig {
    let mut config = MinerConfig::new(data_dir, args.capacity, args.price, &args.region);
    config.listen = args.listen.clone();
    config.external = args.external.clone();
    config.floor = args.keep_free;
    config.remote = args.objects.clone();
    config.scrub_every = Duration::from_secs(args.scrub_days.saturating_mul(DAY));
    config.collateral = args.collateral;
    config.settle_every = args.settle_windows;
    config
}

/// Runs over the node's own RPC handlers until the node stops. When it returns, the node stops too,
/// as it is an essential task: a miner that is dead must be seen to be dead. In an authority's node it stands for
/// election.
pub async fn run_inside(args: MinerArgs, data_dir: PathBuf, handlers: RpcHandlers, authority: bool) {
    let outcome = async {
        let signer = daemon::signer(args.key.as_deref(), KEY)?;
        let authoring = authority.then(|| Arc::new(OwnNode::new(handlers.clone())) as Arc<dyn Authoring>);
        let chain = daemon::own_chain(handlers).await?;
        let stop = CancellationToken::new();
        run_miner(chain, signer, config(&args, data_dir), authoring, stop).await?;
        anyhow::Ok(())
    };
    if let Err(error) = outcome.await {
        tracing::error!(target: "miner", "the miner daemon stopped: {error:#}");
    }
}

/// Runs against a node elsewhere until Ctrl-C or SIGTERM.
pub fn run_alone(command: &MinerCommand) -> anyhow::Result<()> {
    let signer = daemon::signer(command.args.key.as_deref(), KEY)?;
    let config = config(&command.args, command.base_path.clone());
    daemon::run_alone(&command.rpc, &command.base_path, |daemon::Alone { chain, stop }| async move {
        Ok(run_miner(chain, signer, config, None, stop).await?)
    })
}
