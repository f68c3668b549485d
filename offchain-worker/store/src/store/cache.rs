//! A bounded cache of open files. When full, what was used longest ago goes first.

use std::{collections::HashMap, hash::Hash, sync::Arc};

pub(super) struct Cache<K, V: ?Sized> {
    entries: HashMap<K, Entry<V>>,
    max_entries: usize,
    max_weight: u64,
    weight: u64,
    clock: u64,
    generation: u64,
}

struct Entry<V: ?Sized> {
    value: Arc<V>,
    weight: u64,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: ?Sized> Cache<K, V> {
    pub(super) fn new(max_entries: usize, max_weight: u64) -> Self {
        Self { entries: HashMap::new(), max_entries, max_weight, weight: 0, clock: 0, generation: 0 }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(entry.value.clone())
    }

    /// Counts removals. A value made from what was looked up at an older generation may be stale.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds a value that was made since `generation`; drops it if anything was removed meanwhile.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>, weight: u64, generation: u64) {
        if generation != self.generation || weight > self.max_weight {
            return;
        }
        self.clock += 1;
        let entry = Entry { value, weight, used: self.clock };
        self.weight += weight;
        if let Some(old) = self.entries.insert(key, entry) {
            self.weight -= old.weight;
        }
        while self.entries.len() > self.max_entries || self.weight > self.max_weight {
            let Some(oldest) = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key)
            else {
                break;
            };
            self.drop_entry(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.generation += 1;
        self.drop_entry(key);
    }

    fn drop_entry(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.weight -= entry.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(max_entries: usize, max_weight: u64) -> Cache<u32, u32> {
        let mut cache = Cache::new(max_entries, max_weight);
        for key in 0..3 {
            cache.insert(key, Arc::new(key), 10, 0);
        }
        cache
    }

    #[test]
    fn drops_what_was_used_longest_ago() {
        let mut cache = filled(3, 100);
        cache.get(&0);
        cache.insert(3, Arc::new(3), 10, 0);
        assert!(cache.get(&1).is_none());
        assert!([0, 2, 3].iter().all(|key| cache.get(key).is_some()));
    }

    #[test]
    fn stays_within_its_weight() {
        let mut cache = filled(100, 30);
        cache.insert(3, Arc::new(3), 25, 0);
        assert_eq!((cache.entries.len(), cache.weight), (1, 25));
        cache.insert(4, Arc::new(4), 31, 0);
        assert!(cache.get(&4).is_none());
        cache.insert(3, Arc::new(3), 5, 0);
        assert_eq!(cache.weight, 5);
    }

    #[test]
    fn takes_nothing_stale() {
        let mut cache = filled(3, 100);
        let before = cache.generation();
        cache.remove(&0);
        cache.insert(0, Arc::new(0), 10, before);
        assert!(cache.get(&0).is_none());
    }
}
