//! Metrics of the embedded store, by name. Looked up with each batch: the first ones come before the recorder is in place.

use metrics::counter;

use crate::transaction::Lookups;

/// A transaction with so many writes is on disk; so often were rows looked up for it.
pub(crate) fn committed(writes: usize, lookups: Lookups) {
    counter!("skein_store_batches_total").increment(1);
    counter!("skein_store_writes_total").increment(writes as u64);
    counter!("skein_store_cache_lookups_total", "result" => "hit").increment(lookups.hits);
    counter!("skein_store_cache_lookups_total", "result" => "miss").increment(lookups.misses);
}
