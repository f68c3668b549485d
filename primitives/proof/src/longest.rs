//! Proofs for benchmarks. The longest that there is: of a piece of 1 GiB, the last of 256, whose siblings are
//! made up, and the roots follow from them. And the shortest.

use crate::{
    batch_path, batch_root,
    chunk::{chunk_hash, merge},
    tree::climb,
    BatchEntry, Covered, LeafProof, CHUNK_BYTES, MAX_AUDITED_PIECE_BYTES, MAX_BATCH_PIECES,
};
use alloc::{vec, vec::Vec};
use bounded_collections::BoundedVec;
use lunarx_core::PieceId;

/// What is covered, the byte asked for, and the proof of it.
pub fn longest_proof() -> (Covered, u64, LeafProof) {
    let chunks = MAX_AUDITED_PIECE_BYTES / CHUNK_BYTES;
    let index = chunks.saturating_sub(1);
    let chunk = vec![7; 1024];
    let chunk_path: Vec<[u8; 32]> = (0..chunks.trailing_zeros()).map(|_| [9; 32]).collect();
    let piece = climb(index, chunks, chunk_hash(index, &chunk), &chunk_path, merge).unwrap_or_default();
    let len = MAX_AUDITED_PIECE_BYTES;
    let entries = vec![BatchEntry { piece: PieceId(piece), len }; MAX_BATCH_PIECES as usize];
    let last = MAX_BATCH_PIECES.saturating_sub(1);
    let path = batch_path(&entries, last as usize).unwrap_or_default();
    let bytes = len.saturating_mul(MAX_BATCH_PIECES.into());
    let covered = Covered { root: batch_root(&entries), pieces: MAX_BATCH_PIECES, bytes };
    let proof = LeafProof {
        index: last,
        entry: BatchEntry { piece: PieceId(piece), len },
        batch_path: BoundedVec::truncate_from(path),
        chunk: BoundedVec::truncate_from(chunk),
        chunk_path: BoundedVec::truncate_from(chunk_path),
    };
    (covered, bytes.saturating_sub(1), proof)
}

/// The proof of every byte of a batch of one piece of one chunk.
pub fn shortest_proof() -> LeafProof {
    let chunk = vec![7; 1024];
    let piece = PieceId(*blake3::hash(&chunk).as_bytes());
    LeafProof {
        index: 0,
        entry: BatchEntry { piece, len: CHUNK_BYTES },
        batch_path: BoundedVec::new(),
        chunk: BoundedVec::truncate_from(chunk),
        chunk_path: BoundedVec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::{Encode, MaxEncodedLen};

    #[test]
    fn it_is_right_and_as_long_as_can_be() {
        let (covered, position, proof) = longest_proof();
        assert!(proof.proves(&covered, position));
        assert!(!proof.proves(&covered, position - 1024));
        let shortest = shortest_proof();
        let covered = Covered { root: batch_root(&[shortest.entry]), pieces: 1, bytes: 1024 };
        assert!(shortest.proves(&covered, 1023));
        // The length of the bounds themselves is what is left.
        assert!(LeafProof::max_encoded_len() - proof.encoded_size() < 16);
    }
}
