//! The way into the DHT: which known nodes are dialled so that the table fills.
//!
//! A node is found by others only if it is in their tables, and it gets there by connecting with them:
//! both sides identify each other and take each other up. Libp2p bootstraps by itself, that is, looks for
//! the nodes next to this one and so becomes known to them: half a second after a node came into a table
//! of fewer than [`FULL`], and every five minutes. So all that is missing are the first connections.
//! Miners make them while their table is small; a client makes them when it looks for somebody and has
//! nobody to ask.
//!
//! Decides only; the runner acts.

use crate::address::MAX_NODES;
use libp2p::{kad::K_VALUE, PeerId};
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// Nodes in a table that needs no more dials: as many as a lookup asks for.
pub(crate) const FULL: usize = K_VALUE.get();
/// Known nodes dialled at a time.
const DIALS: usize = 3;
/// Time between two rounds of dials.
const PERIOD: Duration = Duration::from_secs(15);
/// The same while nobody is in the table: nothing works before.
const PERIOD_ALONE: Duration = Duration::from_secs(1);

/// Rounds of dials to known nodes.
pub(crate) struct Entry {
    /// When the next round is due.
    due: Instant,
    /// Whether the last round found nobody to dial.
    starved: bool,
    /// Whom earlier rounds dialled: every other node has its turn before one is dialled again.
    tried: HashSet<PeerId>,
}

impl Entry {
    /// The first round is due at once.
    pub(crate) fn new(now: Instant) -> Self {
        Self { due: now, starved: true, tried: HashSet::new() }
    }

    /// Whether a table with `known` nodes needs a round now.
    pub(crate) fn is_due(&self, now: Instant, known: usize) -> bool {
        known < FULL && self.due <= now
    }

    /// There is a new node to dial: a round that found none is made up for.
    pub(crate) fn hasten(&mut self, now: Instant) {
        if self.starved {
            self.due = now;
        }
    }

    /// The nodes to dial in this round, out of those that are neither connected nor in the table.
    pub(crate) fn round<I>(&mut self, now: Instant, known: usize, candidates: impl Fn() -> I) -> Vec<PeerId>
    where
        I: Iterator<Item = PeerId>,
    {
        let untried = |tried: &HashSet<PeerId>| -> Vec<PeerId> {
            candidates().filter(|peer| !tried.contains(peer)).take(DIALS).collect()
        };
        let mut chosen = untried(&self.tried);
        if chosen.is_empty() || self.tried.len() >= MAX_NODES {
            self.tried.clear();
            chosen = untried(&self.tried);
        }
        self.tried.extend(&chosen);
        self.starved = chosen.is_empty();
        self.due = now + if known == 0 { PERIOD_ALONE } else { PERIOD };
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(count: usize) -> Vec<PeerId> {
        (0..count).map(|_| PeerId::random()).collect()
    }

    #[test]
    fn every_known_node_has_its_turn_before_one_is_dialled_again() {
        let (now, peers) = (Instant::now(), peers(7));
        let mut entry = Entry::new(now);
        let mut dialled = Vec::new();
        for expected in [DIALS, DIALS, 1] {
            let round = entry.round(now, 0, || peers.iter().copied());
            assert_eq!(round.len(), expected);
            dialled.extend(round);
        }
        assert_eq!(dialled, peers);
        assert_eq!(entry.round(now, 0, || peers.iter().copied()), peers[..DIALS]);
    }

    #[test]
    fn a_full_table_needs_no_round_and_an_empty_one_needs_it_soon() {
        let (now, peers) = (Instant::now(), peers(3));
        let mut entry = Entry::new(now);
        assert!(entry.is_due(now, 0) && entry.is_due(now, FULL - 1) && !entry.is_due(now, FULL));
        entry.round(now, 0, || peers.iter().copied());
        assert!(!entry.is_due(now, 0) && entry.is_due(now + PERIOD_ALONE, 0));
        entry.round(now, 1, || peers.iter().copied());
        assert!(!entry.is_due(now + PERIOD_ALONE, 1) && entry.is_due(now + PERIOD, 1));
    }

    #[test]
    fn a_new_node_is_dialled_at_once_only_if_there_was_none() {
        let (now, peers) = (Instant::now(), peers(1));
        let mut entry = Entry::new(now);
        assert!(entry.round(now, 1, std::iter::empty).is_empty());
        assert!(!entry.is_due(now, 1));
        entry.hasten(now);
        assert!(entry.is_due(now, 1));
        entry.round(now, 1, || peers.iter().copied());
        entry.hasten(now);
        assert!(!entry.is_due(now, 1));
    }
}
