//! The batch tree: a contract's commitment to a list of (`PieceId`, length) pairs.
//!
//! A Merkle sum tree of the shape in [`crate::tree`]: each node carries the bytes under it, and its hash
//! covers those of both children. So a path shows not only that a piece is in the batch, but at which of
//! the batch's bytes it begins, and a byte drawn at random from the whole batch belongs to one piece.
//!
//! ```text
//! leaf = BLAKE3 derive_key("lunarx 2026-11 batch leaf v1", piece ‖ len)
//! node = BLAKE3 derive_key("lunarx 2026-11 batch node v1", left ‖ left bytes ‖ right ‖ right bytes)
//! root = BLAKE3 derive_key("lunarx 2026-11 batch root v1", pieces ‖ bytes ‖ top)
//! ```
//! Numbers are `u64`, little-endian. Leaves and nodes are hashed in different modes, so neither passes
//! for the other; the number of pieces goes into the root, so one list has one root. The empty batch has
//! a root without `top`, and no contract takes it.

use crate::tree::{climb, left_leaves};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lunarx_core::{BatchRoot, PieceId};
use scale_info::TypeInfo;

const LEAF_CONTEXT: &str = "lunarx 2026-11 batch leaf v1";
const NODE_CONTEXT: &str = "lunarx 2026-11 batch node v1";
const ROOT_CONTEXT: &str = "lunarx 2026-11 batch root v1";

/// One piece of a batch, as its contract covers it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BatchEntry {
    /// The piece.
    pub piece: PieceId,
    /// Its stored length in bytes.
    pub len: u64,
}

/// A subtree: its hash and the bytes under it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Subtree {
    hash: [u8; 32],
    bytes: u64,
}

/// Where a piece stands in the bytes of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The batch's bytes before it.
    pub offset: u64,
    /// The batch's bytes in all.
    pub total: u64,
}

/// The root over `entries`, in their order. Byte counts saturate: no contract has that many.
pub fn batch_root(entries: &[BatchEntry]) -> BatchRoot {
    let top = (!entries.is_empty()).then(|| subtree(entries));
    root(count(entries), top)
}

/// The siblings on the way from entry `index` to the root, from the leaf up; `None` where there is no
/// such entry.
pub fn batch_path(entries: &[BatchEntry], index: usize) -> Option<Vec<Subtree>> {
    if index >= entries.len() {
        return None;
    }
    let mut path = Vec::new();
    let (mut entries, mut index) = (entries, index);
    while entries.len() > 1 {
        let (left, right) = halves(entries);
        if index < left.len() {
            path.push(subtree(right));
            entries = left;
        } else {
            path.push(subtree(left));
            index -= left.len();
            entries = right;
        }
    }
    path.reverse();
    Some(path)
}

/// Checks that `entry` is entry `index` of the `pieces` under `batch`, and says where it stands.
pub fn place(
    batch: &BatchRoot,
    pieces: u32,
    index: u32,
    entry: &BatchEntry,
    path: &[Subtree],
) -> Option<Place> {
    // Beside each subtree, the bytes before the entry in it: a left sibling adds its own.
    let mut offset: u64 = 0;
    let mut at = u64::from(index);
    let mut last = u64::from(pieces).checked_sub(1)?;
    let mut rest = path.iter();
    while last > 0 {
        if at & 1 == 1 {
            offset = offset.checked_add(rest.next()?.bytes)?;
        } else if at < last {
            rest.next()?;
        }
        at >>= 1;
        last >>= 1;
    }
    let top = climb(index.into(), pieces.into(), leaf(entry), path, |left, right, _| join(&left, &right))?;
    (root(pieces.into(), Some(top)) == *batch).then_some(Place { offset, total: top.bytes })
}

fn count(entries: &[BatchEntry]) -> u64 {
    u64::try_from(entries.len()).expect("usize has at most 64 bits on every target; qed")
}

fn halves(entries: &[BatchEntry]) -> (&[BatchEntry], &[BatchEntry]) {
    let left = usize::try_from(left_leaves(count(entries))).unwrap_or(entries.len());
    entries.split_at(left.min(entries.len()))
}

/// Subtree over entries, which are at least one. Recursion is as deep as the logarithm of their number.
fn subtree(entries: &[BatchEntry]) -> Subtree {
    match entries {
        // The halves of two or more entries are not empty, so this is never asked for.
        [] => Subtree { hash: [0; 32], bytes: 0 },
        [entry] => leaf(entry),
        _ => {
            let (left, right) = halves(entries);
            let (left, right) = (subtree(left), subtree(right));
            Subtree { hash: node(&left, &right), bytes: left.bytes.saturating_add(right.bytes) }
        }
    }
}

fn leaf(entry: &BatchEntry) -> Subtree {
    let mut hasher = blake3::Hasher::new_derive_key(LEAF_CONTEXT);
    hasher.update(&entry.piece.0).update(&entry.len.to_le_bytes());
    Subtree { hash: *hasher.finalize().as_bytes(), bytes: entry.len }
}

/// The parent of two subtrees; `None` where their bytes cannot be counted.
fn join(left: &Subtree, right: &Subtree) -> Option<Subtree> {
    Some(Subtree { hash: node(left, right), bytes: left.bytes.checked_add(right.bytes)? })
}

fn node(left: &Subtree, right: &Subtree) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(NODE_CONTEXT);
    for side in [left, right] {
        hasher.update(&side.hash).update(&side.bytes.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn root(pieces: u64, top: Option<Subtree>) -> BatchRoot {
    let mut hasher = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
    hasher.update(&pieces.to_le_bytes());
    if let Some(top) = top {
        hasher.update(&top.bytes.to_le_bytes()).update(&top.hash);
    }
    BatchRoot(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(count: u8) -> Vec<BatchEntry> {
        (0..count).map(|i| BatchEntry { piece: PieceId([i; 32]), len: u64::from(i) * 1024 }).collect()
    }

    #[test]
    fn golden_roots() {
        let roots: Vec<String> = [0, 1, 2, 3, 7].map(|n| batch_root(&entries(n)).to_string()).into();
        assert_eq!(roots, GOLDEN);
    }

    // Computed from the module's documentation with the package `blake3` of PyPI.
    const GOLDEN: [&str; 5] = [
        "0x47ff228c9c7a1ba48387404bb0101f7a7b949ff06b0d923f88734cfdb76c0023",
        "0x02127ca1b2f3d1d321d8637ea57821b9da558e21cf910d7e1cb45dbb6f9c67c6",
        "0x4d2bdf641e5e0b6727d0708635894aad6daca71353552b913e072a69a0ce671a",
        "0x314c72658d76b6d5e0bdab769c304f6fbec45686172b38f7c224e70ed2f3de54",
        "0x2d6a447aead102c0ecbcf477dda434a1e2a7b279f6989e47362e0372bf9e90ba",
    ];

    #[test]
    fn places_are_the_bytes_before() {
        for count in 1..=40u8 {
            let entries = entries(count);
            let batch = batch_root(&entries);
            let total = entries.iter().map(|entry| entry.len).sum();
            let mut offset = 0;
            for (index, entry) in entries.iter().enumerate() {
                let path = batch_path(&entries, index).unwrap();
                let index = u32::try_from(index).unwrap();
                let place = place(&batch, count.into(), index, entry, &path);
                assert_eq!(place, Some(Place { offset, total }), "{index} of {count}");
                offset += entry.len;
            }
        }
        assert_eq!(batch_path(&entries(3), 3), None);
        assert_eq!(batch_path(&[], 0), None);
    }

    #[test]
    fn a_place_that_overflows_is_refused() {
        let entries = [BatchEntry { piece: PieceId([1; 32]), len: u64::MAX }; 2];
        let batch = batch_root(&entries);
        for index in 0..2 {
            let path = batch_path(&entries, index).unwrap();
            assert_eq!(place(&batch, 2, u32::try_from(index).unwrap(), &entries[0], &path), None);
        }
    }

    proptest! {
        #[test]
        fn any_change_changes_the_root(count in 1u8..40, at in 0u8..40, bit in 0usize..256) {
            let original = entries(count);
            let at = usize::from(at % count);
            let mut piece = original.clone();
            piece[at].piece.0[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(batch_root(&piece), batch_root(&original));
            let mut len = original.clone();
            len[at].len ^= 1;
            prop_assert_ne!(batch_root(&len), batch_root(&original));
            prop_assert_ne!(batch_root(&original[1..]), batch_root(&original));
        }

        #[test]
        fn a_changed_path_proves_nothing(
            count in 2u8..40,
            at in any::<prop::sample::Index>(),
            step in any::<prop::sample::Index>(),
            bit in 0usize..320,
        ) {
            let entries = entries(count);
            let batch = batch_root(&entries);
            let at = at.index(entries.len());
            let index = u32::try_from(at).unwrap();
            let mut path = batch_path(&entries, at).unwrap();
            let step = step.index(path.len());
            let sibling = &mut path[step];
            match bit {
                0..256 => sibling.hash[bit / 8] ^= 1 << (bit % 8),
                // Moving bytes from one sibling to another would move the entry.
                _ => sibling.bytes ^= 1 << (bit - 256),
            }
            prop_assert_eq!(place(&batch, count.into(), index, &entries[at], &path), None);
        }

        #[test]
        fn another_index_or_count_proves_nothing(count in 1u8..40, at in any::<prop::sample::Index>(), wrong in 0u32..50) {
            let entries = entries(count);
            let batch = batch_root(&entries);
            let at = at.index(entries.len());
            let path = batch_path(&entries, at).unwrap();
            let index = u32::try_from(at).unwrap();
            if wrong != index {
                prop_assert_eq!(place(&batch, count.into(), wrong, &entries[at], &path), None);
            }
            if wrong != u32::from(count) {
                prop_assert_eq!(place(&batch, wrong, index, &entries[at], &path), None);
            }
        }
    }
}
