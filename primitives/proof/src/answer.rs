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

/// The bytes that a dispute asks for beyond those of a missed challenge: the next seed's, whether it
/// challenges the contract or not.
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
