//! Means and quantiles. Floats are fine here: nothing of it goes back into the model.

use lunarx_core::{Balance, LX};

/// The average; zero of nothing.
pub fn mean(values: &[f64]) -> f64 {
    ratio(values.iter().sum(), values.len() as f64)
}

/// The value that `share` of the ascending `values` do not pass; zero of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// A quotient; zero where the divisor is.
pub fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 {
        0.0
    } else {
        part / whole
    }
}

/// LX of an amount, for print.
pub fn lx(amount: i128) -> f64 {
    amount as f64 / LX as f64
}

/// An amount as one that may be negative. No amount comes near the limit: at most 10^20 are ever issued.
pub fn signed(amount: Balance) -> i128 {
    i128::try_from(amount).unwrap_or(i128::MAX)
}
