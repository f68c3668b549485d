//! The space of a store: what a reservation takes, and how much is left.
//!
//! A piece of `len` bytes takes `len + tree_bytes(len)`, and the pieces of a contract together at least
//! a block each: a file system gives no file less, so small pieces would otherwise take many times what
//! they are charged. A reservation of `max_bytes` takes `footprint(max_bytes)`, which covers every way
//! to divide it into as many pieces as the rules allow: the trees of pieces with `g` whole groups in all
//! have at most `g` pairs, and there are no more pieces than blocks. So only `reserve` can run out of
//! space.
//!
//! What was deleted counts as garbage until the disk has its space again.
//!
//! Not counted: the metadata (about 1 KiB a contract) and the last, partial block of bodies. What is on
//! disk is at most about twice what is charged; in pieces of a MiB and more, a few thousandths more.

use crate::StoreError;
use codec::{Decode, Encode};
use lunarx_proof::GROUP_BYTES;

/// Bytes that a file takes at least: the block of ext4 and XFS.
pub(crate) const BLOCK_BYTES: u64 = 4096;
/// Bytes of the pair of hashes that each group beyond a piece's first adds to its tree.
const PAIR_BYTES: u64 = 64;

/// Bytes of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Most bytes it may take.
    pub quota: u64,
    /// Set aside for reservations that are not kept, whatever has been written under them.
    pub reserved: u64,
    /// Taken by kept contracts, hashes included.
    pub stored: u64,
    /// Removed, but on the disk still.
    pub garbage: u64,
    /// What the disk has left above the floor.
    pub disk: u64,
}

impl Usage {
    /// Bytes that can be reserved: neither reserved nor taken, and on the disk for sure.
    pub fn free(&self) -> u64 {
        let taken = self.reserved.saturating_add(self.stored).saturating_add(self.garbage);
        self.quota.saturating_sub(taken).min(self.disk.saturating_sub(self.reserved))
    }

    /// Whether a reservation fits; returns its footprint.
    pub(crate) fn check(&self, max_bytes: u64) -> Result<u64, StoreError> {
        let free = self.free();
        footprint(max_bytes)
            .filter(|space| *space <= free)
            .ok_or_else(|| StoreError::QuotaExceeded { needed: max_bytes, free: largest_reservation(free) })
    }
}

/// Bytes of the hashes of a piece.
pub(crate) fn tree_bytes(len: u64) -> u64 {
    len.div_ceil(GROUP_BYTES).saturating_sub(1) * PAIR_BYTES
}

/// Bytes that pieces of these lengths under one contract take together.
pub(crate) fn pieces_space(lens: impl IntoIterator<Item = u64>) -> u64 {
    let mut space = Space::default();
    lens.into_iter().for_each(|len| space.add(len));
    space.bytes()
}

/// What the pieces of one contract take, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Space {
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
}

impl Space {
    /// Adds a piece.
    pub(crate) fn add(&mut self, len: u64) {
        self.bytes = self.bytes.saturating_add(len).saturating_add(tree_bytes(len));
        self.blocks = self.blocks.saturating_add(BLOCK_BYTES);
    }

    /// Bytes of all pieces added.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.max(self.blocks)
    }
}

/// Bytes that pieces of `max_bytes` in all may take; `None` past 64 bits.
pub(crate) fn footprint(max_bytes: u64) -> Option<u64> {
    let bytes = max_bytes.max(BLOCK_BYTES);
    bytes.checked_add(bytes / GROUP_BYTES * PAIR_BYTES)
}

/// The largest `max_bytes` whose footprint is at most `free`; 0 if there is none.
fn largest_reservation(free: u64) -> u64 {
    if free < BLOCK_BYTES {
        return 0;
    }
    let group_space = GROUP_BYTES + PAIR_BYTES;
    free / group_space * GROUP_BYTES + (free % group_space).min(GROUP_BYTES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::max_pieces;
    use proptest::prelude::*;

    #[test]
    fn refuses_a_reservation_that_overflows() {
        let usage = Usage { quota: u64::MAX, disk: u64::MAX, ..Usage::default() };
        assert!(matches!(usage.check(u64::MAX), Err(StoreError::QuotaExceeded { .. })));
        assert_eq!(footprint(u64::MAX), None);
        assert_eq!(pieces_space([u64::MAX, 1]), u64::MAX);
    }

    #[test]
    fn nothing_is_free_that_the_disk_lacks_or_that_is_promised() {
        let usage = Usage { quota: 100, reserved: 20, stored: 30, garbage: 10, disk: 1_000 };
        assert_eq!(usage.free(), 40);
        assert_eq!(Usage { disk: 50, ..usage }.free(), 30, "20 of these 50 are reserved");
        assert_eq!(Usage { disk: 10, ..usage }.free(), 0);
        assert_eq!(Usage { garbage: 90, ..usage }.free(), 0);
    }

    #[test]
    fn small_pieces_are_charged_by_the_block() {
        assert_eq!(footprint(1), Some(BLOCK_BYTES));
        assert_eq!(pieces_space([1]), BLOCK_BYTES);
        assert_eq!(pieces_space([1; 256]), 256 * BLOCK_BYTES);
        assert_eq!(pieces_space([1, 40_000]), 40_001 + 2 * PAIR_BYTES);
        assert_eq!(pieces_space([]), 0);
    }

    #[test]
    fn tree_is_as_long_as_the_proof_crate_makes_it() {
        for len in [1, 16_383, 16_384, 16_385, 32_768, 32_769, 1 << 20] {
            let bytes = vec![1; usize::try_from(len).unwrap()];
            let (_, tree) = lunarx_proof::commit(bytes.as_slice(), len).unwrap();
            assert_eq!(u64::try_from(tree.len()).unwrap(), tree_bytes(len), "{len}");
        }
    }

    proptest! {
        #[test]
        fn footprint_covers_any_division_into_pieces(
            lens in prop::collection::vec(prop_oneof![1..200_000_u64, 1..10_u64], 0..20),
            spare in 0..100_000_u64,
        ) {
            let max_bytes = lens.iter().sum::<u64>() + spare;
            let pieces = usize::try_from(max_pieces(max_bytes)).unwrap();
            let space = pieces_space(lens.into_iter().take(pieces));
            prop_assert!(space <= footprint(max_bytes).unwrap());
        }

        #[test]
        fn largest_reservation_fits_and_one_more_does_not(
            free in prop_oneof![BLOCK_BYTES..100_000, BLOCK_BYTES..],
        ) {
            let most = largest_reservation(free);
            prop_assert!(footprint(most).unwrap() <= free);
            prop_assert!(footprint(most + 1).is_none_or(|space| space > free));
        }
    }
}
