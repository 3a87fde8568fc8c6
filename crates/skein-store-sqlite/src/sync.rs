//! The two pulls, and history.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{
    Result,
    sync::{HistoryFrom, SyncStore},
};

use crate::{
    SqliteStore,
    account::{find_user, user_version},
    conversation::render_stored,
    message::visible_conversation,
    receipt::load_cursors,
    render,
    rows::{ConversationRow, EntryRow, Stored, load_role, number},
};

#[async_trait]
impl SyncStore for SqliteStore {
    async fn pull_user(
        &self,
        user: UserId,
        since_version: u64,
        before_version: u64,
        limit: u32,
        messages_per_entry: u32,
    ) -> Result<v1::PullUserResponse> {
        let large = self.config.large_group_members;
        self.read(move |connection| {
            let pull = UserPull { user, since: since_version, before: before_version, limit, messages_per_entry };
            pull.run(connection, large)
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
        let large = self.config.large_group_members;
        self.read(move |connection| {
            let (row, entry) = visible_conversation(connection, user, conversation)?;
            let small = row.member_count <= large;
            let (messages, version, has_more) = changes_since(connection, &row, &entry, since_version, limit)?;
            let group = row.id.is_group().then(|| load_role(connection, row.key, user)).transpose()?;
            Ok(v1::PullConversationResponse {
                messages,
                version,
                has_more,
                cursors: if small { load_cursors(connection, row.key, u64::MAX)? } else { Vec::new() },
                last_seq: row.last_seq,
                first_seq: entry.invisible_through() + 1,
                group: group.map(|role| render::group(&row, role)).into(),
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
        self.read(move |connection| {
            let (row, entry) = visible_conversation(connection, user, conversation)?;
            let mut messages = match from {
                HistoryFrom::Before(seq) => {
                    render::visible_before(connection, &row, &entry, seq, limit.saturating_add(1))?
                }
                HistoryFrom::After(seq) => visible_after(connection, &row, &entry, seq, limit.saturating_add(1))?,
            };
            let has_more = messages.len() > limit as usize;
            messages.truncate(limit as usize);
            Ok(v1::ListHistoryResponse {
                messages,
                has_more,
                first_seq: entry.invisible_through() + 1,
                last_seq: row.last_seq,
                ..Default::default()
            })
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
    fn run(&self, connection: &Connection, large: u32) -> Result<v1::PullUserResponse> {
        let before = if self.before == 0 { u64::MAX } else { self.before };
        let mut rows = EntryRow::list_changed(connection, self.user, self.since, before, self.limit.saturating_add(1))?;
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        let mut response = v1::PullUserResponse {
            version: user_version(connection, self.user)?,
            has_more,
            next_before_version: if has_more { rows.last().map_or(0, |row| row.version) } else { 0 },
            ..Default::default()
        };
        for row in &rows {
            let conversation = ConversationRow::load_by_key(connection, row.key)?;
            response.entries.push(render_stored(connection, &conversation, row, self.since)?);
            if self.messages_per_entry > 0 && row.member {
                let mut newest = render::newest_visible(connection, &conversation, row, self.messages_per_entry)?;
                newest.reverse();
                response.messages.append(&mut newest);
            }
        }
        if self.before == 0 {
            self.add_rest_of_world(connection, &mut response)?;
        }
        if !has_more {
            (response.heads, response.total_unread) = self.heads(connection, large)?;
        }
        Ok(response)
    }

    /// What is not a conversation: blocks, settings, the profile.
    fn add_rest_of_world(&self, connection: &Connection, response: &mut v1::PullUserResponse) -> Result<()> {
        let since = i64::try_from(self.since).unwrap_or(i64::MAX);
        let key = params![self.user.0 as i64, since];
        let sql = "SELECT other_id, blocked, version FROM blocks WHERE user_id = ? AND version > ?";
        let mut statement = connection.prepare_cached(sql).stored()?;
        let blocks = statement.query_map(key, |row| {
            Ok(v1::Block {
                user_id: number(row, 0)?,
                blocked: row.get(1)?,
                version: number(row, 2)?,
                ..Default::default()
            })
        });
        response.blocks = blocks.stored()?.collect::<rusqlite::Result<_>>().stored()?;
        let sql = "SELECT name, value, version FROM settings WHERE user_id = ? AND version > ?";
        let mut statement = connection.prepare_cached(sql).stored()?;
        let settings = statement.query_map(key, |row| {
            Ok(v1::Setting { key: row.get(0)?, value: row.get(1)?, version: number(row, 2)?, ..Default::default() })
        });
        response.settings = settings.stored()?.collect::<rusqlite::Result<_>>().stored()?;
        let sql = "SELECT 1 FROM users WHERE user_id = ? AND profile_version > ?";
        if connection.prepare_cached(sql).stored()?.exists(key).stored()? {
            response.me = find_user(connection, "user_id", self.user.0 as i64)?.map(|row| row.user).into();
        }
        Ok(())
    }

    /// Heads of the large groups, which write nothing per member; and the sum of unread over everything.
    fn heads(&self, connection: &Connection, large: u32) -> Result<(Vec<v1::ConversationHead>, u64)> {
        let sql = "SELECT c.id, c.last_seq, c.version, c.countable - e.floor_countable, c.member_count > ?2 FROM entries e \
             JOIN conversations c ON c.conversation = e.conversation WHERE e.user_id = ?1 AND e.member = 1";
        let mut statement = connection.prepare_cached(sql).stored()?;
        let mut rows = statement.query(params![self.user.0 as i64, large]).stored()?;
        let (mut heads, mut total) = (Vec::new(), 0);
        while let Some(row) = rows.next().stored()? {
            let unread = number(row, 3).stored()?;
            total += unread;
            if row.get(4).stored()? {
                heads.push(v1::ConversationHead {
                    conversation_id: ConversationId::from_bytes(row.get(0).stored()?).to_string(),
                    last_seq: number(row, 1).stored()?,
                    version: number(row, 2).stored()?,
                    unread,
                    ..Default::default()
                });
            }
        }
        Ok((heads, total))
    }
}

/// Visible messages whose version is above `since`, by version; where to continue; and whether there are more.
///
/// Unchanged messages have versions that grow with their seqs, so they are found by seq; changed ones have an index of their own.
fn changes_since(
    connection: &Connection,
    conversation: &ConversationRow,
    entry: &EntryRow,
    since: u64,
    limit: u32,
) -> Result<(Vec<v1::Message>, u64, bool)> {
    let since = i64::try_from(since).unwrap_or(i64::MAX);
    let first = first_seq_after(connection, conversation, since)?;
    let hidden = "NOT EXISTS (SELECT 1 FROM hidden h WHERE h.user_id = ?2 AND h.conversation = ?1 AND h.message_id = m.message_id)";
    let floor = entry.invisible_through() as i64;
    let unchanged = format!(
        "SELECT body FROM messages m WHERE conversation = ?1 AND seq > ?3 AND seq >= ?4 AND changed_version IS NULL \
         AND {hidden} ORDER BY seq LIMIT ?5"
    );
    let values = params![conversation.key, entry.user.0 as i64, floor, first as i64, limit.saturating_add(1)];
    let mut messages = render::messages(connection, &unchanged, values)?;
    let changed = format!(
        "SELECT body FROM messages m WHERE conversation = ?1 AND changed_version > ?4 AND seq > ?3 AND {hidden} \
         ORDER BY changed_version LIMIT ?5"
    );
    let values = params![conversation.key, entry.user.0 as i64, floor, since, limit.saturating_add(1)];
    messages.append(&mut render::messages(connection, &changed, values)?);
    messages.sort_by_key(|message| message.version);
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    let version = if has_more { messages.last().map_or(0, |message| message.version) } else { conversation.version };
    Ok((messages, version, has_more))
}

/// The first seq whose message was born after this version. Birth versions grow with seqs, so a binary search finds it.
fn first_seq_after(connection: &Connection, conversation: &ConversationRow, since: i64) -> Result<u64> {
    if since <= 0 {
        return Ok(1);
    }
    let sql = "SELECT birth_version FROM messages WHERE conversation = ? AND seq = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let (mut low, mut high) = (1, conversation.last_seq + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let born: i64 = statement.query_row(params![conversation.key, middle as i64], |row| row.get(0)).stored()?;
        if born > since { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}

fn visible_after(
    connection: &Connection,
    conversation: &ConversationRow,
    entry: &EntryRow,
    after: u64,
    limit: u32,
) -> Result<Vec<v1::Message>> {
    let sql = "SELECT body FROM messages m WHERE conversation = ?1 AND seq > ?2 AND NOT EXISTS (SELECT 1 FROM hidden h \
         WHERE h.user_id = ?3 AND h.conversation = ?1 AND h.message_id = m.message_id) ORDER BY seq LIMIT ?4";
    let after = i64::try_from(after.max(entry.invisible_through())).unwrap_or(i64::MAX);
    render::messages(connection, sql, params![conversation.key, after, entry.user.0 as i64, limit])
}
