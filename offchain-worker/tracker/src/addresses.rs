//! Addresses, from the network to the chain and back.

use crate::view::View;
use libp2p::{multiaddr::Protocol, Multiaddr};
use lunarx_core::{Address, Addresses, NodeKey};
use lunarx_network::Network;
use std::collections::HashMap;

/// The addresses that others can use: without the peer id, never unspecified, loopback only where there is
/// nothing else; sorted, so that a restart with the same ones changes nothing.
pub(crate) fn announced(candidates: &[Multiaddr]) -> Addresses {
    let without_peer = |address: &Multiaddr| -> Multiaddr {
        address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
    };
    let unspecified = |part: Protocol<'_>| match part {
        Protocol::Ip4(ip) => ip.is_unspecified(),
        Protocol::Ip6(ip) => ip.is_unspecified(),
        _ => false,
    };
    let loopback = |part: Protocol<'_>| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    };
    let mut usable: Vec<Multiaddr> = candidates.iter().map(without_peer).collect();
    usable.retain(|address| !address.iter().any(unspecified));
    usable.sort_by_key(ToString::to_string);
    usable.dedup();
    if usable.iter().any(|address| !address.iter().any(loopback)) {
        usable.retain(|address| !address.iter().any(loopback));
    }
    let texts = usable.iter().filter_map(|address| Address::try_from(address.to_string().into_bytes()).ok());
    Addresses::truncate_from(texts.collect())
}

/// The addresses on chain that are ones.
pub(crate) fn readable(addresses: &Addresses) -> Vec<Multiaddr> {
    let text = addresses.iter().filter_map(|address| std::str::from_utf8(address).ok());
    text.filter_map(|text| text.parse().ok()).collect()
}

/// Hands on what the chain says of where miners and trackers are.
#[derive(Default)]
pub(crate) struct Peers(HashMap<NodeKey, Addresses>);

impl Peers {
    /// Tells the network what changed.
    pub(crate) async fn tell(&mut self, view: &View, network: &Network) {
        let miners = view.providers.iter().map(|info| (info.node_key, &info.addresses));
        let trackers = view.trackers.iter().map(|info| (info.node_key, &info.details.addresses));
        let mut now = HashMap::new();
        for (key, addresses) in miners.chain(trackers).filter(|(key, _)| *key != network.node_key()) {
            if self.0.get(&key) != Some(addresses) {
                network.add_addresses(key, readable(addresses)).await;
            }
            now.insert(key, addresses.clone());
        }
        self.0 = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(candidates: &[&str]) -> Vec<String> {
        let candidates: Vec<Multiaddr> = candidates.iter().map(|text| text.parse().unwrap()).collect();
        readable(&announced(&candidates)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn announces_what_others_can_use() {
        let loopback = "/ip4/127.0.0.1/tcp/4001";
        assert_eq!(texts(&[loopback]), [loopback]);
        assert_eq!(texts(&[loopback, "/ip4/10.0.0.1/tcp/4001"]), ["/ip4/10.0.0.1/tcp/4001"]);
        assert!(texts(&["/ip4/0.0.0.0/tcp/1", "/ip6/::/udp/1/quic-v1"]).is_empty());
        let peer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        assert_eq!(texts(&[&format!("/ip4/10.0.0.1/tcp/1/p2p/{peer}")]), ["/ip4/10.0.0.1/tcp/1"]);
    }
}
