//! Metrics of the embedded store, by name.

use std::sync::LazyLock;

use metrics::{Counter, counter};

use crate::transaction::Lookups;

// Looked up once: these are counted with every commit. First used long after the recorder is in place.
static BATCHES: LazyLock<Counter> = LazyLock::new(|| counter!("skein_store_batches_total"));
static WRITES: LazyLock<Counter> = LazyLock::new(|| counter!("skein_store_writes_total"));
static HITS: LazyLock<Counter> = LazyLock::new(|| counter!("skein_store_cache_lookups_total", "result" => "hit"));
static MISSES: LazyLock<Counter> = LazyLock::new(|| counter!("skein_store_cache_lookups_total", "result" => "miss"));

/// A transaction with so many writes is on disk; so often were rows looked up for it.
pub(crate) fn committed(writes: usize, lookups: Lookups) {
    BATCHES.increment(1);
    WRITES.increment(writes as u64);
    HITS.increment(lookups.hits);
    MISSES.increment(lookups.misses);
}
