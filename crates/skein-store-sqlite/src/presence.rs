//! What people show of themselves, and when they were here.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use async_trait::async_trait;
use buffa::{EnumValue, Enumeration as _};
use rusqlite::{Connection, OptionalExtension, params};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::PresenceState,
};
use skein_store::{
    Result,
    online::{OnlineChanges, Span, apply, bounds, days},
    presence::{
        ChosenPresence, Days, LAST_SEEN_SETTING, OnlineDay, PresenceStore, RecordOnline, SeenBy, SeenPresence,
        VISIBLE_SETTING,
    },
};

use crate::{
    SqliteStore,
    rows::{Stored, is_blocked, number, user_exists},
};

/// How one looks who has become invisible and does not want to be seen leaving.
const INVISIBLE: i32 = PresenceState::Invisible as i32;

#[async_trait]
impl PresenceStore for SqliteStore {
    async fn set_presence(&self, user: UserId, chosen: ChosenPresence, now_ms: u64) -> Result<()> {
        self.write(move |transaction| {
            let sql = "INSERT INTO presence (user_id, state, text, until_ms, last_seen_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (user_id) DO UPDATE SET state = excluded.state, text = excluded.text, \
                 until_ms = excluded.until_ms, last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)";
            let seen_ms = if chosen.state == PresenceState::Invisible { now_ms } else { 0 };
            let values =
                params![user.0 as i64, chosen.state.to_i32(), chosen.text, chosen.until_ms as i64, seen_ms as i64];
            transaction.connection.prepare_cached(sql).stored()?.execute(values).stored()?;
            Ok(())
        })
        .await
    }

    async fn list_seen(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<SeenPresence>> {
        let pairs = pairs.to_vec();
        self.read(move |connection| pairs.iter().map(|(watcher, user)| seen(connection, *watcher, *user)).collect())
            .await
    }

    async fn record_online(&self, record: RecordOnline) -> Result<bool> {
        self.write(move |transaction| record_online(transaction.connection, &record)).await
    }

    async fn list_silent_nodes(&self, since_ms: u64) -> Result<Vec<(u64, u64)>> {
        self.read(move |connection| {
            let sql = "SELECT node, beat_ms FROM online_nodes WHERE beat_ms < ?";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let rows = statement.query_map([since_ms as i64], |row| Ok((number(row, 0)?, number(row, 1)?))).stored()?;
            rows.collect::<rusqlite::Result<_>>().stored()
        })
        .await
    }

    async fn list_online_users(&self, node: u64, limit: u32) -> Result<Vec<UserId>> {
        self.read(move |connection| {
            let sql = "SELECT user_id FROM online_spans WHERE node = ? AND closed_ms = 0 LIMIT ?";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let rows = statement.query_map(params![node as i64, limit], |row| number(row, 0).map(UserId)).stored()?;
            rows.collect::<rusqlite::Result<_>>().stored()
        })
        .await
    }

    async fn forget_node(&self, node: u64) -> Result<()> {
        self.write(move |transaction| {
            let sql = "DELETE FROM online_nodes WHERE node = ?";
            transaction.connection.prepare_cached(sql).stored()?.execute([node as i64]).stored()?;
            Ok(())
        })
        .await
    }

    async fn list_online_days(&self, users: &[UserId], wanted: Days) -> Result<Vec<OnlineDay>> {
        let users = users.to_vec();
        self.read(move |connection| {
            let (mut counted, mut spans) = (Vec::new(), BTreeMap::new());
            for user in users {
                counted.extend(list_counted(connection, user, wanted)?);
                spans.insert(user, list_spans(connection, user)?);
            }
            let beats = list_beats(connection)?;
            Ok(days(counted, spans, wanted, |node| beats.get(&node).copied()))
        })
        .await
    }

    async fn count_active_users(&self, wanted: Days) -> Result<Vec<(i64, u64)>> {
        self.read(move |connection| {
            let sql = "SELECT count(*) FROM (SELECT user_id FROM online_days WHERE day = ?1 UNION \
                 SELECT user_id FROM online_spans WHERE opened_ms < ?3 AND (closed_ms = 0 OR closed_ms >= ?2))";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let count = |day: i64| {
                let (start, end) = bounds(Days { from: day, to: day, ..wanted });
                let active = statement.query_row(params![day, start, end], |row| number(row, 0)).stored()?;
                Ok((day, active))
            };
            (wanted.from..=wanted.to).map(count).collect()
        })
        .await
    }
}

/// What one may see of another.
fn seen(connection: &Connection, watcher: UserId, user: UserId) -> Result<SeenPresence> {
    if watcher != user && (!user_exists(connection, user)? || is_blocked(connection, user, watcher)?) {
        return Ok(SeenPresence::default());
    }
    let sql = "SELECT state, text, until_ms, last_seen_ms FROM presence WHERE user_id = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let read = |row: &rusqlite::Row<'_>| {
        let state: i32 = row.get(0)?;
        let state = EnumValue::from(state).as_known().unwrap_or_default();
        Ok((ChosenPresence { state, text: row.get(1)?, until_ms: number(row, 2)? }, number(row, 3)?))
    };
    let (chosen, last_seen_ms) = statement.query_row([user.0 as i64], read).optional().stored()?.unwrap_or_default();
    let visible = may_see(connection, watcher, user, VISIBLE_SETTING)?;
    let last_seen_ms = if may_see(connection, watcher, user, LAST_SEEN_SETTING)? { last_seen_ms } else { 0 };
    Ok(SeenPresence { chosen, visible, last_seen_ms })
}

/// Whether a setting of the user lets another one see something.
fn may_see(connection: &Connection, watcher: UserId, user: UserId, setting: &str) -> Result<bool> {
    if watcher == user {
        return Ok(true);
    }
    let sql = "SELECT value FROM settings WHERE user_id = ? AND name = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let value: Option<String> =
        statement.query_row(params![user.0 as i64, setting], |row| row.get(0)).optional().stored()?;
    match SeenBy::from_setting(value.as_deref().unwrap_or_default()) {
        Some(SeenBy::Everybody) => Ok(true),
        Some(SeenBy::Contacts) => {
            let sql = "SELECT 1 FROM conversations WHERE id = ?";
            let pair = ConversationId::direct(watcher, user).to_bytes();
            connection.prepare_cached(sql).stored()?.exists([&pair[..]]).stored()
        }
        Some(SeenBy::Nobody) | None => Ok(false),
    }
}

fn list_spans(connection: &Connection, user: UserId) -> Result<BTreeSet<Span>> {
    let sql = "SELECT node, opened_ms, closed_ms FROM online_spans WHERE user_id = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Span { node: number(row, 0)?, opened_ms: number(row, 1)?, closed_ms: number(row, 2)? })
    };
    statement.query_map([user.0 as i64], read).stored()?.collect::<rusqlite::Result<_>>().stored()
}

fn list_beats(connection: &Connection) -> Result<BTreeMap<u64, u64>> {
    let mut statement = connection.prepare_cached("SELECT node, beat_ms FROM online_nodes").stored()?;
    let rows = statement.query_map([], |row| Ok((number(row, 0)?, number(row, 1)?))).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

fn list_counted(connection: &Connection, user: UserId, wanted: Days) -> Result<Vec<OnlineDay>> {
    let sql = "SELECT day, online_ms, first_ms, last_ms FROM online_days WHERE user_id = ? AND day BETWEEN ? AND ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let read = |row: &rusqlite::Row<'_>| {
        let (online_ms, first_ms, last_ms) = (number(row, 1)?, number(row, 2)?, number(row, 3)?);
        Ok(OnlineDay { user, day: row.get(0)?, online_ms, first_ms, last_ms })
    };
    let rows = statement.query_map(params![user.0 as i64, wanted.from, wanted.to], read).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

fn record_online(connection: &Connection, record: &RecordOnline) -> Result<bool> {
    let beats = list_beats(connection)?;
    let sql = "SELECT sequence FROM online_nodes WHERE node = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let last = statement.query_row([record.node as i64], |row| number(row, 0)).optional().stored()?;
    if record.sequence > 0 && last.is_some_and(|last| record.sequence <= last) {
        return Ok(false);
    }
    if let Some(beat_ms) = record.beat_ms {
        let sql = "INSERT INTO online_nodes (node, beat_ms, sequence) VALUES (?, ?, ?) ON CONFLICT (node) DO UPDATE SET \
             beat_ms = max(beat_ms, excluded.beat_ms), sequence = max(sequence, excluded.sequence)";
        let values = params![record.node as i64, beat_ms as i64, record.sequence as i64];
        connection.prepare_cached(sql).stored()?.execute(values).stored()?;
    }
    let mut spans = BTreeMap::new();
    for told in &record.moves {
        if let Entry::Vacant(unknown) = spans.entry(told.user) {
            unknown.insert(list_spans(connection, told.user)?);
        }
    }
    let before = spans.clone();
    let changes = apply(spans, record, |node| beats.get(&node).copied());
    write_online(connection, &before, &changes)?;
    Ok(beats.contains_key(&record.node))
}

fn write_online(
    connection: &Connection,
    before: &BTreeMap<UserId, BTreeSet<Span>>,
    changes: &OnlineChanges,
) -> Result<()> {
    let none = BTreeSet::new();
    for (user, spans) in &changes.spans {
        let former = before.get(user).unwrap_or(&none);
        for span in former.difference(spans) {
            let sql = "DELETE FROM online_spans WHERE user_id = ? AND node = ? AND opened_ms = ?";
            let values = params![user.0 as i64, span.node as i64, span.opened_ms as i64];
            connection.prepare_cached(sql).stored()?.execute(values).stored()?;
        }
        for span in spans.difference(former) {
            let sql = "INSERT INTO online_spans (user_id, node, opened_ms, closed_ms) VALUES (?, ?, ?, ?)";
            let values = params![user.0 as i64, span.node as i64, span.opened_ms as i64, span.closed_ms as i64];
            connection.prepare_cached(sql).stored()?.execute(values).stored()?;
        }
    }
    for day in &changes.days {
        let sql = "INSERT INTO online_days (user_id, day, online_ms, first_ms, last_ms) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (user_id, day) DO UPDATE SET online_ms = online_ms + excluded.online_ms, \
             first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)";
        let numbers = [day.online_ms, day.first_ms, day.last_ms].map(|number| number as i64);
        let values = params![day.user.0 as i64, day.day, numbers[0], numbers[1], numbers[2]];
        connection.prepare_cached(sql).stored()?.execute(values).stored()?;
    }
    for (user, seen_ms) in &changes.last_seen {
        let sql = "INSERT INTO presence (user_id, state, text, until_ms, last_seen_ms) VALUES (?1, 0, '', 0, ?2) \
             ON CONFLICT (user_id) DO UPDATE SET last_seen_ms = max(last_seen_ms, excluded.last_seen_ms) \
             WHERE state <> ?3 OR (until_ms > 0 AND until_ms <= excluded.last_seen_ms)";
        let values = params![user.0 as i64, *seen_ms as i64, INVISIBLE];
        connection.prepare_cached(sql).stored()?.execute(values).stored()?;
    }
    Ok(())
}
