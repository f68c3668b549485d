//! What runs on every connection, in this order: limits, the gate, then the protocols.

use crate::{
    config::{Limits, Protocols},
    gate::Gate,
    kademlia,
    streams::{Inbound, Streams},
};
use libp2p::{
    connection_limits::{self, ConnectionLimits},
    identify,
    identity::Keypair,
    kad::{self, store::MemoryStore},
    ping,
    swarm::NetworkBehaviour,
};
use std::time::Duration;
use tokio::sync::mpsc;

/// Handshakes under way at once, in each direction.
const PENDING_CONNECTIONS: u32 = 64;
/// A connection without an answer to a ping for this long is dead.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// All behaviours of the swarm.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(crate) gate: Gate,
    pub(crate) streams: Streams,
    pub(crate) kad: kad::Behaviour<MemoryStore>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

impl Behaviour {
    pub(crate) fn new(
        keypair: &Keypair,
        protocols: &Protocols,
        limits: &Limits,
        inbound: Option<mpsc::Sender<Inbound>>,
    ) -> Self {
        let public = keypair.public();
        let serve = inbound.is_some();
        let identify = identify::Config::new(protocols.identify.clone(), public.clone())
            .with_agent_version(concat!("lunarx/", env!("CARGO_PKG_VERSION")).into())
            // Addresses that peers state of themselves are dialled only through the DHT's table.
            .with_cache_size(0)
            .with_push_listen_addr_updates(true);
        Self {
            limits: connection_limits::Behaviour::new(connection_limits(limits)),
            gate: Gate::default(),
            streams: Streams::new(protocols.piece.clone(), inbound),
            kad: kademlia::behaviour(public.to_peer_id(), protocols.kad.clone(), serve),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping::Config::new().with_timeout(PING_TIMEOUT)),
        }
    }
}

fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_CONNECTIONS))
        .with_max_pending_outgoing(Some(PENDING_CONNECTIONS))
        .with_max_established(Some(limits.connections))
        .with_max_established_incoming(Some(limits.inbound_connections))
        // One more than a peer keeps: the runner then closes its oldest.
        .with_max_established_per_peer(Some(limits.connections_per_peer.saturating_add(1)))
}
