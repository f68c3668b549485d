//! A peer below the protocol.

use crate::support::*;
use futures::{AsyncWriteExt, StreamExt};
use libp2p::{
    noise,
    swarm::{dial_opts::DialOpts, SwarmEvent},
    tcp, yamux, Multiaddr, Stream, StreamProtocol, Swarm, SwarmBuilder,
};
use lunarx_core::NodeKey;
use lunarx_network::{node_key_of, peer_id_of};
use std::time::Duration;

pub const PIECE: StreamProtocol = StreamProtocol::new("/lunarx/c0c0c0c0/piece/1");

/// A peer of which every byte is chosen by the test.
pub struct Raw {
    pub swarm: Swarm<libp2p_stream::Behaviour>,
    pub control: libp2p_stream::Control,
}

impl Raw {
    pub fn new() -> Self {
        let swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| libp2p_stream::Behaviour::new())
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
            .build();
        let control = swarm.behaviour().new_control();
        Self { swarm, control }
    }

    pub async fn listen(&mut self) -> (NodeKey, Multiaddr) {
        self.swarm.listen_on(TCP.parse().unwrap()).unwrap();
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = self.swarm.select_next_some().await {
                return (node_key_of(self.swarm.local_peer_id()).unwrap(), address);
            }
        }
    }

    pub async fn dial(&mut self, node: &Node) {
        let peer = peer_id_of(&node.key()).unwrap();
        self.swarm.dial(DialOpts::peer_id(peer).addresses(node.addresses().await).build()).unwrap();
    }

    /// Opens a stream to a node and writes to it.
    pub async fn send(&mut self, node: &Node, bytes: &[u8]) -> Stream {
        let mut control = self.control.clone();
        let peer = peer_id_of(&node.key()).unwrap();
        let open = async {
            let mut stream = control.open_stream(peer, PIECE).await.unwrap();
            // The node may cut the connection as soon as it has seen the first bytes.
            let _ = stream.write_all(bytes).await;
            let _ = stream.flush().await;
            stream
        };
        tokio::pin!(open);
        loop {
            tokio::select! {
                stream = &mut open => return stream,
                _ = self.swarm.select_next_some() => {}
            }
        }
    }

    /// Opens streams and writes the same to each, until the connection is closed.
    pub async fn flood(&mut self, node: &Node, bytes: &[u8]) {
        let peer = peer_id_of(&node.key()).unwrap();
        loop {
            let mut control = self.control.clone();
            let open = async {
                if let Ok(mut stream) = control.open_stream(peer, PIECE).await {
                    // The node may cut the connection in the middle.
                    let _ = stream.write_all(bytes).await;
                    let _ = stream.close().await;
                }
            };
            tokio::select! {
                () = open => {}
                () = self.closed() => return,
            }
        }
    }

    /// Waits until there is no connection any more.
    pub async fn closed(&mut self) {
        loop {
            if let SwarmEvent::ConnectionClosed { num_established: 0, .. } =
                self.swarm.select_next_some().await
            {
                return;
            }
        }
    }
}
