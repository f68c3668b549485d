//! The one task that drives the swarm.
//!
//! Flow: handles send commands through a bounded channel, the swarm sends events; both end up in
//! [`Dials`], [`Lookups`] and [`Entry`], which say what to do next. The piece server runs beside it. On
//! cancellation, or when the last handle is gone, the server stops first, then the connections close.

use crate::{
    address::AddressBook,
    behaviour::{Behaviour, BehaviourEvent},
    config::{Limits, Protocols},
    dial::{ConnectReply, Dials, Step},
    entry::Entry,
    kademlia::{self, admissible, FindReply, Lookups},
    node_key_of,
    piece::server::Server,
    streams::OpenReply,
    NetworkError,
};
use futures::StreamExt;
use libp2p::{
    core::transport::ListenerId,
    identify,
    kad::{Event as KadEvent, QueryResult},
    ping,
    swarm::{
        dial_opts::{DialOpts, PeerCondition},
        ConnectionId, DialError, SwarmEvent,
    },
    Multiaddr, PeerId, Swarm,
};
use lunarx_core::NodeKey;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Commands that wait for the runner.
pub(crate) const COMMAND_QUEUE: usize = 256;
/// How often waiting dials and lookups are looked at.
const TICK: Duration = Duration::from_millis(250);
/// Longest wait for connections to close at the end.
const CLOSE: Duration = Duration::from_secs(1);

/// What handles ask of the runner.
pub(crate) enum Command {
    AddAddresses(NodeKey, Vec<Multiaddr>),
    Connect { peer: PeerId, node: NodeKey, reply: ConnectReply },
    Find { peer: PeerId, reply: FindReply },
    Open { peer: PeerId, reply: OpenReply },
    Listening(oneshot::Sender<Vec<Multiaddr>>),
    DhtNodes(oneshot::Sender<Vec<NodeKey>>),
    Block(PeerId),
}

/// Listeners that have no address yet, and who waits for them.
#[derive(Default)]
struct Listening {
    pending: Vec<ListenerId>,
    replies: Vec<oneshot::Sender<Vec<Multiaddr>>>,
}

/// Drives the network; made by [`crate::construct`].
#[must_use = "nothing happens until it runs"]
pub struct NetworkRunner {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    server: Option<Server>,
    serves: bool,
    protocols: Protocols,
    limits: Limits,
    entry: Entry,
    book: AddressBook,
    dials: Dials,
    lookups: Lookups,
    listening: Listening,
    remotes: HashMap<ConnectionId, Multiaddr>,
    /// The connections with each peer, the oldest first.
    connections: HashMap<PeerId, VecDeque<ConnectionId>>,
}

impl NetworkRunner {
    pub(crate) fn new(
        swarm: Swarm<Behaviour>,
        commands: mpsc::Receiver<Command>,
        server: Option<Server>,
        protocols: Protocols,
        limits: Limits,
    ) -> Self {
        Self {
            swarm,
            commands,
            serves: server.is_some(),
            server,
            protocols,
            limits,
            entry: Entry::new(Instant::now()),
            book: AddressBook::default(),
            dials: Dials::default(),
            lookups: Lookups::default(),
            listening: Listening::default(),
            remotes: HashMap::new(),
            connections: HashMap::new(),
        }
    }

    /// Listens on `address`; an error at once if it cannot.
    pub(crate) fn listen(&mut self, address: Multiaddr) -> Result<(), NetworkError> {
        let listener = self.swarm.listen_on(address.clone());
        let listener = listener.map_err(|error| NetworkError::Listen { address, reason: cause(&error) })?;
        self.listening.pending.push(listener);
        Ok(())
    }

    pub(crate) fn announce(&mut self, address: Multiaddr) {
        self.swarm.add_external_address(address);
    }

    pub(crate) fn add_addresses(&mut self, node: &NodeKey, addresses: &[Multiaddr]) {
        if self.book.set(node, addresses) {
            self.entry.hasten(Instant::now());
        }
    }

    /// Runs until `stop` is cancelled or the last [`crate::Network`] is dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        let stop = stop.child_token();
        let server = self.server.take();
        let serving = async {
            if let Some(server) = server {
                server.run(stop.clone()).await;
            }
        };
        let driving = async {
            self.drive(&stop).await;
            stop.cancel();
        };
        tokio::join!(serving, driving);
        self.close().await;
    }

    async fn drive(&mut self, stop: &CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                command = self.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.on_event(event),
                _ = tick.tick() => self.on_tick(),
            }
        }
    }

    async fn close(mut self) {
        let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // An error says that it is gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let closed = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.next().await;
            }
        };
        if tokio::time::timeout(CLOSE, closed).await.is_err() {
            tracing::debug!("not all connections closed in time");
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::AddAddresses(node, addresses) => self.add_addresses(&node, &addresses),
            Command::Connect { peer, node, reply } => self.connect(peer, node, reply),
            Command::Find { peer, reply } => self.look_up(peer, Some(reply)),
            Command::Open { peer, reply } => self.swarm.behaviour_mut().streams.open(peer, reply),
            Command::Listening(reply) => {
                self.listening.replies.push(reply);
                self.tell_listening();
            }
            Command::DhtNodes(reply) => {
                let nodes = kademlia::nodes(&mut self.swarm.behaviour_mut().kad);
                // Nobody may be waiting any more.
                let _ = reply.send(nodes.iter().filter_map(node_key_of).collect());
            }
            Command::Block(peer) => self.swarm.behaviour_mut().gate.block(peer, self.limits.block),
        }
    }

    fn connect(&mut self, peer: PeerId, node: NodeKey, reply: ConnectReply) {
        if self.swarm.behaviour().gate.is_blocked(&peer) {
            // Nobody may be waiting any more.
            let _ = reply.send(Err(NetworkError::Blocked { node }));
        } else if self.swarm.is_connected(&peer) {
            let _ = reply.send(Ok(()));
        } else {
            self.dials.begin(peer, node, self.book.get(&peer), reply);
            self.advance(peer);
        }
    }

    /// Does what the try to connect with `peer` needs next.
    fn advance(&mut self, peer: PeerId) {
        while let Some(step) = self.dials.next(&peer, Instant::now()) {
            match step {
                Step::Dial(addresses) => self.dial(peer, addresses),
                Step::LookUp => self.look_up(peer, None),
                Step::GiveUp => self.dials.give_up(&peer),
            }
        }
    }

    fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let options = DialOpts::peer_id(peer)
            .addresses(addresses.clone())
            .condition(PeerCondition::Disconnected)
            .build();
        let connection = options.connection_id();
        self.dials.started(&peer, connection, addresses);
        match self.swarm.dial(options) {
            Ok(()) => {}
            Err(DialError::DialPeerConditionFalse(_)) => self.dials.connected(&peer),
            Err(error) => {
                self.dials.failed(connection, &error);
            }
        }
    }

    fn look_up(&mut self, peer: PeerId, reply: Option<FindReply>) {
        if !self.lookups.begin(peer, reply) {
            return;
        }
        self.lookups.start(&mut self.swarm.behaviour_mut().kad);
        if self.known() > 0 {
            return;
        }
        let own = *self.swarm.local_peer_id();
        if self.book.nodes().all(|known| known == peer || known == own) {
            // Nobody can be asked, and nobody leads to somebody who can.
            self.lookups.give_up(peer);
            self.dials.found(&peer, Vec::new());
        } else {
            self.enter();
        }
    }

    /// Nodes in the DHT's table.
    fn known(&mut self) -> usize {
        kademlia::known(&mut self.swarm.behaviour_mut().kad)
    }

    /// Dials some known nodes, in the hope that they lead into the DHT.
    fn enter(&mut self) {
        let known = kademlia::nodes(&mut self.swarm.behaviour_mut().kad);
        let (swarm, book, dials) = (&self.swarm, &self.book, &self.dials);
        let fresh = |peer: &PeerId| {
            let busy = swarm.is_connected(peer) || dials.has(peer) || swarm.behaviour().gate.is_blocked(peer);
            !busy && !known.contains(peer) && peer != swarm.local_peer_id()
        };
        let chosen = self.entry.round(Instant::now(), known.len(), || book.nodes().filter(&fresh));
        for peer in chosen {
            let options = DialOpts::peer_id(peer)
                .addresses(self.book.get(&peer))
                .condition(PeerCondition::DisconnectedAndNotDialing);
            if let Err(error) = self.swarm.dial(options.build()) {
                tracing::debug!(%peer, %error, "known node was not dialled");
            }
        }
    }

    fn on_tick(&mut self) {
        let (now, known) = (Instant::now(), self.known());
        for peer in self.lookups.expire(now) {
            self.dials.found(&peer, Vec::new());
        }
        if (self.serves || self.lookups.waits()) && self.entry.is_due(now, known) {
            self.enter();
        }
        for peer in self.dials.awaited() {
            self.advance(peer);
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.remotes.insert(connection_id, endpoint.get_remote_address().clone());
                self.dials.connected(&peer_id);
                self.connected(peer_id, connection_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.remotes.remove(&connection_id);
                self.disconnected(&peer_id, connection_id);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                tracing::debug!(%error, "dial failed");
                if let Some(peer) = self.dials.failed(connection_id, &error) {
                    self.advance(peer);
                }
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                tracing::info!(%address, "listening");
                self.listening.pending.retain(|pending| *pending != listener_id);
                self.tell_listening();
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                tracing::warn!(?reason, "a listener closed");
                self.listening.pending.retain(|pending| *pending != listener_id);
                self.tell_listening();
            }
            _ => {}
        }
    }

    /// Notes a connection. A peer with too many loses its oldest: the connections of a process that was
    /// killed look alive for a while, and must not keep out the next one.
    fn connected(&mut self, peer: PeerId, connection: ConnectionId) {
        let most = usize::try_from(self.limits.connections_per_peer).unwrap_or(usize::MAX).max(1);
        let connections = self.connections.entry(peer).or_default();
        connections.push_back(connection);
        if connections.len() > most {
            if let Some(oldest) = connections.pop_front() {
                self.swarm.close_connection(oldest);
            }
        }
    }

    fn disconnected(&mut self, peer: &PeerId, connection: ConnectionId) {
        if let Some(connections) = self.connections.get_mut(peer) {
            connections.retain(|one| *one != connection);
            if connections.is_empty() {
                self.connections.remove(peer);
            }
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, connection_id }) => {
                self.on_identified(peer_id, &info, connection_id);
            }
            BehaviourEvent::Kad(KadEvent::RoutingUpdated { is_new_peer: true, .. }) => {
                self.lookups.start(&mut self.swarm.behaviour_mut().kad);
            }
            BehaviourEvent::Kad(KadEvent::OutboundQueryProgressed {
                id,
                result: QueryResult::GetClosestPeers(result),
                ..
            }) => {
                if let Some((peer, addresses)) = self.lookups.end(id, result) {
                    self.dials.found(&peer, addresses);
                    self.advance(peer);
                }
            }
            BehaviourEvent::Ping(event) => match event.result {
                Ok(_) | Err(ping::Failure::Unsupported) => {}
                Err(error) => {
                    tracing::debug!(peer = %event.peer, %error, "ping failed, connection closed");
                    self.swarm.close_connection(event.connection);
                }
            },
            _ => {}
        }
    }

    /// Lets an identified peer into the DHT's table, if it belongs there. Called again whenever the peer
    /// states something new of itself.
    fn on_identified(&mut self, peer: PeerId, info: &identify::Info, connection: ConnectionId) {
        let remote = self.remotes.get(&connection);
        let addresses = admissible(&peer, info, &self.protocols.kad, remote);
        let node = node_key_of(&peer);
        tracing::debug!(?node, agent = ?info.agent_version, ?addresses, "identified");
        kademlia::admit(&mut self.swarm.behaviour_mut().kad, &peer, &addresses);
    }

    fn tell_listening(&mut self) {
        if self.listening.pending.is_empty() {
            for reply in std::mem::take(&mut self.listening.replies) {
                // Nobody may be waiting any more.
                let _ = reply.send(self.swarm.listeners().cloned().collect());
            }
        }
    }
}

/// The innermost error: the transports' own wrappers have no words.
fn cause(error: &dyn std::error::Error) -> String {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last();
    innermost.map_or_else(String::new, ToString::to_string)
}
