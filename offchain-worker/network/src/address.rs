//! Addresses: which ones are dialled, and where known nodes are.

use crate::identity::peer_id_of;
use libp2p::{multiaddr::Protocol, Multiaddr, PeerId};
use lunarx_core::NodeKey;
use std::collections::HashMap;

/// Addresses kept of one node.
pub(crate) const MAX_ADDRESSES_PER_NODE: usize = 8;
/// Nodes kept in the book.
pub(crate) const MAX_NODES: usize = 16_384;

/// The address without the peer id at its end, if a transport of ours can dial it and it does not name
/// another peer.
pub(crate) fn dialable(address: &Multiaddr, peer: &PeerId) -> Option<Multiaddr> {
    let mut bare = address.clone();
    if let Some(Protocol::P2p(named)) = bare.iter().last() {
        if named != *peer {
            return None;
        }
        bare.pop();
    }
    let mut parts = bare.iter();
    let usable = match parts.next()? {
        Protocol::Ip4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        Protocol::Ip6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        _ => false,
    };
    let known = match (parts.next()?, parts.next(), parts.next()) {
        (Protocol::Tcp(port), None, None) => port != 0,
        (Protocol::Udp(port), Some(Protocol::QuicV1), None) => port != 0,
        _ => false,
    };
    (usable && known).then_some(bare)
}

/// Those of `addresses` that can be dialled, each once, [`MAX_ADDRESSES_PER_NODE`] at most.
pub(crate) fn dialable_of(addresses: &[Multiaddr], peer: &PeerId) -> Vec<Multiaddr> {
    let mut kept = Vec::new();
    for address in addresses.iter().filter_map(|address| dialable(address, peer)) {
        if kept.len() < MAX_ADDRESSES_PER_NODE && !kept.contains(&address) {
            kept.push(address);
        }
    }
    kept
}

/// Whether the address is one of this machine only.
pub(crate) fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

/// Where nodes are, as the chain or the configuration says.
#[derive(Default)]
pub(crate) struct AddressBook(HashMap<PeerId, Vec<Multiaddr>>);

impl AddressBook {
    /// Replaces what is known of a node; nothing usable leaves it as it is. True if the node is new.
    pub(crate) fn set(&mut self, node: &NodeKey, addresses: &[Multiaddr]) -> bool {
        let Some(peer) = peer_id_of(node) else { return false };
        let addresses = dialable_of(addresses, &peer);
        if addresses.is_empty() {
            return false;
        }
        if self.0.len() >= MAX_NODES && !self.0.contains_key(&peer) {
            let evicted = self.0.keys().next().copied();
            evicted.map(|peer| self.0.remove(&peer));
        }
        self.0.insert(peer, addresses).is_none()
    }

    pub(crate) fn get(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.0.get(peer).cloned().unwrap_or_default()
    }

    /// All nodes, in no order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeSecret;

    fn peer(seed: u8) -> PeerId {
        peer_id_of(&NodeSecret::from_seed([seed; 32]).node_key()).unwrap()
    }

    #[test]
    fn dials_tcp_and_quic_only_and_never_in_anothers_name() {
        let dial = |text: &str| dialable(&text.parse().unwrap(), &peer(1)).map(|a| a.to_string());
        assert_eq!(dial("/ip4/10.0.0.1/tcp/1"), Some("/ip4/10.0.0.1/tcp/1".into()));
        assert_eq!(dial("/ip6/::1/udp/2/quic-v1"), Some("/ip6/::1/udp/2/quic-v1".into()));
        assert_eq!(dial(&format!("/ip4/10.0.0.1/tcp/1/p2p/{}", peer(1))), Some("/ip4/10.0.0.1/tcp/1".into()));
        for refused in [
            format!("/ip4/10.0.0.1/tcp/1/p2p/{}", peer(2)),
            "/ip4/10.0.0.1/tcp/0".into(),
            "/ip4/0.0.0.0/tcp/1".into(),
            "/ip4/224.0.0.1/udp/1/quic-v1".into(),
            "/ip4/10.0.0.1/udp/1".into(),
            "/ip4/10.0.0.1/tcp/1/ws".into(),
            "/memory/1".into(),
            format!("/ip4/10.0.0.1/tcp/1/p2p/{}/p2p-circuit", peer(2)),
        ] {
            assert_eq!(dial(&refused), None, "{refused}");
        }
    }

    #[test]
    fn book_is_bounded() {
        let mut book = AddressBook::default();
        let node = NodeSecret::from_seed([1; 32]).node_key();
        let many: Vec<Multiaddr> =
            (1..100).map(|p| format!("/ip4/1.2.3.4/tcp/{p}").parse().unwrap()).collect();
        assert!(!book.set(&node, &[]));
        assert!(book.set(&node, &many));
        assert_eq!(book.get(&peer(1)).len(), MAX_ADDRESSES_PER_NODE);
        assert!(!book.set(&node, &many[..1]));
        assert_eq!(book.get(&peer(1)), many[..1]);
        book.set(&node, &many);
        assert!(!book.set(&node, &[]));
        assert_eq!(book.get(&peer(1)).len(), MAX_ADDRESSES_PER_NODE);
    }
}
