//! The serving side: admits streams and runs a session for each.

use super::{
    bucket::{Bucket, Verdict},
    frame::FrameWriter,
    service::PieceService,
    session::Session,
    tracker::TrackerService,
    wire::{Answer, Refusal},
};
use crate::{config::Limits, identity::peer_id_of, runner::Command, streams::Inbound};
use libp2p::Stream;
use lunarx_core::NodeKey;
use std::{collections::HashMap, sync::Arc, time::Instant};
use tokio::{
    sync::{
        mpsc::{self, WeakSender},
        watch, OwnedSemaphorePermit, Semaphore,
    },
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Streams that are told at once why they are refused; beyond, they are just dropped.
const REFUSALS: usize = 64;
/// Peers whose use is remembered. Those without a stream are forgotten first.
const MAX_PEERS: usize = 4096;

/// What this node serves. Each is refused as `Unavailable` until it is there.
#[derive(Clone, Default)]
pub(crate) struct Services {
    pub(crate) pieces: Option<Arc<dyn PieceService>>,
    pub(crate) tracker: Option<Arc<dyn TrackerService>>,
}

impl Services {
    pub(super) fn pieces(&self) -> Result<&Arc<dyn PieceService>, Refusal> {
        self.pieces.as_ref().ok_or(Refusal::Unavailable)
    }

    pub(super) fn tracker(&self) -> Result<&Arc<dyn TrackerService>, Refusal> {
        self.tracker.as_ref().ok_or(Refusal::Unavailable)
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_none() && self.tracker.is_none()
    }
}

/// What one peer uses.
struct Usage {
    streams: Arc<Semaphore>,
    requests: Bucket,
}

/// What to do with a new stream.
enum Admission {
    Serve(Services, [OwnedSemaphorePermit; 2]),
    Refuse(Refusal),
    Block,
}

/// Serves the streams that peers open.
pub(crate) struct Server {
    inbound: mpsc::Receiver<Inbound>,
    services: watch::Receiver<Services>,
    limits: Limits,
    commands: WeakSender<Command>,
    usage: HashMap<NodeKey, Usage>,
    streams: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Server {
    /// `commands` is weak: the server does not keep the network alive.
    pub(crate) fn new(
        inbound: mpsc::Receiver<Inbound>,
        services: watch::Receiver<Services>,
        limits: Limits,
        commands: WeakSender<Command>,
    ) -> Self {
        Self {
            inbound,
            services,
            commands,
            usage: HashMap::new(),
            streams: Arc::new(Semaphore::new(limits.streams)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            tasks: JoinSet::new(),
            limits,
        }
    }

    /// Serves until `stop` is cancelled, then ends all sessions.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(inbound) = self.inbound.recv() => self.on_stream(inbound),
                Some(ended) = self.tasks.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "a session failed");
                },
            }
        }
        self.tasks.shutdown().await;
    }

    fn on_stream(&mut self, Inbound { node, stream }: Inbound) {
        match self.admit(node) {
            Admission::Serve(services, permits) => {
                let session = Session::new(services, node, self.limits.clone(), stream);
                let commands = self.commands.clone();
                self.tasks.spawn(async move {
                    let _permits = permits;
                    match session.run().await {
                        Ok(()) => {}
                        Err(error) if error.is_violation() => {
                            tracing::warn!(%node, %error, "peer broke the protocol, blocked");
                            block(&commands, node).await;
                        }
                        Err(error) => tracing::debug!(%node, %error, "stream ended early"),
                    }
                });
            }
            Admission::Refuse(refusal) => self.refuse(node, stream, refusal),
            Admission::Block => {
                tracing::warn!(%node, "peer floods with requests, blocked");
                let commands = self.commands.clone();
                self.tasks.spawn(async move { block(&commands, node).await });
            }
        }
    }

    fn admit(&mut self, node: NodeKey) -> Admission {
        if self.usage.len() >= MAX_PEERS && !self.usage.contains_key(&node) {
            let slots = self.limits.streams_per_peer;
            self.usage.retain(|_, usage| usage.streams.available_permits() < slots);
        }
        let (now, limits) = (Instant::now(), &self.limits);
        let usage = self.usage.entry(node).or_insert_with(|| Usage {
            streams: Arc::new(Semaphore::new(limits.streams_per_peer)),
            requests: Bucket::new(limits.request_burst, now),
        });
        match usage.requests.take(now, limits.requests_per_second, limits.request_burst) {
            Verdict::Allowed => {}
            Verdict::Exhausted => return Admission::Refuse(Refusal::Busy),
            Verdict::Flooding => return Admission::Block,
        }
        let services = self.services.borrow().clone();
        if services.is_empty() {
            return Admission::Refuse(Refusal::Unavailable);
        }
        let own = usage.streams.clone().try_acquire_owned();
        let shared = self.streams.clone().try_acquire_owned();
        match (own, shared) {
            (Ok(own), Ok(shared)) => Admission::Serve(services, [own, shared]),
            _ => Admission::Refuse(Refusal::Busy),
        }
    }

    fn refuse(&mut self, node: NodeKey, stream: Stream, refusal: Refusal) {
        tracing::debug!(%node, %refusal, "stream refused");
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else { return };
        let mut writer = FrameWriter::new(stream, self.limits.frame);
        self.tasks.spawn(async move {
            let _permit = permit;
            let told = match writer.send(&Answer::Refused(refusal)).await {
                Ok(()) => writer.close().await,
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                tracing::debug!(%node, %error, "refusal was not told");
            }
        });
    }
}

async fn block(commands: &WeakSender<Command>, node: NodeKey) {
    if let (Some(peer), Some(commands)) = (peer_id_of(&node), commands.upgrade()) {
        if commands.send(Command::Block(peer)).await.is_err() {
            tracing::debug!(%node, "the network has stopped");
        }
    }
}
