//! A connection to one of several nodes, made again when it dies.
//!
//! Requests fail at once while no node answers: waiting is for the callers, who know for how long.
//! Every node must serve the chain that the first one served.

use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use subxt::ext::jsonrpsee::core::client::Client;
use subxt::ext::jsonrpsee::ws_client::{PingConfig, WsClientBuilder};
use subxt_rpcs::client::{rpc_params, RawRpcFuture, RawRpcSubscription, RpcClientT};
use subxt_rpcs::Error;
use tokio::sync::Mutex;
use tokio::time::{timeout, Instant};

use super::node::REQUEST_TIME;

/// Longest wait for one node's connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Pause after a first failure of all nodes, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(8);
/// Pings find dead connections.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// A connection without any answer for this long is dead.
const SILENCE: Duration = Duration::from_secs(30);
/// Most bytes of a message. Blocks and metadata fit with room, as hexadecimal text.
const MAX_MESSAGE_BYTES: u32 = 16 << 20;

/// The connection.
pub(super) struct Link {
    urls: Vec<String>,
    genesis: OnceLock<[u8; 32]>,
    /// Held while a connection is made, so that one is made at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Arc<Client>>,
    failed: Option<Failed>,
}

struct Failed {
    times: u32,
    until: Instant,
    reason: String,
}

impl Link {
    pub fn new(urls: &[String]) -> Self {
        Self { urls: urls.to_vec(), genesis: OnceLock::new(), state: Mutex::default() }
    }

    /// From now on only nodes of this chain are used.
    pub fn pin(&self, genesis: [u8; 32]) {
        // Only the first call decides.
        let _ = self.genesis.set(genesis);
    }

    /// The addresses without credentials, for messages.
    pub fn endpoint(&self) -> String {
        self.urls.iter().map(|url| public(url)).collect::<Vec<_>>().join(", ")
    }

    async fn client(&self) -> Result<Arc<Client>, Error> {
        let mut state = self.state.lock().await;
        if let Some(client) = state.live.as_ref().filter(|client| client.is_connected()) {
            return Ok(client.clone());
        }
        state.live = None;
        if let Some(failed) = state.failed.as_ref().filter(|failed| Instant::now() < failed.until) {
            return Err(Error::Client(failed.reason.clone().into()));
        }
        match self.connect().await {
            Ok(client) => {
                let client = Arc::new(client);
                *state = State { live: Some(client.clone()), failed: None };
                Ok(client)
            }
            Err(reason) => {
                let times = state.failed.as_ref().map_or(0, |failed| failed.times);
                let pause = FIRST_PAUSE.saturating_mul(1 << times.min(8)).min(MAX_PAUSE);
                let times = times.saturating_add(1);
                let failed = Failed { times, until: Instant::now() + pause, reason: reason.clone() };
                state.failed = Some(failed);
                Err(Error::Client(reason.into()))
            }
        }
    }

    /// The first node that answers and serves our chain.
    async fn connect(&self) -> Result<Client, String> {
        let mut reasons = Vec::new();
        for url in &self.urls {
            match self.connect_to(url).await {
                Ok(client) => {
                    tracing::debug!(endpoint = public(url), "connected to a chain node");
                    return Ok(client);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        reasons.dedup();
        Err(if reasons.is_empty() { "no address is given".into() } else { reasons.join("; ") })
    }

    async fn connect_to(&self, url: &str) -> Result<Client, String> {
        let ping = PingConfig::new().ping_interval(PING_INTERVAL).inactive_limit(SILENCE);
        let builder = WsClientBuilder::default()
            .connection_timeout(CONNECT_TIME)
            .request_timeout(REQUEST_TIME)
            .max_response_size(MAX_MESSAGE_BYTES)
            .max_request_size(MAX_MESSAGE_BYTES)
            .enable_ws_ping(ping);
        let silent = || format!("no answer within {} s", CONNECT_TIME.as_secs());
        let client: Client = timeout(CONNECT_TIME, builder.build(url))
            .await
            .map_err(|_| silent())?
            .map_err(|error| error.to_string())?;
        if let Some(expected) = self.genesis.get() {
            let params = rpc_params![0u32].build();
            let actual = timeout(CONNECT_TIME, client.request_raw("chain_getBlockHash", params))
                .await
                .map_err(|_| silent())?
                .map_err(|error| error.to_string())?;
            let expected = format!("\"0x{}\"", hex::encode(expected));
            if actual.get() != expected {
                let actual: String = actual.get().chars().take(80).collect();
                return Err(format!("another chain: genesis {actual}, expected {expected}"));
            }
        }
        Ok(client)
    }
}

impl RpcClientT for Link {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(async move {
            let client = self.client().await?;
            match client.request_raw(method, params.clone()).await {
                // All our requests are reads: they may be made twice.
                Err(Error::Client(_)) if !client.is_connected() => {
                    self.client().await?.request_raw(method, params).await
                }
                result => result,
            }
        })
    }

    fn subscribe_raw<'a>(
        &'a self,
        subscribe: &'a str,
        params: Option<Box<RawValue>>,
        unsubscribe: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async move { self.client().await?.subscribe_raw(subscribe, params, unsubscribe).await })
    }
}

/// An address without user, password and query.
fn public(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    format!("{scheme}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_out_of_messages() {
        assert_eq!(public("wss://user:secret@node.example:443/rpc?key=secret"), "wss://node.example:443/rpc");
        assert_eq!(public("ws://127.0.0.1:9944"), "ws://127.0.0.1:9944");
        assert_eq!(public("node"), "node");
    }

    #[tokio::test]
    async fn fails_at_once_while_no_node_answers() {
        // A port that was free a moment ago: nobody listens.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let link = Link::new(&[format!("ws://127.0.0.1:{port}")]);
        let first = link.request_raw("system_chain", None).await;
        assert!(matches!(first, Err(Error::Client(_))));
        let state = link.state.lock().await;
        assert_eq!(state.failed.as_ref().unwrap().times, 1);
    }

    #[tokio::test]
    async fn says_that_no_address_is_given() {
        let error = Link::new(&[]).request_raw("system_chain", None).await.unwrap_err();
        assert!(error.to_string().contains("no address is given"), "{error}");
    }
}
