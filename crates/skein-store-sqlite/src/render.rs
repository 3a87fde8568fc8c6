//! Rows as the messages of the schema.

use rusqlite::{Connection, OptionalExtension, params};
use skein_proto::{id::UserId, v1};
use skein_store::Result;

use crate::rows::{ConversationRow, EntryRow, Stored, decode_message};

/// Added to the sort key of pinned entries: above all times.
const PINNED_SORT_KEY: u64 = 1 << 62;

/// The entry as its user sees it. `peer` is the other's entry in a one-to-one conversation. `version_since` adds the messages hidden after it.
pub(crate) fn entry(
    connection: &Connection,
    conversation: &ConversationRow,
    entry: &EntryRow,
    peer: Option<&EntryRow>,
    version_since: u64,
) -> Result<v1::ConversationEntry> {
    let peer_id = conversation.id.peer_of(entry.user);
    let (title, avatar) = match peer_id {
        Some(peer) => shown_user(connection, peer)?,
        None if entry.member => (conversation.name.clone(), conversation.avatar.clone()),
        // What a group has become since is not for those who left it.
        None => Default::default(),
    };
    let last_message = if entry.member { newest_visible(connection, conversation, entry, 1)?.pop() } else { None };
    Ok(v1::ConversationEntry {
        conversation_id: conversation.id.to_string(),
        kind: kind(conversation).into(),
        version: entry.version,
        sort_key: entry.sort_ms + if entry.pinned { PINNED_SORT_KEY } else { 0 },
        last_seq: if entry.member { conversation.last_seq } else { 0 },
        conversation_version: if entry.member { conversation.version } else { 0 },
        last_message: last_message.into(),
        unread: unread(conversation, entry),
        mentioned: entry.member && entry.mention_seq > entry.floor_seq,
        read_seq: entry.read_seq,
        cleared_seq: entry.cleared_seq,
        pinned: entry.pinned,
        mute: entry.mute.into(),
        draft: entry.draft.clone(),
        remark: entry.remark.clone(),
        hidden: entry.hidden,
        archived: entry.archived,
        title,
        avatar,
        peer_id: peer_id.map_or(0, |peer| peer.0),
        first_seq: entry.first_seq.max(entry.cleared_seq + 1),
        member: entry.member,
        peer_read_seq: peer.map_or(0, |peer| peer.read_seq),
        peer_delivered_seq: peer.map_or(0, |peer| peer.delivered_seq),
        member_count: if entry.member { conversation.member_count } else { 0 },
        deleted_message_ids: hidden_since(connection, entry, version_since)?,
        ..Default::default()
    })
}

/// Unread is derived, never counted up.
pub(crate) fn unread(conversation: &ConversationRow, entry: &EntryRow) -> u64 {
    if entry.member { conversation.countable.saturating_sub(entry.floor_countable) } else { 0 }
}

fn kind(conversation: &ConversationRow) -> v1::ConversationKind {
    match conversation.id.users() {
        None => v1::ConversationKind::Group,
        Some((one, other)) if one == other => v1::ConversationKind::CONVERSATION_KIND_SELF,
        Some(_) => v1::ConversationKind::Direct,
    }
}

/// Display name and avatar of a user.
pub(crate) fn shown_user(connection: &Connection, user: UserId) -> Result<(String, String)> {
    let mut statement =
        connection.prepare_cached("SELECT display_name, avatar FROM users WHERE user_id = ?").stored()?;
    let shown = statement.query_row([user.0 as i64], |row| Ok((row.get(0)?, row.get(1)?))).optional().stored()?;
    Ok(shown.unwrap_or_default())
}

/// The newest messages that the entry's user may see, newest first.
pub(crate) fn newest_visible(
    connection: &Connection,
    conversation: &ConversationRow,
    entry: &EntryRow,
    limit: u32,
) -> Result<Vec<v1::Message>> {
    visible_before(connection, conversation, entry, u64::MAX, limit)
}

/// Messages below a seq that the entry's user may see, newest first.
pub(crate) fn visible_before(
    connection: &Connection,
    conversation: &ConversationRow,
    entry: &EntryRow,
    before: u64,
    limit: u32,
) -> Result<Vec<v1::Message>> {
    let sql = "SELECT body FROM messages m WHERE conversation = ?1 AND seq > ?2 AND seq < ?3 AND NOT EXISTS (SELECT 1 FROM hidden h \
         WHERE h.user_id = ?4 AND h.conversation = ?1 AND h.message_id = m.message_id) ORDER BY seq DESC LIMIT ?5";
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let values = params![conversation.key, entry.invisible_through() as i64, before, entry.user.0 as i64, limit];
    messages(connection, sql, values)
}

/// Runs a query that gives bodies of messages.
pub(crate) fn messages(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<v1::Message>> {
    let mut statement = connection.prepare_cached(sql).stored()?;
    let mut rows = statement.query(values).stored()?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next().stored()? {
        messages.push(decode_message(row.get_ref(0).stored()?.as_blob().unwrap_or_default())?);
    }
    Ok(messages)
}

fn hidden_since(connection: &Connection, entry: &EntryRow, version: u64) -> Result<Vec<u64>> {
    let sql = "SELECT message_id FROM hidden WHERE user_id = ? AND conversation = ? AND version > ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let since = i64::try_from(version).unwrap_or(i64::MAX);
    let rows =
        statement.query_map(params![entry.user.0 as i64, entry.key, since], |row| row.get::<_, i64>(0)).stored()?;
    rows.map(|id| id.map(|id| id as u64)).collect::<rusqlite::Result<_>>().stored()
}

/// The group as one of its members sees it.
pub(crate) fn group(conversation: &ConversationRow, role: v1::Role) -> v1::Group {
    v1::Group {
        conversation_id: conversation.id.to_string(),
        name: conversation.name.clone(),
        avatar: conversation.avatar.clone(),
        owner_id: conversation.owner.0,
        member_count: conversation.member_count,
        version: conversation.version,
        created_time_ms: conversation.created_ms,
        my_role: role.into(),
        ..Default::default()
    }
}
