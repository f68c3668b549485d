//! Miners for new pieces: who may take them, and in which order.
//!
//! Who has the space, asks no more than the price and is not known to be away takes part. The order is a
//! weighted draw without replacement, so that load spreads and nobody is first for certain: by score, free
//! space and price. Regions then take turns, so that the loss of one region is the loss of few pieces. A miner
//! is one account, so owners are distinct.

use lunarx_core::{Balance, NodeKey, Score};
use rand::{rngs::StdRng, Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most that a low price or much free space count for.
const MOST_FACTOR: f64 = 8.0;
/// What an unwatched miner counts for, of one that is known to be there.
const UNWATCHED: f64 = 0.5;

/// A miner that could take pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its node.
    pub node_key: NodeKey,
    /// Where it says it is.
    pub region: Vec<u8>,
    /// Bytes that it can take.
    pub free: u64,
    /// LX-units per GiB and day.
    pub price: Balance,
    /// How its contracts went.
    pub score: Score,
    /// What heartbeats say, if anybody listens.
    pub online: Option<bool>,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Bytes that each must have free.
    pub bytes: u64,
    /// How many miners.
    pub count: u32,
    /// The most that each may ask.
    pub max_price: Balance,
    /// Those not to name.
    pub exclude: BTreeSet<NodeKey>,
}

/// Chooses, the best first. The same candidates and seed give the same choice.
pub fn choose(candidates: &[Candidate], wanted: &Wanted, seed: u64) -> Vec<NodeKey> {
    let mut fit: Vec<&Candidate> = candidates.iter().filter(|miner| fits(miner, wanted)).collect();
    fit.sort_by_key(|miner| miner.node_key);
    fit.dedup_by_key(|miner| miner.node_key);
    let mut random = StdRng::seed_from_u64(seed);
    // An exponential race: who has the weight w comes first with w of all weights.
    let mut race: Vec<(f64, &Candidate)> = fit
        .into_iter()
        .map(|miner| (-(1.0 - random.gen::<f64>()).ln() / weight(miner, wanted), miner))
        .collect();
    race.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let order = race.into_iter().map(|(_, miner)| miner);
    turns(order).take(usize::try_from(wanted.count).unwrap_or(usize::MAX)).collect()
}

fn fits(miner: &Candidate, wanted: &Wanted) -> bool {
    miner.free >= wanted.bytes
        && miner.price <= wanted.max_price
        && miner.online != Some(false)
        && !wanted.exclude.contains(&miner.node_key)
}

/// How likely a miner is drawn; above zero.
fn weight(miner: &Candidate, wanted: &Wanted) -> f64 {
    let Score { proven, unproven, lost, .. } = miner.score;
    // Exact up to 2^53, which no score comes near.
    let (proven, unproven) = (float(proven.into()), float(unproven.into()));
    let reliable = ((proven + 1.0) / (proven + unproven + 2.0)).powi(2) / (1.0 + f64::from(lost)).powi(3);
    let room = (1.0 + float(miner.free.into()) / float(wanted.bytes.max(1).into())).log2().min(MOST_FACTOR);
    let cheap = (float(wanted.max_price.max(1)) / float(miner.price.max(1))).min(MOST_FACTOR);
    let seen = if miner.online == Some(true) { 1.0 } else { UNWATCHED };
    (reliable * room * cheap * seen).max(f64::MIN_POSITIVE)
}

/// The nearest float: a weight needs no more.
fn float(number: u128) -> f64 {
    let low = u32::try_from(number & u128::from(u32::MAX)).unwrap_or(u32::MAX);
    let high = number >> 32;
    let base = f64::from(low);
    if high == 0 {
        base
    } else {
        float(high) * 4_294_967_296.0 + base
    }
}

/// Takes from each region in turn; regions in the order in which they first come.
fn turns<'a>(order: impl Iterator<Item = &'a Candidate>) -> impl Iterator<Item = NodeKey> {
    let mut places: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut regions: VecDeque<VecDeque<NodeKey>> = VecDeque::new();
    for miner in order {
        let next = regions.len();
        let place = *places.entry(&miner.region).or_insert(next);
        if place == next {
            regions.push_back(VecDeque::new());
        }
        if let Some(region) = regions.get_mut(place) {
            region.push_back(miner.node_key);
        }
    }
    std::iter::from_fn(move || {
        let mut region = regions.pop_front()?;
        let miner = region.pop_front();
        if !region.is_empty() {
            regions.push_back(region);
        }
        miner
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: u8, region: &str) -> Candidate {
        Candidate {
            node_key: NodeKey([id; 32]),
            region: region.into(),
            free: 1_000,
            price: 10,
            score: Score::default(),
            online: Some(true),
        }
    }

    fn wanted(count: u32) -> Wanted {
        Wanted { bytes: 100, count, max_price: 20, exclude: BTreeSet::new() }
    }

    fn firsts(candidates: &[Candidate], first: u8) -> usize {
        (0..1_000).filter(|seed| choose(candidates, &wanted(1), *seed) == [NodeKey([first; 32])]).count()
    }

    #[test]
    fn names_nobody_who_cannot_take_it() {
        let mut full = candidate(1, "eu");
        full.free = 99;
        let mut dear = candidate(2, "eu");
        dear.price = 21;
        let mut away = candidate(3, "eu");
        away.online = Some(false);
        let all = [full, dear, away, candidate(4, "eu"), candidate(5, "eu")];
        let without = Wanted { exclude: [NodeKey([4; 32])].into(), ..wanted(10) };
        for seed in 0..50 {
            assert_eq!(choose(&all, &without, seed), [NodeKey([5; 32])]);
        }
        assert!(choose(&[], &wanted(3), 1).is_empty());
    }

    #[test]
    fn regions_take_turns() {
        let mut all: Vec<_> = (0..20).map(|id| candidate(id, "eu")).collect();
        all.extend((20..23).map(|id| candidate(id, "us")));
        all.push(candidate(23, "asia"));
        for seed in 0..50 {
            let chosen = choose(&all, &wanted(8), seed);
            assert_eq!(chosen.len(), 8);
            let of =
                |range: std::ops::Range<u8>| chosen.iter().filter(|key| range.contains(&key.0[0])).count();
            assert_eq!((of(0..20), of(20..23), of(23..24)), (4, 3, 1), "seed {seed}");
        }
    }

    #[test]
    fn nobody_is_named_twice() {
        let all = [candidate(1, "eu"), candidate(1, "us"), candidate(2, "eu")];
        for seed in 0..50 {
            assert_eq!(choose(&all, &wanted(5), seed).len(), 2);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_choice() {
        let mut all: Vec<_> = (0..30).map(|id| candidate(id, "eu")).collect();
        let chosen = choose(&all, &wanted(5), 7);
        all.reverse();
        assert_eq!(choose(&all, &wanted(5), 7), chosen);
        assert!((8..20).any(|seed| choose(&all, &wanted(5), seed) != chosen));
    }

    #[test]
    fn losses_weigh_and_new_miners_get_their_share() {
        let mut loser = candidate(1, "eu");
        loser.score.lost = 3;
        let all = [loser, candidate(2, "eu")];
        // One in 65 on average.
        assert!((1..50).contains(&firsts(&all, 1)), "{}", firsts(&all, 1));

        let mut proven = candidate(1, "eu");
        proven.score.proven = 10_000;
        let all = [proven, candidate(2, "eu")];
        // One in five on average.
        assert!((120..280).contains(&firsts(&all, 2)), "{}", firsts(&all, 2));
    }

    #[test]
    fn large_numbers_are_floats() {
        assert_eq!(float(0), 0.0);
        assert_eq!(float(1 << 60), (1u64 << 60) as f64);
        assert_eq!(float(u128::MAX), u128::MAX as f64);
    }
}
