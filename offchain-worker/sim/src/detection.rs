//! How long a loss stays unnoticed, by the code that chain and workers run: each block's seed is drawn for each
//! contract, and the bytes of each challenge are compared with the lost ones. No waiting time is assumed.

use crate::{
    chance::hit_chance,
    chance::{block_seed, contract_id, Dice},
    loss::{found_within, touch_chance, unnoticed, Lost},
    statistics::{mean, quantile},
    DAY, HOUR,
};
use lunarx_core::AuditRules;
use lunarx_proof::challenged;
use serde::Serialize;

/// Blocks after which the search ends: a year.
const PATIENCE: u32 = 365 * DAY;

/// What was seen of contracts that lost the same fraction, beside what the formula says. Times in hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// What each contract lost, in millionths.
    pub lost: u32,
    /// Contracts.
    pub contracts: u32,
    /// The share of them found within a day.
    pub within_a_day: f64,
    /// The same by the formula.
    pub within_a_day_formula: f64,
    /// By how many standard errors they differ.
    pub deviations: f64,
    /// Average time.
    pub mean: f64,
    /// The same by the formula.
    pub mean_formula: f64,
    /// The time within which half of them were found.
    pub median: f64,
    /// The same by the formula.
    pub median_formula: f64,
    /// The time within which 99 % of them were found.
    pub p99: f64,
    /// The same by the formula.
    pub p99_formula: f64,
}

/// The blocks until the loss of each of `contracts` is found, in ascending order. Each lost `lost` millionths
/// of its `bytes` just before the first.
pub fn blocks_until_found(seed: u64, lost: u32, contracts: u32, bytes: u64, rules: &AuditRules) -> Vec<u32> {
    let mut dice = Dice::new(seed, "detection", lost);
    let mut hidden: Vec<_> = (0..contracts)
        .map(|index| (contract_id(seed, index, lost), Lost::somewhere(lost, bytes, &mut dice)))
        .collect();
    let mut found = Vec::new();
    for block in 1..=PATIENCE {
        let seed = block_seed(seed, block);
        let before = hidden.len();
        hidden.retain(|(contract, lost)| {
            let positions = challenged(&seed, contract, bytes, rules);
            !positions.is_some_and(|positions| positions.into_iter().any(|position| lost.holds(position)))
        });
        found.extend(std::iter::repeat_n(block, before - hidden.len()));
        if hidden.is_empty() {
            break;
        }
    }
    found
}

/// Runs the search and compares it with the formula.
pub fn detection(seed: u64, lost: u32, contracts: u32, bytes: u64, rules: &AuditRules) -> Detection {
    let found = blocks_until_found(seed, lost, contracts, bytes, rules);
    let count = f64::from(contracts);
    let within = found.iter().filter(|blocks| **blocks <= DAY).count() as f64 / count;
    let formula = 1.0 - unnoticed(lost, DAY, rules);
    let error = (formula * (1.0 - formula) / count).sqrt();
    // Where the formula leaves less than one contract in all that is tried, one is no deviation.
    let deviations = (within - formula) / error.max(1.0 / count);
    let hours: Vec<f64> = found.iter().map(|blocks| f64::from(*blocks) / f64::from(HOUR)).collect();
    let hour = f64::from(HOUR);
    Detection {
        lost,
        contracts,
        within_a_day: within,
        within_a_day_formula: formula,
        deviations,
        mean: mean(&hours),
        mean_formula: 1.0 / (hit_chance(rules) * touch_chance(lost, rules)) / hour,
        median: quantile(&hours, 0.5),
        median_formula: found_within(0.5, lost, rules) / hour,
        p99: quantile(&hours, 0.99),
        p99_formula: found_within(0.99, lost, rules) / hour,
    }
}
