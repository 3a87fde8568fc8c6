//! What an operator may decide about the embedded store.

use serde::{Deserialize, Serialize};

/// Section `[sqlite]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqliteConfig {
    /// Writes that may wait; beyond it callers are told to come again (`OVERLOADED`).
    pub writer_queue_max: usize,
    /// Writes of one transaction, which is one fsync.
    pub batch_max: usize,
    /// Reads that may wait.
    pub reader_queue_max: usize,
    /// Threads that read.
    pub readers: usize,
    /// Memory of the writer's page cache, in KiB.
    pub cache_kib: u32,
    /// Groups with more members write nothing per member on a send.
    pub large_group_members: u32,
    /// Largest size of the database, in pages of 4 KiB; 0: as large as the disk. When it is reached, sends are refused with `STORE_FULL`.
    pub database_pages_max: u32,
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self {
            writer_queue_max: 16_384,
            batch_max: 1_024,
            reader_queue_max: 4_096,
            readers: 4,
            cache_kib: 16_384,
            large_group_members: 256,
            database_pages_max: 0,
        }
    }
}
