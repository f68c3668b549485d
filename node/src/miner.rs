//! The miner daemon as this binary offers it: inside a node, or alone beside one.

use anyhow::Context;
use libp2p::Multiaddr;
use lunarx_chain::{Chain, ChainError, RpcChain, Signer};
use lunarx_core::{Balance, Lx};
use lunarx_worker::{run_miner, MinerConfig};
use sc_service::RpcHandlers;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{cli::MinerCommand, in_process::InProcess};

/// Between the first two attempts to reach the chain; doubled by each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest time between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

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

    /// Price in LX for a GiB and a day.
    #[arg(long = "miner-price", value_name = "LX", default_value = "0.001", value_parser = price)]
    pub price: Balance,

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

fn price(text: &str) -> Result<Balance, String> {
    text.parse::<Lx>().map(|lx| lx.0).map_err(|error| error.to_string())
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
    config
}

fn signer(args: &MinerArgs) -> anyhow::Result<Signer> {
    let path = args.key.as_deref().context("a miner needs an account: pass --miner-key FILE")?;
    let secret = read_secret(path)?;
    Signer::from_uri(secret.trim()).with_context(|| {
        format!("{} holds no secret: expected 12 or 24 words or a secret URI", path.display())
    })
}

fn read_secret(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).with_context(|| format!("can not read {}", path.display()))?;
    anyhow::ensure!(
        metadata.permissions().mode() & 0o077 == 0,
        "{0} is open to others, and it holds a secret: run 'chmod 600 {0}'",
        path.display()
    );
    let text = std::fs::read_to_string(path).with_context(|| format!("can not read {}", path.display()))?;
    Ok(Zeroizing::new(text))
}

/// Runs over the node's own RPC handlers until the node stops. When it returns, the node stops too,
/// as it is an essential task: a miner that is dead must be seen to be dead.
pub async fn run_inside(args: MinerArgs, data_dir: PathBuf, handlers: RpcHandlers) {
    let outcome = async {
        let signer = signer(&args)?;
        let client = subxt_rpcs::RpcClient::new(InProcess(handlers));
        let chain: Arc<dyn Chain> = Arc::new(RpcChain::over(client).await?);
        run_miner(chain, signer, config(&args, data_dir), CancellationToken::new()).await?;
        anyhow::Ok(())
    };
    if let Err(error) = outcome.await {
        tracing::error!(target: "miner", "the miner daemon stopped: {error:#}");
    }
}

/// Runs against a node elsewhere until Ctrl-C or SIGTERM.
pub fn run_alone(command: &MinerCommand) -> anyhow::Result<()> {
    sc_cli::LoggerBuilder::new(std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into())).init()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let signer = signer(&command.args)?;
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        std::fs::create_dir_all(&command.base_path)
            .with_context(|| format!("can not make the folder {}", command.base_path.display()))?;
        let Some(chain) = stop.run_until_cancelled(connect(&command.rpc)).await else { return Ok(()) };
        let chain: Arc<dyn Chain> = Arc::new(chain?);
        run_miner(chain, signer, config(&command.args, command.base_path.clone()), stop).await?;
        Ok(())
    })
}

/// Connects to the chain, and waits for it where it cannot be reached: a miner may start before its node.
async fn connect(urls: &[String]) -> Result<RpcChain, ChainError> {
    let mut wait = FIRST_WAIT;
    loop {
        match RpcChain::connect(urls).await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(target: "miner", "{error}; trying again in {} s", wait.as_secs());
            }
            outcome => return outcome,
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{signal, SignalKind};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    stop.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_secret_that_others_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "//Miner1").unwrap();
        let allow = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        allow(0o640);
        assert!(read_secret(&path).unwrap_err().to_string().contains("chmod 600"));
        allow(0o600);
        assert_eq!(read_secret(&path).unwrap().as_str(), "//Miner1");
    }

    #[test]
    fn reads_sizes_and_refuses_others() {
        assert_eq!(bytes("10GiB"), Ok(10 << 30));
        assert_eq!(bytes("512"), Ok(512));
        assert!(bytes("10GB").is_err());
        assert!(bytes("").is_err());
        assert!(bytes("99999999TiB").is_err());
    }
}
