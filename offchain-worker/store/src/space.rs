//! The space of a store: what a reservation takes, and how much is left.
//!
//! A piece of `len` bytes takes `len + tree_bytes(len)`. A reservation of `max_bytes` takes
//! `footprint(max_bytes)`, which covers every way to divide `max_bytes` into pieces: the trees of
//! pieces with `g` whole groups in all have at most `g` pairs. So only `reserve` can run out of space.
//!
//! Not counted: the metadata (about 1 KiB a contract) and what the file system adds to each file.

use crate::StoreError;
use lunarx_proof::GROUP_BYTES;

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
}

impl Usage {
    /// Bytes neither reserved nor stored.
    pub fn free(&self) -> u64 {
        self.quota.saturating_sub(self.reserved).saturating_sub(self.stored)
    }
}

/// Bytes of the hashes of a piece.
pub(crate) fn tree_bytes(len: u64) -> u64 {
    len.div_ceil(GROUP_BYTES).saturating_sub(1) * PAIR_BYTES
}

/// Bytes that a piece takes; `None` past 64 bits.
pub(crate) fn piece_space(len: u64) -> Option<u64> {
    len.checked_add(tree_bytes(len))
}

/// Bytes that pieces of `max_bytes` in all may take; `None` past 64 bits.
pub(crate) fn footprint(max_bytes: u64) -> Option<u64> {
    max_bytes.checked_add(max_bytes / GROUP_BYTES * PAIR_BYTES)
}

/// The largest `max_bytes` whose footprint is at most `free`.
fn largest_reservation(free: u64) -> u64 {
    let group_space = GROUP_BYTES + PAIR_BYTES;
    free / group_space * GROUP_BYTES + (free % group_space).min(GROUP_BYTES - 1)
}

/// Keeps the books. It does no more than add and subtract: who changes it holds the store's lock.
#[derive(Debug)]
pub(crate) struct Ledger(Usage);

impl Ledger {
    pub(crate) fn new(quota: u64) -> Self {
        Self(Usage { quota, ..Usage::default() })
    }

    pub(crate) fn usage(&self) -> Usage {
        self.0
    }

    /// Whether a reservation fits; returns its footprint.
    pub(crate) fn check(&self, max_bytes: u64) -> Result<u64, StoreError> {
        let free = self.0.free();
        footprint(max_bytes)
            .filter(|space| *space <= free)
            .ok_or_else(|| StoreError::QuotaExceeded { needed: max_bytes, free: largest_reservation(free) })
    }

    pub(crate) fn add_reserved(&mut self, space: u64) {
        self.0.reserved = self.0.reserved.saturating_add(space);
    }

    pub(crate) fn take_reserved(&mut self, space: u64) {
        self.0.reserved = self.0.reserved.saturating_sub(space);
    }

    pub(crate) fn add_stored(&mut self, space: u64) {
        self.0.stored = self.0.stored.saturating_add(space);
    }

    pub(crate) fn take_stored(&mut self, space: u64) {
        self.0.stored = self.0.stored.saturating_sub(space);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_a_reservation_that_overflows() {
        let ledger = Ledger::new(u64::MAX);
        assert!(matches!(ledger.check(u64::MAX), Err(StoreError::QuotaExceeded { .. })));
        assert_eq!(footprint(u64::MAX), None);
        assert_eq!(piece_space(u64::MAX), None);
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
        fn footprint_covers_any_division_into_pieces(lens in prop::collection::vec(0u64..200_000, 0..20)) {
            let space: u64 = lens.iter().map(|len| piece_space(*len).unwrap()).sum();
            prop_assert!(space <= footprint(lens.iter().sum()).unwrap());
        }

        #[test]
        fn largest_reservation_fits_and_one_more_does_not(free in any::<u64>()) {
            let most = largest_reservation(free);
            prop_assert!(footprint(most).unwrap() <= free);
            prop_assert!(footprint(most + 1).is_none_or(|space| space > free));
        }
    }
}
