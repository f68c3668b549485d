//! Verifying proofs, native. `scripts/benchmark proof` runs it.

use divan::{black_box, Bencher};
use lunarx_core::{AuditSeed, ContractId};
use lunarx_proof::{longest_proof, Draw};

fn main() {
    divan::main();
}

/// A byte of a piece of 1 GiB, the last of 256: the longest there is.
#[divan::bench]
fn verify_longest(bencher: Bencher) {
    let (covered, position, proof) = longest_proof();
    bencher.bench(|| black_box(&proof).proves(black_box(&covered), black_box(position)));
}

/// Whether a contract is challenged in a block: what a miner or tracker asks once a block and contract.
#[divan::bench]
fn draw(bencher: Bencher) {
    let (seed, contract) = (AuditSeed([7; 32]), ContractId([9; 32]));
    bencher.bench(|| Draw::new(black_box(&seed), black_box(&contract)).is_hit(lunarx_proof::Rate(1)));
}
