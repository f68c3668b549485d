//! A tracker's life: opens its data folder, joins the network, bonds, works, and stops in the reverse order.

use crate::{
    addresses::Peers,
    ask::{ask, heartbeat, Outcome},
    batches::Batches,
    bond,
    calls::{submit_all, Done},
    engine::{Engine, Found, Shared},
    folder,
    service::{keep, Served, Service},
    TrackerConfig, TrackerError,
};
use libp2p::Multiaddr;
use lunarx_chain::{Chain, ChainError, Signer};
use lunarx_core::{BlockNumber, NodeKey};
use lunarx_network::{Network, NetworkError};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch, Semaphore},
    task::{JoinHandle, JoinSet},
    time::{sleep, sleep_until, timeout, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the listen addresses may take.
const LISTEN_WITHIN: Duration = Duration::from_secs(10);
/// The longest time without a pass, finalized block or not.
const IDLE_PASS: Duration = Duration::from_secs(15);
/// Between two looks at the desk, for what waited for its time.
const TICK: Duration = Duration::from_millis(100);
/// The wait after a first failure; doubled by each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// Results of verifiers that wait to be noted.
const MAX_FOUND: usize = 64;
/// Heartbeats under way at once.
const MAX_BEATS: usize = 64;

/// Runs a tracker until `stop` is cancelled: bonds (if not yet), asks miners for what is due, reports,
/// disputes, and serves miners, clients and verifiers. All owed work is derived from chain state on start and
/// after every finalized block.
///
/// # Errors
/// Only what cannot mend itself: a configuration, data folder or bond that does not fit, a balance that is too
/// small, a network that cannot listen. An unreachable chain is waited for.
pub async fn run_tracker(
    chain: Arc<dyn Chain>,
    signer: Signer,
    config: TrackerConfig,
    stop: CancellationToken,
) -> Result<(), TrackerError> {
    let (ready, _) = oneshot::channel();
    run(chain, signer, config, stop, ready).await
}

/// A running tracker. Dropped, it stops on its own; [`Tracker::stop`] waits for that.
pub struct Tracker {
    started: Started,
    stop: DropGuard,
    task: JoinHandle<Result<(), TrackerError>>,
}

/// What is known once a tracker is bonded and works.
struct Started {
    node_key: NodeKey,
    addresses: Vec<Multiaddr>,
}

impl Tracker {
    /// Starts a tracker and waits until it is bonded and made its first pass.
    ///
    /// # Errors
    /// As [`run_tracker`].
    pub async fn start(
        chain: Arc<dyn Chain>,
        signer: Signer,
        config: TrackerConfig,
    ) -> Result<Self, TrackerError> {
        let token = CancellationToken::new();
        let stop = token.clone().drop_guard();
        let (ready, started) = oneshot::channel();
        let task = tokio::spawn(run(chain, signer, config, token, ready));
        match started.await {
            Ok(started) => Ok(Self { started, stop, task }),
            // The sender is gone, so the task is over. Nobody cancelled it: it ended by an error.
            Err(_) => {
                task.await??;
                Err(TrackerError::NetworkStopped)
            }
        }
    }

    /// Its node key.
    pub fn node_key(&self) -> NodeKey {
        self.started.node_key
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[Multiaddr] {
        &self.started.addresses
    }

    /// Stops it, and waits until its data folder is free again.
    ///
    /// # Errors
    /// What stopped it before, if anything did.
    pub async fn stop(self) -> Result<(), TrackerError> {
        drop(self.stop);
        self.task.await?
    }
}

async fn run(
    chain: Arc<dyn Chain>,
    signer: Signer,
    config: TrackerConfig,
    stop: CancellationToken,
    ready: oneshot::Sender<Started>,
) -> Result<(), TrackerError> {
    config.check()?;
    let genesis = chain.genesis();
    let opening = config.clone();
    let folder = tokio::task::spawn_blocking(move || folder::open(&opening, genesis)).await??;

    let network_config = lunarx_network::Config {
        external: config.external.clone(),
        ..lunarx_network::Config::miner(folder.secret, genesis, config.listen.clone())
    };
    let (network, runner) = lunarx_network::construct(network_config)?;
    let network_stop = CancellationToken::new();
    let mut network_task = tokio::spawn(runner.run(network_stop.clone()));
    // Stops the network even if this future is dropped.
    let network_guard = network_stop.drop_guard();

    let shared = Arc::new(Shared {
        desk: Default::default(),
        presence: Default::default(),
        answers: folder.answers,
        directory: watch::Sender::new(Default::default()),
    });
    let batches = Arc::new(folder.batches);
    let worker = Worker { chain, signer, config, network, shared: shared.clone(), batches };
    let result = tokio::select! {
        result = worker.work(folder.encryption_key, ready) => result,
        _ = &mut network_task => Err(TrackerError::NetworkStopped),
        () = stop.cancelled() => Ok(()),
    };
    drop(network_guard);
    if !network_task.is_finished() {
        let _ = (&mut network_task).await;
    }
    tokio::task::spawn_blocking(move || shared.answers.sync()).await??;
    match &result {
        Ok(()) => tracing::info!("tracker stopped"),
        Err(error) => tracing::error!(%error, "tracker stopped"),
    }
    result
}

/// The parts of a tracker that work, once its network is up.
struct Worker {
    chain: Arc<dyn Chain>,
    signer: Signer,
    config: TrackerConfig,
    network: Network,
    shared: Arc<Shared>,
    batches: Arc<Batches>,
}

impl Worker {
    /// Bonds and serves, then works until it is dropped. Returns by an error only.
    async fn work(
        self,
        encryption_key: lunarx_core::EncryptionKey,
        ready: oneshot::Sender<Started>,
    ) -> Result<(), TrackerError> {
        let addresses = match timeout(LISTEN_WITHIN, self.network.listening()).await {
            Ok(addresses) if !addresses.is_empty() => addresses,
            _ => return Err(TrackerError::NotListening { seconds: LISTEN_WITHIN.as_secs() }),
        };
        let details = bond::details(&self.config, encryption_key, &addresses)?;
        let mut backoff = Backoff::default();
        let (chain, signer, bond) = (self.chain.as_ref(), &self.signer, self.config.bond);
        while let Err(error) = bond::ensure_bonded(chain, signer, &self.network, &details, bond).await {
            if !error.is_retryable() {
                return Err(error);
            }
            let wait = backoff.next();
            tracing::warn!(%error, ?wait, "cannot bond yet");
            sleep(wait).await;
        }
        let node_key = self.network.node_key();
        tracing::info!(%node_key, ?addresses, "tracking");
        self.attend(Started { node_key, addresses }, ready).await
    }

    /// The select loop: a pass after each finalized block, after a while without one, and again soon after a
    /// failure. Questions, heartbeats and calls are under way meanwhile.
    async fn attend(self, started: Started, ready: oneshot::Sender<Started>) -> Result<(), TrackerError> {
        let (found, mut results) = mpsc::channel(MAX_FOUND);
        let service = Arc::new(Service::new(
            self.chain.clone(),
            self.shared.clone(),
            self.batches.clone(),
            self.config.max_pieces,
            found,
        ));
        self.network.serve_tracker(Arc::new(Served(service.clone())));
        let mut finalized = self.chain.finalized();
        let mut engine = Engine::new(
            self.chain.clone(),
            self.signer.account(),
            started.node_key,
            self.config.verifiers.clone(),
            self.config.least_claim,
            self.shared.clone(),
        );
        let mut under_way = UnderWay::new(&self);
        let mut peers = Peers::default();
        let mut ready = Some((ready, started));
        let (mut backoff, mut blocks_come) = (Backoff::default(), true);
        let (mut next_pass, mut read) = (Instant::now(), 0);
        loop {
            if Instant::now() >= next_pass {
                let height = *finalized.borrow_and_update();
                let wait = match self.pass(&mut engine, &mut under_way, height).await {
                    Ok(()) => {
                        backoff = Backoff::default();
                        if engine.view().reads() != read {
                            read = engine.view().reads();
                            peers.tell(engine.view(), &self.network).await;
                            service.clone().tidy().await?;
                        }
                        IDLE_PASS
                    }
                    Err(error) => {
                        let wait = backoff.next();
                        tracing::warn!(%error, ?wait, "the tracker's work waits");
                        wait
                    }
                };
                next_pass = Instant::now() + wait;
                if let Some((ready, started)) = ready.take() {
                    // Nobody waits under `run_tracker`.
                    let _ = ready.send(started);
                }
            }
            under_way.ask(&self.shared);
            tokio::select! {
                changed = finalized.changed(), if blocks_come => {
                    blocks_come = changed.is_ok();
                    next_pass = Instant::now();
                }
                Some(found) = results.recv() => engine.on_found(found),
                Some(asked) = under_way.asks.join_next() => engine.on_found(asked??),
                Some(beat) = under_way.beats.join_next() => {
                    let (miner, at, reached) = beat??;
                    engine.on_beat(miner, at, reached);
                }
                Some(said) = under_way.calls.join_next() => {
                    under_way.on_said(said?, &mut engine);
                    next_pass = Instant::now();
                }
                () = sleep(TICK) => {}
                () = sleep_until(next_pass) => {}
            }
        }
    }

    async fn pass(
        &self,
        engine: &mut Engine,
        under_way: &mut UnderWay,
        height: BlockNumber,
    ) -> Result<(), TrackerError> {
        engine.pass(height).await?.into_iter().for_each(|miner| under_way.beat(miner, height));
        under_way.say(engine, self)
    }
}

/// What one call after the other came to, and what stopped them.
type Said = (Vec<Done>, Option<ChainError>);

/// Tasks beside the loop. Dropped, they end.
struct UnderWay {
    network: Network,
    shared: Arc<Shared>,
    asks: JoinSet<Result<Found, NetworkError>>,
    beats: JoinSet<Result<(NodeKey, BlockNumber, bool), NetworkError>>,
    beating: Arc<Semaphore>,
    calls: JoinSet<Said>,
    /// After a failure, nothing is said before.
    quiet: Instant,
    backoff: Backoff,
}

impl UnderWay {
    fn new(worker: &Worker) -> Self {
        Self {
            network: worker.network.clone(),
            shared: worker.shared.clone(),
            asks: JoinSet::new(),
            beats: JoinSet::new(),
            beating: Arc::new(Semaphore::new(MAX_BEATS)),
            calls: JoinSet::new(),
            quiet: Instant::now(),
            backoff: Backoff::default(),
        }
    }

    /// Puts the questions whose turn it is.
    fn ask(&mut self, shared: &Arc<Shared>) {
        while let Some(question) = shared.desk().take(Instant::now()) {
            let (network, shared) = (self.network.clone(), self.shared.clone());
            self.asks.spawn(async move {
                let outcome = ask(&network, &question).await?;
                if let Outcome::Right(answer) = &outcome {
                    keep(shared, question.clone(), answer.clone()).await;
                }
                Ok(Found { question, outcome })
            });
        }
    }

    fn beat(&mut self, miner: NodeKey, at: BlockNumber) {
        let (network, beating) = (self.network.clone(), self.beating.clone());
        self.beats.spawn(async move {
            // The semaphore is never closed.
            let _permit = beating.acquire_owned().await;
            Ok((miner, at, heartbeat(&network, miner).await?))
        });
    }

    /// Says what is owed, unless something is being said.
    fn say(&mut self, engine: &Engine, worker: &Worker) -> Result<(), TrackerError> {
        if !self.calls.is_empty() || Instant::now() < self.quiet {
            return Ok(());
        }
        let work = engine.owed()?;
        if !work.is_empty() {
            let (chain, signer) = (worker.chain.clone(), worker.signer.clone());
            let most = usize::try_from(chain.parameters().max_reports).unwrap_or(usize::MAX);
            self.calls.spawn(async move { submit_all(chain.as_ref(), &signer, work, most).await });
        }
        Ok(())
    }

    fn on_said(&mut self, (done, error): Said, engine: &mut Engine) {
        engine.on_done(done);
        match error {
            None => self.backoff = Backoff::default(),
            Some(error) => {
                let wait = self.backoff.next();
                tracing::warn!(%error, ?wait, "a call did not get through");
                self.quiet = Instant::now() + wait;
            }
        }
    }
}

/// Waits that grow from failure to failure.
#[derive(Default)]
struct Backoff(Option<Duration>);

impl Backoff {
    fn next(&mut self) -> Duration {
        let wait = self.0.map_or(FIRST_BACKOFF, |last| last.saturating_mul(2)).min(MAX_BACKOFF);
        self.0 = Some(wait);
        wait
    }
}
