//! The gate: which peers may be connected with at all.
//!
//! Runs in the swarm right after a handshake, before any protocol does: a peer without an ed25519 key,
//! or blocked for breaking the protocol, gets no connection.

use crate::identity::node_key_of;
use libp2p::{
    core::{transport::PortUse, Endpoint},
    swarm::{
        dummy, CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
    Multiaddr, PeerId,
};
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// Peers kept blocked at once. Keys are free, so this bounds memory, not what an attacker can do.
const MAX_BLOCKED: usize = 4096;

/// Why a connection was not let through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error("peer {0} has no ed25519 key")]
    KeyType(PeerId),
    #[error("peer {0} is blocked")]
    Blocked(PeerId),
}

/// Lets through peers with an ed25519 key that are not blocked.
#[derive(Default)]
pub(crate) struct Gate {
    blocked: HashMap<PeerId, Instant>,
    closing: VecDeque<PeerId>,
    waker: Option<Waker>,
}

impl Gate {
    /// Closes all connections with `peer` and keeps it out for `period`.
    pub(crate) fn block(&mut self, peer: PeerId, period: Duration) {
        let now = Instant::now();
        self.blocked.retain(|_, until| *until > now);
        if self.blocked.len() >= MAX_BLOCKED && !self.blocked.contains_key(&peer) {
            let soonest = self.blocked.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer);
            soonest.map(|peer| self.blocked.remove(&peer));
        }
        self.blocked.insert(peer, now + period);
        self.closing.push_back(peer);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn is_blocked(&self, peer: &PeerId) -> bool {
        self.blocked.get(peer).is_some_and(|until| *until > Instant::now())
    }

    fn check(&self, peer: PeerId) -> Result<(), ConnectionDenied> {
        if node_key_of(&peer).is_none() {
            return Err(ConnectionDenied::new(Denied::KeyType(peer)));
        }
        if self.is_blocked(&peer) {
            return Err(ConnectionDenied::new(Denied::Blocked(peer)));
        }
        Ok(())
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        peer.map_or(Ok(()), |peer| self.check(peer)).map(|()| Vec::new())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(peer).map(|()| dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(peer).map(|()| dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.closing.pop_front() {
            Some(peer_id) => {
                Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::All })
            }
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::peer_id_of, NodeSecret};

    fn connect(gate: &mut Gate, peer: PeerId) -> bool {
        let at = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        gate.handle_established_inbound_connection(ConnectionId::new_unchecked(1), peer, &at, &at).is_ok()
    }

    #[test]
    fn refuses_keys_that_are_not_ed25519() {
        let secp = "16Uiu2HAm4Nn1c9vQhNEuRfMoAhWVH3b4ckr2ojSaKTCTMSNR7GdH".parse().unwrap();
        assert!(!connect(&mut Gate::default(), secp));
    }

    #[test]
    fn block_ends_after_its_period() {
        let peer = peer_id_of(&NodeSecret::from_seed([1; 32]).node_key()).unwrap();
        let mut gate = Gate::default();
        assert!(connect(&mut gate, peer));
        gate.block(peer, Duration::from_secs(60));
        assert!(!connect(&mut gate, peer));
        gate.block(peer, Duration::ZERO);
        assert!(connect(&mut gate, peer));
    }

    #[test]
    fn blocked_peers_are_bounded() {
        let mut gate = Gate::default();
        for _ in 0..MAX_BLOCKED + 10 {
            gate.block(PeerId::random(), Duration::from_secs(60));
        }
        assert_eq!(gate.blocked.len(), MAX_BLOCKED);
    }
}
