//! Which points are measured, and the line through them.

use crate::Measured;
use anyhow::anyhow;
use frame_benchmarking::{Analysis, BenchmarkParameter, BenchmarkResult, BenchmarkSelector};

/// Points over the range of each component, the others at their highest. One empty point where there
/// are no components.
pub fn points(
    components: &[(BenchmarkParameter, u32, u32)],
    steps: u32,
) -> Vec<Vec<(BenchmarkParameter, u32)>> {
    if components.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (varied, low, high) in components {
        let count = steps.min(high - low + 1).max(2);
        for step in 0..count {
            let value = low + (high - low) / (count - 1) * step;
            let value = if step + 1 == count { *high } else { value };
            all.push(
                components
                    .iter()
                    .map(|(other, _, top)| (*other, if other == varied { value } else { *top }))
                    .collect(),
            );
        }
    }
    all
}

/// A base and a slope for each component, by name.
pub struct Line {
    pub base: u128,
    pub slopes: Vec<(String, u128)>,
}

fn fit(results: &Vec<BenchmarkResult>, selector: BenchmarkSelector) -> anyhow::Result<Line> {
    let analysis = Analysis::min_squares_iqr(results, selector).map_err(|error| anyhow!("{error}"))?;
    let slopes = analysis.names.into_iter().zip(analysis.slopes).collect();
    Ok(Line { base: analysis.base, slopes })
}

/// What a benchmark's weight is made of.
pub struct Fitted {
    /// Picoseconds.
    pub time: Line,
    /// Of the database.
    pub reads: Line,
    /// Of the database.
    pub writes: Line,
}

/// Fits time, reads and writes. A benchmark that took no time did not run.
pub fn all(measured: &Measured) -> anyhow::Result<Fitted> {
    // The analysis turns the nanoseconds of its input into picoseconds, the unit of weights.
    let time = fit(&measured.times, BenchmarkSelector::ExtrinsicTime)?;
    if time.base == 0 && time.slopes.iter().all(|(_, slope)| *slope == 0) {
        return Err(anyhow!("{} took no time", measured.name));
    }
    Ok(Fitted {
        time,
        reads: fit(&measured.accesses, BenchmarkSelector::Reads)?,
        writes: fit(&measured.accesses, BenchmarkSelector::Writes)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use BenchmarkParameter::{a, b};

    #[test]
    fn points_reach_both_ends_of_each_component() {
        let points = points(&[(a, 1, 255), (b, 0, 3)], 12);
        assert!(points.contains(&vec![(a, 1), (b, 3)]));
        assert!(points.contains(&vec![(a, 255), (b, 0)]));
        assert_eq!(points.len(), 12 + 4);
    }

    #[test]
    fn no_component_is_one_point() {
        assert_eq!(points(&[], 12), vec![vec![]]);
    }
}
