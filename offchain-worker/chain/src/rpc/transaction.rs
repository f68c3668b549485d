//! From a call to its finalized receipt.
//!
//! The chain's finalized state decides, never the node's word on its pool: pools lose, hide and
//! delay transactions. At each finalized block the account's nonce is read; once it has passed the
//! transaction's nonce, the blocks since are searched for it.
//!
//! # Invariants
//! - All attempts at one nonce exclude each other: at most one of them can ever be included.
//! - Another nonce is taken only when no attempt at the former one can be included any more: another
//!   transaction used it, or the lifetimes of all attempts ended at a finalized block.
//!
//! So a call takes effect at most once.

use super::heads::Heads;
use super::node::{hash, Failure, Hash, Head, Node};
use super::queue::{Place, Queues};
use super::runtime::{too_little, Runtimes, Terms};
use crate::{Call, ChainError, Receipt, Signer};
use lunarx_core::{blake2b_256, AccountId, Balance, BlockNumber};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use subxt_rpcs::client::RpcSubscription;
use tokio::time::{sleep, timeout};

/// Blocks in which an attempt can be included: a power of two, as its encoding asks.
const LIFETIME: u32 = 32;
/// Most attempts at one nonce.
const MAX_ATTEMPTS: u32 = 4;
/// Most nonces tried.
const MAX_NONCES: u32 = 3;
/// Added to the tip with each attempt, so that the pool takes it in place of the one before.
const TIP_STEP: Balance = 1_000_000;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// For one attempt to be finalized, before the next.
    pub attempt: Duration,
    /// Between looks while nothing can be sent.
    pub pause: Duration,
    /// For everything, from the account's turn on.
    pub deadline: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(40),
            pause: Duration::from_secs(2),
            deadline: Duration::from_secs(300),
        }
    }
}

/// Sends transactions and sees them through.
pub(super) struct Transactions {
    pub node: Node,
    pub genesis: Hash,
    pub heads: Arc<Heads>,
    pub runtimes: Runtimes,
    pub queues: Queues,
    pub pace: Pace,
}

/// One call on its way.
struct Journey<'a> {
    signer: &'a Signer,
    account: AccountId,
    call: &'a Call,
    place: Place,
    /// Sent in all.
    attempts: u32,
    /// The last thing heard.
    heard: String,
    /// Attempts at the present nonce, by hash: each may have reached a pool.
    sent: Vec<Hash>,
}

/// The attempts at one nonce.
struct Trial {
    nonce: u32,
    attempts: u32,
    /// The last finalized block known not to include it.
    searched: BlockNumber,
    /// The last block that can include it.
    last_valid: BlockNumber,
}

/// What the finalized state says of a trial.
enum Found {
    Ours {
        block: Head,
        index: u32,
        extrinsic: Hash,
    },
    /// Another transaction used the nonce.
    Taken,
}

/// What the pool says of a transaction.
enum Status {
    Waiting,
    InBestBlock,
    Finalized(Hash),
    Over(String),
}

/// What a failure to send means.
enum Verdict {
    /// Never to be taken.
    Refused(ChainError),
    /// Perhaps later, or it is there already.
    Later(String),
    /// The node is not there.
    Unreachable(String),
}

impl Transactions {
    pub async fn submit(&self, signer: &Signer, call: &Call) -> Result<Receipt, ChainError> {
        let account = signer.account();
        self.runtimes.at(&self.node, self.genesis, None).await?.check(call)?;
        let place = self.queues.enter(account).await;
        let (attempts, heard, sent) = (0, String::new(), Vec::new());
        let mut journey = Journey { signer, account, call, place, attempts, heard, sent };
        match timeout(self.pace.deadline, self.run(&mut journey)).await {
            Ok(result) => result,
            Err(_) => Err(self.unfinished(&journey)),
        }
    }

    fn unfinished(&self, journey: &Journey<'_>) -> ChainError {
        match journey.sent.last() {
            Some(extrinsic) => ChainError::TimedOut {
                extrinsic: *extrinsic,
                seconds: self.pace.deadline.as_secs(),
                reason: journey.heard.clone(),
            },
            None => journey.not_included(),
        }
    }

    async fn run(&self, journey: &mut Journey<'_>) -> Result<Receipt, ChainError> {
        for _ in 0..MAX_NONCES {
            journey.sent.clear();
            let next = self.node.next_nonce(journey.account).await?;
            let nonce = journey.place.take(next).await;
            let searched = self.heads.current().number;
            let trial = Trial { nonce, attempts: 0, searched, last_valid: 0 };
            if let Some(receipt) = self.attempt(journey, trial).await? {
                return Ok(receipt);
            }
        }
        Err(journey.not_included())
    }

    /// Tries one nonce until it is decided. `None`: no attempt is or will be included.
    async fn attempt(
        &self,
        journey: &mut Journey<'_>,
        mut trial: Trial,
    ) -> Result<Option<Receipt>, ChainError> {
        loop {
            match self.look(journey, &mut trial).await {
                Ok(Some(Found::Ours { block, index, extrinsic })) => {
                    return self.receipt(journey, block, index, extrinsic).await.map(Some);
                }
                Ok(Some(Found::Taken)) => {
                    journey.heard = format!("another transaction used the nonce {}", trial.nonce);
                    return Ok(None);
                }
                Ok(None) if !journey.sent.is_empty() && trial.searched >= trial.last_valid => {
                    return Ok(None);
                }
                Ok(None) if trial.attempts < MAX_ATTEMPTS => {
                    if let Err(error) = self.send(journey, &mut trial).await {
                        // Nothing else was sent: the refusal is final.
                        if journey.sent.is_empty() {
                            return Err(error);
                        }
                        journey.heard = error.to_string();
                        self.pause().await;
                    }
                }
                Ok(None) => self.pause().await,
                Err(error) if journey.sent.is_empty() => return Err(error),
                Err(error) => {
                    journey.heard = error.to_string();
                    self.pause().await;
                }
            }
        }
    }

    /// Signs and sends once more, and waits until there is reason to look at the state. An error
    /// says that this attempt was not sent.
    async fn send(&self, journey: &mut Journey<'_>, trial: &mut Trial) -> Result<(), ChainError> {
        let runtime = self.runtimes.at(&self.node, self.genesis, None).await?;
        let birth = self.heads.current();
        let tip = Balance::from(trial.attempts).saturating_mul(TIP_STEP);
        let terms = Terms { nonce: trial.nonce, tip, birth, lifetime: LIFETIME };
        let signed = runtime.sign(journey.call, journey.signer, &terms)?;
        // From here on it may be in a pool, even if no answer comes.
        journey.sent.push(signed.hash);
        trial.last_valid = trial.last_valid.max(birth.number.saturating_add(LIFETIME));
        match self.node.send(&signed.bytes).await {
            Ok(statuses) => {
                trial.attempts += 1;
                journey.attempts += 1;
                journey.heard = self.watch(journey, trial, statuses).await;
            }
            Err(failure) => match judge(failure, journey.account) {
                Verdict::Refused(error) => {
                    journey.sent.pop();
                    trial.attempts += 1;
                    journey.attempts += 1;
                    return Err(error);
                }
                Verdict::Later(reason) => {
                    trial.attempts += 1;
                    journey.attempts += 1;
                    journey.heard = reason;
                    self.pause().await;
                }
                Verdict::Unreachable(reason) => {
                    journey.heard = reason;
                    self.pause().await;
                }
            },
        }
        Ok(())
    }

    /// Follows the pool's reports until there is reason to look at the state, or to send again.
    async fn watch(
        &self,
        journey: &mut Journey<'_>,
        trial: &Trial,
        mut statuses: RpcSubscription<Value>,
    ) -> String {
        let mut heads = self.heads.watch();
        let patience = sleep(self.pace.attempt);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                status = statuses.next() => match status {
                    None => return "the node stopped reporting on the transaction".into(),
                    Some(Err(error)) => return error.to_string(),
                    Some(Ok(report)) => match status_of(&report) {
                        Status::Waiting => {}
                        Status::InBestBlock => journey.place.pass_on(),
                        Status::Over(reason) => return reason,
                        Status::Finalized(hash) => {
                            if let Ok(head) = self.node.head(hash).await {
                                self.heads.advance(head);
                            }
                            return "the node reports it finalized".into();
                        }
                    },
                },
                changed = heads.changed() => {
                    let head = self.heads.current();
                    let nonce = self.node.account(journey.account, head.hash).await.map(|info| info.nonce);
                    if changed.is_err() || nonce.is_ok_and(|nonce| nonce > trial.nonce) {
                        return "its nonce is used in a finalized block".into();
                    }
                }
                () = &mut patience => {
                    return format!("not finalized within {} s", self.pace.attempt.as_secs());
                }
            }
        }
    }

    /// Asks the finalized state whether the trial is decided.
    async fn look(&self, journey: &Journey<'_>, trial: &mut Trial) -> Result<Option<Found>, ChainError> {
        let head = self.heads.current();
        if head.number <= trial.searched {
            return Ok(None);
        }
        let next = self.node.account(journey.account, head.hash).await?.nonce;
        if next <= trial.nonce {
            trial.searched = head.number;
            return Ok(None);
        }
        for number in trial.searched.saturating_add(1)..=head.number {
            let block = Head { number, hash: self.node.block_hash(number).await? };
            let extrinsics = self.node.extrinsics(block.hash).await?;
            for (index, extrinsic) in (0u32..).zip(&extrinsics) {
                let extrinsic = blake2b_256(extrinsic);
                if journey.sent.contains(&extrinsic) {
                    return Ok(Some(Found::Ours { block, index, extrinsic }));
                }
            }
        }
        Ok(Some(Found::Taken))
    }

    /// The outcome of an included transaction.
    async fn receipt(
        &self,
        journey: &mut Journey<'_>,
        block: Head,
        index: u32,
        extrinsic: Hash,
    ) -> Result<Receipt, ChainError> {
        journey.place.pass_on();
        loop {
            match self.outcome(journey.account, block, index).await {
                Ok(fee) => return Ok(Receipt { block: block.number, extrinsic, fee }),
                Err(error) if error.is_retryable() => {
                    journey.heard = error.to_string();
                    self.pause().await;
                }
                Err(error @ (ChainError::Decode { .. } | ChainError::Incompatible { .. })) => {
                    // Included, but we cannot tell how it went.
                    journey.heard = error.to_string();
                    return Err(self.unfinished(journey));
                }
                Err(error) => return Err(journey.explain(error)),
            }
        }
    }

    async fn outcome(
        &self,
        account: AccountId,
        block: Head,
        index: u32,
    ) -> Result<Option<Balance>, ChainError> {
        let runtime = self.runtimes.at(&self.node, self.genesis, Some(block.hash)).await?;
        let events = self.node.events(block.hash).await?;
        runtime.outcome(events, index, account)
    }

    /// Until the next finalized block, or a little while.
    async fn pause(&self) {
        let mut heads = self.heads.watch();
        // Either way it is time to look again.
        let _ = timeout(self.pace.pause, heads.changed()).await;
    }
}

impl Journey<'_> {
    /// The runtime has no error of its own for a transfer of too much.
    fn explain(&self, error: ChainError) -> ChainError {
        let poor =
            error.is_dispatch("Arithmetic", "Underflow") || error.is_dispatch("Token", "NotExpendable");
        if poor && matches!(self.call, Call::Transfer { .. }) {
            return too_little(self.account);
        }
        error
    }

    fn not_included(&self) -> ChainError {
        ChainError::NotIncluded { attempts: self.attempts, reason: self.heard.clone() }
    }
}

fn status_of(report: &Value) -> Status {
    if let Some(word) = report.as_str() {
        return match word {
            "dropped" => Status::Over("the node dropped it from its pool".into()),
            "invalid" => Status::Over("the node found it invalid".into()),
            _ => Status::Waiting,
        };
    }
    let Some((word, value)) = report.as_object().and_then(|object| object.iter().next()) else {
        return Status::Waiting;
    };
    match (word.as_str(), hash(value)) {
        ("inBlock", _) => Status::InBestBlock,
        ("finalized", Ok(hash)) => Status::Finalized(hash),
        ("usurped", _) => Status::Over("another transaction took its place in the pool".into()),
        ("finalityTimeout", _) => Status::Over("its block was not finalized in time".into()),
        _ => Status::Waiting,
    }
}

fn judge(failure: Failure, account: AccountId) -> Verdict {
    /// The pool's code for a transaction that the runtime refuses.
    const INVALID: i32 = 1010;
    /// What passes by itself: the state or the runtime moved while we signed.
    const PASSING: [&str; 4] = ["outdated", "bad signature", "ancient birth", "in the future"];
    /// The node does not offer transactions, or not in this form.
    const NOT_OFFERED: std::ops::RangeInclusive<i32> = -32602..=-32600;

    match failure {
        Failure::Unreachable(reason) => Verdict::Unreachable(reason),
        Failure::Unreadable(reason) => Verdict::Later(reason),
        Failure::Refused { code: INVALID, reason } => {
            if reason.contains("Inability to pay") {
                let reason = "the transaction's fee is more than its transferable balance".into();
                Verdict::Refused(ChainError::InsufficientBalance { account, reason })
            } else if PASSING.iter().any(|passing| reason.contains(passing)) {
                Verdict::Later(reason)
            } else {
                Verdict::Refused(ChainError::Rejected { reason })
            }
        }
        Failure::Refused { code, reason } if NOT_OFFERED.contains(&code) => {
            Verdict::Refused(ChainError::Rejected { reason })
        }
        Failure::Refused { reason, .. } => Verdict::Later(reason),
    }
}
