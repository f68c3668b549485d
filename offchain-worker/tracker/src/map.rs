//! The piece map: which miners keep which piece, as far as this tracker's part of the ring goes.
//!
//! Built from what miners announced and the chain confirmed (`batches`), again when the ring changes. Bounded:
//! beyond, pieces are left to the other two of their keepers.

use lunarx_core::{ContractId, NodeKey, PieceId};
use std::collections::HashMap;

/// Miners that are named for one piece. Honest miners' pieces differ, so more is a copy of a copy.
const MAX_HOLDERS: usize = 16;

/// The map has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// What is known.
pub(crate) struct PieceMap {
    contracts: HashMap<ContractId, Vec<PieceId>>,
    pieces: HashMap<PieceId, Vec<(ContractId, NodeKey)>>,
    /// Entries in all `contracts`.
    count: usize,
    max: usize,
}

impl PieceMap {
    /// One that holds at most `max` pieces of contracts.
    pub(crate) fn new(max: usize) -> Self {
        Self { contracts: HashMap::new(), pieces: HashMap::new(), count: 0, max }
    }

    /// Notes the pieces of a contract, in place of what was noted of it before.
    pub(crate) fn put(
        &mut self,
        contract: ContractId,
        miner: NodeKey,
        mut pieces: Vec<PieceId>,
    ) -> Result<(), Full> {
        self.remove(&contract);
        pieces.sort_unstable();
        pieces.dedup();
        let count = self.count.saturating_add(pieces.len());
        if count > self.max {
            return Err(Full);
        }
        self.count = count;
        for piece in &pieces {
            let holders = self.pieces.entry(*piece).or_default();
            if holders.len() < MAX_HOLDERS {
                holders.push((contract, miner));
            }
        }
        if !pieces.is_empty() {
            self.contracts.insert(contract, pieces);
        }
        Ok(())
    }

    /// Who keeps a piece.
    pub(crate) fn holders(&self, piece: &PieceId) -> Vec<NodeKey> {
        let mut miners: Vec<NodeKey> =
            self.pieces.get(piece).into_iter().flatten().map(|(_, miner)| *miner).collect();
        miners.sort_unstable();
        miners.dedup();
        miners
    }

    /// Drops the contracts and pieces that one of these says no to: contracts that are over, pieces that fell
    /// to other trackers.
    pub(crate) fn retain(&mut self, live: impl Fn(&ContractId) -> bool, ours: impl Fn(&PieceId) -> bool) {
        let gone: Vec<ContractId> = self.contracts.keys().filter(|id| !live(id)).copied().collect();
        gone.iter().for_each(|id| self.remove(id));
        self.contracts.retain(|_, pieces| {
            pieces.retain(&ours);
            !pieces.is_empty()
        });
        self.pieces.retain(|piece, _| ours(piece));
        self.count = self.contracts.values().map(Vec::len).sum();
    }

    /// Pieces of contracts that are noted.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn remove(&mut self, contract: &ContractId) {
        let Some(pieces) = self.contracts.remove(contract) else { return };
        self.count = self.count.saturating_sub(pieces.len());
        for piece in pieces {
            if let Some(holders) = self.pieces.get_mut(&piece) {
                holders.retain(|(id, _)| id != contract);
                if holders.is_empty() {
                    self.pieces.remove(&piece);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> ContractId {
        ContractId([byte; 32])
    }

    fn miner(byte: u8) -> NodeKey {
        NodeKey([byte; 32])
    }

    fn pieces(bytes: &[u8]) -> Vec<PieceId> {
        bytes.iter().map(|byte| PieceId([*byte; 32])).collect()
    }

    #[test]
    fn names_all_holders_and_forgets_with_the_contract() {
        let mut map = PieceMap::new(100);
        map.put(id(1), miner(1), pieces(&[1, 2])).unwrap();
        map.put(id(2), miner(2), pieces(&[2, 3])).unwrap();
        assert_eq!(map.holders(&PieceId([2; 32])), [miner(1), miner(2)]);
        map.retain(|contract| *contract != id(1), |_| true);
        assert_eq!(map.holders(&PieceId([2; 32])), [miner(2)]);
        assert!(map.holders(&PieceId([1; 32])).is_empty());
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn announcing_again_replaces() {
        let mut map = PieceMap::new(3);
        for _ in 0..5 {
            map.put(id(1), miner(1), pieces(&[1, 2, 2])).unwrap();
        }
        assert_eq!((map.len(), map.holders(&PieceId([2; 32])).len()), (2, 1));
    }

    #[test]
    fn is_bounded() {
        let mut map = PieceMap::new(3);
        map.put(id(1), miner(1), pieces(&[1, 2])).unwrap();
        assert_eq!(map.put(id(2), miner(2), pieces(&[3, 4])), Err(Full));
        map.put(id(3), miner(2), pieces(&[3])).unwrap();
        map.retain(|contract| *contract != id(1), |_| true);
        map.put(id(2), miner(2), pieces(&[4, 5])).unwrap();

        let mut copies = PieceMap::new(1_000);
        (0..100).for_each(|n| copies.put(id(n), miner(n), pieces(&[7])).unwrap());
        assert_eq!(copies.holders(&PieceId([7; 32])).len(), MAX_HOLDERS);
    }

    #[test]
    fn pieces_of_other_trackers_are_dropped() {
        let mut map = PieceMap::new(100);
        map.put(id(1), miner(1), pieces(&[1, 2, 3])).unwrap();
        map.retain(|_| true, |piece| piece.0[0] != 2);
        assert!(map.holders(&PieceId([2; 32])).is_empty());
        assert_eq!(map.len(), 2);
        map.retain(|_| true, |_| false);
        assert!(map.contracts.is_empty() && map.pieces.is_empty());
    }
}
