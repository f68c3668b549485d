//! The latest finalized block, followed in the background.

use super::node::{header_number, Head, Node};
use super::read_parameters;
use crate::ChainError;
use lunarx_core::{BlockNumber, ChainParameters};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// After this long without a finalized block the node is asked for it: a subscription may have
/// died without a word.
const SILENCE: Duration = Duration::from_secs(20);
/// Pause after a first failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(8);
/// Blocks after which the runtime's parameters are read again: an upgrade may change them.
const PARAMETERS_EVERY: BlockNumber = 100;

/// The latest finalized block known. Only ever moves forward.
pub(super) struct Heads {
    head: watch::Sender<Head>,
    /// Follows `head`: whoever sees a number here reads at that block or later.
    number: watch::Sender<BlockNumber>,
}

impl Heads {
    pub fn new(head: Head) -> Self {
        Self { head: watch::Sender::new(head), number: watch::Sender::new(head.number) }
    }

    pub fn current(&self) -> Head {
        *self.head.borrow()
    }

    pub fn watch(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    pub fn numbers(&self) -> watch::Receiver<BlockNumber> {
        self.number.subscribe()
    }

    /// Takes `head` if it is later than the current one.
    pub fn advance(&self, head: Head) {
        self.head.send_if_modified(|current| {
            let later = head.number > current.number;
            if later {
                *current = head;
            }
            later
        });
        self.number.send_if_modified(|current| {
            let later = head.number > *current;
            *current = head.number.max(*current);
            later
        });
    }
}

/// The background task: ends when this is dropped.
pub(super) struct Follower(JoinHandle<()>);

impl Follower {
    pub fn start(node: Node, heads: Arc<Heads>, parameters: watch::Sender<ChainParameters>) -> Self {
        Self(tokio::spawn(follow(node, heads, parameters)))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(node: Node, heads: Arc<Heads>, parameters: watch::Sender<ChainParameters>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let before = heads.current().number;
        if let Err(error) = follow_once(&node, &heads, &parameters).await {
            tracing::debug!(%error, "lost the stream of finalized blocks");
        }
        if heads.current().number > before {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(MAX_PAUSE);
    }
}

/// Follows one subscription to its end.
async fn follow_once(
    node: &Node,
    heads: &Heads,
    parameters: &watch::Sender<ChainParameters>,
) -> Result<(), ChainError> {
    let mut headers = node.finalized_headers().await?;
    heads.advance(node.finalized_head().await?);
    let mut read_at = heads.current().number;
    parameters.send_replace(read_parameters(node, heads.current()).await?);
    loop {
        if heads.current().number.saturating_sub(read_at) >= PARAMETERS_EVERY {
            read_at = heads.current().number;
            parameters.send_replace(read_parameters(node, heads.current()).await?);
        }
        match timeout(SILENCE, headers.next()).await {
            Ok(Some(Ok(header))) => {
                let request = "chain_subscribeFinalizedHeads";
                let number = header_number(&header).map_err(|failure| node.error(request, failure))?;
                if number > heads.current().number {
                    heads.advance(Head { number, hash: node.block_hash(number).await? });
                }
            }
            Ok(Some(Err(error))) => {
                return Err(node.error("chain_subscribeFinalizedHeads", error.into()));
            }
            Ok(None) => return Ok(()),
            Err(_) => heads.advance(node.finalized_head().await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back() {
        let head = |number: u8| Head { number: number.into(), hash: [number; 32] };
        let heads = Heads::new(head(5));
        heads.advance(head(3));
        assert_eq!(heads.current(), head(5));
        heads.advance(head(6));
        assert_eq!(heads.current(), head(6));
        assert_eq!(*heads.numbers().borrow(), 6);
    }
}
