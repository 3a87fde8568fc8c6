//! Connections: bounded pools, one that writes and one that cannot.

use std::time::Duration;

use deadpool_postgres::{
    GenericClient, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Transaction,
};
use skein_store::StoreError;
use tokio_postgres::{IsolationLevel, NoTls, Row, types::ToSql};

use crate::{config::PostgresConfig, failure::Outcome};

/// A dead network is noticed after this long.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
/// Between its statements a transaction never thinks for this long, in milliseconds: its node hangs or is cut off, and others wait for its locks.
const IDLE_IN_TRANSACTION_MS: u64 = 3_000;
/// Plans are made once, often while the tables are still small: every statement here finds its rows one by one by an index, whatever the tables hold.
const PLANS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET jit = off;";
/// A commit is answered when it is on disk, and a statement after a lock sees what the lock was waited for, whatever the server's defaults are.
const DURABLE: &str = "SET default_transaction_isolation = 'read committed'; SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');";

/// How PostgreSQL is reached, with limits on every wait.
pub(crate) fn address(config: &PostgresConfig) -> Result<tokio_postgres::Config, tokio_postgres::Error> {
    let mut address: tokio_postgres::Config = config.url.expose().parse()?;
    address.connect_timeout(Duration::from_millis(config.connect_timeout_ms));
    address.keepalives_idle(TCP_TIMEOUT).tcp_user_timeout(TCP_TIMEOUT);
    if address.get_application_name().is_none() {
        address.application_name("skein");
    }
    Ok(address)
}

/// A pool of so many connections for one purpose.
fn pool(config: &PostgresConfig, address: tokio_postgres::Config, size: usize, setup: String) -> Pool {
    let manager = Manager::from_config(address, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let prepare = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
        let setup = setup.clone();
        Box::pin(async move { client.batch_execute(&setup).await.map_err(HookError::Backend) })
    });
    let wait = Duration::from_millis(config.statement_timeout_ms);
    let connect = Duration::from_millis(config.connect_timeout_ms);
    Pool::builder(manager)
        .max_size(size.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .create_timeout(Some(connect))
        .post_create(prepare)
        .build()
        .expect("a runtime is named, which is all that can be missing")
}

/// Connections of the writers: one for each, and one for the writer of claims and mailings.
pub(crate) fn writers(config: &PostgresConfig, address: tokio_postgres::Config) -> Pool {
    let timeout = config.statement_timeout_ms;
    let setup = format!(
        "{PLANS} {DURABLE} SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {};",
        timeout.min(IDLE_IN_TRANSACTION_MS)
    );
    pool(config, address, config.writers.max(1) + 1, setup)
}

/// Connections that only read. They never wait for a lock, and never make anybody wait.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    pool: Pool,
    queue_max: usize,
}

impl Readers {
    pub(crate) fn new(config: &PostgresConfig, address: tokio_postgres::Config) -> Self {
        let timeout = config.statement_timeout_ms;
        let setup = format!(
            "{PLANS} SET default_transaction_read_only = on; SET statement_timeout = {timeout}; \
             SET idle_in_transaction_session_timeout = {timeout};"
        );
        Self { pool: pool(config, address, config.readers, setup), queue_max: config.reader_queue_max }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }

    /// A connection; `Overloaded` when too many wait for one.
    pub(crate) async fn get(&self) -> Outcome<Object> {
        if self.pool.status().waiting >= self.queue_max {
            return Err(StoreError::Overloaded.into());
        }
        Ok(self.pool.get().await?)
    }
}

/// A transaction whose statements all see the same snapshot. Dropping it ends it.
pub(crate) async fn snapshot(client: &mut Object) -> Outcome<Transaction<'_>> {
    Ok(client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?)
}

/// What a statement is given.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// All rows of a prepared query.
pub(crate) async fn query<C: GenericClient>(client: &C, sql: &str, values: Values<'_>) -> Outcome<Vec<Row>> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, values).await?)
}

/// The only row of a prepared query, if there is one.
pub(crate) async fn query_opt<C: GenericClient>(client: &C, sql: &str, values: Values<'_>) -> Outcome<Option<Row>> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query_opt(&statement, values).await?)
}

/// Rows that a prepared statement changed.
pub(crate) async fn execute<C: GenericClient>(client: &C, sql: &str, values: Values<'_>) -> Outcome<u64> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.execute(&statement, values).await?)
}
