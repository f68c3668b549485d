//! Proofs of single chunks, from a piece's bytes and its outboard: one read of a 16 KiB group, whatever
//! the piece's length.

use crate::{
    chunk::{chunk_hash, chunk_len, path_within, CHUNK_BYTES},
    range::{GROUP_BYTES, PAIR_BYTES},
    tree::left_leaves,
    RangeError, ReadAt, MAX_PIECE_BYTES,
};

/// Chunks in a group.
const GROUP_CHUNKS: u64 = GROUP_BYTES / CHUNK_BYTES;

/// A chunk and its siblings, from the chunk up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkProof {
    /// The chunk's bytes.
    pub bytes: Vec<u8>,
    /// Its siblings.
    pub path: Vec<[u8; 32]>,
}

/// Proves chunk `index` of a piece of `len` bytes by the `outboard` that [`commit`](crate::commit) made.
///
/// What is read is not checked: with a bad disk, the proof does not verify.
pub fn prove_chunk(
    data: impl ReadAt,
    outboard: &[u8],
    len: u64,
    index: u64,
) -> Result<ChunkProof, RangeError> {
    if len > MAX_PIECE_BYTES {
        return Err(RangeError::PieceTooLong(len));
    }
    let out_of_bounds =
        RangeError::Bounds { offset: index.saturating_mul(CHUNK_BYTES), len: CHUNK_BYTES, piece_len: len };
    let Some(chunk_len) = chunk_len(len, index) else { return Err(out_of_bounds) };
    let groups = len.div_ceil(GROUP_BYTES).max(1);
    let expected = (groups - 1) * PAIR_BYTES;
    let actual = u64::try_from(outboard.len()).unwrap_or(u64::MAX);
    if actual != expected {
        return Err(RangeError::Outboard { expected, actual });
    }

    let group = index / GROUP_CHUNKS;
    let start = group * GROUP_BYTES;
    let mut bytes = vec![0; usize::try_from((len - start).min(GROUP_BYTES)).expect("at most a group; qed")];
    data.read_exact_at(start, &mut bytes)?;
    let within = usize::try_from(index % GROUP_CHUNKS).expect("below the chunks of a group; qed");
    let chunk_bytes = usize::try_from(CHUNK_BYTES).expect("a chunk has 1024 bytes; qed");
    let leaves: Vec<_> = (group * GROUP_CHUNKS..)
        .zip(bytes.chunks(chunk_bytes))
        .map(|(index, chunk)| chunk_hash(index, chunk))
        .collect();
    let mut path = path_within(&leaves, within);
    path.extend(group_path(outboard, groups, group));
    let from = within * chunk_bytes;
    let chunk = bytes[from..from + usize::try_from(chunk_len).expect("at most a chunk; qed")].to_vec();
    Ok(ChunkProof { bytes: chunk, path })
}

/// Siblings from a group up to the root. The outboard holds the pairs of the tree over groups in
/// pre-order, so the pairs of a left subtree, one fewer than its groups, stand before those of the right.
fn group_path(outboard: &[u8], groups: u64, group: u64) -> Vec<[u8; 32]> {
    let mut path = Vec::new();
    let (mut pair, mut groups, mut group) = (0, groups, group);
    while groups > 1 {
        let left = left_leaves(groups);
        let (sibling, next) = if group < left { (1, pair + 1) } else { (0, pair + left) };
        let at = usize::try_from(pair * PAIR_BYTES).expect("within the outboard; qed") + 32 * sibling;
        let mut hash = [0; 32];
        hash.copy_from_slice(&outboard[at..at + 32]);
        path.push(hash);
        if group < left {
            groups = left;
        } else {
            group -= left;
            groups -= left;
        }
        pair = next;
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chunks_of, commit, verify_chunk};

    fn content(len: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        blake3::Hasher::new().update(&len.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn every_chunk_is_proven() {
        for len in [0, 1, 1024, 1025, 16_384, 16_385, 32_768, 50_000, 81_921, 163_840, 500_001] {
            let bytes = content(len);
            let (piece, outboard) = commit(bytes.as_slice(), len).unwrap();
            for index in 0..chunks_of(len) {
                let proof = prove_chunk(&bytes, &outboard, len, index).unwrap();
                assert!(
                    verify_chunk(&piece, len, index, &proof.bytes, &proof.path),
                    "chunk {index} of {len}"
                );
            }
        }
    }

    #[test]
    fn a_long_piece_is_proven_by_a_short_path() {
        let len = 40 << 20;
        let bytes = content(len);
        let (piece, outboard) = commit(bytes.as_slice(), len).unwrap();
        for index in [0, 1, 15, 16, 20_479, 32_767, 32_768, 40_959] {
            let proof = prove_chunk(&bytes, &outboard, len, index).unwrap();
            assert!(proof.path.len() <= 16, "{}", proof.path.len());
            assert!(verify_chunk(&piece, len, index, &proof.bytes, &proof.path), "chunk {index}");
        }
    }

    #[test]
    fn a_flipped_byte_on_disk_proves_nothing() {
        let mut bytes = content(100_000);
        let (piece, outboard) = commit(bytes.as_slice(), 100_000).unwrap();
        bytes[50_000] ^= 1;
        let index = 50_000 / 1024;
        let proof = prove_chunk(&bytes, &outboard, 100_000, index).unwrap();
        assert!(!verify_chunk(&piece, 100_000, index, &proof.bytes, &proof.path));
        // The others of its group have it among their siblings.
        let proof = prove_chunk(&bytes, &outboard, 100_000, index + 1).unwrap();
        assert!(!verify_chunk(&piece, 100_000, index + 1, &proof.bytes, &proof.path));
        let proof = prove_chunk(&bytes, &outboard, 100_000, 0).unwrap();
        assert!(verify_chunk(&piece, 100_000, 0, &proof.bytes, &proof.path));
    }

    #[test]
    fn refuses_what_is_out_of_bounds() {
        let bytes = content(100_000);
        let (_, outboard) = commit(bytes.as_slice(), 100_000).unwrap();
        assert!(matches!(prove_chunk(&bytes, &outboard, 100_000, 98), Err(RangeError::Bounds { .. })));
        assert!(matches!(prove_chunk(&bytes, &outboard, 100_000, u64::MAX), Err(RangeError::Bounds { .. })));
        assert!(matches!(prove_chunk(&bytes, &outboard[64..], 100_000, 0), Err(RangeError::Outboard { .. })));
        assert!(matches!(prove_chunk(&bytes, &[], u64::MAX, 0), Err(RangeError::PieceTooLong(_))));
        assert!(matches!(prove_chunk(&bytes[..99_000], &outboard, 100_000, 97), Err(RangeError::Io(_))));
    }
}
