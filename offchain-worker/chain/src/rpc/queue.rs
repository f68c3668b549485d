//! One queue of transactions a key.
//!
//! Who has the turn of an account takes its next nonce and sends; the turn passes on when the
//! transaction stands in a best block, or is over. So transactions of one key reach the chain in
//! order, while several may wait for finality at once.

use lunarx_core::AccountId;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The queues of all accounts that this process signs for.
#[derive(Default)]
pub(super) struct Queues(Mutex<HashMap<AccountId, Arc<Queue>>>);

#[derive(Default)]
struct Queue {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Nonces in use by transactions that are not over.
    in_use: Mutex<BTreeSet<u32>>,
}

/// One transaction's place in its account's queue. Gives back its nonce when dropped.
pub(super) struct Place {
    queue: Arc<Queue>,
    turn: Option<OwnedMutexGuard<()>>,
    nonce: Option<u32>,
}

impl Queues {
    /// Waits for the turn of `account`.
    pub async fn enter(&self, account: AccountId) -> Place {
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queues.entry(account).or_default().clone()
        };
        let turn = queue.turn.clone().lock_owned().await;
        Place { queue, turn: Some(turn), nonce: None }
    }
}

impl Place {
    /// Takes the next nonce, in place of one taken before. `chain` is the next nonce as the node
    /// counts it. Waits for the turn if it was passed on.
    pub async fn take(&mut self, chain: u32) -> u32 {
        if self.turn.is_none() {
            self.turn = Some(self.queue.turn.clone().lock_owned().await);
        }
        self.give_back();
        let mut in_use = self.queue.in_use();
        let after = in_use.last().map_or(0, |last| last.saturating_add(1));
        let nonce = chain.max(after);
        in_use.insert(nonce);
        drop(in_use);
        self.nonce = Some(nonce);
        nonce
    }

    /// Lets the account's next transaction go.
    pub fn pass_on(&mut self) {
        self.turn = None;
    }

    fn give_back(&mut self) {
        if let Some(nonce) = self.nonce.take() {
            self.queue.in_use().remove(&nonce);
        }
    }
}

impl Queue {
    fn in_use(&self) -> std::sync::MutexGuard<'_, BTreeSet<u32>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const ACCOUNT: AccountId = AccountId([1; 32]);

    #[tokio::test]
    async fn nonces_follow_each_other_while_the_node_lags() {
        let queues = Queues::default();
        let mut first = queues.enter(ACCOUNT).await;
        assert_eq!(first.take(7).await, 7);
        first.pass_on();
        let mut second = queues.enter(ACCOUNT).await;
        assert_eq!(second.take(7).await, 8);
        second.pass_on();
        assert_eq!(queues.enter(ACCOUNT).await.take(12).await, 12);
    }

    #[tokio::test]
    async fn a_nonce_given_up_is_used_again() {
        let queues = Queues::default();
        let mut first = queues.enter(ACCOUNT).await;
        assert_eq!(first.take(7).await, 7);
        drop(first);
        assert_eq!(queues.enter(ACCOUNT).await.take(7).await, 7);
    }

    #[tokio::test]
    async fn one_key_waits_for_its_turn_and_others_do_not() {
        let queues = Queues::default();
        let mut first = queues.enter(ACCOUNT).await;
        assert!(queues.enter(ACCOUNT).now_or_never().is_none());
        assert!(queues.enter(AccountId([2; 32])).now_or_never().is_some());
        first.pass_on();
        assert!(queues.enter(ACCOUNT).now_or_never().is_some());
    }
}
