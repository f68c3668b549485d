//! The DHT: how it is set up, who gets into its table, and lookups of nodes.
//!
//! Only what a peer states of itself, over a connection that proved its key, gets into the table, and it
//! replaces what the peer stated before: addresses do not add up.
//!
//! Libp2p places a node in the DHT by the SHA-256 of its peer id. No records are defined yet: every
//! record that a peer wants to store is refused.

use crate::address::{dialable_of, is_loopback};
use libp2p::{
    identify,
    kad::{
        self,
        store::{MemoryStore, MemoryStoreConfig},
        BucketInserts, Caching, GetClosestPeersError, GetClosestPeersResult, Mode, QueryId, StoreInserts,
    },
    Multiaddr, PeerId, StreamProtocol,
};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Longest lookup.
pub(crate) const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two looks for the nodes next to this one, besides those after new nodes.
const BOOTSTRAP: Duration = Duration::from_secs(300);
/// Largest message of the DHT's protocol.
const MAX_PACKET_BYTES: usize = 16 * 1024;

/// The DHT's behaviour. Only [`admissible`] peers may be put into its table.
pub(crate) fn behaviour(local: PeerId, protocol: StreamProtocol, serve: bool) -> kad::Behaviour<MemoryStore> {
    let mut config = kad::Config::new(protocol);
    config
        .set_query_timeout(QUERY_TIMEOUT)
        .set_periodic_bootstrap_interval(Some(BOOTSTRAP))
        .disjoint_query_paths(true)
        .set_kbucket_inserts(BucketInserts::Manual)
        .set_record_filtering(StoreInserts::FilterBoth)
        .set_caching(Caching::Disabled)
        .set_max_packet_size(MAX_PACKET_BYTES);
    let none = MemoryStoreConfig {
        max_records: 0,
        max_value_bytes: 0,
        max_providers_per_key: 0,
        max_provided_keys: 0,
    };
    let mut kad = kad::Behaviour::with_config(local, MemoryStore::with_config(local, none), config);
    kad.set_mode(Some(if serve { Mode::Server } else { Mode::Client }));
    kad
}

/// The addresses under which an identified peer may enter the table; none unless it proved the key that
/// it states and speaks `protocol`. `remote` is where it is connected: a peer elsewhere cannot put
/// addresses of this machine into the table.
pub(crate) fn admissible(
    peer: &PeerId,
    info: &identify::Info,
    protocol: &StreamProtocol,
    remote: Option<&Multiaddr>,
) -> Vec<Multiaddr> {
    if info.public_key.to_peer_id() != *peer || !info.protocols.contains(protocol) {
        return Vec::new();
    }
    let local = remote.is_some_and(is_loopback);
    let mut addresses = dialable_of(&info.listen_addrs, peer);
    addresses.retain(|address| local || !is_loopback(address));
    addresses
}

/// Puts `peer` into the table with these addresses and no others; with none, takes it out.
pub(crate) fn admit(kad: &mut kad::Behaviour<MemoryStore>, peer: &PeerId, addresses: &[Multiaddr]) {
    let stated: Vec<_> =
        addresses.iter().filter_map(|address| address.clone().with_p2p(*peer).ok()).collect();
    let held = addresses_of(kad, peer);
    if held.is_empty() || stated.is_empty() {
        // It may be waiting for a place in a full bucket, with what it stated before.
        kad.remove_peer(peer);
    }
    for address in &stated {
        kad.add_address(peer, address.clone());
    }
    for old in held.iter().filter(|old| !stated.contains(old)) {
        kad.remove_address(peer, old);
    }
}

/// The addresses under which `peer` is in the table.
fn addresses_of(kad: &mut kad::Behaviour<MemoryStore>, peer: &PeerId) -> Vec<Multiaddr> {
    let Some(bucket) = kad.kbucket(*peer) else { return Vec::new() };
    let entry = bucket.iter().find(|entry| entry.node.key.preimage() == peer);
    entry.map(|entry| entry.node.value.iter().cloned().collect()).unwrap_or_default()
}

/// The nodes in the table.
pub(crate) fn nodes(kad: &mut kad::Behaviour<MemoryStore>) -> HashSet<PeerId> {
    let mut nodes = HashSet::new();
    for bucket in kad.kbuckets() {
        nodes.extend(bucket.iter().map(|entry| *entry.node.key.preimage()));
    }
    nodes
}

/// The number of nodes in the table.
pub(crate) fn known(kad: &mut kad::Behaviour<MemoryStore>) -> usize {
    kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
}

/// Who waits for the addresses of a node; an empty answer says that it was not found.
pub(crate) type FindReply = oneshot::Sender<Vec<Multiaddr>>;

/// One node that is looked for.
struct Lookup {
    /// `None` until the table holds somebody to ask.
    query: Option<QueryId>,
    expires: Instant,
    replies: Vec<FindReply>,
}

/// Lookups under way.
#[derive(Default)]
pub(crate) struct Lookups(HashMap<PeerId, Lookup>);

impl Lookups {
    /// Looks for `peer`, or joins the lookup under way. True if it is new and has no query yet.
    pub(crate) fn begin(&mut self, peer: PeerId, reply: Option<FindReply>) -> bool {
        let new = !self.0.contains_key(&peer);
        let lookup = self.0.entry(peer).or_insert_with(|| Lookup {
            query: None,
            expires: Instant::now() + QUERY_TIMEOUT,
            replies: Vec::new(),
        });
        lookup.replies.extend(reply);
        new
    }

    /// Starts the queries that wait for a table with somebody in it.
    pub(crate) fn start(&mut self, kad: &mut kad::Behaviour<MemoryStore>) {
        if known(kad) == 0 {
            return;
        }
        for (peer, lookup) in &mut self.0 {
            if lookup.query.is_none() {
                lookup.query = Some(kad.get_closest_peers(*peer));
            }
        }
    }

    /// The lookup that ended with this query and what it found.
    pub(crate) fn end(
        &mut self,
        query: QueryId,
        result: GetClosestPeersResult,
    ) -> Option<(PeerId, Vec<Multiaddr>)> {
        let peer = *self.0.iter().find(|(_, lookup)| lookup.query == Some(query))?.0;
        let peers = match result {
            Ok(found) => found.peers,
            Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
        };
        let stated = peers.into_iter().find(|info| info.peer_id == peer).map(|info| info.addrs);
        let addresses = dialable_of(&stated.unwrap_or_default(), &peer);
        self.answer(peer, addresses.clone());
        Some((peer, addresses))
    }

    /// Gives up on one lookup that has no query.
    pub(crate) fn give_up(&mut self, peer: PeerId) {
        self.answer(peer, Vec::new());
    }

    /// Whether a lookup waits for somebody to ask.
    pub(crate) fn waits(&self) -> bool {
        self.0.values().any(|lookup| lookup.query.is_none())
    }

    /// Lookups that found nobody to ask in time; they are over.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<PeerId> {
        let expired = |lookup: &Lookup| lookup.query.is_none() && lookup.expires <= now;
        let over: Vec<_> = self.0.iter().filter(|(_, l)| expired(l)).map(|(peer, _)| *peer).collect();
        over.iter().for_each(|peer| self.give_up(*peer));
        over
    }

    fn answer(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let replies = self.0.remove(&peer).map(|lookup| lookup.replies).unwrap_or_default();
        for reply in replies {
            // Nobody may be waiting any more.
            let _ = reply.send(addresses.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::MAX_ADDRESSES_PER_NODE, peer_id_of, NodeSecret};
    use libp2p::identity::{Keypair, PublicKey};

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/kad");

    fn table() -> kad::Behaviour<MemoryStore> {
        behaviour(peer_id_of(&NodeSecret::from_seed([1; 32]).node_key()).unwrap(), PROTOCOL, true)
    }

    fn addresses(ports: std::ops::Range<u16>) -> Vec<Multiaddr> {
        ports.map(|port| format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()).collect()
    }

    fn info(public_key: PublicKey, protocols: Vec<StreamProtocol>) -> identify::Info {
        identify::Info {
            public_key,
            protocol_version: String::new(),
            agent_version: String::new(),
            listen_addrs: addresses(1..100),
            protocols,
            observed_addr: Multiaddr::empty(),
            signed_peer_record: None,
        }
    }

    #[test]
    fn what_a_peer_states_replaces_what_it_stated_before() {
        let (mut kad, peer) = (table(), PeerId::random());
        for start in [1, 5, 50] {
            let stated = addresses(start..start + 8);
            admit(&mut kad, &peer, &stated);
            let mut held = addresses_of(&mut kad, &peer);
            held.iter_mut().for_each(|address| assert!(address.pop().is_some()));
            held.sort();
            assert_eq!(held, stated);
            assert_eq!((known(&mut kad), nodes(&mut kad)), (1, HashSet::from([peer])));
        }
        admit(&mut kad, &peer, &[]);
        assert_eq!(known(&mut kad), 0);
        admit(&mut kad, &peer, &[]);
    }

    #[test]
    fn only_servers_of_this_protocol_enter_and_under_few_addresses() {
        let key = Keypair::generate_ed25519().public();
        let peer = key.to_peer_id();
        let admitted = |info: &identify::Info| admissible(&peer, info, &PROTOCOL, None).len();
        assert_eq!(admitted(&info(key.clone(), vec![PROTOCOL])), MAX_ADDRESSES_PER_NODE);
        assert_eq!(admitted(&info(key, vec![StreamProtocol::new("/other")])), 0);
        assert_eq!(admitted(&info(Keypair::generate_ed25519().public(), vec![PROTOCOL])), 0);
    }
}
