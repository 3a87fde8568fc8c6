//! The two pulls, and history. Each answers from one snapshot.

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use futures::future::{try_join, try_join4};
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{
    Result,
    sync::{HistoryFrom, SyncStore},
};

use crate::{
    PostgresStore,
    account::{find_user, user_version},
    failure::Outcome,
    pool::{Values, query, query_opt, snapshot},
    receipt::load_cursors,
    render::{self, EntryToRender},
    rows::{
        CONVERSATION, ConversationRow, ENTRY, ENTRY_COLUMNS, EntryRow, bound, conversation_id, decode_message,
        load_membership, load_role, number,
    },
};

#[async_trait]
impl SyncStore for PostgresStore {
    async fn pull_user(
        &self,
        user: UserId,
        since_version: u64,
        before_version: u64,
        limit: u32,
        messages_per_entry: u32,
    ) -> Result<v1::PullUserResponse> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let pull = UserPull { user, since: since_version, before: before_version, limit, messages_per_entry };
            pull.run(&sql, self.config.large_group_members).await
        })
        .await
    }

    async fn pull_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
        since_version: u64,
        limit: u32,
    ) -> Result<v1::PullConversationResponse> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let (row, entry) = load_membership(&sql, user, conversation).await?;
            let (messages, version, has_more) = changes_since(&sql, &row, &entry, since_version, limit).await?;
            let group = match row.id.is_group() {
                true => Some(render::group(&row, load_role(&sql, row.key, user).await?)),
                false => None,
            };
            let small = row.member_count <= self.config.large_group_members;
            Ok(v1::PullConversationResponse {
                messages,
                version,
                has_more,
                cursors: if small { load_cursors(&sql, row.key, u64::MAX).await? } else { Vec::new() },
                last_seq: row.last_seq,
                first_seq: entry.invisible_through() + 1,
                group: group.into(),
                ..Default::default()
            })
        })
        .await
    }

    async fn list_history(
        &self,
        user: UserId,
        conversation: ConversationId,
        from: HistoryFrom,
        limit: u32,
    ) -> Result<v1::ListHistoryResponse> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let (row, entry) = load_membership(&sql, user, conversation).await?;
            let floor = entry.invisible_through();
            let (above, below, order) = match from {
                HistoryFrom::Before(seq) => (bound(floor), bound(seq), "DESC"),
                HistoryFrom::After(seq) => (bound(seq.max(floor)), i64::MAX, "ASC"),
            };
            let page = format!("{VISIBLE} AND m.seq > $4 AND m.seq < $5 ORDER BY m.seq {order} LIMIT $6");
            let more = i64::from(limit) + 1;
            let values: Values<'_> = &[&row.slot(), &row.key, &(user.0 as i64), &above, &below, &more];
            let mut messages = list_messages(&sql, &page, values).await?;
            let has_more = messages.len() > limit as usize;
            messages.truncate(limit as usize);
            let first_seq = floor + 1;
            Ok(v1::ListHistoryResponse { messages, has_more, first_seq, last_seq: row.last_seq, ..Default::default() })
        })
        .await
    }
}

/// One page of a user timeline.
struct UserPull {
    user: UserId,
    since: u64,
    before: u64,
    limit: u32,
    messages_per_entry: u32,
}

impl UserPull {
    async fn run(&self, sql: &Transaction<'_>, large: u32) -> Outcome<v1::PullUserResponse> {
        let (version, mut rows) = try_join(user_version(sql, self.user), self.changed(sql)).await?;
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        let mut response = v1::PullUserResponse {
            version,
            has_more,
            next_before_version: if has_more { rows.last().map_or(0, |row| row.entry.version) } else { 0 },
            ..Default::default()
        };
        let heads = async { if has_more { Ok(Default::default()) } else { self.heads(sql, large).await } };
        let rest = async { if self.before == 0 { self.rest_of_world(sql).await } else { Ok(Default::default()) } };
        let newest = render::newest(sql, &rows, self.messages_per_entry);
        let (entries, messages, heads, rest) = try_join4(render::entries(sql, &rows), newest, heads, rest).await?;
        (response.entries, response.messages) = (entries, messages);
        (response.heads, response.total_unread) = heads;
        (response.blocks, response.settings, response.me) = (rest.blocks, rest.settings, rest.me);
        Ok(response)
    }

    /// Entries changed within the bounds, latest change first; one more than the page holds.
    async fn changed(&self, sql: &Transaction<'_>) -> Outcome<Vec<EntryToRender>> {
        let before = if self.before == 0 { i64::MAX } else { bound(self.before) };
        let page = format!(
            "SELECT {ENTRY}, {CONVERSATION} FROM (SELECT * FROM entries e WHERE e.user_id = $1 AND e.version > $2 AND e.version < $3 \
             ORDER BY e.version DESC LIMIT $4) e JOIN conversations c ON c.conversation = e.conversation ORDER BY e.version DESC"
        );
        let values: Values<'_> = &[&(self.user.0 as i64), &bound(self.since), &before, &(i64::from(self.limit) + 1)];
        let rows = query(sql, &page, values).await?;
        let read = |row: &tokio_postgres::Row| {
            let conversation = ConversationRow::read(row, ENTRY_COLUMNS)?;
            Ok(EntryToRender { conversation, entry: EntryRow::read(row)?, since: self.since })
        };
        rows.iter().map(read).collect()
    }

    /// What is not a conversation: blocks, settings, the profile.
    async fn rest_of_world(&self, sql: &Transaction<'_>) -> Outcome<v1::PullUserResponse> {
        let (id, since) = (self.user.0 as i64, bound(self.since));
        let key: Values<'_> = &[&id, &since];
        let blocks = "SELECT other_id, blocked, version FROM blocks WHERE user_id = $1 AND version > $2";
        let settings = "SELECT name, value, version FROM settings WHERE user_id = $1 AND version > $2";
        let profile = "SELECT 1 FROM users WHERE user_id = $1 AND profile_version > $2";
        let (blocks, settings, changed) =
            futures::try_join!(query(sql, blocks, key), query(sql, settings, key), query_opt(sql, profile, key))?;
        let block = |row: &tokio_postgres::Row| {
            let (user_id, version) = (number(row, 0)?, number(row, 2)?);
            Ok(v1::Block { user_id, blocked: row.try_get(1)?, version, ..Default::default() })
        };
        let setting = |row: &tokio_postgres::Row| {
            let (key, value) = (row.try_get(0)?, row.try_get(1)?);
            Ok(v1::Setting { key, value, version: number(row, 2)?, ..Default::default() })
        };
        let me = match changed {
            Some(_) => find_user(sql, "user_id", &id).await?.map(|row| row.user),
            None => None,
        };
        Ok(v1::PullUserResponse {
            blocks: blocks.iter().map(block).collect::<Outcome<_>>()?,
            settings: settings.iter().map(setting).collect::<Outcome<_>>()?,
            me: me.into(),
            ..Default::default()
        })
    }

    /// Heads of the large groups, which write nothing per member; and the sum of unread over everything.
    async fn heads(&self, sql: &Transaction<'_>, large: u32) -> Outcome<(Vec<v1::ConversationHead>, u64)> {
        let heads = "SELECT c.id, c.last_seq, c.version, c.countable - e.floor_countable FROM entries e \
             JOIN conversations c ON c.conversation = e.conversation WHERE e.user_id = $1 AND e.member AND c.member_count > $2";
        let total = "SELECT coalesce(sum(c.countable - e.floor_countable), 0)::int8 FROM entries e \
             JOIN conversations c ON c.conversation = e.conversation WHERE e.user_id = $1 AND e.member";
        let (id, large) = (self.user.0 as i64, large as i32);
        let (total_key, heads_key): (Values<'_>, Values<'_>) = (&[&id], &[&id, &large]);
        let (heads, total) = try_join(query(sql, heads, heads_key), query_opt(sql, total, total_key)).await?;
        let head = |row: &tokio_postgres::Row| {
            Ok(v1::ConversationHead {
                conversation_id: conversation_id(row, 0)?.to_string(),
                last_seq: number(row, 1)?,
                version: number(row, 2)?,
                unread: number(row, 3)?,
                ..Default::default()
            })
        };
        let total = total.map(|row| number(&row, 0)).transpose()?;
        Ok((heads.iter().map(head).collect::<Outcome<_>>()?, total.unwrap_or(0)))
    }
}

/// Messages of a conversation that are not hidden from a user: slot, conversation, user.
const VISIBLE: &str = "SELECT m.body FROM messages m WHERE m.slot = $1 AND m.conversation = $2 AND NOT EXISTS (SELECT 1 FROM hidden h \
     WHERE h.user_id = $3 AND h.conversation = $2 AND h.message_id = m.message_id)";

async fn list_messages(sql: &Transaction<'_>, text: &str, values: Values<'_>) -> Outcome<Vec<v1::Message>> {
    query(sql, text, values).await?.iter().map(|row| decode_message(row.try_get(0)?)).collect()
}

/// Visible messages whose version is above `since`, by version; where to continue; and whether there are more.
///
/// Unchanged messages have versions that grow with their seqs, so they are found by seq; changed ones have an index of their own.
async fn changes_since(
    sql: &Transaction<'_>,
    conversation: &ConversationRow,
    entry: &EntryRow,
    since: u64,
    limit: u32,
) -> Outcome<(Vec<v1::Message>, u64, bool)> {
    let first = first_seq_after(sql, conversation, since).await?;
    let above = bound(entry.invisible_through().max(first - 1));
    let (user, more, since) = (entry.user.0 as i64, i64::from(limit) + 1, bound(since));
    let unchanged = format!("{VISIBLE} AND m.seq > $4 AND m.changed_version IS NULL ORDER BY m.seq LIMIT $5");
    let unchanged_key: Values<'_> = &[&conversation.slot(), &conversation.key, &user, &above, &more];
    let changed = format!("{VISIBLE} AND m.changed_version > $4 AND m.seq > $5 ORDER BY m.changed_version LIMIT $6");
    let floor = bound(entry.invisible_through());
    let changed_key: Values<'_> = &[&conversation.slot(), &conversation.key, &user, &since, &floor, &more];
    let (mut messages, mut changed) =
        try_join(list_messages(sql, &unchanged, unchanged_key), list_messages(sql, &changed, changed_key)).await?;
    messages.append(&mut changed);
    messages.sort_by_key(|message| message.version);
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    let version = if has_more { messages.last().map_or(0, |message| message.version) } else { conversation.version };
    Ok((messages, version, has_more))
}

/// Halves the range until one seq is left.
const BISECT: &str = "WITH RECURSIVE bisect (low, high) AS (SELECT $3::int8, $4::int8 UNION ALL \
     SELECT CASE WHEN m.birth_version > $5 THEN b.low ELSE m.seq + 1 END, CASE WHEN m.birth_version > $5 THEN m.seq ELSE b.high END \
     FROM bisect b JOIN messages m ON m.slot = $1 AND m.conversation = $2 AND m.seq = b.low + (b.high - b.low) / 2 WHERE b.low < b.high) \
     SELECT low FROM bisect WHERE low >= high LIMIT 1";

/// The first seq whose message was born after this version. Each seq is at most its version, and behind it by at most the number of versions
/// that no message has; so where nothing but messages has ever happened, nothing is asked.
async fn first_seq_after(sql: &Transaction<'_>, conversation: &ConversationRow, since: u64) -> Outcome<u64> {
    let others = conversation.version.saturating_sub(conversation.last_seq);
    let high = conversation.last_seq.saturating_add(1).min(since.saturating_add(1));
    let low = since.saturating_add(1).saturating_sub(others).clamp(1, high);
    if low == high {
        return Ok(low);
    }
    let values: Values<'_> = &[&conversation.slot(), &conversation.key, &(low as i64), &(high as i64), &bound(since)];
    Ok(query_opt(sql, BISECT, values).await?.map(|row| number(&row, 0)).transpose()?.unwrap_or(high))
}
