//! Raw streams of the piece protocol inside the swarm.
//!
//! Flow: the runner asks for a stream to a connected peer with [`Streams::open`]; streams that peers
//! open arrive in one bounded queue, each with the node key that its connection proved.
//!
//! `libp2p-stream` is not used: it queues one inbound stream at a time and drops the others in silence,
//! and it keeps a sender for every connection there ever was.

use crate::identity::node_key_of;
use libp2p::{
    core::{transport::PortUse, Endpoint, InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    swarm::{
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
        ConnectionClosed, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId,
        FromSwarm, NetworkBehaviour, NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
    Multiaddr, PeerId, Stream, StreamProtocol,
};
use lunarx_core::NodeKey;
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    future::{ready, Ready},
    task::{Context, Poll, Waker},
};
use tokio::sync::{mpsc, oneshot};

/// Inbound streams that wait to be admitted; more are dropped.
pub(crate) const INBOUND_QUEUE: usize = 256;

/// A stream that a peer opened.
pub(crate) struct Inbound {
    pub(crate) node: NodeKey,
    pub(crate) stream: Stream,
}

/// Why a stream was not opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    Unsupported,
    Lost(String),
}

/// Answers a wish for a stream. Dropped without an answer if the connection goes first.
pub(crate) type OpenReply = oneshot::Sender<Result<Stream, OpenError>>;

/// The behaviour: see the module.
pub(crate) struct Streams {
    protocol: StreamProtocol,
    inbound: Option<mpsc::Sender<Inbound>>,
    connections: HashMap<PeerId, Vec<ConnectionId>>,
    opening: VecDeque<(PeerId, ConnectionId, OpenReply)>,
    waker: Option<Waker>,
}

impl Streams {
    /// Accepts streams into `inbound`, if given.
    pub(crate) fn new(protocol: StreamProtocol, inbound: Option<mpsc::Sender<Inbound>>) -> Self {
        Self { protocol, inbound, connections: HashMap::new(), opening: VecDeque::new(), waker: None }
    }

    /// Opens a stream over the oldest connection with `peer`.
    pub(crate) fn open(&mut self, peer: PeerId, reply: OpenReply) {
        let Some(connection) = self.connections.get(&peer).and_then(|all| all.first()) else {
            // Nobody may be waiting any more.
            let _ = reply.send(Err(OpenError::Lost("not connected".into())));
            return;
        };
        self.opening.push_back((peer, *connection, reply));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self, peer: PeerId) -> Result<Handler, ConnectionDenied> {
        let node =
            node_key_of(&peer).ok_or_else(|| ConnectionDenied::new(crate::gate::Denied::KeyType(peer)))?;
        Ok(Handler {
            node,
            protocol: self.protocol.clone(),
            inbound: self.inbound.clone(),
            wishes: VecDeque::new(),
        })
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.connections.entry(event.peer_id).or_default().push(event.connection_id);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                if let Some(all) = self.connections.get_mut(&peer_id) {
                    all.retain(|connection| *connection != connection_id);
                    if all.is_empty() {
                        self.connections.remove(&peer_id);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.opening.pop_front() {
            Some((peer_id, connection, reply)) => Poll::Ready(ToSwarm::NotifyHandler {
                peer_id,
                handler: NotifyHandler::One(connection),
                event: reply,
            }),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// One connection's part of [`Streams`].
pub(crate) struct Handler {
    node: NodeKey,
    protocol: StreamProtocol,
    inbound: Option<mpsc::Sender<Inbound>>,
    wishes: VecDeque<OpenReply>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = OpenReply;
    type ToBehaviour = Infallible;
    type InboundProtocol = Named;
    type OutboundProtocol = Named;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = OpenReply;

    fn listen_protocol(&self) -> SubstreamProtocol<Named> {
        let served = self.inbound.is_some().then(|| self.protocol.clone());
        SubstreamProtocol::new(Named(served), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Named, OpenReply, Self::ToBehaviour>> {
        // Woken after each `on_behaviour_event`: the connection polls its handler after that.
        match self.wishes.pop_front() {
            Some(reply) => Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(Named(Some(self.protocol.clone())), reply),
            }),
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, reply: OpenReply) {
        self.wishes.push_back(reply);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Named, Named, (), OpenReply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) => {
                let Some(inbound) = &self.inbound else { return };
                if inbound.try_send(Inbound { node: self.node, stream }).is_err() {
                    tracing::warn!(node = %self.node, queue = INBOUND_QUEUE, "too many streams wait, dropped one");
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                // Nobody may be waiting any more: the stream is dropped then.
                let _ = info.send(Ok(protocol));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    StreamUpgradeError::Timeout => OpenError::Lost("no answer to a new stream".into()),
                    StreamUpgradeError::Io(error) => OpenError::Lost(error.to_string()),
                    StreamUpgradeError::Apply(never) => match never {},
                };
                let _ = info.send(Err(error));
            }
            _ => {}
        }
    }
}

/// A stream under one protocol name, or under none.
pub(crate) struct Named(Option<StreamProtocol>);

impl UpgradeInfo for Named {
    type Info = StreamProtocol;
    type InfoIter = std::option::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Named {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}

impl OutboundUpgrade<Stream> for Named {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}
