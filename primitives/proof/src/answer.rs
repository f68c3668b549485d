//! A miner's answer to a challenge: one proof a byte asked for, signed by its node key.
//!
//! The signature makes a wrong answer evidence by itself: who signs proofs that do not verify has lost the
//! data, or lies. An honest miner verifies what it read before it signs.

use crate::{Covered, Draw, LeafProof, Rate};
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lunarx_core::{
    answer_payload, blake2b_256, AuditRules, AuditSeed, BlockNumber, ContractId, NodeSignature,
};
use scale_info::TypeInfo;

/// Sets the seeds of disputes apart from those of challenges.
const DISPUTE_DOMAIN: &[u8] = b"lunarx/dispute/v1";
/// Most proofs in an answer.
pub const MAX_PROOFS: u32 = 64;

/// One proof a byte asked for, in the order of the question.
pub type Proofs = BoundedVec<LeafProof, ConstU32<MAX_PROOFS>>;

/// The answer to the challenge of a contract in a block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Answer {
    /// The proofs.
    pub proofs: Proofs,
    /// The miner's node key over [`Answer::payload`].
    pub signature: NodeSignature,
}

impl Answer {
    /// The bytes that the miner's node key signs.
    pub fn payload(
        genesis: &[u8; 32],
        contract: &ContractId,
        block: BlockNumber,
        seed: &AuditSeed,
        proofs: &Proofs,
    ) -> alloc::vec::Vec<u8> {
        answer_payload(genesis, contract, block, seed, &blake2b_256(&proofs.encode()))
    }
}

/// The bytes that a challenge asks for; `None` where the block's seed does not challenge the contract.
pub fn challenged(
    seed: &AuditSeed,
    contract: &ContractId,
    bytes: u64,
    rules: &AuditRules,
) -> Option<alloc::vec::Vec<u64>> {
    let draw = Draw::new(seed, contract);
    draw.is_hit(Rate(rules.rate)).then(|| draw.positions(bytes, rules.samples).collect())
}

/// Blocks after a dispute's whose seeds draw its bytes together.
pub const DISPUTE_BLOCKS: BlockNumber = 8;

/// The seed of a dispute opened in block `opened`: BLAKE2b-256 of SCALE(`"lunarx/dispute/v1"`, opened, the seeds of
/// the [`DISPUTE_BLOCKS`] blocks after it that have one). `None` if none has. A block's author knows the seed of the
/// next block, and could open a dispute with the bytes that it holds; of eight blocks in a row nobody makes all.
pub fn dispute_seed(opened: BlockNumber, seeds: &[AuditSeed]) -> Option<AuditSeed> {
    let encoded = (DISPUTE_DOMAIN, opened, seeds).encode();
    (!seeds.is_empty()).then(|| AuditSeed(blake2b_256(&encoded)))
}

/// The bytes that a dispute asks for beyond those of a missed challenge, by its [`dispute_seed`].
pub fn questioned(
    seed: &AuditSeed,
    contract: &ContractId,
    bytes: u64,
    rules: &AuditRules,
) -> alloc::vec::Vec<u64> {
    Draw::new(seed, contract).positions(bytes, rules.samples).collect()
}

/// Whether there is one right proof for each position, in order.
pub fn proves_all(covered: &Covered, positions: &[u64], proofs: &[LeafProof]) -> bool {
    positions.len() == proofs.len()
        && positions.iter().zip(proofs).all(|(position, proof)| proof.proves(covered, *position))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed from the documentation with Python's `hashlib`: of block 1000, and the seeds of 32 bytes 1 to 8.
    const GOLDEN: &str = "884af127080fbed549f1d5deef742f55278c4e6491c7e6343db0f89b31b5790b";

    #[test]
    fn golden_seed_of_a_dispute() {
        let seeds: alloc::vec::Vec<_> = (1..=8).map(|byte| AuditSeed([byte; 32])).collect();
        let seed = dispute_seed(1_000, &seeds).unwrap();
        assert_eq!(hex::encode(seed.0), GOLDEN);
        assert_ne!(dispute_seed(1_001, &seeds), Some(seed));
        assert_ne!(dispute_seed(1_000, &seeds[..7]), Some(seed));
        assert_eq!(dispute_seed(1_000, &[]), None);
    }
}
