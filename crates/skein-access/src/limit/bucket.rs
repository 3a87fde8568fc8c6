//! How often somebody may do something: a token bucket per key, in eight bytes, in a table that does not grow beyond its bound. Times are given.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
};

use parking_lot::Mutex;

/// Locks of one table.
const SHARDS: usize = 16;

/// Buckets of one kind, by key.
pub(crate) struct Buckets<K> {
    /// Milliseconds per token, and how many tokens a full bucket has.
    interval_ms: f64,
    burst: f64,
    /// Keys of one shard.
    keys_max: usize,
    hasher: RandomState,
    /// When each bucket will be full again, in milliseconds.
    full_ms: Vec<Mutex<HashMap<K, f64>>>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// So many per minute, and so many at once; 0 per minute: no bound. At most `keys_max` keys are kept.
    pub(crate) fn new(per_minute: u32, burst: u32, keys_max: usize) -> Self {
        Self {
            interval_ms: if per_minute == 0 { 0.0 } else { 60_000.0 / f64::from(per_minute) },
            burst: f64::from(burst.max(1)),
            keys_max: (keys_max / SHARDS).max(1),
            hasher: RandomState::new(),
            full_ms: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// There is none; in how many milliseconds there will be.
    pub(crate) fn take(&self, key: K, now_ms: u64) -> Result<(), u32> {
        if self.interval_ms == 0.0 {
            return Ok(());
        }
        let now = now_ms as f64;
        let shard = self.hasher.hash_one(&key) as usize % SHARDS;
        let mut buckets = self.full_ms[shard].lock();
        if buckets.len() >= self.keys_max && !buckets.contains_key(&key) {
            // Full buckets say nothing. If all say something, they are forgotten together: a bound on memory goes before one on how often.
            buckets.retain(|_, full| *full > now);
            if buckets.len() >= self.keys_max {
                buckets.clear();
            }
        }
        let full = buckets.entry(key).or_insert(now);
        let next = full.max(now) + self.interval_ms;
        let late = next - now - self.burst * self.interval_ms;
        if late > 0.0 {
            return Err(late.ceil() as u32);
        }
        *full = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let buckets = Buckets::new(60, 3, 100);
        assert_eq!([0; 3].map(|_| buckets.take("ann", 5_000)), [Ok(()); 3]);
        assert_eq!(buckets.take("ann", 5_000), Err(1_000));
        assert_eq!(buckets.take("ann", 5_400), Err(600), "being refused costs nothing");
        assert_eq!(buckets.take("bob", 5_400), Ok(()));
        assert_eq!(buckets.take("ann", 6_000), Ok(()));
        assert_eq!(buckets.take("ann", 6_000), Err(1_000));
        assert_eq!([0; 3].map(|_| buckets.take("ann", 60_000)), [Ok(()); 3]);
    }

    #[test]
    fn no_bound_is_no_bound() {
        let buckets = Buckets::new(0, 1, 10);
        assert!((0..1_000).all(|_| buckets.take("ann", 1).is_ok()));
    }

    #[test]
    fn the_table_does_not_grow() {
        let buckets = Buckets::new(1, 1, 160);
        (0..100_000).for_each(|key| assert_eq!(buckets.take(key, 1), Ok(())));
        assert!(buckets.full_ms.iter().map(|shard| shard.lock().len()).sum::<usize>() <= 160);
    }
}
