//! The only place that names engines: opens the configured one, and gives it to the layers above as the contract.

use std::sync::Arc;

use skein_store::Store;
use skein_store_postgres::PostgresStore;
use skein_store_sqlite::SqliteStore;

use crate::{
    command::Error,
    config::{Config, StoreEngine},
};

/// The open store.
pub enum OpenStore {
    /// In the data directory.
    Sqlite(Arc<SqliteStore>),
    /// Outside.
    Postgres(Arc<PostgresStore>),
}

impl OpenStore {
    /// Opens the configured engine and brings it up to date.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        Ok(match config.store.engine {
            StoreEngine::Sqlite => Self::Sqlite(Arc::new(SqliteStore::open(&config.data_dir, config.sqlite.clone())?)),
            StoreEngine::Postgres => {
                Self::Postgres(Arc::new(PostgresStore::open(config.store.postgres.clone()).await?))
            }
        })
    }

    /// As the layers above know it.
    pub fn contract(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    /// Completes when the store has stopped by itself for good. One outside comes back, so it never does.
    pub async fn failed(&self) {
        match self {
            Self::Sqlite(store) => store.failed().await,
            Self::Postgres(_) => std::future::pending().await,
        }
    }

    /// Finishes what was accepted.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close(),
            Self::Postgres(store) => store.close().await,
        }
    }
}
