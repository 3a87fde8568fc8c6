//! The watcher: one task and one connection of each open store. It tells those who wait what other nodes have recorded, it keeps a lock by which the
//! others see that this store is open, and it ends the leases of those that are not. While nobody waits and nothing is recorded, it sleeps.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use skein_store::StoreError;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_postgres::Client;

use super::{
    positions::{self, GivePositions},
    record::OutboxState,
};
use crate::{
    failure::Outcome, needs::Needs, open::connect, operation::Operation, pool::execute, transaction::Transaction,
    writer::Writers,
};

/// How often it looks for what other nodes have recorded, while somebody waits.
const POLL: Duration = Duration::from_millis(200);
/// How often it gives positions to what is recorded here, while nobody waits.
const IDLE: Duration = Duration::from_secs(1);
/// How often it looks for leases of those that are gone, while there is something to do at all.
const LEASES: Duration = Duration::from_secs(3);
/// Before it connects again.
const RECONNECT: Duration = Duration::from_millis(500);
/// The first key of the locks that say that a store is open: "skln" in ASCII. The second one is the instance.
const OPEN_LOCK: i32 = 0x736b_6c6e;

/// Instances that hold leases, and whether nobody holds the lock of theirs; then this connection holds it.
const HOLDERS: &str = "SELECT i.instance, pg_try_advisory_lock_shared($1, i.instance) FROM \
     (SELECT instance FROM lanes WHERE instance IS NOT NULL UNION SELECT instance FROM mailings WHERE instance IS NOT NULL) i \
     WHERE i.instance <> $2";

/// Ends with its store.
#[derive(Debug)]
pub(crate) struct Watcher(JoinHandle<()>);

impl Watcher {
    pub(crate) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the watcher works with.
pub(crate) struct Watch {
    pub address: tokio_postgres::Config,
    pub outbox: Arc<OutboxState>,
    pub durable: Arc<Writers>,
}

impl Watch {
    /// Says on this connection that the store is open, ends the leases of those that are not, and goes on watching.
    pub(crate) async fn start(self, client: Client, driver: JoinHandle<()>) -> Outcome<Watcher> {
        self.begin(&client).await?;
        Ok(Watcher(tokio::spawn(self.run(client, driver))))
    }

    async fn run(self, mut client: Client, mut driver: JoinHandle<()>) {
        loop {
            let failure = match self.watch(&client).await {
                Err(failure) => StoreError::from(failure),
                Ok(never) => match never {},
            };
            self.outbox.present.store(false, Ordering::Relaxed);
            tracing::warn!(%failure, "the connection that looks for events ended; connecting again");
            drop(client);
            let _ = driver.await;
            (client, driver) = self.reconnect().await;
        }
    }

    async fn reconnect(&self) -> (Client, JoinHandle<()>) {
        loop {
            tokio::time::sleep(RECONNECT).await;
            let failure = match connect(&self.address).await {
                Ok((client, driver)) => match self.begin(&client).await {
                    Ok(()) => return (client, driver),
                    Err(failure) => StoreError::from(failure).to_string(),
                },
                Err(error) => error.to_string(),
            };
            tracing::debug!(failure, "cannot look for events");
        }
    }

    async fn begin(&self, client: &Client) -> Outcome<()> {
        client.batch_execute("SET statement_timeout = 10000").await?;
        client.execute("SELECT pg_advisory_lock($1, $2)", &[&OPEN_LOCK, &self.outbox.instance]).await?;
        self.outbox.present.store(true, Ordering::Relaxed);
        self.end_leases(client).await
    }

    /// Goes on until the connection fails.
    async fn watch(&self, client: &Client) -> Outcome<Infallible> {
        let (mut leases_at, mut idle_at, mut recorded) = (Instant::now() + LEASES, Instant::now(), true);
        loop {
            let now = Instant::now();
            if now >= leases_at {
                self.end_leases(client).await?;
                leases_at = now + LEASES;
            }
            let somebody_waits = self.outbox.seen.receiver_count() > 0;
            if somebody_waits || (recorded && now >= idle_at) {
                self.give_positions(client).await?;
                (recorded, idle_at) = (false, now + IDLE);
            }
            let wake = self.outbox.wake.notified();
            recorded |= match (somebody_waits, recorded) {
                (true, _) => timeout_at(now + POLL, wake).await.is_ok(),
                // Nobody waits for it: one step for all of a second is enough.
                (false, true) => timeout_at(idle_at, wake).await.is_ok(),
                (false, false) => {
                    wake.await;
                    true
                }
            };
        }
    }

    /// Gives positions to what has none, and tells those who wait how far it is.
    async fn give_positions(&self, client: &Client) -> Outcome<()> {
        let mut seen = positions::read(Some(client.query_one(positions::FRESH, &[]).await?))?;
        if seen.has_more {
            self.outbox.pace().await;
            match self.durable.run(GivePositions).await {
                Ok(given) => seen = given,
                Err(error) => tracing::debug!(%error, "positions are given the next time"),
            }
        }
        self.outbox.announce(seen.last);
        if seen.has_more {
            self.outbox.wake.notify_one();
        }
        Ok(())
    }

    /// Ends the leases of stores that are not open any more: nobody holds their lock.
    async fn end_leases(&self, client: &Client) -> Outcome<()> {
        for row in client.query(HOLDERS, &[&OPEN_LOCK, &self.outbox.instance]).await? {
            let (instance, is_gone): (i32, bool) = (row.try_get(0)?, row.try_get(1)?);
            if !is_gone {
                continue;
            }
            match self.durable.run(EndLeases { instance }).await {
                Ok(0) => {}
                Ok(leases) => {
                    tracing::info!(leases, "a server is gone; its leases were ended");
                    self.outbox.announce_free_leases();
                }
                Err(error) => tracing::debug!(%error, "leases are ended the next time"),
            }
            client.execute("SELECT pg_advisory_unlock_shared($1, $2)", &[&OPEN_LOCK, &instance]).await?;
        }
        Ok(())
    }
}

/// Makes all that an instance had under lease due.
struct EndLeases {
    instance: i32,
}

#[async_trait]
impl Operation for EndLeases {
    type Answer = u64;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.all_consumers = true;
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<u64> {
        let mut ended = 0;
        for table in ["lanes", "mailings"] {
            let sql = format!("UPDATE {table} SET due_ms = 0, holder = NULL, instance = NULL WHERE instance = $1");
            ended += execute(transaction.sql, &sql, &[&self.instance]).await?;
        }
        Ok(ended)
    }
}
