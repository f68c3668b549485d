//! Chunks of a piece, the leaves of BLAKE3's tree, and the paths that prove them against a [`PieceId`]:
//! what an audit asks for.

use crate::tree::climb;
#[cfg(any(test, feature = "range"))]
use alloc::vec::Vec;
use blake3::{
    hazmat::{merge_subtrees_non_root, merge_subtrees_root, HasherExt, Mode},
    Hasher,
};
use lunarx_core::PieceId;

/// Bytes of a chunk; the last one of a piece may be shorter (BLAKE3 paper, §2.4).
pub const CHUNK_BYTES: u64 = 1024;

/// Chunks of a piece of `len` bytes. The empty piece has one empty chunk.
pub fn chunks_of(len: u64) -> u64 {
    len.div_ceil(CHUNK_BYTES).max(1)
}

/// Bytes of chunk `index` of a piece of `len` bytes; `None` where there is no such chunk.
pub fn chunk_len(len: u64, index: u64) -> Option<u64> {
    (index < chunks_of(len)).then(|| (len - index * CHUNK_BYTES).min(CHUNK_BYTES))
}

/// Whether `bytes` are chunk `index` of the piece of `len` bytes, by the siblings from the chunk up to
/// the root. The length is the caller's to know: under a wrong one, a chunk may pass, but no wrong bytes.
pub fn verify_chunk(piece: &PieceId, len: u64, index: u64, bytes: &[u8], path: &[[u8; 32]]) -> bool {
    if chunk_len(len, index) != u64::try_from(bytes.len()).ok() {
        return false;
    }
    let root = match chunks_of(len) {
        1 => path.is_empty().then(|| *blake3::hash(bytes).as_bytes()),
        chunks => climb(index, chunks, chunk_hash(index, bytes), path, merge),
    };
    root == Some(piece.0)
}

/// The chaining value of a chunk that is not alone in its piece, and so not empty.
pub(crate) fn chunk_hash(index: u64, bytes: &[u8]) -> [u8; 32] {
    Hasher::new().set_input_offset(index * CHUNK_BYTES).update(bytes).finalize_non_root()
}

pub(crate) fn merge(left: [u8; 32], right: [u8; 32], top: bool) -> Option<[u8; 32]> {
    Some(match top {
        true => *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes(),
        false => merge_subtrees_non_root(&left, &right, Mode::Hash),
    })
}

/// The siblings, from the leaf up, of leaf `index` among `leaves`, which are some aligned subtree's.
#[cfg(any(test, feature = "range"))]
pub(crate) fn path_within(leaves: &[[u8; 32]], index: usize) -> Vec<[u8; 32]> {
    let mut path = Vec::new();
    let (mut level, mut index) = (leaves.to_vec(), index);
    while level.len() > 1 {
        if let Some(sibling) = level.get(index ^ 1) {
            path.push(*sibling);
        }
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => merge_subtrees_non_root(left, right, Mode::Hash),
                rest => rest.first().copied().unwrap_or_default(),
            })
            .collect();
        index /= 2;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        Hasher::new().update(&len.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn prove(bytes: &[u8], index: u64) -> (Vec<u8>, Vec<[u8; 32]>) {
        if bytes.is_empty() {
            return Default::default();
        }
        let chunks: Vec<&[u8]> = bytes.chunks(1024).collect();
        let leaves: Vec<_> = chunks
            .iter()
            .enumerate()
            .map(|(i, chunk)| chunk_hash(u64::try_from(i).unwrap(), chunk))
            .collect();
        let at = usize::try_from(index).unwrap();
        (chunks[at].to_vec(), path_within(&leaves, at))
    }

    #[test]
    fn every_chunk_of_every_shape_is_proven() {
        for len in [0, 1, 1023, 1024, 1025, 2048, 3000, 16_384, 17_000, 40_960, 70_001] {
            let bytes = content(len);
            let piece = PieceId(*blake3::hash(&bytes).as_bytes());
            let len = u64::try_from(len).unwrap();
            for index in 0..chunks_of(len) {
                let (chunk, path) = prove(&bytes, index);
                assert!(verify_chunk(&piece, len, index, &chunk, &path), "chunk {index} of {len}");
                assert!(!verify_chunk(&piece, len, index + 1, &chunk, &path));
            }
        }
    }

    #[test]
    fn chunks_have_their_lengths() {
        assert_eq!([0, 1, 1024, 1025].map(chunks_of), [1, 1, 1, 2]);
        assert_eq!(chunk_len(0, 0), Some(0));
        assert_eq!(chunk_len(1025, 1), Some(1));
        assert_eq!(chunk_len(1024, 1), None);
        assert_eq!(chunk_len(u64::MAX, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_caught(len in 1usize..100_000, at in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0u8..8) {
            let bytes = content(len);
            let piece = PieceId(*blake3::hash(&bytes).as_bytes());
            let len = u64::try_from(len).unwrap();
            let index = u64::try_from(at.index(usize::try_from(chunks_of(len)).unwrap())).unwrap();
            let (mut chunk, mut path) = prove(&bytes, index);
            let at = byte.index(chunk.len() + 32 * path.len());
            match at.checked_sub(chunk.len()) {
                None => chunk[at] ^= 1 << bit,
                Some(at) => path[at / 32][at % 32] ^= 1 << bit,
            }
            prop_assert!(!verify_chunk(&piece, len, index, &chunk, &path));
        }

        #[test]
        fn hostile_proofs_never_pass_nor_panic(
            piece in any::<[u8; 32]>(),
            len in any::<u64>(),
            index in any::<u64>(),
            bytes in prop::collection::vec(any::<u8>(), 0..1025),
            path in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        ) {
            prop_assert!(!verify_chunk(&PieceId(piece), len, index, &bytes, &path));
        }
    }
}
