//! The tracker daemon as this binary offers it: inside a node, or alone beside one.

use libp2p::Multiaddr;
use lunarx_core::{Balance, NodeKey};
use lunarx_tracker::{run_tracker, TrackerConfig};
use sc_service::RpcHandlers;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::TrackerCommand,
    daemon::{self, lx},
};

/// The option that names the account.
const KEY: &str = "--tracker-key";

/// What the tracker stakes and where it is found.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "tracker-options")]
// Ids of their own: fields of the miner's options have the same names.
pub struct TrackerArgs {
    /// File with the tracker account's secret: 12 or 24 words, or a secret URI. Readable by you alone.
    #[arg(id = "tracker_key", long = "tracker-key", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// LX held from the account as long as it tracks.
    #[arg(id = "tracker_bond", long = "tracker-bond", value_name = "LX", default_value = "1000", value_parser = lx)]
    pub bond: Balance,

    /// Where this machine is: lower-case letters, digits and '-', such as eu-west.
    #[arg(id = "tracker_region", long = "tracker-region", value_name = "NAME", default_value = "unknown")]
    pub region: String,

    /// Address to serve miners, clients and verifiers on; may be repeated.
    #[arg(
        id = "tracker_listen", long = "tracker-listen",
        value_name = "MULTIADDR",
        default_values = ["/ip4/0.0.0.0/udp/30501/quic-v1", "/ip4/0.0.0.0/tcp/30501"]
    )]
    pub listen: Vec<Multiaddr>,

    /// Address under which others reach this machine, if not the one it listens on; may be repeated.
    #[arg(id = "tracker_external", long = "tracker-external", value_name = "MULTIADDR")]
    pub external: Vec<Multiaddr>,

    /// Node key of a verifier that works for this tracker, as `lunarx verifier` prints it; may be repeated.
    #[arg(id = "tracker_verifiers", long = "tracker-verifier", value_name = "HEX")]
    pub verifiers: Vec<NodeKey>,
}

fn config(args: &TrackerArgs, data_dir: PathBuf) -> TrackerConfig {
    let mut config = TrackerConfig::new(data_dir, &args.region);
    config.bond = args.bond;
    config.listen = args.listen.clone();
    config.external = args.external.clone();
    config.verifiers = args.verifiers.clone();
    config
}

/// Runs over the node's own RPC handlers until the node stops. When it returns, the node stops too,
/// as it is an essential task: a tracker that is dead must be seen to be dead.
pub async fn run_inside(args: TrackerArgs, data_dir: PathBuf, handlers: RpcHandlers) {
    let outcome = async {
        let signer = daemon::signer(args.key.as_deref(), KEY)?;
        let chain = daemon::own_chain(handlers).await?;
        run_tracker(chain, signer, config(&args, data_dir), CancellationToken::new()).await?;
        anyhow::Ok(())
    };
    if let Err(error) = outcome.await {
        tracing::error!(target: "tracker", "the tracker daemon stopped: {error:#}");
    }
}

/// Runs against a node elsewhere until Ctrl-C or SIGTERM.
pub fn run_alone(command: &TrackerCommand) -> anyhow::Result<()> {
    let signer = daemon::signer(command.args.key.as_deref(), KEY)?;
    let config = config(&command.args, command.base_path.clone());
    daemon::run_alone(&command.rpc, &command.base_path, |daemon::Alone { chain, stop }| async move {
        Ok(run_tracker(chain, signer, config, stop).await?)
    })
}
