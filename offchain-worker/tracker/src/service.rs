//! What the tracker answers to miners, clients and verifiers.

use crate::{
    ask::{judge, Judgement, Outcome},
    batches::{self as kept, Batches},
    directory::{Batch, Directory},
    engine::{Found, Shared},
    map::PieceMap,
    resolve::{choose, Wanted},
    ring::Ring,
    TrackerError,
};
use async_trait::async_trait;
use lunarx_chain::Chain;
use lunarx_core::{ContractId, NodeKey, PieceId};
use lunarx_network::{
    Announcement, Refusal, ResolveRequest, Task, TaskOutcome, TaskResult, TrackerService, MAX_NODES,
    MAX_TASKS,
};
use rand::Rng;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;

/// The service behind the network.
pub(crate) struct Service {
    chain: Arc<dyn Chain>,
    shared: Arc<Shared>,
    batches: Arc<Batches>,
    pieces: Mutex<Pieces>,
    found: mpsc::Sender<Found>,
}

/// The map, and what it was made with.
struct Pieces {
    map: PieceMap,
    ring: Ring,
    /// Contracts that the chain confirmed since the directory was renewed last, and the time before: it may not
    /// have them yet.
    fresh: [HashSet<ContractId>; 2],
}

impl Service {
    pub(crate) fn new(
        chain: Arc<dyn Chain>,
        shared: Arc<Shared>,
        batches: Arc<Batches>,
        max_pieces: usize,
        found: mpsc::Sender<Found>,
    ) -> Self {
        let map = PieceMap::new(max_pieces);
        let pieces = Pieces { map, ring: Ring::default(), fresh: Default::default() };
        Self { chain, shared, batches, pieces: Mutex::new(pieces), found }
    }

    /// Takes what the chain took away out of the map, and makes it again where the ring changed. To be called
    /// after the directory was renewed.
    pub(crate) async fn tidy(self: Arc<Self>) -> Result<(), TrackerError> {
        tokio::task::spawn_blocking(move || self.tidy_now()).await?
    }

    fn tidy_now(&self) -> Result<(), TrackerError> {
        let directory = self.directory();
        let Some(own) = directory.own else { return Ok(()) };
        let mut pieces = self.pieces();
        let Pieces { map, ring, fresh } = &mut *pieces;
        let live = |id: &ContractId| {
            directory.contract(id).is_some() || fresh.iter().any(|contracts| contracts.contains(id))
        };
        self.batches.tidy(live)?;
        let before = map.len();
        map.retain(live, |piece| directory.ring.keeps(&own, piece));
        if *ring != directory.ring {
            *ring = directory.ring.clone();
            self.batches.each(|contract, (miner, all)| {
                let ours = all.into_iter().filter(|piece| ring.keeps(&own, piece)).collect();
                if map.put(contract, miner, ours).is_err() {
                    tracing::warn!(%contract, "the piece map is full");
                }
            })?;
        }
        if map.len() != before {
            tracing::info!(before, now = map.len(), "pieces in the map");
        }
        let [newer, older] = fresh;
        *older = std::mem::take(newer);
        Ok(())
    }

    fn directory(&self) -> Arc<Directory> {
        self.shared.directory.borrow().clone()
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a batch that the chain confirmed, and its pieces in the map as far as they are ours. Blocks.
    fn note(&self, contract: ContractId, own: NodeKey, batch: kept::Batch) -> Result<(), Refusal> {
        let room = self.batches.put(contract, &batch).map_err(|error| {
            tracing::error!(%error, "cannot keep an announcement");
            Refusal::Unavailable
        })?;
        let ring = &self.directory().ring;
        let (miner, all) = batch;
        let ours = all.into_iter().filter(|piece| ring.keeps(&own, piece)).collect();
        let mut pieces = self.pieces();
        pieces.fresh[0].insert(contract);
        match pieces.map.put(contract, miner, ours) {
            Ok(()) if room => Ok(()),
            _ => {
                tracing::warn!(%contract, "no room for an announcement");
                Err(Refusal::Busy)
            }
        }
    }

    /// What a contract covers: of a new one the chain is asked.
    async fn batch(&self, directory: &Directory, id: ContractId) -> Result<Batch, Refusal> {
        if let Some(batch) = directory.contract(&id) {
            return Ok(batch);
        }
        let info = self.chain.contract(id).await.map_err(|_| Refusal::Unavailable)?;
        let watched = info.and_then(|info| info.watched()).ok_or(Refusal::NotFound)?;
        let (miner, root, pieces, bytes) = (watched.miner, watched.root, watched.pieces, watched.bytes);
        Ok(Batch { miner, root, pieces, bytes })
    }
}

/// The service as the network calls it.
pub(crate) struct Served(pub(crate) Arc<Service>);

#[async_trait]
impl TrackerService for Served {
    async fn announce(&self, miner: NodeKey, announcement: Announcement) -> Result<(), Refusal> {
        let Announcement { contract, entries } = announcement;
        let directory = self.0.directory();
        let own = directory.own.ok_or(Refusal::Unavailable)?;
        let batch = self.0.batch(&directory, contract).await?;
        if directory.node_key(&batch.miner) != Some(miner) {
            return Err(Refusal::NotYours);
        }
        if !batch.is(&entries) {
            tracing::debug!(%contract, %miner, "an announcement is not what the chain says");
            return Err(Refusal::NotFound);
        }
        let batch = (miner, entries.into_iter().map(|entry| entry.piece).collect());
        let service = self.0.clone();
        tokio::task::spawn_blocking(move || service.note(contract, own, batch))
            .await
            .map_err(|_| Refusal::Unavailable)?
    }

    async fn locate(&self, piece: PieceId) -> Result<Vec<NodeKey>, Refusal> {
        let mut miners = self.0.pieces().map.holders(&piece);
        let presence = self.0.shared.presence();
        // Those that are there first.
        miners.sort_by_key(|miner| presence.online(miner).map_or(1, |online| if online { 0 } else { 2 }));
        miners.truncate(usize::try_from(MAX_NODES).unwrap_or(usize::MAX));
        Ok(miners)
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Vec<NodeKey>, Refusal> {
        let directory = self.0.directory();
        if directory.own.is_none() {
            return Err(Refusal::Unavailable);
        }
        let ResolveRequest { bytes, count, max_price, exclude } = request;
        let wanted =
            Wanted { bytes, count: count.min(MAX_NODES), max_price, exclude: exclude.into_iter().collect() };
        let candidates = {
            let presence = self.0.shared.presence();
            directory.candidates(|miner| presence.online(miner))
        };
        Ok(choose(&candidates, &wanted, rand::rngs::OsRng.gen()))
    }

    async fn tasks(&self, verifier: NodeKey, most: u32) -> Result<Vec<Task>, Refusal> {
        let most = usize::try_from(most.min(MAX_TASKS)).unwrap_or(0);
        self.0.shared.desk().hand(verifier, most, tokio::time::Instant::now()).ok_or(Refusal::NotYours)
    }

    async fn result(&self, verifier: NodeKey, result: TaskResult) -> Result<(), Refusal> {
        let key = (result.contract, result.block);
        // What is over already, by another's answer for one, is nobody's fault.
        let Some(question) = self.0.shared.desk().handed_to(&verifier, key) else {
            return Err(Refusal::NotFound);
        };
        let TaskOutcome::Answered(answer) = result.outcome else {
            self.0.shared.desk().denied(verifier, key);
            return Ok(());
        };
        let outcome = match judge(&self.0.chain.genesis(), &question, &answer) {
            Judgement::Worthless => {
                tracing::warn!(%verifier, "a verifier brought no answer that the miner signed");
                self.0.shared.desk().count(verifier, true);
                return Ok(());
            }
            Judgement::Right => {
                keep(self.0.shared.clone(), question.clone(), answer.clone()).await;
                Outcome::Right(answer)
            }
            Judgement::Wrong => Outcome::Wrong(answer),
        };
        self.0.shared.desk().count(verifier, false);
        self.0.found.send(Found { question, outcome }).await.map_err(|_| Refusal::Unavailable)
    }
}

/// Keeps a right answer on disk. A failure costs the tracker its defence, not the miner its verdict.
pub(crate) async fn keep(
    shared: Arc<Shared>,
    question: Arc<crate::desk::Question>,
    answer: lunarx_proof::Answer,
) {
    let kept = tokio::task::spawn_blocking(move || shared.answers.put(question.key(), &answer)).await;
    match kept {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => tracing::warn!("no room to keep an answer; raise the bound on answers"),
        Ok(Err(error)) => tracing::error!(%error, "cannot keep an answer"),
        Err(error) => tracing::error!(%error, "cannot keep an answer"),
    }
}
