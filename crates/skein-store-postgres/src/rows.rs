//! Rows as structs, and how they are read.

use std::borrow::Cow;

use buffa::{EnumValue, Message as _};
use deadpool_postgres::GenericClient;
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    v1,
};
use tokio_postgres::Row;

use crate::{
    failure::{Failure, Outcome},
    pool::{query, query_opt},
};

/// Short key of a conversation.
pub(crate) type Key = i64;

/// A column of some rows, as an array.
pub(crate) fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

/// A row of `conversations`.
#[derive(Clone, Debug)]
pub(crate) struct ConversationRow {
    pub key: Key,
    pub id: ConversationId,
    pub last_seq: u64,
    pub version: u64,
    pub countable: u64,
    pub last_ms: u64,
    pub last_message: MessageId,
    pub roster_version: u64,
    pub member_count: u32,
    pub name: String,
    pub avatar: String,
    pub owner: UserId,
    pub created_ms: u64,
}

/// Columns of a conversation, of the table `c`.
pub(crate) const CONVERSATION: &str = "c.conversation, c.id, c.last_seq, c.version, c.countable, c.last_ms, c.last_message_id, \
     c.roster_version, c.member_count, c.name, c.avatar, c.owner_id, c.created_ms";

impl ConversationRow {
    /// Reads the columns from this place on.
    pub(crate) fn read(row: &Row, at: usize) -> Outcome<Self> {
        Ok(Self {
            key: row.try_get(at)?,
            id: conversation_id(row, at + 1)?,
            last_seq: number(row, at + 2)?,
            version: number(row, at + 3)?,
            countable: number(row, at + 4)?,
            last_ms: number(row, at + 5)?,
            last_message: MessageId(number(row, at + 6)?),
            roster_version: number(row, at + 7)?,
            member_count: row.try_get::<_, i32>(at + 8)? as u32,
            name: row.try_get(at + 9)?,
            avatar: row.try_get(at + 10)?,
            owner: UserId(number(row, at + 11)?),
            created_ms: number(row, at + 12)?,
        })
    }

    pub(crate) async fn load<C: GenericClient>(client: &C, id: ConversationId) -> Outcome<Option<Self>> {
        let sql = format!("SELECT {CONVERSATION} FROM conversations c WHERE c.id = $1");
        let row = query_opt(client, &sql, &[&id.to_bytes().as_slice()]).await?;
        row.map(|row| Self::read(&row, 0)).transpose()
    }

    /// Whether a message is all that lies between the two.
    pub(crate) fn only_moves_to(&self, next: &Self) -> bool {
        (self.roster_version, self.owner, self.member_count) == (next.roster_version, next.owner, next.member_count)
            && (&self.name, &self.avatar) == (&next.name, &next.avatar)
    }

    /// As SQL wants it.
    pub(crate) fn slot(&self) -> i16 {
        self.id.slot() as i16
    }
}

/// A row of `entries`.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryRow {
    pub user: UserId,
    pub key: Key,
    pub version: u64,
    pub member: bool,
    pub sort_ms: u64,
    pub first_seq: u64,
    pub cleared_seq: u64,
    pub read_seq: u64,
    pub read_ms: u64,
    pub delivered_seq: u64,
    pub floor_seq: u64,
    pub floor_countable: u64,
    pub mention_seq: u64,
    pub pinned: bool,
    pub mute: i32,
    pub hidden: bool,
    pub archived: bool,
    pub draft: String,
    pub remark: String,
}

/// Columns of an entry, of the table `e`.
pub(crate) const ENTRY: &str = "e.user_id, e.conversation, e.version, e.member, e.sort_ms, e.first_seq, e.cleared_seq, e.read_seq, \
     e.read_ms, e.delivered_seq, e.floor_seq, e.floor_countable, e.mention_seq, e.pinned, e.mute, e.hidden, e.archived, e.draft, e.remark";
/// How many they are.
pub(crate) const ENTRY_COLUMNS: usize = 19;

impl EntryRow {
    /// Reads the columns from the first place on.
    pub(crate) fn read(row: &Row) -> Outcome<Self> {
        Ok(Self {
            user: UserId(number(row, 0)?),
            key: row.try_get(1)?,
            version: number(row, 2)?,
            member: row.try_get(3)?,
            sort_ms: number(row, 4)?,
            first_seq: number(row, 5)?,
            cleared_seq: number(row, 6)?,
            read_seq: number(row, 7)?,
            read_ms: number(row, 8)?,
            delivered_seq: number(row, 9)?,
            floor_seq: number(row, 10)?,
            floor_countable: number(row, 11)?,
            mention_seq: number(row, 12)?,
            pinned: row.try_get(13)?,
            mute: row.try_get(14)?,
            hidden: row.try_get(15)?,
            archived: row.try_get(16)?,
            draft: row.try_get(17)?,
            remark: row.try_get(18)?,
        })
    }

    /// Whether messages and receipts are all that lies between the two.
    pub(crate) fn only_moves_to(&self, next: &Self) -> bool {
        (self.member, self.first_seq, self.cleared_seq) == (next.member, next.first_seq, next.cleared_seq)
            && (self.pinned, self.mute, self.archived) == (next.pinned, next.mute, next.archived)
            && (&self.draft, &self.remark) == (&next.draft, &next.remark)
    }

    /// Everything up to here is not shown to this user.
    pub(crate) fn invisible_through(&self) -> u64 {
        self.cleared_seq.max(self.first_seq.saturating_sub(1))
    }

    /// Moves the floor up: what is at or below it does not count as unread.
    pub(crate) fn raise_floor(&mut self, seq: u64, countable: u64) {
        if seq > self.floor_seq {
            self.floor_seq = seq;
            self.floor_countable = countable;
        }
    }
}

/// A column with one of our unsigned numbers.
pub(crate) fn number(row: &Row, column: usize) -> Outcome<u64> {
    Ok(row.try_get::<_, i64>(column)? as u64)
}

/// Our number as SQL compares it: everything above its range is its end.
pub(crate) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A column with the compact form of a conversation's id.
pub(crate) fn conversation_id(row: &Row, column: usize) -> Outcome<ConversationId> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes = bytes.try_into().map_err(|_| Failure::internal("a stored conversation id has not 16 bytes"))?;
    Ok(ConversationId::from_bytes(bytes))
}

/// Text as PostgreSQL takes it: everything but the zero character, which nobody can see.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A stored message as it is now.
pub(crate) fn decode_message(body: &[u8]) -> Outcome<v1::Message> {
    v1::Message::decode_from_slice(body).map_err(|error| Failure::internal(format!("a stored message: {error}")))
}

/// The conversation and the entry of somebody who is in it, as committed.
pub(crate) async fn load_membership<C: GenericClient>(
    client: &C,
    user: UserId,
    id: ConversationId,
) -> Outcome<(ConversationRow, EntryRow)> {
    let sql = format!(
        "SELECT {ENTRY}, {CONVERSATION} FROM conversations c JOIN entries e ON e.conversation = c.conversation \
         WHERE c.id = $1 AND e.user_id = $2 AND e.member"
    );
    let row = query_opt(client, &sql, &[&id.to_bytes().as_slice(), &(user.0 as i64)]).await?;
    let row = row.ok_or(skein_store::Refusal::NotAMember)?;
    Ok((ConversationRow::read(&row, ENTRY_COLUMNS)?, EntryRow::read(&row)?))
}

/// The message with this id in this conversation, if the entry's user may see it.
pub(crate) async fn load_visible<C: GenericClient>(
    client: &C,
    entry: &EntryRow,
    id: MessageId,
) -> Outcome<Option<v1::Message>> {
    let sql = "SELECT m.body FROM messages m WHERE m.message_id = $1 AND m.slot = $2 AND m.conversation = $3 AND m.seq > $4 \
         AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.user_id = $5 AND h.conversation = $3 AND h.message_id = $1)";
    let above = entry.invisible_through() as i64;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&(id.0 as i64), &(id.slot() as i16), &entry.key, &above, &(entry.user.0 as i64)];
    match query_opt(client, sql, &values).await? {
        Some(row) => decode_message(row.try_get(0)?).map(Some),
        None => Ok(None),
    }
}

/// Role of a member; unspecified when it is none.
pub(crate) async fn load_role<C: GenericClient>(client: &C, key: Key, user: UserId) -> Outcome<v1::Role> {
    let sql = "SELECT role FROM members WHERE conversation = $1 AND user_id = $2";
    let row = query_opt(client, sql, &[&key, &(user.0 as i64)]).await?;
    let role: i32 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
    Ok(EnumValue::from(role).as_known().unwrap_or_default())
}

/// Present members.
pub(crate) async fn load_member_ids<C: GenericClient>(client: &C, key: Key) -> Outcome<Vec<UserId>> {
    let sql = "SELECT user_id FROM members WHERE conversation = $1 AND role > 0";
    query(client, sql, &[&key]).await?.iter().map(|row| number(row, 0).map(UserId)).collect()
}
