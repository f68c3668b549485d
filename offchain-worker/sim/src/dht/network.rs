//! Who is there, and whom each knows.

use super::DhtError;
use crate::chance::Stream;
use std::ops::Range;

/// Bits of an id by which the sorted ids are indexed.
const INDEX_BITS: u32 = 20;
/// Most nodes of a network: they are counted by 32 bits.
const MAX_NODES: u32 = 1 << 30;

/// A share of all nodes, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub u32);

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers as it should.
    Honest,
    /// Does not answer, and is in the others' tables still.
    Dead,
    /// Names those of its kind that are nearest to the key, and nobody else.
    Adversarial,
}

/// A network: a number of nodes with random ids.
pub struct Network {
    /// Ascending. A node is its place in it.
    ids: Vec<u64>,
    /// Of each value of the first [`INDEX_BITS`] bits, the first node that is not below it.
    index: Vec<u32>,
    seed: u64,
    dead: Share,
    adversarial: Share,
}

impl Network {
    /// A network of `nodes` nodes, of which these shares are dead or adversarial, by chance.
    ///
    /// # Errors
    /// Where there are too few nodes to look anything up, too many to count, or shares beyond the whole.
    pub fn new(nodes: u32, dead: Share, adversarial: Share, seed: u64) -> Result<Self, DhtError> {
        if !(2..=MAX_NODES).contains(&nodes) {
            return Err(DhtError::Nodes { nodes, most: MAX_NODES });
        }
        if dead.0.saturating_add(adversarial.0) >= 1_000_000 {
            return Err(DhtError::Shares);
        }
        let mut stream = Stream::new(seed, 0);
        let mut ids: Vec<u64> = (0..nodes).map(|_| stream.draw()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut index = Vec::with_capacity((1 << INDEX_BITS) + 1);
        let mut node = 0usize;
        for prefix in 0..=(1u64 << INDEX_BITS) {
            while ids.get(node).is_some_and(|id| id >> (64 - INDEX_BITS) < prefix) {
                node += 1;
            }
            index.push(node as u32);
        }
        Ok(Self { ids, index, seed, dead, adversarial })
    }

    /// How many nodes there are: as many as were asked for, but for a few whose ids were the same.
    pub fn len(&self) -> u32 {
        self.ids.len() as u32
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// A node's id.
    pub fn id(&self, node: u32) -> u64 {
        self.ids[node as usize]
    }

    /// What a node does.
    pub fn kind(&self, node: u32) -> Kind {
        let draw = Stream::new(self.seed ^ 0x6b69_6e64, self.id(node)).below(1_000_000) as u32;
        if draw < self.dead.0 {
            Kind::Dead
        } else if draw < self.dead.0 + self.adversarial.0 {
            Kind::Adversarial
        } else {
            Kind::Honest
        }
    }

    /// The nodes whose first `bits` bits are those of `id`.
    fn range(&self, id: u64, bits: u32) -> Range<u32> {
        if bits == 0 {
            return 0..self.len();
        }
        let shift = 64 - bits;
        let prefix = id >> shift;
        let end = prefix.checked_add(1).map_or(self.len(), |next| self.first_from(next, shift));
        self.first_from(prefix, shift)..end
    }

    /// The first node whose id is not below `prefix` shifted to the left.
    fn first_from(&self, prefix: u64, shift: u32) -> u32 {
        if shift >= 64 - INDEX_BITS {
            let place = prefix << (shift - (64 - INDEX_BITS));
            return self.index[place as usize];
        }
        // Behind the last id there is.
        let Some(bound) = prefix.checked_shl(shift).filter(|bound| bound >> shift == prefix) else {
            return self.len();
        };
        let place = (bound >> (64 - INDEX_BITS)) as usize;
        let (from, to) = (self.index[place], self.index[place + 1]);
        let slice = &self.ids[from as usize..to as usize];
        from + slice.partition_point(|id| *id < bound) as u32
    }

    /// The `count` nodes of a kind that are nearest to `key`, the nearest first.
    pub fn closest(&self, key: u64, count: usize, kind: Kind) -> Vec<u32> {
        let mut found = Vec::new();
        let none = match kind {
            Kind::Honest => false,
            Kind::Dead => self.dead.0 == 0,
            Kind::Adversarial => self.adversarial.0 == 0,
        };
        if none {
            return found;
        }
        for bits in (0..=64u32).rev() {
            let range = self.range(key, bits);
            // Most ranges of many bits are empty.
            if bits > 0 && range.len() < count {
                continue;
            }
            found.clear();
            found.extend(range.filter(|node| self.kind(*node) == kind));
            if found.len() >= count {
                break;
            }
        }
        self.sort(&mut found, key);
        found.truncate(count);
        found
    }

    fn sort(&self, nodes: &mut [u32], key: u64) {
        nodes.sort_unstable_by_key(|node| self.id(*node) ^ key);
    }

    /// Adds the nodes that `owner` knows of those that share exactly `bits` bits with it: `k`, or all.
    fn bucket(&self, owner: u32, bits: u32, k: usize, into: &mut Vec<u32>) {
        let range = self.range(self.id(owner) ^ (1 << (63 - bits)), bits + 1);
        let count = range.len();
        if count <= k {
            into.extend(range);
            return;
        }
        // Floyd's sampling without replacement.
        let mut stream = Stream::new(self.seed ^ self.id(owner), bits.into());
        let begin = into.len();
        for last in count - k..count {
            let drawn = range.start + stream.below(last as u64 + 1) as u32;
            let node = if into[begin..].contains(&drawn) { range.start + last as u32 } else { drawn };
            into.push(node);
        }
    }

    /// The `k` nodes nearest to `key` of those that `owner` knows, the nearest first: itself not among them.
    pub fn known(&self, owner: u32, key: u64, k: usize) -> Vec<u32> {
        let id = self.id(owner);
        let shared = (id ^ key).leading_zeros();
        let mut nodes = Vec::with_capacity(k);
        // All of this bucket are nearer than the owner. It has the key itself only where that is the owner's id.
        if shared < 64 {
            self.bucket(owner, shared, k, &mut nodes);
        }
        if nodes.len() < k {
            // As near as the owner.
            for bits in shared + 1..64 {
                if self.range(id, bits).len() == 1 {
                    break;
                }
                self.bucket(owner, bits, k, &mut nodes);
            }
            // Farther with each.
            for bits in (0..shared.min(64)).rev() {
                if nodes.len() >= k {
                    break;
                }
                self.bucket(owner, bits, k, &mut nodes);
            }
        }
        self.sort(&mut nodes, key);
        nodes.truncate(k);
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Network {
        Network::new(5_000, Share(100_000), Share(200_000), 7).unwrap()
    }

    #[test]
    fn a_bucket_holds_those_that_share_just_so_many_bits() {
        let network = small();
        for owner in [0, 17, 4_999] {
            for bits in 0..12 {
                let mut nodes = Vec::new();
                network.bucket(owner, bits, 20, &mut nodes);
                let shared = |node: u32| (network.id(node) ^ network.id(owner)).leading_zeros();
                assert!(nodes.iter().all(|node| shared(*node) == bits));
                let all = (0..network.len()).filter(|node| *node != owner && shared(*node) == bits).count();
                assert_eq!(nodes.len(), all.min(20));
                nodes.sort_unstable();
                nodes.dedup();
                assert_eq!(nodes.len(), all.min(20), "nobody twice");
            }
        }
    }

    #[test]
    fn the_closest_are_those_that_a_look_at_all_finds() {
        let network = small();
        for key in [0, 1 << 40, u64::MAX, 0x1234_5678_9abc_def0] {
            for kind in [Kind::Honest, Kind::Dead, Kind::Adversarial] {
                let mut all: Vec<_> = (0..network.len()).filter(|node| network.kind(*node) == kind).collect();
                all.sort_by_key(|node| network.id(*node) ^ key);
                assert_eq!(network.closest(key, 20, kind), all[..20]);
            }
        }
    }

    #[test]
    fn whom_a_node_knows_near_its_own_id_are_its_neighbours() {
        let network = small();
        for owner in [3, 2_500] {
            let key = network.id(owner);
            let mut all: Vec<_> = (0..network.len()).filter(|node| *node != owner).collect();
            all.sort_by_key(|node| network.id(*node) ^ key);
            assert_eq!(network.known(owner, key, 20)[..10], all[..10]);
        }
    }

    #[test]
    fn kinds_have_their_shares() {
        let network = small();
        let count = |kind| (0..network.len()).filter(|node| network.kind(*node) == kind).count();
        assert!((400..600).contains(&count(Kind::Dead)));
        assert!((900..1_100).contains(&count(Kind::Adversarial)));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(Network::new(1, Share(0), Share(0), 1), Err(DhtError::Nodes { nodes: 1, .. })));
        assert!(matches!(Network::new(9, Share(500_000), Share(500_000), 1), Err(DhtError::Shares)));
    }
}
