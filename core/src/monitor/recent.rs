//! A map that keeps recently used keys, and counts those that it dropped.

use std::collections::BTreeMap;

/// A map with a maximum number of keys. When it is full, the least recently used quarter is dropped
/// at once, so that a flood of new keys costs each of them little.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    most: usize,
    clock: u64,
    entries: BTreeMap<K, Entry<V>>,
    forgotten: u64,
}

#[derive(Debug)]
struct Entry<V> {
    used: u64,
    value: V,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(super) fn of(most: usize) -> Self {
        Self {
            most,
            clock: 0,
            entries: BTreeMap::new(),
            forgotten: 0,
        }
    }

    /// The value of a key, created if there is none.
    pub(super) fn value(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        self.clock += 1;
        if !self.entries.contains_key(key) && self.entries.len() >= self.most {
            self.forget();
        }
        let used = self.clock;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry {
            used,
            value: make(),
        });
        entry.used = used;
        &mut entry.value
    }

    /// The value of a key, if there is one.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        Some(&self.entries.get(key)?.value)
    }

    /// The value of a key, which counts as a use.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(&mut entry.value)
    }

    /// All, in the order of their keys. Does not count as a use.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    /// All, in the order of their keys. Does not count as a use.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries
            .iter_mut()
            .map(|(key, entry)| (key, &mut entry.value))
    }

    /// How many keys were dropped.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn forget(&mut self) {
        let mut used: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
        let going = (used.len() / 4).max(1).min(used.len());
        if going == 0 {
            return;
        }
        let (_, last, _) = used.select_nth_unstable(going - 1);
        let last = *last;
        self.entries.retain(|_, entry| entry.used > last);
        self.forgotten += going as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recently_used_keys_are_kept_and_dropped_ones_counted() {
        let mut recent = Recent::of(8);
        for key in 0..1000_u64 {
            *recent.value(&key, || 0) += 1;
            if let Some(first) = recent.get_mut(&0) {
                *first += 1;
            }
            assert!(recent.iter().count() <= 8);
        }
        assert_eq!(recent.iter().next(), Some((&0, &1001)));
        assert_eq!(recent.iter().count() as u64 + recent.forgotten(), 1000);
        recent.iter_mut().for_each(|(_, value)| *value = 0);
        assert_eq!(recent.get_mut(&0), Some(&mut 0));
    }
}
