//! A verifier: takes tasks off a tracker's hands, with no data and no user's keys.
//!
//! It asks the miner, checks the answer against the chain, and hands it on. The tracker checks everything again,
//! so a verifier's mistake costs its own good name only.

use crate::{
    addresses::readable,
    ask::{ask, Outcome},
    desk::Question,
    view::rules_of,
    TrackerError,
};
use lunarx_chain::{from_ss58, Chain, ChainError};
use lunarx_core::{AccountId, NodeKey, TrackerInfo};
use lunarx_network::{Network, NetworkError, NodeSecret, Refusal, Task, TaskOutcome, TaskResult, MAX_TASKS};
use lunarx_proof::{challenged, Covered};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

/// Tasks at once.
const MAX_AT_ONCE: u32 = 16;
/// The wait between two questions for work.
const IDLE: Duration = Duration::from_secs(1);
/// The wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The tracker that a verifier works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackerRef {
    /// By its account.
    Account(AccountId),
    /// By its node's key.
    Node(NodeKey),
}

impl FromStr for TrackerRef {
    type Err = String;

    /// Reads an address (SS58) or a node key (64 hexadecimal digits, with or without `0x`).
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(key) = text.parse() {
            return Ok(Self::Node(key));
        }
        let unknown = |error| format!("{text:?} is no account and no node key: {error}");
        from_ss58(text).map(Self::Account).map_err(unknown)
    }
}

/// The network's configuration of the verifier whose data folder is `dir`: its node key, made there once.
///
/// # Errors
/// A folder or key that cannot be read or made.
pub fn verifier_config(dir: &Path, genesis: [u8; 32]) -> Result<lunarx_network::Config, TrackerError> {
    Ok(lunarx_network::Config::client(NodeSecret::open_or_create(dir)?, genesis))
}

/// Works for `tracker` until `stop` is cancelled. `config` is that of a client; the tracker must have named its
/// node key on chain.
///
/// # Errors
/// Only what cannot mend itself, such as an account that is no tracker. A chain or tracker that cannot be
/// reached is waited for, and so is a tracker that does not know the verifier yet.
pub async fn run_verifier(
    chain: Arc<dyn Chain>,
    config: lunarx_network::Config,
    tracker: TrackerRef,
    stop: CancellationToken,
) -> Result<(), TrackerError> {
    let (network, runner) = lunarx_network::construct(config)?;
    let network_stop = CancellationToken::new();
    let mut network_task = tokio::spawn(runner.run(network_stop.clone()));
    let network_guard = network_stop.drop_guard();
    let verifier = Verifier { chain, network };
    let result = tokio::select! {
        result = verifier.work(tracker) => result,
        _ = &mut network_task => Err(TrackerError::NetworkStopped),
        () = stop.cancelled() => Ok(()),
    };
    drop(network_guard);
    if !network_task.is_finished() {
        let _ = network_task.await;
    }
    result
}

#[derive(Clone)]
struct Verifier {
    chain: Arc<dyn Chain>,
    network: Network,
}

impl Verifier {
    /// Works until it is dropped. Returns by an error only.
    async fn work(&self, tracker: TrackerRef) -> Result<(), TrackerError> {
        let mut refused = false;
        loop {
            let wait = match self.round(tracker).await {
                Ok(0) => IDLE,
                Ok(_) => Duration::ZERO,
                Err(TrackerError::Network(error)) if is_unknown(&error) => {
                    // Told once: its operator may take a while.
                    if !std::mem::replace(&mut refused, true) {
                        let error = TrackerError::NotRegistered(self.network.node_key());
                        tracing::warn!(%error, "waiting");
                    }
                    AFTER_FAILURE
                }
                Err(TrackerError::Network(error)) if !matches!(*error, NetworkError::Stopped) => {
                    tracing::debug!(%error, "no work from the tracker");
                    AFTER_FAILURE
                }
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "the verifier's work waits");
                    AFTER_FAILURE
                }
                Err(error) => return Err(error),
            };
            sleep(wait).await;
        }
    }

    /// Takes some tasks and does them; how many.
    async fn round(&self, tracker: TrackerRef) -> Result<usize, TrackerError> {
        let info = self.find(tracker).await?;
        self.network.add_addresses(info.node_key, readable(&info.details.addresses)).await;
        let tasks = self.network.tasks(info.node_key, MAX_AT_ONCE.min(MAX_TASKS)).await?;
        let count = tasks.len();
        let mut work = JoinSet::new();
        for task in tasks {
            let verifier = self.clone();
            work.spawn(async move { verifier.task(info.node_key, task).await });
        }
        while let Some(done) = work.join_next().await {
            match done? {
                // It was over by then, or the tracker is busy: its own loss.
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) => tracing::debug!(%error, "a task came to nothing"),
                Ok(()) => {}
            }
        }
        Ok(count)
    }

    async fn find(&self, tracker: TrackerRef) -> Result<TrackerInfo<AccountId>, TrackerError> {
        match tracker {
            TrackerRef::Account(account) => {
                self.chain.tracker(account).await?.ok_or(TrackerError::NoTracker(account))
            }
            TrackerRef::Node(key) => {
                let found = self.chain.trackers().await?.into_iter().find(|info| info.node_key == key);
                found.ok_or(TrackerError::NoTrackerNode(key))
            }
        }
    }

    async fn task(&self, tracker: NodeKey, task: Task) -> Result<(), TaskError> {
        let Task { contract, block, miner } = task;
        let Some(question) = self.question(task).await? else {
            tracing::debug!(%contract, block, %miner, "the chain knows no such challenge");
            return Ok(());
        };
        let outcome = match ask(&self.network, &question).await? {
            Outcome::Right(answer) | Outcome::Wrong(answer) => TaskOutcome::Answered(answer),
            Outcome::Silent => TaskOutcome::Refused,
            Outcome::Unreachable => TaskOutcome::Unreachable,
        };
        tracing::info!(%contract, block, answered = matches!(outcome, TaskOutcome::Answered(_)), "task done");
        Ok(self.network.result(tracker, TaskResult { contract, block, outcome }).await?)
    }

    /// What the chain says of a task: a tracker is not believed either.
    async fn question(&self, task: Task) -> Result<Option<Question>, ChainError> {
        let Task { contract, block, miner } = task;
        let Some(watched) = self.chain.contract(contract).await?.and_then(|info| info.watched()) else {
            return Ok(None);
        };
        let Some(provider) = self.chain.provider(watched.miner).await? else { return Ok(None) };
        let Some(seed) = self.chain.audit_seeds(block, 1).await?.first().copied().flatten() else {
            return Ok(None);
        };
        if provider.node_key != miner {
            return Ok(None);
        }
        self.network.add_addresses(miner, readable(&provider.addresses)).await;
        let positions =
            challenged(&seed, &contract, watched.bytes, &rules_of(&self.chain.parameters(), &watched));
        let covered = Covered { root: watched.root, pieces: watched.pieces, bytes: watched.bytes };
        Ok(positions.map(|positions| Question { contract, block, miner, covered, seed, positions }))
    }
}

/// Why a task came to nothing.
#[derive(Debug, thiserror::Error)]
enum TaskError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl TaskError {
    fn is_fatal(&self) -> bool {
        matches!(self, Self::Network(NetworkError::Stopped))
    }
}

impl From<TaskError> for TrackerError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Chain(error) => error.into(),
            TaskError::Network(error) => error.into(),
        }
    }
}

/// Whether the tracker says that the verifier is none of its own.
fn is_unknown(error: &NetworkError) -> bool {
    matches!(error, NetworkError::Refused { refusal: Refusal::NotYours, .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_chain::to_ss58;

    #[test]
    fn a_tracker_is_named_by_account_or_node_key() {
        let key = NodeKey([7; 32]);
        assert_eq!(key.to_string().parse(), Ok(TrackerRef::Node(key)));
        assert_eq!("07".repeat(32).parse(), Ok(TrackerRef::Node(key)));
        let account = AccountId([8; 32]);
        assert_eq!(to_ss58(account).parse(), Ok(TrackerRef::Account(account)));
        assert!("nobody".parse::<TrackerRef>().unwrap_err().contains("nobody"));
    }
}
