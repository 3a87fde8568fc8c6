//! Consumers: who they are, whether they are served, and what they did not take.

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use skein_store::{
    Refusal,
    outbox::{ConsumerRow, DeadEvent},
};
use tokio_postgres::Row;

use super::read_event;
use crate::{
    failure::{Failure, Outcome},
    needs::Needs,
    operation::Operation,
    pool::{execute, query},
    rows::{bound, number, text},
    transaction::Transaction,
};

/// By name.
pub(super) async fn list<C: GenericClient>(client: &C) -> Outcome<Vec<ConsumerRow>> {
    let sql = "SELECT c.name, c.enabled, c.disabled_reason, c.cursor, \
         (SELECT count(*) FROM lanes l WHERE l.consumer = c.name), \
         (SELECT count(*) FROM dead_events d WHERE d.consumer = c.name) FROM consumers c ORDER BY c.name";
    let read = |row: &Row| {
        Ok(ConsumerRow {
            name: row.try_get(0)?,
            enabled: row.try_get(1)?,
            disabled_reason: row.try_get(2)?,
            cursor: number(row, 3)?,
            lanes: number(row, 4)?,
            dead: number(row, 5)?,
        })
    };
    query(client, sql, &[]).await?.iter().map(read).collect()
}

/// Oldest first.
pub(super) async fn list_dead<C: GenericClient>(
    client: &C,
    consumer: &str,
    after: u64,
    limit: u32,
) -> Outcome<Vec<DeadEvent>> {
    let sql = "SELECT position, lane, kind, time_ms, data, attempts, error, died_ms FROM dead_events \
         WHERE consumer = $1 AND position > $2 ORDER BY position LIMIT $3";
    let read = |row: &Row| {
        let (position, event) = read_event(row)?;
        let unknown = || Failure::internal(format!("the dead event {position} is of a newer version"));
        Ok(DeadEvent {
            event: event.ok_or_else(unknown)?,
            attempts: row.try_get::<_, i32>(5)? as u32,
            error: row.try_get(6)?,
            died_ms: number(row, 7)?,
        })
    };
    query(client, sql, &[&text(consumer), &bound(after), &i64::from(limit)]).await?.iter().map(read).collect()
}

/// Makes exactly these the consumers, in the order of their names.
pub(super) struct SetConsumers {
    pub names: Vec<String>,
}

#[async_trait]
impl Operation for SetConsumers {
    type Answer = ();

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.all_consumers = true;
        needs.positions = true;
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let sql = transaction.sql;
        let insert = "INSERT INTO consumers (name, enabled, disabled_reason, cursor) \
             SELECT n.name, true, '', h.last FROM event_head h, unnest($1::text[]) AS n (name) ON CONFLICT (name) DO NOTHING";
        execute(sql, insert, &[&self.names]).await?;
        for table in ["lanes", "dead_events"] {
            execute(sql, &format!("DELETE FROM {table} WHERE consumer <> ALL($1)"), &[&self.names]).await?;
        }
        execute(sql, "DELETE FROM consumers WHERE name <> ALL($1)", &[&self.names]).await?;
        transaction.rows.consumers.retain(|name, _| self.names.contains(name));
        Ok(())
    }
}

/// Switches one on or off.
pub(super) struct SwitchConsumer {
    pub name: String,
    pub enabled: bool,
    pub reason: String,
}

#[async_trait]
impl Operation for SwitchConsumer {
    type Answer = ();

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.consumers.insert(self.name.clone());
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let consumer = transaction.rows.consumers.get_mut(&self.name).ok_or(Refusal::NotFound)?;
        consumer.enabled = self.enabled;
        let update = "UPDATE consumers SET enabled = $1, disabled_reason = $2 WHERE name = $3";
        execute(transaction.sql, update, &[&self.enabled, &text(&self.reason), &self.name]).await.map(drop)
    }
}
