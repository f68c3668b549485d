//! Which trackers keep the place of which piece: consistent hashing over the active trackers.
//!
//! ```text
//! point i of a tracker = u64 of BLAKE3 derive_key("lunarx 2026-11 tracker ring v1", node key ‖ i), i < 64
//! point of a piece     = u64 of its id
//! ```
//! Numbers are little-endian, `i` is a `u32`. A piece belongs to the first [`REPLICAS`] trackers at or behind
//! its point, around the ring. When a tracker comes or goes, only its own share moves.

use lunarx_core::{NodeKey, PieceId};
use std::collections::BTreeSet;

/// Trackers that keep a piece's place.
pub const REPLICAS: usize = 3;
/// Points of a tracker: the share of one in `t` trackers is within some 12 % of 1/t.
const POINTS: u32 = 64;
const CONTEXT: &str = "lunarx 2026-11 tracker ring v1";

/// The ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    points: Vec<(u64, NodeKey)>,
}

impl Ring {
    /// Of these trackers.
    pub fn new(trackers: impl IntoIterator<Item = NodeKey>) -> Self {
        let distinct: BTreeSet<NodeKey> = trackers.into_iter().collect();
        let mut points: Vec<_> =
            distinct.into_iter().flat_map(|key| (0..POINTS).map(move |i| (point(&key, i), key))).collect();
        points.sort_unstable();
        Self { points }
    }

    /// The trackers that keep a piece's place, the nearest first.
    pub fn keepers(&self, piece: &PieceId) -> Vec<NodeKey> {
        let mut first = [0; 8];
        first.copy_from_slice(&piece.0[..8]);
        let at = u64::from_le_bytes(first);
        let from = self.points.partition_point(|(point, _)| *point < at);
        let (before, behind) = self.points.split_at(from);
        let mut keepers = Vec::with_capacity(REPLICAS);
        for (_, key) in behind.iter().chain(before) {
            if !keepers.contains(key) {
                keepers.push(*key);
                if keepers.len() == REPLICAS {
                    break;
                }
            }
        }
        keepers
    }

    /// Whether `tracker` keeps a piece's place.
    pub fn keeps(&self, tracker: &NodeKey, piece: &PieceId) -> bool {
        self.keepers(piece).contains(tracker)
    }
}

fn point(key: &NodeKey, index: u32) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&key.0).update(&index.to_le_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trackers(range: std::ops::Range<u8>) -> Vec<NodeKey> {
        range.map(|i| NodeKey([i; 32])).collect()
    }

    fn pieces(count: u32) -> impl Iterator<Item = PieceId> {
        (0..count).map(|i| PieceId(*blake3::hash(&i.to_le_bytes()).as_bytes()))
    }

    #[test]
    fn every_piece_has_three_keepers_where_there_are_three() {
        for (count, expected) in [(0, 0), (1, 1), (2, 2), (3, 3), (20, 3)] {
            let ring = Ring::new(trackers(0..count));
            for piece in pieces(200) {
                let keepers: BTreeSet<_> = ring.keepers(&piece).into_iter().collect();
                assert_eq!(keepers.len(), expected);
            }
        }
    }

    #[test]
    fn the_loss_of_a_tracker_moves_its_share_only() {
        let (before, after) = (Ring::new(trackers(0..20)), Ring::new(trackers(1..20)));
        let lost = NodeKey([0; 32]);
        for piece in pieces(1_000) {
            let mut left = before.keepers(&piece);
            left.retain(|key| *key != lost);
            let now = after.keepers(&piece);
            assert!(left.iter().all(|key| now.contains(key)));
        }
    }

    #[test]
    fn shares_are_about_even() {
        let ring = Ring::new(trackers(0..10));
        let mut shares = [0u32; 10];
        for piece in pieces(10_000) {
            ring.keepers(&piece).iter().for_each(|key| shares[usize::from(key.0[0])] += 1);
        }
        // 3,000 each on average.
        assert!(shares.iter().all(|share| (1_800..4_200).contains(share)), "{shares:?}");
    }

    #[test]
    fn the_order_and_repetitions_of_the_trackers_do_not_matter() {
        let mut reversed = trackers(0..9);
        reversed.reverse();
        reversed.extend(trackers(0..9));
        assert_eq!(Ring::new(reversed), Ring::new(trackers(0..9)));
    }
}
