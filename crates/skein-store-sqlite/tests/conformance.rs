//! The embedded engine passes the suite that every engine passes.

use std::sync::Arc;

use skein_store::{Store, conformance::LARGE_GROUP_MEMBERS};
use skein_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

async fn open() -> (Arc<dyn Store>, TempDir) {
    let directory = tempfile::tempdir().expect("a directory for the test");
    let config = SqliteConfig { large_group_members: LARGE_GROUP_MEMBERS, ..SqliteConfig::default() };
    let store = SqliteStore::open(directory.path(), config).expect("an empty directory opens");
    (Arc::new(store), directory)
}

skein_store::conformance_tests!(crate::open);
skein_store::conformance_tests!(durable crate::open);
