//! What commands work with: wallet, chain, client, and the signal to stop.

use crate::{args::Global, home::Home, password};
use anyhow::Result;
use lunarx_chain::{Chain, RpcChain};
use lunarx_client::{keystore, Catalogue, Client, ClientConfig, Keys};
use std::sync::{Arc, OnceLock};
use tokio::signal::unix::{signal, SignalKind};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal, and after one that stopped a command.
pub const STOPPED: u8 = 130;

/// One run of the program.
pub struct Session {
    /// The home folder.
    pub home: Home,
    /// Whether results are printed as JSON.
    pub json: bool,
    /// The client, once a command needed one.
    client: OnceLock<Client>,
}

impl Session {
    /// Reads the configuration; opens nothing yet.
    pub fn new(global: &Global) -> Result<Self> {
        Ok(Self { home: Home::open(global)?, json: global.json, client: OnceLock::new() })
    }

    /// Opens the wallet.
    pub fn keys(&self) -> Result<Keys> {
        let path = self.home.wallet();
        if !path.exists() {
            return Err(lunarx_client::KeystoreError::Missing(path).into());
        }
        let seed = keystore::open(&path, &password::existing(&self.home)?)?;
        Ok(Keys::derive(&seed)?)
    }

    /// Opens the catalogue.
    pub fn catalogue(&self, keys: &Keys) -> Result<Catalogue> {
        Ok(Catalogue::open(self.home.objects(), keys.manifest().clone())?)
    }

    /// Connects with the chain.
    pub async fn chain(&self) -> Result<Arc<dyn Chain>> {
        Ok(Arc::new(RpcChain::connect(&self.home.rpc).await?))
    }

    /// Opens everything.
    pub async fn client(&self, config: ClientConfig) -> Result<Client> {
        let keys = self.keys()?;
        let catalogue = self.catalogue(&keys)?;
        self.client_with(keys, catalogue, config).await
    }

    /// Opens the rest.
    pub async fn client_with(
        &self,
        keys: Keys,
        catalogue: Catalogue,
        config: ClientConfig,
    ) -> Result<Client> {
        let chain = self.chain().await?;
        let client = Client::start(chain, Arc::new(keys), catalogue, config)?;
        // A command has one client; a second would close by itself, without being waited for.
        let _ = self.client.set(client.clone());
        Ok(client)
    }

    /// Leaves the network, so that miners do not keep this run's connections.
    pub async fn close(&self) {
        if let Some(client) = self.client.get() {
            client.close().await;
        }
    }
}

/// Cancelled by the first SIGINT or SIGTERM; the second ends the program at once.
pub fn stop_on_signal() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancelled = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        eprintln!("stopping and cleaning up; press Ctrl-C again to leave at once");
        cancelled.cancel();
        next().await;
        eprintln!("left at once; `lunarx ls` shows a put as pending, and `lunarx rm ID` ends its contracts");
        std::process::exit(i32::from(STOPPED));
    });
    Ok(stop)
}
