//! What an answer weighs: real proofs over real pieces, made and verified by the code of the network.

use crate::{chance::Dice, statistics::ratio};
use codec::Encode;
use lunarx_core::NodeSignature;
use lunarx_proof::{
    batch_path, batch_root, commit, prove_chunk, proves_all, Answer, BatchEntry, Covered, LeafProof, Proofs,
    RangeError, CHUNK_BYTES,
};
use serde::Serialize;

/// Encoded bytes of answers and their proofs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProofSizes {
    /// Answers measured.
    pub answers: u32,
    /// Average bytes of a proof.
    pub proof_mean: f64,
    /// Bytes of the longest proof.
    pub proof_max: usize,
    /// Average bytes of an answer with its signature.
    pub answer_mean: f64,
    /// Bytes of the longest answer.
    pub answer_max: usize,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A piece cannot be committed to or proven.
    #[error("piece: {0}")]
    Range(#[from] RangeError),
    /// A piece cannot be read.
    #[error("piece: {0}")]
    Io(#[from] std::io::Error),
    /// A proof is longer than its type allows, or does not verify.
    #[error("a proof of byte {0} of the contract does not hold")]
    Wrong(u64),
}

/// A contract of equal pieces. They share their content, which changes nothing about the sizes.
struct Batch {
    piece: Vec<u8>,
    outboard: Vec<u8>,
    entries: Vec<BatchEntry>,
    covered: Covered,
}

impl Batch {
    fn new(pieces: u32, piece_bytes: u64, dice: &mut Dice) -> Result<Self, ProofError> {
        let piece = dice.bytes(usize::try_from(piece_bytes).unwrap_or(0));
        let (id, outboard) = commit(piece.as_slice(), piece_bytes)?;
        let entries: Vec<_> = (0..pieces).map(|_| BatchEntry { piece: id, len: piece_bytes }).collect();
        let bytes = piece_bytes.saturating_mul(pieces.into());
        let covered = Covered { root: batch_root(&entries), pieces, bytes };
        Ok(Self { piece, outboard, entries, covered })
    }

    fn prove(&self, position: u64) -> Result<LeafProof, ProofError> {
        let wrong = || ProofError::Wrong(position);
        let len = self.entries.first().ok_or_else(wrong)?.len;
        let index = position.checked_div(len).ok_or_else(wrong)?;
        let within = position % len / CHUNK_BYTES;
        let chunk = prove_chunk(&self.piece, &self.outboard, len, within)?;
        let place = usize::try_from(index).map_err(|_| wrong())?;
        let path = batch_path(&self.entries, place).ok_or_else(wrong)?;
        Ok(LeafProof {
            index: u32::try_from(index).map_err(|_| wrong())?,
            entry: *self.entries.get(place).ok_or_else(wrong)?,
            batch_path: path.try_into().map_err(|_| wrong())?,
            chunk: chunk.bytes.try_into().map_err(|_| wrong())?,
            chunk_path: chunk.path.try_into().map_err(|_| wrong())?,
        })
    }

    fn answer(&self, samples: u32, dice: &mut Dice) -> Result<Answer, ProofError> {
        let positions: Vec<u64> = (0..samples).map(|_| dice.below(self.covered.bytes)).collect();
        let proofs = positions.iter().map(|position| self.prove(*position)).collect::<Result<Vec<_>, _>>()?;
        if !proves_all(&self.covered, &positions, &proofs) {
            return Err(ProofError::Wrong(positions.first().copied().unwrap_or(0)));
        }
        let proofs = Proofs::try_from(proofs).map_err(|_| ProofError::Wrong(0))?;
        Ok(Answer { proofs, signature: NodeSignature([0; 64]) })
    }
}

/// Measures `answers` of `samples` proofs each, over a contract of `pieces` of `piece_bytes`.
pub fn proof_sizes(
    seed: u64,
    pieces: u32,
    piece_bytes: u64,
    samples: u32,
    answers: u32,
) -> Result<ProofSizes, ProofError> {
    let mut dice = Dice::new(seed, "proofs", 0);
    let batch = Batch::new(pieces, piece_bytes, &mut dice)?;
    let mut sizes = ProofSizes { answers, proof_mean: 0.0, proof_max: 0, answer_mean: 0.0, answer_max: 0 };
    for _ in 0..answers {
        let answer = batch.answer(samples, &mut dice)?;
        for proof in &answer.proofs {
            let len = proof.encoded_size();
            sizes.proof_max = sizes.proof_max.max(len);
            sizes.proof_mean += len as f64;
        }
        let len = answer.encoded_size();
        sizes.answer_max = sizes.answer_max.max(len);
        sizes.answer_mean += len as f64;
    }
    sizes.proof_mean = ratio(sizes.proof_mean, f64::from(answers) * f64::from(samples));
    sizes.answer_mean = ratio(sizes.answer_mean, f64::from(answers));
    Ok(sizes)
}
