//! How often somebody may do something: token buckets in eight bytes each, alone or in a table that does not grow beyond its bound. Times are given.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
};

use parking_lot::Mutex;

/// Locks of one table.
const SHARDS: usize = 16;
/// Sums of fractions of a millisecond are not exact; nobody waits for less than this, in milliseconds.
const DUST_MS: f64 = 1e-6;

/// How fast tokens come, and how many a full bucket has.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    interval_ms: f64,
    burst: f64,
}

impl Rate {
    /// So many per minute, and so many at once; 0 per minute: no bound.
    pub fn per_minute(per_minute: u32, burst: u32) -> Self {
        let interval_ms = if per_minute == 0 { 0.0 } else { 60_000.0 / f64::from(per_minute) };
        Self { interval_ms, burst: f64::from(burst.max(1)) }
    }

    /// So many per minute, of which a quarter may come at once; 0: no bound.
    pub fn of_minute(per_minute: u32) -> Self {
        Self::per_minute(per_minute, per_minute.div_ceil(4))
    }

    /// So many per second, at least one, and so many at once.
    pub fn per_second(per_second: u32, burst: u32) -> Self {
        Self { interval_ms: 1_000.0 / f64::from(per_second.max(1)), burst: f64::from(burst.max(1)) }
    }
}

/// One bucket: when it will be full again, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_ms: f64,
}

impl Bucket {
    /// Takes `count` tokens; more than a burst counts as a burst.
    ///
    /// # Errors
    /// There are not so many; in how many milliseconds there will be. Nothing is taken.
    pub fn take(&mut self, rate: Rate, now_ms: u64, count: u32) -> Result<(), u32> {
        let now = now_ms as f64;
        let next = self.full_ms.max(now) + f64::from(count).min(rate.burst) * rate.interval_ms;
        let late = next - now - rate.burst * rate.interval_ms;
        if late > DUST_MS {
            return Err((late - DUST_MS).ceil() as u32);
        }
        self.full_ms = next;
        Ok(())
    }

    /// Whether nothing has been taken lately, so that forgetting it changes nothing.
    pub fn is_full(&self, now_ms: u64) -> bool {
        self.full_ms <= now_ms as f64
    }

    fn give_back(&mut self, rate: Rate, count: u32) {
        self.full_ms -= f64::from(count) * rate.interval_ms;
    }
}

/// Buckets of one rate, by key.
pub struct Buckets<K> {
    rate: Rate,
    /// Keys of one shard.
    keys_max: usize,
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<K, Bucket>>>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// All full. At most `keys_max` of them are kept in mind.
    pub fn new(rate: Rate, keys_max: usize) -> Self {
        Self {
            rate,
            keys_max: (keys_max / SHARDS).max(1),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    fn shard(&self, key: &K) -> &Mutex<HashMap<K, Bucket>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    /// Takes `count` tokens of one bucket.
    ///
    /// # Errors
    /// As [`Bucket::take`].
    pub fn take(&self, key: K, now_ms: u64, count: u32) -> Result<(), u32> {
        if self.rate.interval_ms == 0.0 {
            return Ok(());
        }
        let mut buckets = self.shard(&key).lock();
        if buckets.len() >= self.keys_max && !buckets.contains_key(&key) {
            // Full buckets say nothing. If all say something, they are forgotten together: a bound on memory goes before one on how often.
            buckets.retain(|_, bucket| !bucket.is_full(now_ms));
            if buckets.len() >= self.keys_max {
                buckets.clear();
            }
        }
        buckets.entry(key).or_default().take(self.rate, now_ms, count)
    }

    /// What was taken was not used after all.
    pub fn give_back(&self, key: &K, count: u32) {
        if let Some(bucket) = self.shard(key).lock().get_mut(key) {
            bucket.give_back(self.rate, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let buckets = Buckets::new(Rate::per_minute(60, 3), 100);
        let take = |key, now_ms| buckets.take(key, now_ms, 1);
        assert_eq!([0; 3].map(|_| take("ann", 5_000)), [Ok(()); 3]);
        assert_eq!(take("ann", 5_000), Err(1_000));
        assert_eq!(take("ann", 5_400), Err(600), "being refused costs nothing");
        assert_eq!(take("bob", 5_400), Ok(()));
        assert_eq!(take("ann", 6_000), Ok(()));
        assert_eq!(take("ann", 6_000), Err(1_000));
        buckets.give_back(&"ann", 1);
        assert_eq!([take("ann", 6_000), take("ann", 6_000)], [Ok(()), Err(1_000)]);
        assert_eq!([0; 3].map(|_| take("ann", 60_000)), [Ok(()); 3]);
    }

    #[test]
    fn several_are_taken_at_once_and_the_wait_is_told() {
        let (mut bucket, rate) = (Bucket::default(), Rate::per_second(3, 7));
        assert_eq!(bucket.take(rate, 1_000, 5), Ok(()));
        assert_eq!(bucket.take(rate, 1_000, 4), Err(667));
        assert_eq!(bucket.take(rate, 1_666, 4), Err(1));
        assert_eq!(bucket.take(rate, 1_667, 4), Ok(()));
        assert!(!bucket.is_full(3_000) && bucket.is_full(60_000));
        assert_eq!(bucket.take(rate, 60_000, 100), Ok(()), "more than a burst counts as a burst");
    }

    #[test]
    fn no_bound_is_no_bound() {
        let buckets = Buckets::new(Rate::of_minute(0), 10);
        assert!((0..1_000).all(|_| buckets.take("ann", 1, 1).is_ok()));
    }

    #[test]
    fn the_table_does_not_grow() {
        let buckets = Buckets::new(Rate::per_minute(1, 1), 160);
        (0..100_000).for_each(|key| assert_eq!(buckets.take(key, 1, 1), Ok(())));
        assert!(buckets.shards.iter().map(|shard| shard.lock().len()).sum::<usize>() <= 160);
    }
}
