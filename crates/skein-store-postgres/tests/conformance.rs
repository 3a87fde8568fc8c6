//! The scale-out engine passes the suite that every engine passes.

use std::sync::Arc;

use skein_store::{Store, conformance::LARGE_GROUP_MEMBERS};
use skein_store_postgres::{DatabaseUrl, PostgresConfig, PostgresStore};
use skein_testkit::postgres::{Database, PostgresServer};

async fn open() -> (Arc<dyn Store>, Database) {
    let database = PostgresServer::shared().database();
    let config = PostgresConfig {
        url: DatabaseUrl::from(database.url()),
        large_group_members: LARGE_GROUP_MEMBERS,
        ..PostgresConfig::default()
    };
    let store = PostgresStore::open(config).await.expect("an empty database opens");
    (Arc::new(store), database)
}

skein_store::conformance_tests!(crate::open);
skein_store::conformance_tests!(durable crate::open);
