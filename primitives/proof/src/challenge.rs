//! Which contract is challenged in which block, and at which of its bytes.
//!
//! Both are public functions of the block's seed, so anybody recomputes them and nobody schedules them:
//!
//! ```text
//! stream    = BLAKE3 keyed_hash(key = seed, contract), extended output
//! hit       = u64 of the stream's bytes 0..8; challenged if hit < rate
//! position i = ⌊u64 of the stream's bytes 8+8i..16+8i · bytes / 2^64⌋
//! ```
//! Numbers are little-endian. Each block hits independently with the same probability, the discrete
//! memoryless law: having been challenged says nothing about the next time (Part I, 4.1, P7).
//!
//! A position's bias is below `bytes / 2^64`, which is nothing against any contract's bytes.

use lunarx_core::{AuditSeed, ContractId};

/// A probability of being challenged in a block, in units of 2^-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

impl Rate {
    /// `times` a span of `blocks`, on average: at most one a block. Never, where `blocks` is zero.
    pub fn per(times: u32, blocks: u32) -> Self {
        let scaled = (u128::from(times) << 64).checked_div(u128::from(blocks)).unwrap_or(0);
        Self(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

/// What a block's seed says of one contract.
pub struct Draw {
    hit: u64,
    stream: blake3::OutputReader,
}

impl Draw {
    /// Of `contract`, in the block of `seed`.
    pub fn new(seed: &AuditSeed, contract: &ContractId) -> Self {
        let mut stream = blake3::Hasher::new_keyed(&seed.0).update(&contract.0).finalize_xof();
        let hit = next(&mut stream);
        Self { hit, stream }
    }

    /// Whether the contract is challenged in this block.
    pub fn is_hit(&self, rate: Rate) -> bool {
        self.hit < rate.0
    }

    /// The bytes that are asked for, `samples` of the contract's `bytes`, with repetitions.
    pub fn positions(mut self, bytes: u64, samples: u32) -> impl Iterator<Item = u64> {
        (0..samples).map(move |_| {
            let scaled = (u128::from(next(&mut self.stream)) * u128::from(bytes)) >> 64;
            u64::try_from(scaled).unwrap_or(u64::MAX)
        })
    }
}

fn next(stream: &mut blake3::OutputReader) -> u64 {
    let mut bytes = [0; 8];
    stream.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u32, contract: u8) -> Draw {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        Draw::new(&AuditSeed(bytes), &ContractId([contract; 32]))
    }

    #[test]
    fn golden_draw() {
        let draw = draw(7, 9);
        assert_eq!(draw.hit, GOLDEN_HIT);
        assert_eq!(draw.positions(1 << 40, 3).collect::<Vec<_>>(), GOLDEN_POSITIONS);
    }

    // Computed from the module's documentation with the package `blake3` of PyPI.
    const GOLDEN_HIT: u64 = 2_564_333_990_256_578_110;
    const GOLDEN_POSITIONS: [u64; 3] = [615_210_055_253, 522_330_264_165, 891_540_263_870];

    #[test]
    fn rates_are_what_they_say() {
        assert_eq!(Rate::per(1, 2), Rate(1 << 63));
        assert_eq!(Rate::per(1, 1), Rate(u64::MAX));
        assert_eq!(Rate::per(5, 1), Rate(u64::MAX));
        assert_eq!(Rate::per(0, 100), Rate(0));
        assert_eq!(Rate::per(1, 0), Rate(0));
        assert!(!draw(1, 1).is_hit(Rate(0)));
    }

    /// The number of hits is binomial: within 5 standard deviations for these fixed seeds.
    #[test]
    fn hits_come_at_the_rate() {
        let (blocks, rate) = (200_000, Rate::per(1, 100));
        let hits = (0..blocks).filter(|seed| draw(*seed, 3).is_hit(rate)).count();
        let expected: f64 = 2_000.0;
        let deviation = (expected * 0.99).sqrt();
        assert!((hits as f64 - expected).abs() < 5.0 * deviation, "{hits} hits, expected {expected}");
    }

    /// Gaps between hits follow the geometric law: after any wait, the same chance remains (P7).
    #[test]
    fn having_waited_says_nothing() {
        let rate = Rate::per(1, 20);
        let hits: Vec<u32> = (0..400_000).filter(|seed| draw(*seed, 5).is_hit(rate)).collect();
        let gaps: Vec<u32> = hits.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for waited in [0, 20, 40, 60] {
            let still: Vec<_> = gaps.iter().filter(|gap| **gap > waited).collect();
            let next = still.iter().filter(|gap| ***gap <= waited + 20).count() as f64 / still.len() as f64;
            let expected = 1.0 - 0.95f64.powi(20);
            let deviation = (expected * (1.0 - expected) / still.len() as f64).sqrt();
            assert!((next - expected).abs() < 5.0 * deviation, "after {waited}: {next}, expected {expected}");
        }
    }

    #[test]
    fn positions_fill_the_contract_evenly() {
        let mut buckets = [0u32; 16];
        for seed in 0..10_000 {
            for position in draw(seed, 1).positions(1_600, 4) {
                buckets[usize::try_from(position / 100).unwrap()] += 1;
            }
        }
        for count in buckets {
            assert!((2_250..2_750).contains(&count), "{buckets:?}");
        }
        assert!(draw(1, 1).positions(1, 8).all(|position| position == 0));
        assert!(draw(1, 1).positions(u64::MAX, 8).all(|position| position < u64::MAX));
    }

    #[test]
    fn contracts_and_blocks_draw_apart() {
        assert_ne!(draw(1, 1).hit, draw(1, 2).hit);
        assert_ne!(draw(1, 1).hit, draw(2, 1).hit);
    }
}
