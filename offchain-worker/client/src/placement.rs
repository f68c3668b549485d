//! Which miners get the pieces, and what that will cost.
//!
//! Regions take turns, so that pieces spread over as many as there are; within a region the cheapest
//! come first, with prices blurred a little by chance, so that equal miners share the load.

use lunarx_core::{window_fee, AccountId, Balance, ChainParameters, ProviderInfo, Region, Services};
use lunarx_row::{piece_len, Code};
use rand::Rng;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Prices that differ by less than this many thousandths are taken for equal.
const BLUR_THOUSANDTHS: u128 = 50;

/// A miner that may take a piece.
pub type Candidate = ProviderInfo<AccountId>;

/// What is asked of each miner.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Bytes of the piece.
    pub bytes: u64,
    /// The most to be paid per GiB and day.
    pub max_price: Option<Balance>,
}

impl Need {
    /// Whether `miner` can meet it, by what the chain says.
    pub fn met_by(&self, miner: &Candidate) -> bool {
        miner.exit_at.is_none()
            && miner.services.contains(Services::STORAGE)
            && miner.free() >= self.bytes
            && self.max_price.is_none_or(|max| miner.price <= max)
    }
}

/// Those of `miners` that can meet `need`, each account and node once, in the order in which they
/// should be asked.
pub fn rank(miners: &[Candidate], need: Need, rng: &mut impl Rng) -> Vec<Candidate> {
    let (mut accounts, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    let mut regions: BTreeMap<&Region, Vec<(Balance, &Candidate)>> = BTreeMap::new();
    for miner in miners.iter().filter(|miner| need.met_by(miner)) {
        if accounts.insert(miner.account) && nodes.insert(miner.node_key) {
            let blurred = blur(miner.price, rng);
            regions.entry(&miner.region).or_default().push((blurred, miner));
        }
    }
    // Cheapest last, to be popped.
    regions.values_mut().for_each(|region| region.sort_by_key(|(price, _)| Reverse(*price)));
    let mut queues: Vec<_> = regions.into_values().collect();
    let mut ranked = Vec::new();
    while !queues.is_empty() {
        let mut round: Vec<_> = queues.iter_mut().filter_map(Vec::pop).collect();
        round.sort_by_key(|(price, _)| *price);
        ranked.extend(round.into_iter().map(|(_, miner)| miner.clone()));
        queues.retain(|queue| !queue.is_empty());
    }
    ranked
}

fn blur(price: Balance, rng: &mut impl Rng) -> Balance {
    let extra = price.saturating_mul(rng.gen_range(0..BLUR_THOUSANDTHS)) / 1_000;
    price.saturating_add(extra)
}

/// The segments of an object of `size` bytes: one at least, all but the last full.
pub fn segments(size: u64, segment_bytes: u64) -> impl Iterator<Item = u64> {
    let full = size / segment_bytes;
    let rest = size % segment_bytes;
    let rest = (rest > 0 || full == 0).then_some(rest);
    (0..full).map(move |_| segment_bytes).chain(rest)
}

/// What a put would cost, by the prices listed on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of the object.
    pub bytes: u64,
    /// Its segments.
    pub segments: u64,
    /// The code.
    pub code: Code,
    /// Bytes stored at all miners together.
    pub stored_bytes: u64,
    /// Term in windows.
    pub windows: u32,
    /// Fee of a window.
    pub window_fee: Balance,
    /// Fee of the whole term, held when the contracts open.
    pub total: Balance,
    /// Miners needed.
    pub miners_needed: usize,
    /// Miners that can take a piece of the largest segment.
    pub miners_available: usize,
}

/// What `size` bytes cost at the first `n` of `ranked`. `None` if they are fewer, or on overflow.
pub(crate) fn cost(
    ranked: &[Candidate],
    code: Code,
    sizes: impl Iterator<Item = u64>,
    parameters: &ChainParameters,
) -> Option<Balance> {
    let chosen = ranked.get(..usize::from(code.n()))?;
    let mut total: Balance = 0;
    // All segments but the last are alike.
    let mut known: Option<(u64, Balance)> = None;
    for size in sizes {
        let fee = match known {
            Some((len, fee)) if len == size => fee,
            _ => {
                let bytes = piece_len(code, size);
                let fee =
                    |miner: &Candidate| window_fee(miner.price, bytes, parameters.window, parameters.day);
                chosen.iter().try_fold(0, |sum: Balance, miner| sum.checked_add(fee(miner)?))?
            }
        };
        known = Some((size, fee));
        total = total.checked_add(fee)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{Addresses, EncryptionKey, NodeKey, Score, GIB};
    use rand::{rngs::StdRng, SeedableRng};

    fn miner(id: u8, region: &str, price: Balance) -> Candidate {
        ProviderInfo {
            account: AccountId([id; 32]),
            node_key: NodeKey([id; 32]),
            encryption_key: EncryptionKey([0; 32]),
            addresses: Addresses::default(),
            region: Region::try_from(region.as_bytes().to_vec()).unwrap(),
            services: Services::STORAGE,
            capacity: GIB,
            used: 0,
            price,
            collateral: 0,
            exit_at: None,
            score: Score::default(),
        }
    }

    fn ids(ranked: &[Candidate]) -> Vec<u8> {
        ranked.iter().map(|miner| miner.account.0[0]).collect()
    }

    const NEED: Need = Need { bytes: 1000, max_price: None };

    #[test]
    fn regions_take_turns_and_the_cheapest_come_first() {
        let miners = [miner(1, "eu", 100), miner(2, "eu", 200), miner(3, "us", 1_000), miner(4, "eu", 400)];
        let ranked = rank(&miners, NEED, &mut StdRng::seed_from_u64(1));
        assert_eq!(ids(&ranked), [1, 3, 2, 4]);
    }

    #[test]
    fn equal_miners_share_the_load() {
        let miners: Vec<_> = (0..20).map(|id| miner(id, "eu", 1_000_000)).collect();
        let first = |seed| ids(&rank(&miners, NEED, &mut StdRng::seed_from_u64(seed)))[0];
        let firsts: BTreeSet<_> = (0..50).map(first).collect();
        assert!(firsts.len() > 5, "{firsts:?}");
    }

    #[test]
    fn leaves_out_those_that_cannot_take_it_and_those_named_twice() {
        let mut exiting = miner(2, "eu", 1);
        exiting.exit_at = Some(9);
        let mut full = miner(3, "eu", 1);
        full.used = GIB - 999;
        let mut other_service = miner(4, "eu", 1);
        other_service.services = Services::INDEX;
        let mut same_node = miner(5, "us", 1);
        same_node.node_key = NodeKey([1; 32]);
        let miners = [
            miner(1, "eu", 1),
            exiting,
            full,
            other_service,
            same_node,
            miner(1, "asia", 1),
            miner(6, "eu", 9),
        ];
        let need = Need { max_price: Some(8), ..NEED };
        assert_eq!(rank(&miners, need, &mut StdRng::seed_from_u64(1)).len(), 1);
    }

    #[test]
    fn every_object_has_a_segment() {
        let lens = |size| segments(size, 10).collect::<Vec<_>>();
        assert_eq!([lens(0), lens(1), lens(10)], [vec![0], vec![1], vec![10]]);
        assert_eq!([lens(11), lens(20), lens(25)], [vec![10, 1], vec![10, 10], vec![10, 10, 5]]);
    }
}
