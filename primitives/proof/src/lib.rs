//! Roots of pieces and of batches of pieces, computed and verified with the same code on chain and
//! off.
//!
//! A [`PieceId`] is the plain BLAKE3 hash of a piece's stored bytes, whose tree gives range proofs.
//! A [`BatchRoot`] commits a contract to a list of (`PieceId`, length) pairs: a Merkle tree of the
//! shape of RFC 6962 §2.1 (the left subtree of `n` leaves holds the largest power of two below `n`),
//! hashed with BLAKE3. Leaves and nodes are hashed in different modes, so neither passes for the
//! other; the number of leaves is hashed in at the top, so one list has one root.
//!
//! Off chain, the feature `range` adds `range`: parts of a piece that travel with the hashes that
//! prove them.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "range")]
pub mod range;

#[cfg(feature = "range")]
pub use range::{
    commit, encode_range, max_encoded_len, verify_range, RangeError, ReadAt, VerifiedRange, GROUP_BYTES,
    MAX_PIECE_BYTES, MAX_RANGE_BYTES,
};

use lunarx_core::{BatchRoot, PieceId};

const LEAF_CONTEXT: &str = "lunarx 2026-11 batch leaf v1";
const NODE_CONTEXT: &str = "lunarx 2026-11 batch node v1";
const ROOT_CONTEXT: &str = "lunarx 2026-11 batch root v1";

/// One piece of a batch, as its contract covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// The piece.
    pub piece: PieceId,
    /// Its stored length in bytes.
    pub len: u64,
}

/// The root over `entries`, in their order. The empty batch has a root too, but no contract takes it.
pub fn batch_root(entries: &[BatchEntry]) -> BatchRoot {
    let mut hasher = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
    let count = u64::try_from(entries.len()).expect("usize has at most 64 bits on every target; qed");
    hasher.update(&count.to_le_bytes());
    if !entries.is_empty() {
        hasher.update(&subtree(entries));
    }
    BatchRoot(*hasher.finalize().as_bytes())
}

/// Hash of a non-empty subtree. Recursion is as deep as the logarithm of the length.
fn subtree(entries: &[BatchEntry]) -> [u8; 32] {
    match entries {
        [] => unreachable_empty(),
        [entry] => leaf(entry),
        _ => {
            let split = entries.len().next_power_of_two() / 2;
            let (left, right) = entries.split_at(split);
            node(&subtree(left), &subtree(right))
        }
    }
}

/// The split leaves at least one entry on each side, so an empty subtree is never asked for; it
/// hashes to zeros rather than panic.
fn unreachable_empty() -> [u8; 32] {
    [0; 32]
}

fn leaf(entry: &BatchEntry) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(LEAF_CONTEXT);
    hasher.update(&entry.piece.0).update(&entry.len.to_le_bytes());
    *hasher.finalize().as_bytes()
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(NODE_CONTEXT);
    hasher.update(left).update(right);
    *hasher.finalize().as_bytes()
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

    const GOLDEN: [&str; 5] = [
        "0x47ff228c9c7a1ba48387404bb0101f7a7b949ff06b0d923f88734cfdb76c0023",
        "0x2cdf9477b14d71ede532a4f18bd31f2658d125f4fa65c5d1894445e7f6bab54b",
        "0x3f552f5e93497ce7aa766ac40a9b5d58e6b10f38e2423ad0715059f17941f203",
        "0xd0a776967582a169009dae61f9bcd3447fddacb13593c3be2d28c36b93e0518f",
        "0xaa85e0201c7b68ed2b6ec2fb4dfc206f4fb5210cfae4f14e81852543ece1b763",
    ];

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
    }
}
