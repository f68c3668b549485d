//! The questions that wait to be put, and who puts them: the tracker itself or its verifiers.
//!
//! - Miners take turns, and a miner is asked few things at once: one with many contracts holds up nobody.
//! - Each question goes to at most two verifiers. One that nobody took within [`PATIENCE`] the tracker puts
//!   itself.
//! - An answer proves itself, so whoever brings a right one is believed. A verifier that says that there is
//!   none is not: the tracker looks itself, at once. Whoever is refuted too often gets no more work.

use lunarx_core::{AuditSeed, BlockNumber, ContractId, NodeKey};
use lunarx_network::Task;
use lunarx_proof::Covered;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Questions that the tracker itself puts at once.
const MAX_ASKED: usize = 32;
/// Of these, to one miner.
const MAX_ASKED_OF_ONE: usize = 2;
/// Verifiers that get the same question.
const MAX_HANDED: usize = 2;
/// How long a question waits for verifiers.
const PATIENCE: Duration = Duration::from_secs(4);
/// A verifier that asked for nothing this long is away.
const AWAY: Duration = Duration::from_secs(30);
/// Refuted claims up to which a verifier is taken for unlucky, and beyond which a quarter of its results.
const MAX_REFUTED: u32 = 4;

/// A question by its contract and block.
pub(crate) type Key = (ContractId, BlockNumber);

/// A challenge, with all that is needed to judge an answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) contract: ContractId,
    pub(crate) block: BlockNumber,
    pub(crate) miner: NodeKey,
    pub(crate) covered: Covered,
    pub(crate) seed: AuditSeed,
    pub(crate) positions: Vec<u64>,
}

impl Question {
    pub(crate) fn key(&self) -> Key {
        (self.contract, self.block)
    }
}

struct Entry {
    question: Arc<Question>,
    /// Not before.
    ready: Instant,
    handed: BTreeSet<NodeKey>,
    /// Verifiers that say that there is no answer.
    deniers: BTreeSet<NodeKey>,
    /// The tracker asks right now.
    asked: bool,
}

/// The questions to one miner.
#[derive(Default)]
struct Lane {
    entries: BTreeMap<Key, Entry>,
    /// Of them, those that the tracker asks right now.
    asked: usize,
    /// The miner was not reached: not before.
    held: Option<Instant>,
}

/// How a verifier did.
#[derive(Clone, Copy, Debug, Default)]
struct Repute {
    seen: Option<Instant>,
    results: u32,
    refuted: u32,
}

impl Repute {
    fn is_trusted(&self) -> bool {
        self.refuted <= MAX_REFUTED || self.refuted.saturating_mul(4) <= self.results
    }
}

/// The questions that wait.
#[derive(Default)]
pub(crate) struct Desk {
    lanes: BTreeMap<NodeKey, Lane>,
    miners: HashMap<Key, NodeKey>,
    /// The miner that was asked last.
    last: Option<NodeKey>,
    asked: usize,
    verifiers: BTreeMap<NodeKey, Repute>,
}

impl Desk {
    /// Takes the verifiers that the chain names. What is known of those that stay is kept.
    pub(crate) fn set_verifiers(&mut self, named: &[NodeKey]) {
        self.verifiers.retain(|key, _| named.contains(key));
        named.iter().for_each(|key| {
            self.verifiers.entry(*key).or_default();
        });
    }

    /// Adds a question that is put at `ready` or later. One that waits already stays as it is.
    pub(crate) fn put(&mut self, question: Arc<Question>, ready: Instant) {
        let (key, miner) = (question.key(), question.miner);
        if self.miners.contains_key(&key) {
            return;
        }
        self.miners.insert(key, miner);
        let entry =
            Entry { question, ready, handed: BTreeSet::new(), deniers: BTreeSet::new(), asked: false };
        self.lanes.entry(miner).or_default().entries.insert(key, entry);
    }

    /// Asks a miner nothing until then, or at once again.
    pub(crate) fn hold(&mut self, miner: NodeKey, until: Option<Instant>) {
        if let Some(lane) = self.lanes.get_mut(&miner) {
            lane.held = until;
        }
    }

    /// Drops the questions that `keep` says no to. Those being asked stay until they are over.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Question) -> bool) {
        for lane in self.lanes.values_mut() {
            lane.entries.retain(|key, entry| {
                let stays = entry.asked || keep(&entry.question);
                if !stays {
                    self.miners.remove(key);
                }
                stays
            });
        }
        self.lanes.retain(|_, lane| !lane.entries.is_empty());
    }

    /// The next question that the tracker puts itself: of the miner whose turn it is.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Arc<Question>> {
        if self.asked >= MAX_ASKED {
            return None;
        }
        let patience = if self.has_help(now) { PATIENCE } else { Duration::ZERO };
        let behind = self.last.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let after = self.lanes.range((behind, std::ops::Bound::Unbounded));
        let order: Vec<NodeKey> = after.chain(&self.lanes).map(|(miner, _)| *miner).collect();
        for miner in order {
            let Some(lane) = self.lanes.get_mut(&miner) else { continue };
            if lane.asked >= MAX_ASKED_OF_ONE || lane.held.is_some_and(|until| now < until) {
                continue;
            }
            let due = |entry: &&mut Entry| {
                let denied = !entry.deniers.is_empty();
                let wait = if denied { Duration::ZERO } else { patience };
                !entry.asked && (denied || now >= entry.ready + wait)
            };
            // The one that waits longest, so that none is asked for again and again before the others.
            let next = |entry: &&mut Entry| (entry.deniers.is_empty(), entry.ready);
            if let Some(entry) = lane.entries.values_mut().filter(due).min_by_key(next) {
                entry.asked = true;
                let question = entry.question.clone();
                lane.asked = lane.asked.saturating_add(1);
                self.asked = self.asked.saturating_add(1);
                self.last = Some(miner);
                return Some(question);
            }
        }
        None
    }

    /// Work for a verifier, at most `most` of it; `None` if it is none of ours, or not trusted any more.
    pub(crate) fn hand(&mut self, verifier: NodeKey, most: usize, now: Instant) -> Option<Vec<Task>> {
        let repute = self.verifiers.get_mut(&verifier).filter(|repute| repute.is_trusted())?;
        repute.seen = Some(now);
        let free = |entry: &&mut Entry| {
            let more = entry.handed.len() < MAX_HANDED && !entry.handed.contains(&verifier);
            more && !entry.asked && now >= entry.ready
        };
        let open = self.lanes.values_mut().filter(|lane| lane.held.is_none_or(|until| now >= until));
        // Few of each miner, so that a verifier does not ask one miner for everything at once.
        let entries = open.flat_map(|lane| lane.entries.values_mut().filter(free).take(MAX_ASKED_OF_ONE));
        let tasks = entries.take(most).map(|entry| {
            entry.handed.insert(verifier);
            let Question { contract, block, miner, .. } = *entry.question;
            Task { contract, block, miner }
        });
        Some(tasks.collect())
    }

    /// The question that was handed to a verifier and still waits.
    pub(crate) fn handed_to(&self, verifier: &NodeKey, key: Key) -> Option<Arc<Question>> {
        let entry = self.lanes.get(self.miners.get(&key)?)?.entries.get(&key)?;
        entry.handed.contains(verifier).then(|| entry.question.clone())
    }

    /// A verifier says that there is no answer: the tracker looks itself.
    pub(crate) fn denied(&mut self, verifier: NodeKey, key: Key) {
        self.count(verifier, false);
        let lane = self.miners.get(&key).and_then(|miner| self.lanes.get_mut(miner));
        if let Some(entry) = lane.and_then(|lane| lane.entries.get_mut(&key)) {
            entry.deniers.insert(verifier);
        }
    }

    /// A verifier brought an answer: whether its word stood is known at once.
    pub(crate) fn count(&mut self, verifier: NodeKey, refuted: bool) {
        if let Some(repute) = self.verifiers.get_mut(&verifier) {
            repute.results = repute.results.saturating_add(1);
            if refuted {
                refute(&verifier, repute);
            }
        }
    }

    /// A question is over. `answered` refutes whoever said that there is no answer.
    pub(crate) fn close(&mut self, key: Key, answered: bool) {
        let Some(miner) = self.miners.remove(&key) else { return };
        let Some(lane) = self.lanes.get_mut(&miner) else { return };
        if let Some(entry) = lane.entries.remove(&key) {
            if entry.asked {
                lane.asked = lane.asked.saturating_sub(1);
                self.asked = self.asked.saturating_sub(1);
            }
            for verifier in entry.deniers.iter().filter(|_| answered) {
                if let Some(repute) = self.verifiers.get_mut(verifier) {
                    refute(verifier, repute);
                }
            }
        }
        if lane.entries.is_empty() {
            self.lanes.remove(&miner);
        }
    }

    /// Whether a trusted verifier asked for work of late.
    fn has_help(&self, now: Instant) -> bool {
        let near = |seen: Instant| now.saturating_duration_since(seen) < AWAY;
        self.verifiers.values().any(|repute| repute.is_trusted() && repute.seen.is_some_and(near))
    }
}

fn refute(verifier: &NodeKey, repute: &mut Repute) {
    let before = repute.is_trusted();
    repute.refuted = repute.refuted.saturating_add(1);
    let (results, refuted) = (repute.results, repute.refuted);
    tracing::debug!(%verifier, results, refuted, "a verifier was refuted");
    if before && !repute.is_trusted() {
        tracing::warn!(%verifier, results, refuted, "a verifier was refuted too often; it gets no more work");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::BatchRoot;

    const A: NodeKey = NodeKey([0xa; 32]);
    const B: NodeKey = NodeKey([0xb; 32]);

    fn question(miner: u8, contract: u8, block: u32) -> Arc<Question> {
        Arc::new(Question {
            contract: ContractId([contract; 32]),
            block,
            miner: NodeKey([miner; 32]),
            covered: Covered { root: BatchRoot([0; 32]), pieces: 1, bytes: 1 },
            seed: AuditSeed([0; 32]),
            positions: vec![0],
        })
    }

    fn taken(desk: &mut Desk, now: Instant) -> Vec<Key> {
        std::iter::from_fn(|| desk.take(now)).map(|question| question.key()).collect()
    }

    #[tokio::test]
    async fn miners_take_turns_and_none_is_asked_much_at_once() {
        let now = Instant::now();
        let mut desk = Desk::default();
        (0..50).for_each(|block| desk.put(question(1, 1, block), now));
        desk.put(question(2, 2, 7), now);
        let order = taken(&mut desk, now);
        assert_eq!(order.len(), 3);
        assert_eq!(order[1], (ContractId([2; 32]), 7), "the second turn is the other miner's");
        desk.close(order[0], true);
        assert_eq!(taken(&mut desk, now).len(), 1);
    }

    #[tokio::test]
    async fn a_question_asked_again_waits_behind_the_others() {
        let now = Instant::now();
        let mut desk = Desk::default();
        (0..6).for_each(|block| desk.put(question(1, 1, block), now));
        let first = taken(&mut desk, now);
        for (_, block) in &first {
            desk.close((ContractId([1; 32]), *block), false);
            desk.put(question(1, 1, *block), now + Duration::from_millis(1));
        }
        let second = taken(&mut desk, now + Duration::from_secs(1));
        assert!(second.iter().all(|key| !first.contains(key)), "{first:?} {second:?}");
    }

    #[tokio::test]
    async fn few_questions_are_put_at_once_in_all() {
        let now = Instant::now();
        let mut desk = Desk::default();
        (0..200).for_each(|miner| desk.put(question(miner, miner, 1), now));
        assert_eq!(taken(&mut desk, now).len(), MAX_ASKED);
    }

    #[tokio::test]
    async fn waits_for_its_time_and_for_a_miner_that_is_away() {
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(9));
        let mut desk = Desk::default();
        desk.put(question(1, 1, 1), later);
        desk.put(question(2, 2, 1), now);
        desk.hold(NodeKey([2; 32]), Some(later));
        assert!(taken(&mut desk, now).is_empty());
        desk.hold(NodeKey([2; 32]), None);
        assert_eq!(taken(&mut desk, now), [(ContractId([2; 32]), 1)]);
        assert_eq!(taken(&mut desk, later), [(ContractId([1; 32]), 1)]);
    }

    #[tokio::test]
    async fn two_verifiers_get_a_question_and_the_tracker_what_nobody_takes() {
        let now = Instant::now();
        let mut desk = Desk::default();
        let others = [NodeKey([0xc; 32]), NodeKey([0xd; 32])];
        desk.set_verifiers(&[A, B, others[0]]);
        desk.put(question(1, 1, 1), now);
        let handed = |desk: &mut Desk, to| desk.hand(to, 9, now).map(|tasks| tasks.len());
        assert_eq!(handed(&mut desk, A), Some(1));
        assert_eq!(handed(&mut desk, A), Some(0));
        assert_eq!(handed(&mut desk, B), Some(1));
        assert_eq!(handed(&mut desk, others[0]), Some(0));
        assert_eq!(handed(&mut desk, others[1]), None, "not named");
        assert!(desk.handed_to(&A, (ContractId([1; 32]), 1)).is_some());
        assert!(desk.handed_to(&others[0], (ContractId([1; 32]), 1)).is_none());
        assert!(taken(&mut desk, now).is_empty());
        assert_eq!(taken(&mut desk, now + PATIENCE).len(), 1);
    }

    #[tokio::test]
    async fn a_denial_is_looked_at_once_and_refuted_by_an_answer() {
        let now = Instant::now();
        let mut desk = Desk::default();
        desk.set_verifiers(&[A, B]);
        for block in 0..20 {
            desk.put(question(1, 1, block), now);
            let Some(tasks) = desk.hand(A, 9, now) else {
                assert_eq!(block, MAX_REFUTED + 1, "one more than is forgiven");
                assert_eq!(desk.hand(B, 9, now).unwrap().len(), 1, "the other one goes on");
                return;
            };
            assert_eq!(tasks.len(), 1);
            let key = (ContractId([1; 32]), block);
            desk.denied(A, key);
            assert_eq!(taken(&mut desk, now), [key]);
            desk.close(key, true);
        }
        panic!("the liar still gets work");
    }

    #[tokio::test]
    async fn an_honest_denial_is_no_lie() {
        let now = Instant::now();
        let mut desk = Desk::default();
        desk.set_verifiers(&[A]);
        for block in 0..100 {
            desk.put(question(1, 1, block), now);
            assert_eq!(desk.hand(A, 9, now).unwrap().len(), 1);
            desk.denied(A, (ContractId([1; 32]), block));
            assert!(desk.take(now).is_some());
            desk.close((ContractId([1; 32]), block), false);
        }
    }

    #[tokio::test]
    async fn what_is_gone_is_not_asked() {
        let now = Instant::now();
        let mut desk = Desk::default();
        desk.put(question(1, 1, 1), now);
        desk.put(question(1, 2, 1), now);
        desk.retain(|question| question.contract == ContractId([2; 32]));
        assert_eq!(taken(&mut desk, now), [(ContractId([2; 32]), 1)]);
        desk.retain(|_| false);
        desk.close((ContractId([2; 32]), 1), false);
        assert!(desk.lanes.is_empty() && desk.miners.is_empty() && desk.asked == 0);
    }
}
