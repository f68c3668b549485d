//! One lookup: iterative, over one path or several that share no node.

use super::{Kind, Network};
use std::collections::HashSet;

/// How lookups are done.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Nodes of a bucket, of an answer, and that hold a record.
    pub k: usize,
    /// Questions at the same time on a single path; several paths have one each.
    pub alpha: usize,
    /// Paths that share no node.
    pub paths: usize,
}

/// What became of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Questions in a row of which the last one was to the honest node nearest to the key. None where it was not found.
    pub hops: Option<u32>,
    /// Rounds of questions up to that one: waiting for nodes that do not answer is among them.
    pub rounds: Option<u32>,
    /// Whether any honest one of those that hold the record was asked: of the `k` nearest that answer.
    pub found: bool,
    /// Nodes asked.
    pub asked: u32,
    /// Of them, those that did not answer.
    pub unanswered: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Answered,
    /// Did not answer, or is another path's.
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    node: u32,
    distance: u64,
    hops: u32,
    state: State,
}

/// What a path knows, the nearest to the key first.
#[derive(Default)]
struct Path(Vec<Candidate>);

impl Path {
    fn learn(&mut self, node: u32, distance: u64, hops: u32) {
        if let Err(place) = self.0.binary_search_by_key(&distance, |candidate| candidate.distance) {
            self.0.insert(place, Candidate { node, distance, hops, state: State::New });
        }
    }

    /// The nearest that is not asked, unless it is none of the `k` nearest.
    fn next(&mut self, k: usize) -> Option<&mut Candidate> {
        self.0
            .iter_mut()
            .filter(|candidate| candidate.state != State::Lost)
            .take(k)
            .find(|candidate| candidate.state == State::New)
    }
}

/// Looks `key` up from `origin`, an honest node.
pub fn lookup(network: &Network, origin: u32, key: u64, rules: &Rules) -> Outcome {
    let k = rules.k;
    let goal = network.closest(key, 1, Kind::Honest).first().copied();
    let holders = holders(network, key, k);
    let mut outcome =
        Outcome { hops: None, rounds: None, found: holders.contains(&origin), asked: 0, unanswered: 0 };
    if goal == Some(origin) {
        outcome.hops = Some(0);
        outcome.rounds = Some(0);
    }
    let mut liars = None;
    let mut taken = HashSet::from([origin]);
    let mut paths: Vec<_> = (0..rules.paths.max(1)).map(|_| Path::default()).collect();
    let count = paths.len();
    for (place, node) in network.known(origin, key, k.max(count)).into_iter().enumerate() {
        paths[place % count].learn(node, network.id(node) ^ key, 1);
    }
    let mut rounds = 0;
    let at_once = if count == 1 { rules.alpha.max(1) } else { 1 };
    loop {
        let mut asked = Vec::new();
        for (number, path) in paths.iter_mut().enumerate() {
            let mut room = at_once;
            while room > 0 {
                let Some(next) = path.next(k) else { break };
                if !taken.insert(next.node) {
                    next.state = State::Lost;
                    continue;
                }
                room -= 1;
                let kind = network.kind(next.node);
                next.state = if kind == Kind::Dead { State::Lost } else { State::Answered };
                asked.push((number, next.node, next.hops, kind));
            }
        }
        if asked.is_empty() {
            return outcome;
        }
        rounds += 1;
        for (number, node, hops, kind) in asked {
            outcome.asked += 1;
            outcome.found |= holders.contains(&node);
            let answer = match kind {
                Kind::Dead => {
                    outcome.unanswered += 1;
                    continue;
                }
                Kind::Honest => network.known(node, key, k),
                Kind::Adversarial => {
                    // Others to each path: none of them closes a path to the next one.
                    let all = || network.closest(key, k.saturating_mul(count), Kind::Adversarial);
                    let liars: &Vec<u32> = liars.get_or_insert_with(all);
                    liars.iter().copied().skip(number * k).take(k).collect()
                }
            };
            if goal == Some(node) {
                outcome.hops = Some(hops);
                outcome.rounds = Some(rounds);
            }
            for other in answer.into_iter().filter(|other| *other != origin) {
                paths[number].learn(other, network.id(other) ^ key, hops + 1);
            }
        }
    }
}

/// The honest ones of the `k` nearest nodes that answer.
fn holders(network: &Network, key: u64, k: usize) -> Vec<u32> {
    let mut nodes = network.closest(key, k, Kind::Honest);
    nodes.extend(network.closest(key, k, Kind::Adversarial));
    nodes.sort_unstable_by_key(|node| network.id(*node) ^ key);
    nodes.truncate(k);
    nodes.retain(|node| network.kind(*node) == Kind::Honest);
    nodes
}

#[cfg(test)]
mod tests {
    use super::{super::Share, *};
    use crate::chance::Stream;

    const RULES: Rules = Rules { k: 20, alpha: 3, paths: 1 };

    fn outcomes(dead: u32, adversarial: u32, rules: Rules) -> Vec<Outcome> {
        let network = Network::new(20_000, Share(dead), Share(adversarial), 11).unwrap();
        let mut stream = Stream::new(3, 3);
        let mut outcomes = Vec::new();
        while outcomes.len() < 300 {
            let origin = stream.below(network.len().into()) as u32;
            if network.kind(origin) == Kind::Honest {
                outcomes.push(lookup(&network, origin, stream.draw(), &rules));
            }
        }
        outcomes
    }

    fn found(outcomes: &[Outcome]) -> usize {
        outcomes.iter().filter(|outcome| outcome.found).count()
    }

    #[test]
    fn among_honest_nodes_every_lookup_ends_at_the_nearest() {
        for rules in [RULES, Rules { paths: 4, ..RULES }, Rules { k: 1, alpha: 1, paths: 1 }] {
            for outcome in outcomes(0, 0, rules) {
                // Each hop brings at least one bit, and 20,000 nodes differ in some 15.
                assert!(outcome.hops.is_some_and(|hops| hops <= 16), "{outcome:?}");
                assert!(outcome.found && outcome.unanswered == 0);
            }
        }
    }

    #[test]
    fn dead_entries_cost_questions_and_not_the_record() {
        let all = outcomes(300_000, 0, RULES);
        assert_eq!(found(&all), all.len());
        let (asked, unanswered) =
            all.iter().fold((0, 0), |sum, one| (sum.0 + one.asked, sum.1 + one.unanswered));
        assert!((0.2..0.4).contains(&(f64::from(unanswered) / f64::from(asked))));
    }

    #[test]
    fn liars_hide_records_from_single_paths_and_less_from_many() {
        let narrow = found(&outcomes(0, 200_000, Rules { k: 1, alpha: 1, paths: 1 }));
        let one = found(&outcomes(0, 200_000, RULES));
        let eight = found(&outcomes(0, 200_000, Rules { paths: 8, ..RULES }));
        assert!(narrow < one && one < eight, "{narrow} {one} {eight}");
        assert!(eight >= 290, "{eight}");
    }

    #[test]
    fn paths_share_no_node() {
        // With as many paths as nodes to begin with, each is asked by one of them only: no more questions than nodes.
        let network = Network::new(50, Share(0), Share(0), 5).unwrap();
        let outcome = lookup(&network, 0, 9, &Rules { paths: 8, ..RULES });
        assert!(outcome.asked <= 49, "{outcome:?}");
        assert!(outcome.found);
    }
}
