//! A miner's life: opens its data folder, joins the network, registers, works, and stops in the
//! reverse order.

use crate::{
    announce::Announcer,
    candidacy::{Authoring, Candidacy},
    disk::{for_each_contract, Disk},
    docket::Docket,
    engine::Engine,
    identity,
    peers::Peers,
    prover::Prover,
    register,
    reserve::{Claim, Desk, Terms},
    service::MinerService,
    upkeep::Upkeep,
    vigil::Vigil,
    MinerConfig, MinerError,
};
use codec::DecodeAll;
use libp2p::Multiaddr;
use lunarx_chain::{Chain, Signer};
use lunarx_core::{EncryptionKey, NodeKey};
use lunarx_network::{Network, NodeSecret, SignedOffer};
use lunarx_store::{PieceStore, Store, StoreConfig, StoreError, StoredContract};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Folder of the store in the data folder.
const STORE_FOLDER: &str = "store";
/// How long the listen addresses may take.
const LISTEN_WITHIN: Duration = Duration::from_secs(10);
/// The longest time without a pass, finalized block or not.
const IDLE_PASS: Duration = Duration::from_secs(15);
/// The wait after a first failure; doubled by each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Runs a miner until `stop` is cancelled: registers (if not yet), serves pieces, accepts and
/// settles contracts. All owed work is derived from chain state on start and after every finalized
/// block.
///
/// With `authoring` it also makes blocks where it is elected: it registers the node's session keys, and stands for
/// election.
///
/// # Errors
/// Only what cannot mend itself: a configuration, data folder or registration that does not fit, a
/// balance that is too small, a network that cannot listen. An unreachable chain is waited for.
pub async fn run_miner(
    chain: Arc<dyn Chain>,
    signer: Signer,
    config: MinerConfig,
    authoring: Option<Arc<dyn Authoring>>,
    stop: CancellationToken,
) -> Result<(), MinerError> {
    let (ready, _) = oneshot::channel();
    run(chain, signer, config, authoring, stop, ready).await
}

/// A running miner. Dropped, it stops on its own; [`Miner::stop`] waits for that.
pub struct Miner {
    started: Started,
    stop: DropGuard,
    task: JoinHandle<Result<(), MinerError>>,
}

/// What is known once a miner is registered and serves.
struct Started {
    node_key: NodeKey,
    addresses: Vec<Multiaddr>,
}

impl Miner {
    /// Starts a miner and waits until it is registered and serves.
    ///
    /// # Errors
    /// As [`run_miner`].
    pub async fn start(
        chain: Arc<dyn Chain>,
        signer: Signer,
        config: MinerConfig,
    ) -> Result<Self, MinerError> {
        let token = CancellationToken::new();
        let stop = token.clone().drop_guard();
        let (ready, started) = oneshot::channel();
        let task = tokio::spawn(run(chain, signer, config, None, token, ready));
        match started.await {
            Ok(started) => Ok(Self { started, stop, task }),
            // The sender is gone, so the task is over. Nobody cancelled it: it ended by an error.
            Err(_) => {
                task.await??;
                Err(MinerError::NetworkStopped)
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
    pub async fn stop(self) -> Result<(), MinerError> {
        drop(self.stop);
        self.task.await?
    }
}

/// The data folder, opened.
struct Opened {
    store: Arc<dyn PieceStore>,
    /// Reservations that outlived the last run.
    unpaid: Vec<StoredContract>,
    secret: NodeSecret,
    encryption_key: EncryptionKey,
}

/// Opens or makes the data folder. The store comes first: its lock keeps a second miner out.
fn open(data_dir: &Path, config: StoreConfig, genesis: [u8; 32]) -> Result<Opened, MinerError> {
    let store = Store::open(data_dir.join(STORE_FOLDER), config)?;
    identity::bind_to_chain(data_dir, genesis)?;
    let mut unpaid = Vec::new();
    for_each_contract(&store, |stored| {
        if !stored.kept {
            unpaid.push(stored);
        }
        Ok(())
    })?;
    Ok(Opened {
        store: Arc::new(store),
        unpaid,
        secret: NodeSecret::open_or_create(data_dir)?,
        encryption_key: identity::encryption_key(data_dir)?,
    })
}

async fn run(
    chain: Arc<dyn Chain>,
    signer: Signer,
    config: MinerConfig,
    authoring: Option<Arc<dyn Authoring>>,
    stop: CancellationToken,
    ready: oneshot::Sender<Started>,
) -> Result<(), MinerError> {
    config.check()?;
    let genesis = chain.genesis();
    let data_dir = config.data_dir.clone();
    let store_config =
        StoreConfig { quota: config.capacity, floor: config.floor, remote: config.remote.clone() };
    let opened = tokio::task::spawn_blocking(move || open(&data_dir, store_config, genesis)).await??;
    let disk = Arc::new(Disk::new(opened.store));

    let network_config = lunarx_network::Config {
        external: config.external.clone(),
        ..lunarx_network::Config::miner(opened.secret.clone(), genesis, config.listen.clone())
    };
    let (network, runner) = lunarx_network::construct(network_config)?;
    let network_stop = CancellationToken::new();
    let mut network_task = tokio::spawn(runner.run(network_stop.clone()));
    // Stops the network even if this future is dropped.
    let network_guard = network_stop.drop_guard();

    let desk = Arc::new(Desk::new(Terms::new(signer.account(), &config, &chain.parameters())));
    restore(&desk, &opened.unpaid);
    let docket = Docket::new(chain.parameters().audit);
    let prover = Arc::new(Prover::new(disk.clone(), docket, opened.secret.clone(), genesis));
    let encryption_key = opened.encryption_key;
    let secret = opened.secret;
    let candidacy = authoring
        .map(|authoring| Candidacy::new(chain.clone(), signer.clone(), authoring, config.collateral));
    let upkeep = Upkeep::new(disk.clone(), prover.clone(), config.scrub_every);
    let worker = Worker { chain, signer, config, network, secret, disk: disk.clone(), desk, prover };
    let result = tokio::select! {
        result = worker.work(encryption_key, candidacy, ready) => result,
        error = upkeep.run() => Err(error),
        _ = &mut network_task => Err(MinerError::NetworkStopped),
        () = stop.cancelled() => Ok(()),
    };
    drop(network_guard);
    if !network_task.is_finished() {
        let _ = (&mut network_task).await;
    }
    disk.close().await;
    match &result {
        Ok(()) => tracing::info!("miner stopped"),
        Err(error) => tracing::error!(%error, "miner stopped"),
    }
    result
}

/// Notes the reservations that outlived the last run.
fn restore(desk: &Desk, unpaid: &[StoredContract]) {
    for stored in unpaid {
        let reservation = &stored.reservation;
        match SignedOffer::decode_all(&mut reservation.offer.as_slice()) {
            Ok(signed) => desk.restore(
                stored.contract,
                Claim {
                    owner: reservation.owner,
                    client: signed.offer.client,
                    bytes: reservation.max_bytes,
                    expires: reservation.expires,
                    given_up: None,
                },
            ),
            // It is in the store still: it can be accepted, and lapses in time.
            Err(error) => {
                tracing::warn!(contract = %stored.contract, %error, "offer of a reservation is unreadable")
            }
        }
    }
}

/// The parts of a miner that work, once its network is up.
struct Worker {
    chain: Arc<dyn Chain>,
    signer: Signer,
    config: MinerConfig,
    network: Network,
    secret: NodeSecret,
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    prover: Arc<Prover>,
}

impl Worker {
    /// Serves, registers, then works until it is dropped. Returns by an error only.
    async fn work(
        self,
        encryption_key: EncryptionKey,
        candidacy: Option<Candidacy>,
        ready: oneshot::Sender<Started>,
    ) -> Result<(), MinerError> {
        let addresses = self.listening().await?;
        let details = register::details(&self.config, encryption_key, &addresses)?;
        self.serve();
        tracing::info!(node_key = %self.network.node_key(), ?addresses, "serving pieces");
        let mut backoff = Backoff::default();
        let Self { chain, signer, network, .. } = &self;
        while let Err(error) = register::ensure_registered(chain.as_ref(), signer, network, &details).await {
            if !error.is_retryable() {
                return Err(error);
            }
            let wait = backoff.next();
            tracing::warn!(%error, ?wait, "cannot register yet");
            sleep(wait).await;
        }
        let started = Started { node_key: self.network.node_key(), addresses };
        self.attend(started, candidacy, ready).await
    }

    /// The addresses listened on.
    async fn listening(&self) -> Result<Vec<Multiaddr>, MinerError> {
        match timeout(LISTEN_WITHIN, self.network.listening()).await {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            _ => Err(MinerError::NotListening { seconds: LISTEN_WITHIN.as_secs() }),
        }
    }

    fn serve(&self) {
        let service = MinerService {
            disk: self.disk.clone(),
            desk: self.desk.clone(),
            prover: self.prover.clone(),
            secret: self.secret.clone(),
            genesis: self.chain.genesis(),
            finalized: self.chain.finalized(),
        };
        self.network.serve(Arc::new(service));
    }

    /// The select loop: a pass after each finalized block, after a while without one, and again
    /// soon after a failure. The first pass is over before the miner counts as started.
    async fn attend(
        self,
        started: Started,
        mut candidacy: Option<Candidacy>,
        ready: oneshot::Sender<Started>,
    ) -> Result<(), MinerError> {
        let mut finalized = self.chain.finalized();
        let mut peers = Peers::new(self.chain.clone(), self.network.clone());
        let mut announcer =
            Announcer::new(self.chain.clone(), self.network.clone(), self.disk.clone(), self.prover.clone());
        let mut vigil = Vigil::new(self.chain.clone(), self.chain.parameters().audit.report_within);
        let Self { chain, signer, config, disk, desk, prover, .. } = self;
        let mut engine = Engine::new(chain, signer, disk, desk, prover, config.settle_every);
        let mut ready = Some((ready, started));
        let mut backoff = Backoff::default();
        let mut blocks_come = true;
        loop {
            let height = *finalized.borrow_and_update();
            let wait = match engine.pass(height).await {
                Ok(watched) => {
                    backoff = Backoff::default();
                    peers.refresh(height).await;
                    announcer.step(&watched.keys().copied().collect(), height).await;
                    vigil.step(&watched, height).await;
                    if let Some(candidacy) = &mut candidacy {
                        candidacy.step(height).await;
                    }
                    IDLE_PASS
                }
                Err(error @ (MinerError::Stopping | MinerError::Store(StoreError::Stuck))) => {
                    return Err(error)
                }
                Err(error) => {
                    let wait = backoff.next();
                    if error.is_retryable() {
                        tracing::warn!(%error, ?wait, "the miner's work waits");
                    } else {
                        tracing::error!(%error, ?wait, "the miner's work fails");
                    }
                    wait
                }
            };
            if let Some((ready, started)) = ready.take() {
                // Nobody waits under `run_miner`.
                let _ = ready.send(started);
            }
            tokio::select! {
                changed = finalized.changed(), if blocks_come => blocks_come = changed.is_ok(),
                () = sleep(wait) => {}
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
