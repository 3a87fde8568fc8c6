//! What people show of themselves, and when they were here. The writes are in [`crate::online`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use buffa::EnumValue;
use skein_proto::id::{ConversationId, UserId};
use skein_store::{
    Result,
    online::{bounds, days},
    presence::{
        ChosenPresence, Days, LAST_SEEN_SETTING, OnlineDay, PresenceStore, RecordOnline, SeenBy, SeenPresence,
        VISIBLE_SETTING,
    },
};
use tokio_postgres::Row;

use crate::{
    PostgresStore,
    failure::Outcome,
    online::{ForgetNode, Record, SetPresence, ids, list_beats, list_spans},
    pool::{query, query_opt, snapshot},
    rows::number,
};

/// `$1`: who looks, `$2`: at whom, `$3`: the ids of their conversations. In the order given.
const SEEN: &str = "SELECT coalesce(p.state, 0), coalesce(p.text, ''), coalesce(p.until_ms, 0), coalesce(p.last_seen_ms, 0), \
     n.watcher = n.user_id OR (u.user_id IS NOT NULL AND NOT coalesce(b.blocked, false)), \
     n.watcher = n.user_id, coalesce(v.value, ''), coalesce(l.value, ''), c.conversation IS NOT NULL \
     FROM unnest($1::int8[], $2::int8[], $3::bytea[]) WITH ORDINALITY AS n (watcher, user_id, pair, place) \
     LEFT JOIN users u ON u.user_id = n.user_id \
     LEFT JOIN blocks b ON b.user_id = n.user_id AND b.other_id = n.watcher \
     LEFT JOIN presence p ON p.user_id = n.user_id \
     LEFT JOIN settings v ON v.user_id = n.user_id AND v.name = $4 \
     LEFT JOIN settings l ON l.user_id = n.user_id AND l.name = $5 \
     LEFT JOIN conversations c ON c.id = n.pair ORDER BY n.place";

#[async_trait]
impl PresenceStore for PostgresStore {
    async fn set_presence(&self, user: UserId, chosen: ChosenPresence, now_ms: u64) -> Result<()> {
        self.write(SetPresence { user, chosen, now_ms }).await
    }

    async fn list_seen(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<SeenPresence>> {
        self.read(async {
            let watchers: Vec<i64> = pairs.iter().map(|(watcher, _)| watcher.0 as i64).collect();
            let users: Vec<i64> = pairs.iter().map(|(_, user)| user.0 as i64).collect();
            let between: Vec<Vec<u8>> =
                pairs.iter().map(|(one, other)| ConversationId::direct(*one, *other).to_bytes().to_vec()).collect();
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&watchers, &users, &between, &VISIBLE_SETTING, &LAST_SEEN_SETTING];
            let rows = query(&self.readers.get().await?, SEEN, &values).await?;
            rows.iter().map(read_seen).collect()
        })
        .await
    }

    async fn record_online(&self, record: RecordOnline) -> Result<bool> {
        self.write(Record(record)).await
    }

    async fn list_silent_nodes(&self, since_ms: u64) -> Result<Vec<(u64, u64)>> {
        self.read(async {
            let sql = "SELECT node, beat_ms FROM online_nodes WHERE beat_ms < $1";
            let rows = query(&self.readers.get().await?, sql, &[&(since_ms as i64)]).await?;
            rows.iter().map(|row| Ok((number(row, 0)?, number(row, 1)?))).collect()
        })
        .await
    }

    async fn list_online_users(&self, node: u64, limit: u32) -> Result<Vec<UserId>> {
        self.read(async {
            let sql = "SELECT user_id FROM online_spans WHERE node = $1 AND closed_ms = 0 LIMIT $2";
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&(node as i64), &i64::from(limit)];
            let rows = query(&self.readers.get().await?, sql, &values).await?;
            rows.iter().map(|row| number(row, 0).map(UserId)).collect()
        })
        .await
    }

    async fn forget_node(&self, node: u64) -> Result<()> {
        self.write(ForgetNode(node)).await
    }

    async fn list_online_days(&self, users: &[UserId], wanted: Days) -> Result<Vec<OnlineDay>> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let counted = "SELECT user_id, day, online_ms, first_ms, last_ms FROM online_days \
                 WHERE user_id = ANY($1) AND day BETWEEN $2 AND $3";
            let rows = query(&sql, counted, &[&ids(users), &wanted.from, &wanted.to]).await?;
            let counted = rows.iter().map(read_day).collect::<Outcome<_>>()?;
            let spans = list_spans(&sql, users).await?;
            let beats: BTreeMap<u64, u64> = list_beats(&sql).await?;
            Ok(days(counted, spans, wanted, |node| beats.get(&node).copied()))
        })
        .await
    }

    async fn count_active_users(&self, wanted: Days) -> Result<Vec<(i64, u64)>> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let snapshot = snapshot(&mut client).await?;
            let sql = "SELECT count(*) FROM (SELECT user_id FROM online_days WHERE day = $1 UNION \
                 SELECT user_id FROM online_spans WHERE opened_ms < $3 AND (closed_ms = 0 OR closed_ms >= $2)) a";
            let mut counts = Vec::new();
            for day in wanted.from..=wanted.to {
                let (start, end) = bounds(Days { from: day, to: day, ..wanted });
                let row = query_opt(&snapshot, sql, &[&day, &start, &end]).await?;
                counts.push((day, row.map(|row| number(&row, 0)).transpose()?.unwrap_or_default()));
            }
            Ok(counts)
        })
        .await
    }
}

fn read_seen(row: &Row) -> Outcome<SeenPresence> {
    let known: bool = row.try_get(4)?;
    if !known {
        return Ok(SeenPresence::default());
    }
    let (own, contacts): (bool, bool) = (row.try_get(5)?, row.try_get(8)?);
    let may_see = |setting: &str| match SeenBy::from_setting(setting) {
        Some(SeenBy::Everybody) => true,
        Some(SeenBy::Contacts) => own || contacts,
        Some(SeenBy::Nobody) | None => own,
    };
    let state: i32 = row.try_get(0)?;
    let state = EnumValue::from(state).as_known().unwrap_or_default();
    let last_seen_ms = if may_see(row.try_get(7)?) { number(row, 3)? } else { 0 };
    let chosen = ChosenPresence { state, text: row.try_get(1)?, until_ms: number(row, 2)? };
    Ok(SeenPresence { chosen, visible: may_see(row.try_get(6)?), last_seen_ms })
}

fn read_day(row: &Row) -> Outcome<OnlineDay> {
    let (online_ms, first_ms, last_ms) = (number(row, 2)?, number(row, 3)?, number(row, 4)?);
    Ok(OnlineDay { user: UserId(number(row, 0)?), day: row.try_get(1)?, online_ms, first_ms, last_ms })
}
