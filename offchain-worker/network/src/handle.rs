//! The handle: what the rest of a node calls.

use crate::{
    config::{Config, Limits, Protocols},
    identity::peer_id_of,
    piece::{
        client,
        server::{Server, Services},
        PieceDownload, PieceService, PieceUpload, ReserveRequest, SignedOffer, TrackerService,
    },
    runner::{Command, NetworkRunner, COMMAND_QUEUE},
    streams::{OpenError, INBOUND_QUEUE},
    transport, NetworkError, NodeSecret,
};
use libp2p::{Multiaddr, PeerId, Stream};
use lunarx_core::{ContractId, NodeId, NodeKey, NodeSignature, PieceId};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// Longest lookup: the DHT's own bound and some time for the dials before it.
const FIND: Duration = Duration::from_secs(25);
/// Times that a stream is opened: again once if the connection turns out to be dead.
const OPEN_ATTEMPTS: usize = 2;

/// Makes a node: the handle, and the runner that must run for the handle to work. Listens at once, so
/// it must be called within a Tokio runtime.
pub fn construct(config: Config) -> Result<(Network, NetworkRunner), NetworkError> {
    let protocols = Protocols::of(&config.genesis);
    let (commands, received) = mpsc::channel(COMMAND_QUEUE);
    let (services, served) = watch::channel(Services::default());
    let (inbound, server) = if config.serve {
        let (sender, inbound) = mpsc::channel(INBOUND_QUEUE);
        let server = Server::new(inbound, served, config.limits.clone(), commands.downgrade());
        (Some(sender), Some(server))
    } else {
        (None, None)
    };
    let swarm = transport::swarm(&config.secret, &protocols, &config.limits, inbound)?;
    let mut runner = NetworkRunner::new(swarm, received, server, protocols, config.limits.clone());
    config.listen.into_iter().try_for_each(|address| runner.listen(address))?;
    config.external.into_iter().for_each(|address| runner.announce(address));
    config.bootstrap.iter().for_each(|(node, addresses)| runner.add_addresses(node, addresses));
    let node_key = config.secret.node_key();
    let (secret, genesis, limits) = (config.secret, config.genesis, config.limits);
    let inner = Inner { secret, node_key, genesis, limits, commands, services };
    Ok((Network(Arc::new(inner)), runner))
}

struct Inner {
    secret: NodeSecret,
    node_key: NodeKey,
    genesis: [u8; 32],
    limits: Limits,
    commands: mpsc::Sender<Command>,
    services: watch::Sender<Services>,
}

/// A node of the network. Cheap to clone; the network ends with its last clone.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

impl Network {
    /// This node's key.
    pub fn node_key(&self) -> NodeKey {
        self.0.node_key
    }

    /// This node's place in the DHT.
    pub fn node_id(&self) -> NodeId {
        self.0.node_key.node_id()
    }

    /// Genesis hash of the chain that this node belongs to.
    pub fn genesis(&self) -> [u8; 32] {
        self.0.genesis
    }

    /// Signs with the node's key.
    pub fn sign(&self, payload: &[u8]) -> NodeSignature {
        self.0.secret.sign(payload)
    }

    /// Where this node listens, once every listener has an address. Empty if the runner has ended.
    pub async fn listening(&self) -> Vec<Multiaddr> {
        let (reply, answer) = oneshot::channel();
        if self.send(Command::Listening(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// States where a node is, as the chain says; replaces what was stated before.
    pub async fn add_addresses(&self, node: NodeKey, addresses: Vec<Multiaddr>) {
        if self.send(Command::AddAddresses(node, addresses)).await.is_err() {
            tracing::debug!(%node, "the network has stopped, addresses are not kept");
        }
    }

    /// Connects with a node: at its known addresses first; if they fail or take long, by the DHT as well.
    pub async fn connect(&self, node: NodeKey) -> Result<(), NetworkError> {
        let peer = peer_of(node)?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Connect { peer, node, reply }).await?;
        self.within(self.0.limits.connect, node, "connect", answer).await?
    }

    /// Looks a node up in the DHT.
    pub async fn find(&self, node: NodeKey) -> Result<Vec<Multiaddr>, NetworkError> {
        let peer = peer_of(node)?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Find { peer, reply }).await?;
        let addresses = self.within(FIND, node, "turn up in the DHT", answer).await?;
        if addresses.is_empty() {
            return Err(NetworkError::NoAddress { node });
        }
        Ok(addresses)
    }

    /// The nodes in this node's table of the DHT. None for long says that a miner cannot be found by others.
    /// Empty if the runner has ended.
    pub async fn dht_nodes(&self) -> Vec<NodeKey> {
        let (reply, answer) = oneshot::channel();
        if self.send(Command::DhtNodes(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// Serves pieces to others from now on. Until then requests for them are refused as `Unavailable`. Has no
    /// effect on a node constructed with `serve: false`.
    pub fn serve(&self, service: Arc<dyn PieceService>) {
        self.0.services.send_modify(|services| services.pieces = Some(service));
    }

    /// Serves as a tracker from now on. Until then requests to a tracker are refused as `Unavailable`. Has
    /// no effect on a node constructed with `serve: false`.
    pub fn serve_tracker(&self, service: Arc<dyn TrackerService>) {
        self.0.services.send_modify(|services| services.tracker = Some(service));
    }

    /// Asks a miner to hold space.
    ///
    /// Of the offer this is checked here: the signature by the miner's node key for this chain, the
    /// client, and that bytes, windows and price are what was asked for or better. The network does not
    /// know the chain, so the caller checks the rest before it sends a byte: that `offer.miner` is the
    /// account under which the chain has this node key, and that `offer.expires` leaves time to upload and
    /// to open the contract.
    pub async fn reserve(
        &self,
        miner: NodeKey,
        request: ReserveRequest,
    ) -> Result<SignedOffer, NetworkError> {
        let stream = self.open(miner).await?;
        client::reserve(self.link(miner), stream, request, &self.0.genesis).await
    }

    /// Begins or resumes the upload of one piece of a reserved contract, at the offset that the miner names.
    /// [`PieceUpload`] tells how its owner resumes after an error or a pause.
    pub async fn store(
        &self,
        miner: NodeKey,
        contract: ContractId,
        index: u32,
    ) -> Result<PieceUpload, NetworkError> {
        let stream = self.open(miner).await?;
        client::store(self.link(miner), stream, contract, index).await
    }

    /// Gives back a reservation that will not become a contract, so that the miner can lend its space to
    /// others before the offer runs out. What was uploaded under it is gone then.
    ///
    /// Only the node that reserved may do it. Refused as `NotFound` if nothing is reserved under it: given
    /// back already, run out, or accepted as a contract, which ends on the chain only.
    pub async fn release(&self, miner: NodeKey, contract: ContractId) -> Result<(), NetworkError> {
        let stream = self.open(miner).await?;
        client::release(self.link(miner), stream, contract).await
    }

    /// Begins the download of `len` bytes of a piece from `offset`.
    pub async fn retrieve(
        &self,
        miner: NodeKey,
        piece: PieceId,
        piece_len: u64,
        offset: u64,
        len: u64,
    ) -> Result<PieceDownload, NetworkError> {
        if offset.checked_add(len).is_none_or(|end| end > piece_len) {
            return Err(NetworkError::OutsidePiece { offset, len, piece_len });
        }
        if len == 0 {
            return Ok(PieceDownload::empty());
        }
        let stream = self.open(miner).await?;
        client::retrieve(self.link(miner), stream, client::Wanted { piece, piece_len, offset, len }).await
    }

    pub(crate) fn link(&self, node: NodeKey) -> client::Link {
        client::Link { node, limits: self.0.limits.clone(), commands: self.0.commands.downgrade() }
    }

    /// A stream to a node, connecting first if need be.
    pub(crate) async fn open(&self, node: NodeKey) -> Result<Stream, NetworkError> {
        let peer = peer_of(node)?;
        let mut reason = String::new();
        for _ in 0..OPEN_ATTEMPTS {
            self.connect(node).await?;
            let (reply, answer) = oneshot::channel();
            self.send(Command::Open { peer, reply }).await?;
            match timeout(self.0.limits.answer, answer).await {
                Err(_) => {
                    let after = self.0.limits.answer;
                    return Err(NetworkError::TimedOut { node, what: "open a stream", after });
                }
                Ok(Ok(Ok(stream))) => return Ok(stream),
                Ok(Ok(Err(OpenError::Unsupported))) => return Err(NetworkError::Unsupported { node }),
                Ok(Ok(Err(OpenError::Lost(lost)))) => reason = lost,
                Ok(Err(_)) => reason = "closed while a stream was opened".into(),
            }
        }
        Err(NetworkError::ConnectionLost { node, reason })
    }

    async fn send(&self, command: Command) -> Result<(), NetworkError> {
        self.0.commands.send(command).await.map_err(|_| NetworkError::Stopped)
    }

    async fn within<T>(
        &self,
        after: Duration,
        node: NodeKey,
        what: &'static str,
        answer: oneshot::Receiver<T>,
    ) -> Result<T, NetworkError> {
        match timeout(after, answer).await {
            Ok(answer) => answer.map_err(|_| NetworkError::Stopped),
            Err(_) => Err(NetworkError::TimedOut { node, what, after }),
        }
    }
}

fn peer_of(node: NodeKey) -> Result<PeerId, NetworkError> {
    peer_id_of(&node).ok_or(NetworkError::InvalidKey(node))
}
