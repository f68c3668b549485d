//! When miners were there: heartbeats at times that they cannot foresee.
//!
//! In each finalized block a heartbeat is due with the same probability, independently: the discrete
//! memoryless law. The randomness is the tracker's own, so nobody can be there for the heartbeats alone.

use crate::verdict::Beats;
use lunarx_core::{BlockNumber, NodeKey};
use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

/// Heartbeats of a miner in a window, on average.
const BEATS_PER_WINDOW: f64 = 6.0;
/// Heartbeats of a miner that are remembered.
const MAX_BEATS: usize = 256;

/// The chance that a heartbeat is due in one of `blocks` blocks.
pub(crate) fn chance(blocks: BlockNumber, window: BlockNumber) -> f64 {
    let each = (BEATS_PER_WINDOW / f64::from(window.max(1))).min(1.0);
    1.0 - (1.0 - each).powf(f64::from(blocks))
}

/// What heartbeats said, by miner and block.
#[derive(Default)]
pub(crate) struct Presence {
    beats: HashMap<NodeKey, VecDeque<(BlockNumber, bool)>>,
}

impl Presence {
    /// Notes a heartbeat of block `at`.
    pub(crate) fn note(&mut self, miner: NodeKey, at: BlockNumber, reached: bool) {
        let beats = self.beats.entry(miner).or_default();
        if beats.len() >= MAX_BEATS {
            beats.pop_front();
        }
        beats.push_back((at, reached));
    }

    /// Those of some blocks.
    pub(crate) fn within(&self, miner: &NodeKey, blocks: Range<BlockNumber>) -> Beats {
        let mut sum = Beats::default();
        for (_, reached) in self.beats.get(miner).into_iter().flatten().filter(|(at, _)| blocks.contains(at))
        {
            let count = if *reached { &mut sum.reached } else { &mut sum.missed };
            *count = count.saturating_add(1);
        }
        sum
    }

    /// What the last heartbeat said; `None` for a miner that is not watched here.
    pub(crate) fn online(&self, miner: &NodeKey) -> Option<bool> {
        self.beats.get(miner).and_then(VecDeque::back).map(|(_, reached)| *reached)
    }

    /// Forgets what is older than `height`, and miners of whom nothing is left.
    pub(crate) fn forget_before(&mut self, height: BlockNumber) {
        self.beats.retain(|_, beats| {
            beats.retain(|(at, _)| *at >= height);
            !beats.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_memoryless() {
        for (first, second) in [(1, 1), (3, 4), (100, 1_100)] {
            let missed = |blocks| 1.0 - chance(blocks, 1_200);
            let apart: f64 = missed(first) * missed(second);
            assert!((missed(first + second) - apart).abs() < 1e-12);
        }
        // Six a window: a chance of 6/1200 a block.
        assert!((chance(1, 1_200) - 0.005).abs() < 1e-12);
        assert!((chance(1, 3) - 1.0).abs() < 1e-12, "never more than one a block");
    }

    #[test]
    fn counts_by_block_and_forgets() {
        let (miner, other) = (NodeKey([1; 32]), NodeKey([2; 32]));
        let mut presence = Presence::default();
        for (at, reached) in [(9, false), (10, true), (15, false), (19, true), (20, false)] {
            presence.note(miner, at, reached);
        }
        assert_eq!(presence.within(&miner, 10..20), Beats { reached: 2, missed: 1 });
        assert_eq!(presence.within(&other, 10..20), Beats::default());
        assert_eq!((presence.online(&miner), presence.online(&other)), (Some(false), None));
        presence.forget_before(20);
        assert_eq!(presence.within(&miner, 0..100), Beats { reached: 0, missed: 1 });
        presence.forget_before(21);
        assert_eq!(presence.online(&miner), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut presence = Presence::default();
        (0..10_000).for_each(|at| presence.note(NodeKey([1; 32]), at, true));
        assert_eq!(presence.within(&NodeKey([1; 32]), 0..10_000).reached, 256);
    }
}
