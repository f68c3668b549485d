//! The swarm: QUIC, and TCP with Noise and yamux.

use crate::{
    behaviour::Behaviour,
    config::{Limits, Protocols},
    streams::Inbound,
    NetworkError, NodeSecret,
};
use libp2p::{noise, tcp, yamux, Swarm, SwarmBuilder};
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest handshake, from the first packet to the proven key.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A QUIC connection without any packet for this long is dead.
const QUIC_IDLE_MILLIS: u32 = 15_000;
/// Unread bytes of one QUIC stream: 80 MB/s at 50 ms of round trip. Yamux sizes its windows itself.
const STREAM_WINDOW: u32 = 4 << 20;
/// Unread bytes of all streams of one QUIC connection.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Streams of one connection, those of the DHT and of identify included.
const STREAMS_PER_CONNECTION: u32 = 256;

/// Builds the swarm; it does not listen yet.
pub(crate) fn swarm(
    secret: &NodeSecret,
    protocols: &Protocols,
    limits: &Limits,
    inbound: Option<mpsc::Sender<Inbound>>,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let failed = |error: &dyn std::fmt::Display| NetworkError::Transport(error.to_string());
    let idle = limits.idle_connection;
    let swarm = SwarmBuilder::with_existing_identity(secret.keypair())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux_config)
        .map_err(|error| failed(&error))?
        .with_quic_config(quic_config)
        .with_behaviour(|keypair| Behaviour::new(keypair, protocols, limits, inbound))
        .map_err(|error| failed(&error))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(idle))
        .with_connection_timeout(HANDSHAKE)
        .build();
    Ok(swarm)
}

fn yamux_config() -> yamux::Config {
    let mut config = yamux::Config::default();
    let streams = usize::try_from(STREAMS_PER_CONNECTION).expect("256 fits every usize; qed");
    config.set_max_num_streams(streams);
    config
}

fn quic_config(mut config: libp2p::quic::Config) -> libp2p::quic::Config {
    config.handshake_timeout = HANDSHAKE;
    config.max_idle_timeout = QUIC_IDLE_MILLIS;
    config.max_stream_data = STREAM_WINDOW;
    config.max_connection_data = CONNECTION_WINDOW;
    config.max_concurrent_stream_limit = STREAMS_PER_CONNECTION;
    config
}
