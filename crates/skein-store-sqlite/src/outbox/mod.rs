//! The outbox: reading events in their order, trimming them, and the consumers.

mod lanes;
mod record;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, Row, params};
use skein_proto::outbox::{EventKind, KindSet, Lane};
use skein_store::{
    Refusal, Result, StoreError,
    outbox::{
        ClaimLanes, Claimed, ConsumerRow, DeadEvent, EVENTS_SCANNED_MAX, EVENTS_TRIMMED_MAX, EventBounds, EventPage,
        OutboxEvent, OutboxStore, SettleLane,
    },
};

pub(crate) use self::record::{LAST_EVENT, OutboxState, clock_ms};
use crate::{
    SqliteStore,
    rows::{Stored, number},
    transaction::Transaction,
};

/// The columns of an event, in `events` and among the dead.
const EVENT: &str = "position, lane, kind, time_ms, data";

/// An event, or nothing when its kind is of a newer version.
fn read_event(row: &Row<'_>) -> rusqlite::Result<(u64, Option<OutboxEvent>)> {
    let position = number(row, 0)?;
    let Some(kind) = EventKind::from_number(row.get(2)?) else { return Ok((position, None)) };
    let event = OutboxEvent {
        position,
        kind,
        lane: Lane(number(row, 1)?),
        time_ms: number(row, 3)?,
        data: Bytes::from(row.get::<_, Vec<u8>>(4)?),
    };
    Ok((position, Some(event)))
}

/// Events beyond a position in their order, whatever their kind; nothing in place of kinds that are not known.
fn events_after(connection: &Connection, after: u64, limit: u32) -> Result<Vec<(u64, Option<OutboxEvent>)>> {
    let sql = format!("SELECT {EVENT} FROM events WHERE position > ? ORDER BY position LIMIT ?");
    let mut statement = connection.prepare_cached(&sql).stored()?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, limit], read_event).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

fn bounds(connection: &Connection) -> Result<EventBounds> {
    let trimmed = connection.query_row("SELECT position FROM events_trimmed", [], |row| number(row, 0)).stored()?;
    let last = connection.query_row(LAST_EVENT, [], |row| number(row, 0)).stored()?;
    Ok(EventBounds { trimmed, last })
}

#[async_trait]
impl OutboxStore for SqliteStore {
    fn set_recorded_kinds(&self, kinds: KindSet) {
        self.outbox.set_kinds(kinds);
    }

    async fn list_events(&self, after: u64, kinds: KindSet, limit: u32) -> Result<EventPage> {
        let limit = limit.clamp(1, EVENTS_SCANNED_MAX);
        self.read(move |connection| {
            let scanned = events_after(connection, after, limit)?;
            let next = scanned.last().map_or(after, |(position, _)| *position);
            let has_more = scanned.len() == limit as usize;
            let wanted = |event: &OutboxEvent| kinds.contains(event.kind);
            let events = scanned.into_iter().filter_map(|(_, event)| event.filter(wanted)).collect();
            Ok(EventPage { events, next, has_more })
        })
        .await
    }

    async fn lookup_event_bounds(&self) -> Result<EventBounds> {
        self.read(bounds).await
    }

    async fn wait_for_events(&self, after: u64) {
        let mut last = self.outbox.last.subscribe();
        let _ = last.wait_for(|last| *last > after).await;
    }

    async fn trim_events(&self, before_ms: u64) -> Result<u32> {
        self.write(move |transaction| trim(transaction, before_ms)).await
    }

    async fn set_consumers(&self, names: &[String]) -> Result<()> {
        let names = names.to_vec();
        self.write(move |transaction| set_consumers(transaction.connection, &names)).await
    }

    async fn list_consumers(&self) -> Result<Vec<ConsumerRow>> {
        self.read(|connection| {
            let sql = "SELECT name, enabled, disabled_reason, cursor, \
                 (SELECT count(*) FROM lanes WHERE consumer = name), \
                 (SELECT count(*) FROM dead_events WHERE consumer = name) FROM consumers ORDER BY name";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let rows = statement.query_map([], |row| {
                Ok(ConsumerRow {
                    name: row.get(0)?,
                    enabled: row.get(1)?,
                    disabled_reason: row.get(2)?,
                    cursor: number(row, 3)?,
                    lanes: number(row, 4)?,
                    dead: number(row, 5)?,
                })
            });
            rows.stored()?.collect::<rusqlite::Result<_>>().stored()
        })
        .await
    }

    async fn set_consumer_enabled(&self, name: &str, enabled: bool, reason: &str) -> Result<()> {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        self.write(move |transaction| {
            let sql = "UPDATE consumers SET enabled = ?, disabled_reason = ? WHERE name = ?";
            match transaction.connection.execute(sql, params![enabled, reason, name]).stored()? {
                0 => Err(Refusal::NotFound.into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn claim_lanes(&self, claim: ClaimLanes) -> Result<Claimed> {
        self.write(move |transaction| lanes::claim(transaction.connection, &claim)).await
    }

    async fn settle_lane(&self, settlement: SettleLane) -> Result<bool> {
        self.write(move |transaction| lanes::settle(transaction.connection, &settlement)).await
    }

    async fn list_dead_events(&self, consumer: &str, after: u64, limit: u32) -> Result<Vec<DeadEvent>> {
        let consumer = consumer.to_owned();
        self.read(move |connection| {
            let sql = format!(
                "SELECT {EVENT}, attempts, error, died_ms FROM dead_events WHERE consumer = ? AND position > ? \
                 ORDER BY position LIMIT ?"
            );
            let mut statement = connection.prepare_cached(&sql).stored()?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![consumer, after, limit], |row| {
                let (_, event) = read_event(row)?;
                let event = event.ok_or(rusqlite::Error::IntegralValueOutOfRange(2, 0))?;
                Ok(DeadEvent { event, attempts: row.get(5)?, error: row.get(6)?, died_ms: number(row, 7)? })
            });
            rows.stored()?.collect::<rusqlite::Result<_>>().stored()
        })
        .await
    }
}

fn set_consumers(connection: &Connection, names: &[String]) -> Result<()> {
    let last: i64 = connection.query_row(LAST_EVENT, [], |row| row.get(0)).stored()?;
    for name in names {
        let sql = "INSERT OR IGNORE INTO consumers (name, enabled, disabled_reason, cursor) VALUES (?, 1, '', ?)";
        connection.execute(sql, params![name, last]).stored()?;
    }
    let mut statement = connection.prepare("SELECT name FROM consumers").stored()?;
    let known = statement.query_map([], |row| row.get::<_, String>(0)).stored()?;
    let known = known.collect::<rusqlite::Result<Vec<_>>>().stored()?;
    for gone in known.iter().filter(|name| !names.contains(name)) {
        connection.execute("DELETE FROM lanes WHERE consumer = ?", [gone]).stored()?;
        connection.execute("DELETE FROM dead_events WHERE consumer = ?", [gone]).stored()?;
        connection.execute("DELETE FROM consumers WHERE name = ?", [gone]).stored()?;
    }
    Ok(())
}

/// The first event that an enabled consumer still has to get; beyond all when there is none.
const FIRST_NEEDED: &str = "SELECT min(coalesce((SELECT min(cursor) + 1 FROM consumers WHERE enabled), 9223372036854775807), \
     coalesce((SELECT min(first_position) FROM lanes JOIN consumers ON name = consumer WHERE enabled), 9223372036854775807))";

fn trim(transaction: &mut Transaction<'_>, before_ms: u64) -> Result<u32> {
    let connection = transaction.connection;
    let before = i64::try_from(before_ms).unwrap_or(i64::MAX);
    let needed: i64 = connection.query_row(FIRST_NEEDED, [], |row| row.get(0)).stored()?;
    let sql = "SELECT max(position) FROM (SELECT position, time_ms FROM events ORDER BY position LIMIT ?) \
         WHERE position < ? AND time_ms < ?";
    let through: Option<i64> =
        connection.query_row(sql, params![EVENTS_TRIMMED_MAX, needed, before], |row| row.get(0)).stored()?;
    let mut removed = 0;
    if let Some(through) = through {
        // Before the first deletion: positions must never be given twice.
        connection.execute("UPDATE events_trimmed SET position = ?", [through]).stored()?;
        removed = connection.execute("DELETE FROM events WHERE position <= ?", [through]).stored()?;
    }
    for table in ["mailing_receivers", "mailing_users"] {
        let sql = format!(
            "DELETE FROM {table} WHERE (mailing_id, user_id) IN (SELECT mailing_id, user_id FROM mailings \
             JOIN {table} USING (mailing_id) WHERE state > 1 AND finished_ms < ? LIMIT ?)"
        );
        removed += connection.execute(&sql, params![before, EVENTS_TRIMMED_MAX]).stored()?;
    }
    u32::try_from(removed).map_err(|_| StoreError::Internal("more was trimmed than asked for".to_owned()))
}
