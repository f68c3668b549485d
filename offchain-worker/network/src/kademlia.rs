//! The DHT: how it is set up, who gets into its table, and lookups of nodes.
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
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Longest lookup.
pub(crate) const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest message of the DHT's protocol.
const MAX_PACKET_BYTES: usize = 16 * 1024;

/// The DHT's behaviour. Only [`admissible`] peers may be put into its table.
pub(crate) fn behaviour(local: PeerId, protocol: StreamProtocol, serve: bool) -> kad::Behaviour<MemoryStore> {
    let mut config = kad::Config::new(protocol);
    config
        .set_query_timeout(QUERY_TIMEOUT)
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
        if kad.kbuckets().all(|bucket| bucket.is_empty()) {
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
