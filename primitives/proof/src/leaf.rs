//! The proof of one byte of a contract: the chunk that it lies in, its path in the piece, and the piece's
//! path in the batch. At most [`MAX_LEAF_PROOF_BYTES`], whatever the contract's size.

use crate::{batch, chunk, BatchEntry, Subtree, CHUNK_BYTES};
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lunarx_core::BatchRoot;
use scale_info::TypeInfo;

/// Most pieces in a batch that can be audited.
pub const MAX_BATCH_PIECES: u32 = 1 << MAX_BATCH_DEPTH;
/// Longest piece that can be audited: 1 GiB.
pub const MAX_AUDITED_PIECE_BYTES: u64 = CHUNK_BYTES << MAX_CHUNK_DEPTH;
/// Longest encoding of a [`LeafProof`].
pub const MAX_LEAF_PROOF_BYTES: usize = 2048;

const MAX_BATCH_DEPTH: u32 = 8;
const MAX_CHUNK_DEPTH: u32 = 20;
const MAX_CHUNK_BYTES: u32 = 1024;

/// What a contract covers, as the chain knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Root over the pieces.
    pub root: BatchRoot,
    /// Pieces under it.
    pub pieces: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// A chunk, and the way from it to the batch's root.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct LeafProof {
    /// Which of the batch's pieces.
    pub index: u32,
    /// That piece.
    pub entry: BatchEntry,
    /// Its siblings in the batch, from the piece up.
    pub batch_path: BoundedVec<Subtree, ConstU32<MAX_BATCH_DEPTH>>,
    /// The chunk's bytes.
    pub chunk: BoundedVec<u8, ConstU32<MAX_CHUNK_BYTES>>,
    /// Its siblings in the piece, from the chunk up.
    pub chunk_path: BoundedVec<[u8; 32], ConstU32<MAX_CHUNK_DEPTH>>,
}

impl LeafProof {
    /// Whether this proves byte `position` of what is covered.
    pub fn proves(&self, covered: &Covered, position: u64) -> bool {
        let Some(place) =
            batch::place(&covered.root, covered.pieces, self.index, &self.entry, &self.batch_path)
        else {
            return false;
        };
        let within = position.checked_sub(place.offset).filter(|at| *at < self.entry.len);
        place.total == covered.bytes
            && within.is_some_and(|at| {
                let index = at / CHUNK_BYTES;
                chunk::verify_chunk(&self.entry.piece, self.entry.len, index, &self.chunk, &self.chunk_path)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{batch_path, batch_root, chunk::chunk_hash, chunk::path_within};
    use lunarx_core::PieceId;
    use proptest::prelude::*;

    struct Batch {
        pieces: Vec<Vec<u8>>,
        entries: Vec<BatchEntry>,
    }

    impl Batch {
        fn new(lens: &[usize]) -> Self {
            let pieces: Vec<Vec<u8>> = lens
                .iter()
                .enumerate()
                .map(|(i, len)| {
                    let mut bytes = vec![0; *len];
                    blake3::Hasher::new().update(&[u8::try_from(i).unwrap()]).finalize_xof().fill(&mut bytes);
                    bytes
                })
                .collect();
            let entries = pieces
                .iter()
                .map(|bytes| BatchEntry {
                    piece: PieceId(*blake3::hash(bytes).as_bytes()),
                    len: bytes.len().try_into().unwrap(),
                })
                .collect();
            Self { pieces, entries }
        }

        fn covered(&self) -> Covered {
            Covered {
                root: batch_root(&self.entries),
                pieces: self.entries.len().try_into().unwrap(),
                bytes: self.entries.iter().map(|entry| entry.len).sum(),
            }
        }

        fn prove(&self, position: u64) -> LeafProof {
            let mut at = position;
            let index = self
                .entries
                .iter()
                .position(|entry| match at.checked_sub(entry.len) {
                    Some(rest) => {
                        at = rest;
                        false
                    }
                    None => true,
                })
                .unwrap();
            let chunks: Vec<&[u8]> = self.pieces[index].chunks(1024).collect();
            let leaves: Vec<_> =
                chunks.iter().enumerate().map(|(i, c)| chunk_hash(i.try_into().unwrap(), c)).collect();
            let chunk = usize::try_from(at / 1024).unwrap();
            LeafProof {
                index: index.try_into().unwrap(),
                entry: self.entries[index],
                batch_path: batch_path(&self.entries, index).unwrap().try_into().unwrap(),
                chunk: chunks[chunk].to_vec().try_into().unwrap(),
                chunk_path: path_within(&leaves, chunk).try_into().unwrap(),
            }
        }
    }

    #[test]
    fn proofs_are_never_over_two_kib() {
        assert!(LeafProof::max_encoded_len() <= MAX_LEAF_PROOF_BYTES, "{}", LeafProof::max_encoded_len());
    }

    #[test]
    fn every_byte_is_proven_by_its_own_chunk_only() {
        let batch = Batch::new(&[1, 1024, 3000, 0, 20_000, 17]);
        let covered = batch.covered();
        for position in 0..covered.bytes {
            assert!(batch.prove(position).proves(&covered, position), "byte {position}");
        }
        let first = batch.prove(1);
        for position in [0, 1025, covered.bytes - 1, covered.bytes, u64::MAX] {
            assert!(!first.proves(&covered, position), "byte {position}");
        }
    }

    #[test]
    fn proof_of_another_contract_is_refused() {
        let (batch, other) = (Batch::new(&[5000, 100]), Batch::new(&[5000, 101]));
        assert!(!batch.prove(7).proves(&other.covered(), 7));
        let short = Covered { bytes: batch.covered().bytes - 1, ..batch.covered() };
        assert!(!batch.prove(7).proves(&short, 7));
    }

    proptest! {
        #[test]
        fn any_changed_bit_is_caught(
            lens in prop::collection::vec(1usize..5_000, 1..9),
            position in any::<prop::sample::Index>(),
            bit in any::<prop::sample::Index>(),
        ) {
            let batch = Batch::new(&lens);
            let covered = batch.covered();
            let position = position.index(covered.bytes.try_into().unwrap()).try_into().unwrap();
            let proof = batch.prove(position);
            prop_assert!(proof.proves(&covered, position));
            let mut bytes = proof.encode();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(changed) = LeafProof::decode(&mut bytes.as_slice()) {
                prop_assert!(changed == proof || !changed.proves(&covered, position));
            }
        }

        #[test]
        fn hostile_bytes_never_pass_nor_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_100), position in any::<u64>()) {
            let covered = Batch::new(&[3000, 100]).covered();
            if let Ok(proof) = LeafProof::decode(&mut bytes.as_slice()) {
                prop_assert!(!proof.proves(&covered, position));
            }
        }
    }
}
