//! Many lookups, and what came out.

use super::{lookup, Kind, Network, Rules, Share};
use crate::{
    chance::Stream,
    statistics::{mean, quantile, ratio},
};
use serde::Serialize;
use std::thread;

/// Most lookups of a run.
const MAX_LOOKUPS: u32 = 100_000_000;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Nodes of the network.
    pub nodes: u32,
    /// Lookups, each of a random key from a random honest node.
    pub lookups: u32,
    /// How they are done.
    pub rules: Rules,
    /// Nodes that are dead, and in the others' tables still.
    pub dead: Share,
    /// Nodes that lie together.
    pub adversarial: Share,
    /// All chance comes from it.
    pub seed: u64,
}

/// Why nothing was simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DhtError {
    /// Too few or too many nodes.
    #[error("{nodes} nodes: expected 2 to {most}")]
    Nodes {
        /// As asked for.
        nodes: u32,
        /// The most there can be.
        most: u32,
    },
    /// Nobody would be left.
    #[error("dead and adversarial nodes together must be fewer than all")]
    Shares,
    /// No rules to look anything up with.
    #[error("k, alpha and paths must be 1 to {most}")]
    Rules {
        /// The most of each.
        most: usize,
    },
    /// Too few or too many lookups.
    #[error("{lookups} lookups: expected 1 to {most}")]
    Lookups {
        /// As asked for.
        lookups: u32,
        /// The most there can be.
        most: u32,
    },
}

/// What came out. Hops are those of the lookups that found the nearest node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Nodes with distinct ids.
    pub nodes: u32,
    /// Lookups.
    pub lookups: u32,
    /// Nodes of a bucket and of an answer.
    pub k: usize,
    /// Questions at the same time.
    pub alpha: usize,
    /// Paths that share no node.
    pub paths: usize,
    /// Share of dead nodes.
    pub dead: f64,
    /// Share of lying nodes.
    pub adversarial: f64,
    /// Where all chance came from.
    pub seed: u64,
    /// Hops on average.
    pub mean: f64,
    /// Hops of which half the lookups needed no more.
    pub p50: f64,
    /// Of 99 %.
    pub p99: f64,
    /// Of 99.9 %.
    pub p999: f64,
    /// Of all.
    pub max: f64,
    /// Rounds of questions on average: hops, and waiting for those that do not answer.
    pub rounds_mean: f64,
    /// Rounds of which 99.9 % of the lookups needed no more.
    pub rounds_p999: f64,
    /// Of all.
    pub rounds_max: f64,
    /// Share of lookups that did not find the nearest node.
    pub missed: f64,
    /// Share of lookups that asked no honest holder of the record.
    pub failed: f64,
    /// Nodes asked on average.
    pub asked: f64,
    /// Of them, those that did not answer.
    pub unanswered: f64,
}

/// Simulates `setting`, on as many threads as there are cores. The same setting gives the same figures.
///
/// # Errors
/// Where the setting makes no sense.
pub fn run(setting: &Setting) -> Result<Figures, DhtError> {
    let Setting { nodes, lookups, rules, dead, adversarial, seed } = *setting;
    const MOST: usize = 256;
    if ![rules.k, rules.alpha, rules.paths].iter().all(|value| (1..=MOST).contains(value)) {
        return Err(DhtError::Rules { most: MOST });
    }
    if !(1..=MAX_LOOKUPS).contains(&lookups) {
        return Err(DhtError::Lookups { lookups, most: MAX_LOOKUPS });
    }
    let network = Network::new(nodes, dead, adversarial, seed)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<Sums> = thread::scope(|scope| {
        let part = |number| {
            let network = &network;
            scope.spawn(move || Sums::of(network, &rules, seed, (number..lookups as usize).step_by(threads)))
        };
        let running: Vec<_> = (0..threads).map(part).collect();
        running.into_iter().map(|part| part.join().expect("a thread of the simulation panicked")).collect()
    });
    let mut sums = Sums::default();
    for part in parts {
        sums.add(part);
    }
    sums.hops.sort_unstable();
    let hops: Vec<f64> = sums.hops.iter().copied().map(f64::from).collect();
    sums.rounds.sort_unstable();
    let rounds: Vec<f64> = sums.rounds.iter().copied().map(f64::from).collect();
    let of_all = |count: u64| ratio(count as f64, lookups.into());
    Ok(Figures {
        nodes: network.len(),
        lookups,
        k: rules.k,
        alpha: rules.alpha,
        paths: rules.paths,
        dead: f64::from(dead.0) / 1e6,
        adversarial: f64::from(adversarial.0) / 1e6,
        seed,
        mean: mean(&hops),
        p50: quantile(&hops, 0.5),
        p99: quantile(&hops, 0.99),
        p999: quantile(&hops, 0.999),
        max: hops.last().copied().unwrap_or(0.0),
        rounds_mean: mean(&rounds),
        rounds_p999: quantile(&rounds, 0.999),
        rounds_max: rounds.last().copied().unwrap_or(0.0),
        missed: of_all(u64::from(lookups) - hops.len() as u64),
        failed: of_all(sums.failed),
        asked: of_all(sums.asked),
        unanswered: of_all(sums.unanswered),
    })
}

#[derive(Default)]
struct Sums {
    hops: Vec<u32>,
    rounds: Vec<u32>,
    failed: u64,
    asked: u64,
    unanswered: u64,
}

impl Sums {
    fn of(network: &Network, rules: &Rules, seed: u64, numbers: impl Iterator<Item = usize>) -> Self {
        let mut sums = Self::default();
        for number in numbers {
            let mut stream = Stream::new(seed ^ 0x6c6f_6f6b, number as u64);
            let key = stream.draw();
            let origin = loop {
                let node = stream.below(network.len().into()) as u32;
                if network.kind(node) == Kind::Honest {
                    break node;
                }
            };
            let outcome = lookup(network, origin, key, rules);
            sums.hops.extend(outcome.hops);
            sums.rounds.extend(outcome.rounds);
            sums.failed += u64::from(!outcome.found);
            sums.asked += u64::from(outcome.asked);
            sums.unanswered += u64::from(outcome.unanswered);
        }
        sums
    }

    fn add(&mut self, other: Self) {
        self.hops.extend(other.hops);
        self.rounds.extend(other.rounds);
        self.failed += other.failed;
        self.asked += other.asked;
        self.unanswered += other.unanswered;
    }
}

impl Figures {
    /// A line a figure.
    pub fn text(&self) -> String {
        let Self { nodes, lookups, k, alpha, paths, mean, p50, p99, p999, max, .. } = self;
        let percent = |share: f64| format!("{:.3} %", share * 100.0);
        format!(
            "{lookups} lookups among {nodes} nodes: k = {k}, alpha = {alpha}, {paths} disjoint paths, {} dead, {} lying\n\
             hops        mean {mean:.2}, median {p50}, p99 {p99}, p99.9 {p999}, at most {max}\n\
             rounds      mean {:.2}, p99.9 {}, at most {}\n\
             missed      {} did not reach the nearest node\n\
             failed      {} reached nobody honest that holds the record\n\
             asked       {:.1} nodes, of which {:.1} did not answer\n",
            percent(self.dead),
            percent(self.adversarial),
            self.rounds_mean,
            self.rounds_p999,
            self.rounds_max,
            percent(self.missed),
            percent(self.failed),
            self.asked,
            self.unanswered,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> Setting {
        let rules = Rules { k: 20, alpha: 3, paths: 1 };
        Setting { nodes: 30_000, lookups: 500, rules, dead: Share(100_000), adversarial: Share(0), seed: 1 }
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        let figures = run(&setting()).unwrap();
        assert_eq!(figures, run(&setting()).unwrap());
        assert_ne!(figures.asked, run(&Setting { seed: 2, ..setting() }).unwrap().asked);
        assert!(figures.mean > 1.0 && figures.mean <= figures.p99 && figures.p99 <= figures.p999);
        assert!(figures.p999 <= figures.max && figures.failed == 0.0);
    }

    #[test]
    fn larger_buckets_make_shorter_ways() {
        let wide = run(&setting()).unwrap();
        let rules = Rules { k: 1, alpha: 1, paths: 1 };
        let narrow = run(&Setting { rules, dead: Share(0), ..setting() }).unwrap();
        assert!(wide.mean + 2.0 < narrow.mean, "{} {}", wide.mean, narrow.mean);
    }

    #[test]
    fn nonsense_is_refused() {
        let none = Rules { k: 0, ..setting().rules };
        assert_eq!(run(&Setting { rules: none, ..setting() }), Err(DhtError::Rules { most: 256 }));
        assert!(matches!(run(&Setting { lookups: 0, ..setting() }), Err(DhtError::Lookups { .. })));
    }
}
