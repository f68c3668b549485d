//! Tells trackers which batches this miner keeps: once after each acceptance, and again after a restart or
//! when a tracker is new. Best effort, beside the passes: one task at a time, a bounded number of
//! announcements in each, and a tracker that does not take one is left alone for a while.
//!
//! On the way it learns who judges, which it tells the [`Prover`].

use crate::{disk::Disk, peers::parsed, prover::Prover};
use lunarx_chain::Chain;
use lunarx_core::{BlockNumber, ContractId, NodeKey, TrackerState};
use lunarx_network::{Announcement, Network};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio_util::task::AbortOnDropHandle;

/// Blocks between two looks at the register of trackers.
const LOOK_EVERY: BlockNumber = 20;
/// Blocks for which a tracker that did not take an announcement is left alone.
const RETRY_AFTER: BlockNumber = 20;
/// Most trackers that are told.
const MAX_TRACKERS: usize = 256;
/// Announcements in one task.
const MAX_AT_ONCE: usize = 64;

/// What one task came to.
#[derive(Default)]
struct Outcome {
    told: Vec<(NodeKey, ContractId)>,
    failed: BTreeSet<NodeKey>,
}

/// Tells trackers what is kept.
pub(crate) struct Announcer {
    chain: Arc<dyn Chain>,
    network: Network,
    disk: Arc<Disk>,
    prover: Arc<Prover>,
    trackers: BTreeSet<NodeKey>,
    next_look: BlockNumber,
    told: BTreeSet<(NodeKey, ContractId)>,
    /// Trackers to leave alone, each until a height.
    resting: BTreeMap<NodeKey, BlockNumber>,
    task: Option<AbortOnDropHandle<Outcome>>,
}

impl Announcer {
    pub(crate) fn new(chain: Arc<dyn Chain>, network: Network, disk: Arc<Disk>, prover: Arc<Prover>) -> Self {
        Self {
            chain,
            network,
            disk,
            prover,
            trackers: BTreeSet::new(),
            next_look: 0,
            told: BTreeSet::new(),
            resting: BTreeMap::new(),
            task: None,
        }
    }

    /// Goes on telling that `kept` is here.
    pub(crate) async fn step(&mut self, kept: &BTreeSet<ContractId>, height: BlockNumber) {
        if kept.is_empty() {
            return;
        }
        self.look(height).await;
        self.collect(height).await;
        let (trackers, told) = (&self.trackers, &mut self.told);
        told.retain(|(tracker, contract)| trackers.contains(tracker) && kept.contains(contract));
        self.resting.retain(|_, until| *until > height);
        if self.task.is_some() {
            return;
        }
        let awake = self.trackers.iter().filter(|tracker| !self.resting.contains_key(*tracker));
        let all = awake.flat_map(|tracker| kept.iter().map(|contract| (*tracker, *contract)));
        let owed: Vec<_> = all.filter(|one| !self.told.contains(one)).take(MAX_AT_ONCE).collect();
        if !owed.is_empty() {
            let task = tell(self.network.clone(), self.disk.clone(), owed);
            self.task = Some(AbortOnDropHandle::new(tokio::spawn(task)));
        }
    }

    /// Looks at the register, if it is time to.
    async fn look(&mut self, height: BlockNumber) {
        if height < self.next_look {
            return;
        }
        self.next_look = height.saturating_add(LOOK_EVERY);
        let trackers = match self.chain.trackers().await {
            Ok(trackers) => trackers,
            Err(error) => {
                tracing::debug!(%error, "cannot read the register of trackers");
                return;
            }
        };
        // Whoever is not drawn any more may still hold a seat.
        let verifiers = trackers.iter().flat_map(|tracker| &tracker.verifiers);
        let auditors = trackers.iter().map(|tracker| &tracker.node_key).chain(verifiers);
        self.prover.set_auditors(auditors.copied().collect());
        let own = self.network.node_key();
        let active = trackers
            .into_iter()
            .filter(|tracker| tracker.state == TrackerState::Active && tracker.node_key != own)
            .take(MAX_TRACKERS);
        self.trackers.clear();
        for tracker in active {
            self.network.add_addresses(tracker.node_key, parsed(&tracker.details.addresses)).await;
            self.trackers.insert(tracker.node_key);
        }
    }

    /// Takes over what a task that is over came to.
    async fn collect(&mut self, height: BlockNumber) {
        let Some(task) = self.task.take_if(|task| task.is_finished()) else { return };
        match task.await {
            Ok(outcome) => {
                self.told.extend(outcome.told);
                let until = height.saturating_add(RETRY_AFTER);
                self.resting.extend(outcome.failed.into_iter().map(|tracker| (tracker, until)));
            }
            Err(error) => tracing::error!(%error, "telling the trackers failed"),
        }
    }
}

/// Makes announcements one after another; none more to a tracker that did not take one.
async fn tell(network: Network, disk: Arc<Disk>, owed: Vec<(NodeKey, ContractId)>) -> Outcome {
    let mut outcome = Outcome::default();
    for (tracker, contract) in owed {
        if outcome.failed.contains(&tracker) {
            continue;
        }
        let entries = match disk.run(move |store| store.batch(contract)).await {
            Ok(entries) => entries,
            Err(error) => {
                tracing::debug!(%contract, %error, "cannot read what to announce");
                continue;
            }
        };
        match network.announce(tracker, Announcement { contract, entries }).await {
            Ok(()) => outcome.told.push((tracker, contract)),
            Err(error) => {
                tracing::debug!(%tracker, %contract, %error, "a tracker did not take an announcement");
                outcome.failed.insert(tracker);
            }
        }
    }
    outcome
}
