//! What a node of the network is told at its start.

use crate::NodeSecret;
use libp2p::{Multiaddr, StreamProtocol};
use lunarx_core::NodeKey;
use std::time::Duration;

/// Connections at most, in all.
const CONNECTIONS: u32 = 512;
/// Of these, opened by others: the rest is kept for dials of our own.
const INBOUND_CONNECTIONS: u32 = 384;
/// Connections kept with one peer; another one ends the oldest. More than one is normal: both sides may dial
/// at once, and one key may be at work in several processes.
const CONNECTIONS_PER_PEER: u32 = 16;
/// Piece streams served at once to one peer.
const STREAMS_PER_PEER: usize = 32;
/// Piece streams served at once. Each takes at most some 4 MiB above its transport window.
const STREAMS: usize = 128;
/// Requests a second that one peer may make for long.
const REQUESTS_PER_SECOND: u32 = 256;
/// Requests that one peer may make at once after a rest.
const REQUEST_BURST: u32 = 1024;
/// A connection without streams is closed after this long.
const IDLE_CONNECTION: Duration = Duration::from_secs(60);
/// Longest try to connect, lookups in the DHT included.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest wait for the whole request that a stream begins with. Whoever opens a stream has it at hand, so
/// that a peer cannot hold a slot by saying nothing.
const REQUEST: Duration = Duration::from_secs(5);
/// Longest wait for the answer to a request.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest wait for a frame to begin while pieces stream.
const IDLE_STREAM: Duration = Duration::from_secs(60);
/// Longest time that one frame, once begun, may take: 256 KiB in it is 70 kbit/s.
const FRAME: Duration = Duration::from_secs(30);
/// Longest wait until a miner has hashed and synced a finished piece.
const FINISH: Duration = Duration::from_secs(120);
/// How long a peer that broke the protocol is kept out.
const BLOCK: Duration = Duration::from_secs(300);

/// Bounds on what peers can make this node spend.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections, in all.
    pub connections: u32,
    /// Connections opened by others.
    pub inbound_connections: u32,
    /// Connections with one peer.
    pub connections_per_peer: u32,
    /// Piece streams served at once, in all.
    pub streams: usize,
    /// Piece streams served at once to one peer.
    pub streams_per_peer: usize,
    /// Requests a second from one peer, for long.
    pub requests_per_second: u32,
    /// Requests from one peer at once, after a rest. A peer that ignores as many refusals is cut off.
    pub request_burst: u32,
    /// A connection without streams is closed after this long.
    pub idle_connection: Duration,
    /// Longest try to connect.
    pub connect: Duration,
    /// Longest wait for the whole request that a stream begins with.
    pub request: Duration,
    /// Longest wait for the answer to a request.
    pub answer: Duration,
    /// Longest wait for a frame to begin while pieces stream.
    pub idle_stream: Duration,
    /// Longest time that one frame, once begun, may take.
    pub frame: Duration,
    /// Longest wait until a miner has finished a piece.
    pub finish: Duration,
    /// How long a peer that broke the protocol is kept out.
    pub block: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            inbound_connections: INBOUND_CONNECTIONS,
            connections_per_peer: CONNECTIONS_PER_PEER,
            streams: STREAMS,
            streams_per_peer: STREAMS_PER_PEER,
            requests_per_second: REQUESTS_PER_SECOND,
            request_burst: REQUEST_BURST,
            idle_connection: IDLE_CONNECTION,
            connect: CONNECT,
            request: REQUEST,
            answer: ANSWER,
            idle_stream: IDLE_STREAM,
            frame: FRAME,
            finish: FINISH,
            block: BLOCK,
        }
    }
}

/// What a node is told at its start.
pub struct Config {
    /// Its identity.
    pub secret: NodeSecret,
    /// Genesis hash of its chain: part of protocol names and of the payload of offers.
    pub genesis: [u8; 32],
    /// Where to listen: `/ip4/…/tcp/…` and `/ip4/…/udp/…/quic-v1`. Empty for a client.
    pub listen: Vec<Multiaddr>,
    /// Addresses to announce to others besides those listened on (behind a NAT or a proxy).
    pub external: Vec<Multiaddr>,
    /// Whether to take part in the DHT as a server and to serve pieces.
    pub serve: bool,
    /// Nodes through which to enter the DHT; `Network::add_addresses` adds more. A miner dials some of them
    /// until enough nodes know it; a client, when it looks for a node.
    pub bootstrap: Vec<(NodeKey, Vec<Multiaddr>)>,
    /// Bounds on what peers can make this node spend.
    pub limits: Limits,
}

impl Config {
    /// A client: listens nowhere, serves nothing.
    pub fn client(secret: NodeSecret, genesis: [u8; 32]) -> Self {
        Self {
            secret,
            genesis,
            listen: Vec::new(),
            external: Vec::new(),
            serve: false,
            bootstrap: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// A miner: listens and serves.
    pub fn miner(secret: NodeSecret, genesis: [u8; 32], listen: Vec<Multiaddr>) -> Self {
        Self { listen, serve: true, ..Self::client(secret, genesis) }
    }
}

/// Names of the protocols of one chain's network. The version is the last part of each name.
#[derive(Clone, Debug)]
pub(crate) struct Protocols {
    pub(crate) piece: StreamProtocol,
    pub(crate) kad: StreamProtocol,
    pub(crate) identify: String,
}

impl Protocols {
    pub(crate) fn of(genesis: &[u8; 32]) -> Self {
        let chain = hex::encode(&genesis[..4]);
        let name = |protocol: &str| {
            StreamProtocol::try_from_owned(format!("/lunarx/{chain}/{protocol}/1"))
                .expect("the name begins with a slash; qed")
        };
        Self { piece: name("piece"), kad: name("kad"), identify: format!("/lunarx/{chain}/1") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_names_carry_chain_and_version() {
        let names = Protocols::of(&[0xab; 32]);
        assert_eq!(names.piece.as_ref(), "/lunarx/abababab/piece/1");
        assert_eq!(names.kad.as_ref(), "/lunarx/abababab/kad/1");
    }
}
