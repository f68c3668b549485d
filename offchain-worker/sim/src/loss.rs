//! The bytes that a miner lacks, and the law by which that is found.

use crate::chance::{hit_chance, Dice};
use lunarx_core::AuditRules;

/// A whole, in the units of lost fractions.
pub const MILLION: u32 = 1_000_000;

/// One run of a contract's bytes that is gone; it may go on at the contract's beginning. Where the bytes lie
/// does not matter, since challenges draw evenly.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    start: u64,
    len: u64,
    bytes: u64,
}

impl Lost {
    /// `millionths` of `bytes`, somewhere.
    pub fn somewhere(millionths: u32, bytes: u64, dice: &mut Dice) -> Self {
        let len = u128::from(bytes) * u128::from(millionths) / u128::from(MILLION);
        Self { start: dice.below(bytes), len: u64::try_from(len).unwrap_or(bytes), bytes }
    }

    /// Whether a byte is among them.
    pub fn holds(&self, position: u64) -> bool {
        let behind = match position.checked_sub(self.start) {
            Some(behind) => behind,
            None => position + (self.bytes - self.start),
        };
        behind < self.len
    }
}

/// The chance that one challenge asks for a lost byte: 1 - (1 - f)^s.
pub fn touch_chance(millionths: u32, rules: &AuditRules) -> f64 {
    let kept = 1.0 - f64::from(millionths) / f64::from(MILLION);
    1.0 - kept.powf(f64::from(rules.samples))
}

/// The chance that a loss is unnoticed for `blocks`: exp(-λ (1 - (1 - f)^s)), with λ the challenges in them.
pub fn unnoticed(millionths: u32, blocks: u32, rules: &AuditRules) -> f64 {
    (-f64::from(blocks) * hit_chance(rules) * touch_chance(millionths, rules)).exp()
}

/// The time in blocks within which a loss is found with `share`, by the formula.
pub fn found_within(share: f64, millionths: u32, rules: &AuditRules) -> f64 {
    -(1.0 - share).ln() / (hit_chance(rules) * touch_chance(millionths, rules))
}
