//! Chance, from one seed: what miners and their machines do, and the seeds of blocks and rounds.
//!
//! Each actor has its own stream, so that another's fate, or another rule, does not move its own.

use codec::Encode;
use lunarx_core::{blake2b_256, AuditRules, AuditSeed, BlockNumber, ContractId, Round};
use rand::{rngs::StdRng, Rng, SeedableRng};

/// 2^64: what rates are in units of.
const WHOLE: f64 = 18_446_744_073_709_551_616.0;

/// One actor's stream of chance.
pub struct Dice(StdRng);

impl Dice {
    /// That of the actor `index` of those called `who`.
    pub fn new(seed: u64, who: &str, index: u32) -> Self {
        Self(StdRng::from_seed(blake2b_256(&(seed, who, index).encode())))
    }

    /// Trials up to and with the first success, each of which has `chance`; at most `u32::MAX`.
    pub fn geometric(&mut self, chance: f64) -> u32 {
        // In (0, 1], so that its logarithm is a number.
        let draw: f64 = 1.0 - self.0.gen_range(0.0..1.0);
        whole((draw.ln() / (-chance).ln_1p()).floor() + 1.0)
    }

    /// A wait without memory of `mean` blocks on average, of one at least.
    pub fn wait(&mut self, mean: f64) -> u32 {
        let draw: f64 = 1.0 - self.0.gen_range(0.0..1.0);
        whole(-draw.ln() * mean).max(1)
    }

    /// A number below `limit`; zero where that is zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 {
            0
        } else {
            self.0.gen_range(0..limit)
        }
    }

    /// Bytes of no pattern.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill(bytes.as_mut_slice());
        bytes
    }
}

/// A fast stream of chance for draws by the million: SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Stream(u64);

impl Stream {
    /// That of one thing among many, by its number.
    pub fn new(seed: u64, number: u64) -> Self {
        Self(Self(seed).draw() ^ Self(number.rotate_left(32)).draw())
    }

    /// 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not zero: by the upper half of a product (Lemire, 2019), whose bias is below one
    /// in 2^32 for the limits here.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(limit)) >> 64) as u64
    }
}

/// A count of blocks. Floats that are no count of blocks become the nearest one.
fn whole(blocks: f64) -> u32 {
    // Casts of floats saturate.
    blocks as u32
}

/// The chance of a challenge in a block, as a float.
pub fn hit_chance(rules: &AuditRules) -> f64 {
    rules.rate as f64 / WHOLE
}

/// The seed of a block.
pub fn block_seed(seed: u64, block: BlockNumber) -> AuditSeed {
    AuditSeed(blake2b_256(&("sim/block", seed, block).encode()))
}

/// The seed of a round.
pub fn round_seed(seed: u64, round: Round) -> AuditSeed {
    AuditSeed(blake2b_256(&("sim/round", seed, round).encode()))
}

/// The `number`th contract of a miner.
pub fn contract_id(seed: u64, miner: u32, number: u32) -> ContractId {
    ContractId(blake2b_256(&("sim/contract", seed, miner, number).encode()))
}
