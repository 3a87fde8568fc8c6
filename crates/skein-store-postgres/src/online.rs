//! Who was connected when: one statement for all that a node tells at once.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use skein_proto::{id::UserId, v1::PresenceState};
use skein_store::{
    online::{OnlineChanges, Span, apply},
    presence::{ChosenPresence, OnlineDay, RecordOnline},
};
use tokio_postgres::types::ToSql;

use crate::{
    failure::Outcome,
    needs::Needs,
    operation::{Operation, user_place},
    pool::{execute, query, query_opt},
    rows::{number, text},
    transaction::Transaction,
};

type Spans = BTreeMap<UserId, BTreeSet<Span>>;

/// Ids as the database has them.
pub(crate) fn ids(users: &[UserId]) -> Vec<i64> {
    users.iter().map(|user| user.0 as i64).collect()
}

/// All spans of these users; each of them is in the answer.
pub(crate) async fn list_spans<C: GenericClient>(client: &C, users: &[UserId]) -> Outcome<Spans> {
    let sql = "SELECT s.user_id, s.node, s.opened_ms, s.closed_ms FROM unnest($1::int8[]) AS n (user_id) \
         JOIN online_spans s ON s.user_id = n.user_id";
    let mut spans: Spans = users.iter().map(|user| (*user, BTreeSet::new())).collect();
    for row in query(client, sql, &[&ids(users)]).await? {
        let span = Span { node: number(&row, 1)?, opened_ms: number(&row, 2)?, closed_ms: number(&row, 3)? };
        spans.entry(UserId(number(&row, 0)?)).or_default().insert(span);
    }
    Ok(spans)
}

/// When nodes last lived.
pub(crate) async fn list_beats<C: GenericClient>(client: &C) -> Outcome<BTreeMap<u64, u64>> {
    let rows = query(client, "SELECT node, beat_ms FROM online_nodes", &[]).await?;
    rows.iter().map(|row| Ok((number(row, 0)?, number(row, 1)?))).collect()
}

pub(crate) struct SetPresence {
    pub user: UserId,
    pub chosen: ChosenPresence,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for SetPresence {
    type Answer = ();

    fn place(&self) -> u64 {
        user_place(self.user)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.user);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let sql = "INSERT INTO presence (user_id, state, text, until_ms, last_seen_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (user_id) DO UPDATE SET state = excluded.state, text = excluded.text, \
             until_ms = excluded.until_ms, last_seen_ms = greatest(presence.last_seen_ms, excluded.last_seen_ms)";
        let invisible = self.chosen.state == PresenceState::Invisible;
        let seen_ms = if invisible { self.now_ms as i64 } else { 0 };
        let (user, until_ms) = (self.user.0 as i64, self.chosen.until_ms as i64);
        let line = text(&self.chosen.text);
        let values: [&(dyn ToSql + Sync); 5] = [&user, &(self.chosen.state as i32), &line, &until_ms, &seen_ms];
        execute(transaction.sql, sql, &values).await?;
        Ok(())
    }
}

pub(crate) struct Record(pub RecordOnline);

#[async_trait]
impl Operation for Record {
    type Answer = bool;

    fn place(&self) -> u64 {
        self.0.node
    }

    fn needs(&self, needs: &mut Needs) {
        self.0.moves.iter().for_each(|told| needs.user(told.user));
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<bool> {
        let record = &self.0;
        let beats = list_beats(transaction.sql).await?;
        let (node, sequence) = (record.node as i64, record.sequence as i64);
        let sql = "SELECT 1 FROM online_nodes WHERE node = $1 AND sequence >= $2";
        if record.sequence > 0 && query_opt(transaction.sql, sql, &[&node, &sequence]).await?.is_some() {
            return Ok(false);
        }
        if let Some(beat_ms) = record.beat_ms {
            let sql = "INSERT INTO online_nodes (node, beat_ms, sequence) VALUES ($1, $2, $3) \
                 ON CONFLICT (node) DO UPDATE SET beat_ms = greatest(online_nodes.beat_ms, excluded.beat_ms), \
                 sequence = greatest(online_nodes.sequence, excluded.sequence)";
            execute(transaction.sql, sql, &[&node, &(beat_ms as i64), &sequence]).await?;
        }
        if !record.moves.is_empty() {
            let users: BTreeSet<UserId> = record.moves.iter().map(|told| told.user).collect();
            let users: Vec<UserId> = users.into_iter().collect();
            let before = list_spans(transaction.sql, &users).await?;
            let changes = apply(before.clone(), record, |node| beats.get(&node).copied());
            write_spans(transaction, &before, &changes).await?;
            write_days(transaction, &changes).await?;
        }
        Ok(beats.contains_key(&record.node))
    }
}

/// Spans as columns.
#[derive(Default)]
struct Columns([Vec<i64>; 4]);

impl Columns {
    fn push(&mut self, user: UserId, span: &Span) {
        let values = [user.0, span.node, span.opened_ms, span.closed_ms];
        self.0.iter_mut().zip(values).for_each(|(column, value)| column.push(value as i64));
    }
}

async fn write_spans(transaction: &Transaction<'_>, before: &Spans, changes: &OnlineChanges) -> Outcome<()> {
    let (mut gone, mut new) = (Columns::default(), Columns::default());
    for (user, spans) in &changes.spans {
        let former = before.get(user).cloned().unwrap_or_default();
        former.difference(spans).for_each(|span| gone.push(*user, span));
        spans.difference(&former).for_each(|span| new.push(*user, span));
    }
    let Columns([users, nodes, opened, _]) = &gone;
    if !users.is_empty() {
        let sql = "DELETE FROM online_spans s USING unnest($1::int8[], $2::int8[], $3::int8[]) AS n (user_id, node, opened_ms) \
             WHERE s.user_id = n.user_id AND s.node = n.node AND s.opened_ms = n.opened_ms";
        execute(transaction.sql, sql, &[users, nodes, opened]).await?;
    }
    let Columns([users, nodes, opened, closed]) = &new;
    if !users.is_empty() {
        let sql = "INSERT INTO online_spans (user_id, node, opened_ms, closed_ms) \
             SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[])";
        execute(transaction.sql, sql, &[users, nodes, opened, closed]).await?;
    }
    Ok(())
}

async fn write_days(transaction: &Transaction<'_>, changes: &OnlineChanges) -> Outcome<()> {
    if !changes.days.is_empty() {
        let column = |of: fn(&OnlineDay) -> i64| changes.days.iter().map(of).collect::<Vec<i64>>();
        let (users, numbers) = (column(|day| day.user.0 as i64), column(|day| day.day));
        let (online, first) = (column(|day| day.online_ms as i64), column(|day| day.first_ms as i64));
        let last = column(|day| day.last_ms as i64);
        let sql = "INSERT INTO online_days (user_id, day, online_ms, first_ms, last_ms) \
             SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[]) \
             ON CONFLICT (user_id, day) DO UPDATE SET online_ms = online_days.online_ms + excluded.online_ms, \
             first_ms = least(online_days.first_ms, excluded.first_ms), last_ms = greatest(online_days.last_ms, excluded.last_ms)";
        execute(transaction.sql, sql, &[&users, &numbers, &online, &first, &last]).await?;
    }
    if !changes.last_seen.is_empty() {
        let users: Vec<i64> = changes.last_seen.keys().map(|user| user.0 as i64).collect();
        let seen: Vec<i64> = changes.last_seen.values().map(|seen_ms| *seen_ms as i64).collect();
        let sql = "INSERT INTO presence (user_id, state, text, until_ms, last_seen_ms) \
             SELECT n.user_id, 0, '', 0, n.seen_ms FROM unnest($1::int8[], $2::int8[]) AS n (user_id, seen_ms) \
             ON CONFLICT (user_id) DO UPDATE SET last_seen_ms = greatest(presence.last_seen_ms, excluded.last_seen_ms) \
             WHERE presence.state <> $3 OR (presence.until_ms > 0 AND presence.until_ms <= excluded.last_seen_ms)";
        execute(transaction.sql, sql, &[&users, &seen, &(PresenceState::Invisible as i32)]).await?;
    }
    Ok(())
}

pub(crate) struct ForgetNode(pub u64);

#[async_trait]
impl Operation for ForgetNode {
    type Answer = ();

    fn place(&self) -> u64 {
        self.0
    }

    fn needs(&self, _: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        execute(transaction.sql, "DELETE FROM online_nodes WHERE node = $1", &[&(self.0 as i64)]).await?;
        Ok(())
    }
}
