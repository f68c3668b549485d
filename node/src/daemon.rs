//! What the daemons of this binary share: their account's secret, the way to the chain, the signal to stop.

use anyhow::Context;
use lunarx_chain::{Chain, ChainError, RpcChain, Signer};
use lunarx_core::{Balance, Lx};
use sc_service::RpcHandlers;
use std::{
    future::Future,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use subxt_rpcs::{rpc_params, RpcClient};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::in_process::InProcess;

/// Between the first two attempts to reach the chain; doubled by each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Age of the finalized block up to which the node has caught up with the chain.
const FRESH: Duration = Duration::from_secs(30);
/// Time after which a daemon begins although finality stands still, if the node is not behind others.
const PATIENCE: Duration = Duration::from_secs(300);
/// Seconds between two words about that.
const TELL_EVERY: u64 = 60;
/// Longest time between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Reads an amount of LX.
pub fn lx(text: &str) -> Result<Balance, String> {
    text.parse::<Lx>().map(|lx| lx.0).map_err(|error| error.to_string())
}

/// The account whose secret is in the file `path`, as the option `flag` names it.
pub fn signer(path: Option<&Path>, flag: &str) -> anyhow::Result<Signer> {
    let path = path.with_context(|| format!("the daemon needs an account: pass {flag} FILE"))?;
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

/// The chain through the node's own RPC handlers, once the node has caught up with it: what an account had long ago is
/// no reason to do anything.
pub async fn own_chain(handlers: RpcHandlers) -> Result<Arc<dyn Chain>, ChainError> {
    let client = RpcClient::new(InProcess(handlers));
    let mut waited = Duration::ZERO;
    loop {
        // What the node cannot tell yet is not there yet.
        let age = finalized_age(&client).await.unwrap_or_default();
        if age.is_some_and(|age| age <= FRESH) || (waited >= PATIENCE && !is_syncing(&client).await) {
            break;
        }
        if waited.as_secs().is_multiple_of(TELL_EVERY) {
            let behind = age.map_or_else(|| "all of it".into(), |age| format!("{} s", age.as_secs()));
            tracing::info!(target: "daemon", "waits until the node has caught up with the chain: {behind} missing");
        }
        tokio::time::sleep(FIRST_WAIT).await;
        waited = waited.saturating_add(FIRST_WAIT);
    }
    Ok(Arc::new(RpcChain::over(client).await?))
}

/// Whether the node knows that others are ahead of it.
async fn is_syncing(client: &RpcClient) -> bool {
    let health: Result<serde_json::Value, _> = client.request("system_health", rpc_params![]).await;
    health.is_ok_and(|health| health["isSyncing"] == true)
}

/// The age of the finalized block that the node knows. `None` for genesis, which has no time.
async fn finalized_age(client: &RpcClient) -> Result<Option<Duration>, ChainError> {
    let failed = |error: subxt_rpcs::Error| ChainError::Node {
        request: "the time of its finalized block".into(),
        reason: error.to_string(),
    };
    let block: String = client.request("chain_getFinalizedHead", rpc_params![]).await.map_err(failed)?;
    let key = [sp_io::hashing::twox_128(b"Timestamp"), sp_io::hashing::twox_128(b"Now")].concat();
    let params = rpc_params![sp_core::bytes::to_hex(&key, false), block];
    let stored: Option<String> = client.request("state_getStorage", params).await.map_err(failed)?;
    let bytes = stored.and_then(|hex| sp_core::bytes::from_hex(&hex).ok());
    let millis = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(u64::from_le_bytes);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(millis.map(|millis| now.saturating_sub(Duration::from_millis(millis))))
}

/// What a daemon alone begins with.
pub struct Alone {
    /// The chain, through a node elsewhere.
    pub chain: Arc<dyn Chain>,
    /// Cancelled by Ctrl-C or SIGTERM.
    pub stop: CancellationToken,
}

/// Runs a daemon against a node elsewhere until Ctrl-C or SIGTERM.
pub fn run_alone<D, F>(rpc: &[String], base_path: &Path, daemon: D) -> anyhow::Result<()>
where
    D: FnOnce(Alone) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    sc_cli::LoggerBuilder::new(std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into())).init()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        std::fs::create_dir_all(base_path)
            .with_context(|| format!("can not make the folder {}", base_path.display()))?;
        let Some(chain) = stop.run_until_cancelled(connect(rpc)).await else { return Ok(()) };
        daemon(Alone { chain: Arc::new(chain?), stop: stop.clone() }).await
    })
}

/// Connects to the chain, and waits for it where it cannot be reached: a daemon may start before its node.
async fn connect(urls: &[String]) -> Result<RpcChain, ChainError> {
    let mut wait = FIRST_WAIT;
    loop {
        match RpcChain::connect(urls).await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(target: "daemon", "{error}; trying again in {} s", wait.as_secs());
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
