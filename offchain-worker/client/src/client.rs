//! Chain, network, keys and catalogue, joined.

use crate::{Catalogue, ClientError, Fault, Keys};
use lunarx_chain::Chain;
use lunarx_core::{AccountId, Balance, ProviderInfo};
use lunarx_network::{Multiaddr, Network};
use lunarx_row::MAX_SEGMENT_BYTES;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// What can be chosen for a client.
#[derive(Clone, Copy, Debug)]
pub struct ClientConfig {
    /// Most plaintext bytes in a segment, at most [`MAX_SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// The most to be paid per GiB and day, whatever miners list.
    pub max_price: Option<Balance>,
    /// Makes the choice of miners repeatable, for tests.
    pub seed: Option<u64>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self { segment_bytes: MAX_SEGMENT_BYTES, max_price: None, seed: None }
    }
}

/// One user's way into the network. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) chain: Arc<dyn Chain>,
    pub(crate) network: Network,
    pub(crate) keys: Arc<Keys>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) config: ClientConfig,
    runner: Arc<Runner>,
}

/// The task that drives the network: ends with the last clone of the client, or when it is closed.
struct Runner {
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Client {
    /// Starts the client's own node, which listens nowhere and serves nobody.
    pub fn start(
        chain: Arc<dyn Chain>,
        keys: Arc<Keys>,
        catalogue: Catalogue,
        config: ClientConfig,
    ) -> Result<Self, ClientError> {
        let config_of_node = lunarx_network::Config::client(keys.node_secret(), chain.genesis());
        let (network, runner) = lunarx_network::construct(config_of_node)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { runner.run(stopped).await });
        let runner = Arc::new(Runner { stop, task: Mutex::new(Some(task)) });
        let config =
            ClientConfig { segment_bytes: config.segment_bytes.clamp(1, MAX_SEGMENT_BYTES), ..config };
        Ok(Self { chain, network, keys, catalogue: Arc::new(catalogue), config, runner })
    }

    /// Leaves the network and waits until its connections are closed. What uses the network fails from
    /// then on. A program that ends without it leaves miners with connections that they hold for dead only
    /// after a while.
    pub async fn close(&self) {
        self.runner.stop.cancel();
        if let Some(task) = self.runner.task.lock().await.take() {
            // A task that died has no connections.
            let _ = task.await;
        }
    }

    /// The chain it speaks to.
    pub fn chain(&self) -> &Arc<dyn Chain> {
        &self.chain
    }

    /// Its keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Its account.
    pub fn account(&self) -> AccountId {
        self.keys.account()
    }

    /// Its catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Tells the network where a miner is, and connects to it: its node key is proven on the way.
    pub(crate) async fn reach(&self, miner: &ProviderInfo<AccountId>, within: Duration) -> Result<(), Fault> {
        self.introduce(miner).await;
        timed("connect", within, self.network.connect(miner.node_key)).await
    }

    /// Tells the network where a miner is.
    pub(crate) async fn introduce(&self, miner: &ProviderInfo<AccountId>) {
        let parse = |address: &lunarx_core::Address| std::str::from_utf8(address).ok()?.parse().ok();
        let addresses: Vec<Multiaddr> = miner.addresses.iter().filter_map(parse).collect();
        self.network.add_addresses(miner.node_key, addresses).await;
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clones = Arc::strong_count(&self.runner);
        f.debug_struct("Client").field("keys", &self.keys).field("clones", &clones).finish_non_exhaustive()
    }
}

/// A call to a miner, within a time.
pub(crate) async fn timed<T>(
    what: &'static str,
    within: Duration,
    call: impl std::future::Future<Output = Result<T, lunarx_network::NetworkError>>,
) -> Result<T, Fault> {
    match timeout(within, call).await {
        Ok(result) => result.map_err(Fault::from),
        Err(_) => Err(Fault::Slow { what, after: within }),
    }
}
