//! Opening: connections, migrations, writers.

use std::{future::Future, sync::Arc, time::Duration};

use skein_store::{Result, StoreError};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::{
    config::PostgresConfig,
    failure::{Failure, Outcome, describe},
    ids::MessageIds,
    import::PROGRESS,
    operation::Operation,
    outbox::{OutboxState, Watch, Watcher},
    pool::{self, Readers},
    writer::{Shared, Writers},
};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Key of the lock under which one node at a time brings the database up to date: "skein" in ASCII.
const MIGRATION_LOCK: i64 = 0x73_6b65_696e;

/// Why a database cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is missing or cannot be read. It is not shown, because it may hold a password.
    #[error(
        "store.postgres.url is not an address of a database ({0}); it looks like postgresql://user:password@host:5432/skein"
    )]
    Address(String),
    /// Nothing answers, or the server refuses us.
    #[error("cannot connect to PostgreSQL: {0}")]
    Connect(String),
    /// The database is from a newer version, or a migration failed.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(String),
    /// A copy into it was begun and has not finished.
    #[error("a copy into this database has not finished: run the same `skein admin migrate` again")]
    HalfCopied,
    /// A copy wants an empty database.
    #[error("the database has other data in it: a copy needs an empty one")]
    Foreign,
}

/// The PostgreSQL store. Implements every trait of `skein_store`.
#[derive(Debug)]
pub struct PostgresStore {
    writers: Writers,
    /// The writer of claims, settlements and mailings: it does not hold up sends, nor they it.
    pub(crate) durable: Arc<Writers>,
    pub(crate) readers: Readers,
    pub(crate) config: PostgresConfig,
    pub(crate) outbox: Arc<OutboxState>,
    watcher: Watcher,
}

impl PostgresStore {
    /// Connects, brings the database up to date, and starts the writers.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(config: PostgresConfig) -> std::result::Result<Self, OpenError> {
        let address = address(&config)?;
        migrate(&address).await?;
        let (client, driver) = connect(&address).await?;
        refuse_half_copied(&client).await?;
        let outbox = Arc::new(OutboxState::new());
        let shared = Arc::new(Shared {
            pool: pool::writers(&config, address.clone()),
            ids: MessageIds::new(),
            outbox: outbox.clone(),
            large_group_members: config.large_group_members,
            batch_max: config.batch_max.max(1),
            // Statements have their own limit; this one is for a server that does not answer at all.
            batch_timeout: Duration::from_millis(config.statement_timeout_ms.saturating_mul(3)),
        });
        let writers = Writers::start(shared.clone(), config.writers, config.writer_queue_max);
        let durable = Arc::new(Writers::start(shared, 1, config.writer_queue_max));
        let watch = Watch { address: address.clone(), outbox: outbox.clone(), durable: durable.clone() };
        let watcher = watch.start(client, driver).await.map_err(unusable)?;
        Ok(Self { writers, durable, readers: Readers::new(&config, address), config, outbox, watcher })
    }

    /// Connects and looks, without changing anything; what there is, for a person.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn check(config: &PostgresConfig) -> std::result::Result<String, OpenError> {
        let (client, driver) = connect(&address(config)?).await?;
        let facts = "SELECT current_setting('server_version'), current_setting('fsync'), current_database()::text, \
             (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'skein') - 1, \
             (SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('messages'))";
        let row = client.query_one(facts, &[]).await.map_err(|error| OpenError::Connect(describe(&error)))?;
        drop(client);
        let _ = driver.await;
        let (version, fsync, database): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        if fsync == "off" {
            return Err(OpenError::Connect(format!(
                "PostgreSQL {version} runs with fsync = off: what is acked may be lost"
            )));
        }
        let (connections, partitions): (i64, i64) = (row.get(3), row.get(4));
        let messages = match partitions {
            0 => "no messages yet, the first start makes their tables".to_owned(),
            count => format!("messages in {count} partitions by slot"),
        };
        Ok(format!("PostgreSQL {version}, database {database}, {messages}, {connections} connections of servers"))
    }

    /// Finishes what was accepted, and closes. Later operations answer `Closed`.
    pub async fn close(&self) {
        self.watcher.stop();
        self.readers.close();
        self.writers.close().await;
        self.durable.close().await;
    }

    /// Has the operation done in one of the next transactions; answers after its commit.
    pub(crate) async fn write<O: Operation>(&self, operation: O) -> Result<O::Answer> {
        self.writers.run(operation).await
    }

    /// Waits for a read, but not forever.
    pub(crate) async fn read<T>(&self, read: impl Future<Output = Outcome<T>> + Send) -> Result<T> {
        let limit = Duration::from_millis(self.config.statement_timeout_ms.saturating_mul(3));
        match tokio::time::timeout(limit, read).await {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(_) => Err(StoreError::Unavailable("a read got no answer".to_owned())),
        }
    }
}

pub(crate) fn address(config: &PostgresConfig) -> std::result::Result<tokio_postgres::Config, OpenError> {
    if config.url.expose().is_empty() {
        return Err(OpenError::Address("it is empty".to_owned()));
    }
    pool::address(config).map_err(|error| OpenError::Address(describe(&error)))
}

/// A connection outside the pools. Its task ends with the client.
pub(crate) async fn connect(
    address: &tokio_postgres::Config,
) -> std::result::Result<(Client, JoinHandle<()>), OpenError> {
    let (client, connection) = address.connect(NoTls).await.map_err(|error| OpenError::Connect(describe(&error)))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = describe(&error), "a connection ended");
        }
    });
    Ok((client, driver))
}

/// Several nodes may start at once: the lock lets one of them migrate while the others wait, and find nothing to do.
pub(crate) async fn migrate(address: &tokio_postgres::Config) -> std::result::Result<(), OpenError> {
    let (mut client, driver) = connect(address).await?;
    let outcome = migrate_on(&mut client).await;
    // The lock ends with the connection.
    drop(client);
    let _ = driver.await;
    outcome
}

async fn refuse_half_copied(client: &Client) -> std::result::Result<(), OpenError> {
    match is_half_copied(client).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(OpenError::HalfCopied),
        Err(failure) => Err(unusable(failure)),
    }
}

fn unusable(failure: Failure) -> OpenError {
    OpenError::Connect(StoreError::from(failure).to_string())
}

/// Whether a copy into it has begun and not finished.
pub(crate) async fn is_half_copied(client: &Client) -> Outcome<bool> {
    let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&PROGRESS]).await?;
    Ok(row.try_get(0)?)
}

async fn migrate_on(client: &mut Client) -> std::result::Result<(), OpenError> {
    let failed = |error: tokio_postgres::Error| OpenError::Connect(describe(&error));
    let row = client.query_one("SELECT current_setting('fsync')", &[]).await.map_err(failed)?;
    if row.get::<_, &str>(0) == "off" {
        tracing::warn!("this PostgreSQL runs with fsync = off: what is acked may be lost in a power cut");
    }
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(failed)?;
    let report = migrations::migrations::runner().run_async(client).await;
    report.map(drop).map_err(|error| OpenError::Migration(error.to_string()))
}
