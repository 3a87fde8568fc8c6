//! Rows as structs, and how they are read and written.

use buffa::{EnumValue, Message as _};
use rusqlite::{Connection, OptionalExtension, Row, params};
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    v1,
};
use skein_store::{Result, StoreError};

use crate::writer::store_error;

/// Short local key of a conversation.
pub(crate) type Key = i64;

/// Turns an engine's result into ours.
pub(crate) trait Stored<T> {
    fn stored(self) -> Result<T>;
}
impl<T> Stored<T> for rusqlite::Result<T> {
    fn stored(self) -> Result<T> {
        self.map_err(store_error)
    }
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
    pub roster_version: u64,
    pub member_count: u32,
    pub name: String,
    pub avatar: String,
    pub owner: UserId,
    pub created_ms: u64,
}

const CONVERSATION: &str = "conversation, id, last_seq, version, countable, last_ms, roster_version, member_count, name, avatar, \
     owner_id, created_ms";

impl ConversationRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(0)?,
            id: ConversationId::from_bytes(row.get(1)?),
            last_seq: number(row, 2)?,
            version: number(row, 3)?,
            countable: number(row, 4)?,
            last_ms: number(row, 5)?,
            roster_version: number(row, 6)?,
            member_count: row.get(7)?,
            name: row.get(8)?,
            avatar: row.get(9)?,
            owner: UserId(number(row, 10)?),
            created_ms: number(row, 11)?,
        })
    }

    pub(crate) fn load(connection: &Connection, id: ConversationId) -> Result<Option<Self>> {
        let sql = format!("SELECT {CONVERSATION} FROM conversations WHERE id = ?");
        connection.prepare_cached(&sql).stored()?.query_row([id.to_bytes()], Self::read).optional().stored()
    }

    pub(crate) fn load_by_key(connection: &Connection, key: Key) -> Result<Self> {
        let sql = format!("SELECT {CONVERSATION} FROM conversations WHERE conversation = ?");
        connection.prepare_cached(&sql).stored()?.query_row([key], Self::read).stored()
    }

    pub(crate) fn save(&self, connection: &Connection) -> Result<()> {
        let sql = "UPDATE conversations SET last_seq = ?, version = ?, countable = ?, last_ms = ?, roster_version = ?, \
             member_count = ?, name = ?, avatar = ?, owner_id = ? WHERE conversation = ?";
        let values = params![
            self.last_seq as i64,
            self.version as i64,
            self.countable as i64,
            self.last_ms as i64,
            self.roster_version as i64,
            self.member_count,
            self.name,
            self.avatar,
            self.owner.0 as i64,
            self.key,
        ];
        connection.prepare_cached(sql).stored()?.execute(values).stored().map(drop)
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

const ENTRY: &str = "user_id, conversation, version, member, sort_ms, first_seq, cleared_seq, read_seq, read_ms, delivered_seq, \
     floor_seq, floor_countable, mention_seq, pinned, mute, hidden, archived, draft, remark";

/// Changes the row in place: replacing it would search for it and its index entries twice.
const SAVE_ENTRY: &str = "INSERT INTO entries (user_id, conversation, version, member, sort_ms, first_seq, cleared_seq, read_seq, \
     read_ms, delivered_seq, floor_seq, floor_countable, mention_seq, pinned, mute, hidden, archived, draft, remark) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
     ON CONFLICT (user_id, conversation) DO UPDATE SET version = ?3, member = ?4, sort_ms = ?5, first_seq = ?6, cleared_seq = ?7, \
     read_seq = ?8, read_ms = ?9, delivered_seq = ?10, floor_seq = ?11, floor_countable = ?12, mention_seq = ?13, pinned = ?14, \
     mute = ?15, hidden = ?16, archived = ?17, draft = ?18, remark = ?19";

impl EntryRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            user: UserId(number(row, 0)?),
            key: row.get(1)?,
            version: number(row, 2)?,
            member: row.get(3)?,
            sort_ms: number(row, 4)?,
            first_seq: number(row, 5)?,
            cleared_seq: number(row, 6)?,
            read_seq: number(row, 7)?,
            read_ms: number(row, 8)?,
            delivered_seq: number(row, 9)?,
            floor_seq: number(row, 10)?,
            floor_countable: number(row, 11)?,
            mention_seq: number(row, 12)?,
            pinned: row.get(13)?,
            mute: row.get(14)?,
            hidden: row.get(15)?,
            archived: row.get(16)?,
            draft: row.get(17)?,
            remark: row.get(18)?,
        })
    }

    pub(crate) fn load(connection: &Connection, user: UserId, key: Key) -> Result<Option<Self>> {
        let sql = format!("SELECT {ENTRY} FROM entries WHERE user_id = ? AND conversation = ?");
        let mut statement = connection.prepare_cached(&sql).stored()?;
        statement.query_row(params![user.0 as i64, key], Self::read).optional().stored()
    }

    /// Entries changed within `(since, before)`, latest change first.
    pub(crate) fn list_changed(
        connection: &Connection,
        user: UserId,
        since: u64,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Self>> {
        let sql = format!(
            "SELECT {ENTRY} FROM entries WHERE user_id = ? AND version > ? AND version < ? ORDER BY version DESC LIMIT ?"
        );
        let mut statement = connection.prepare_cached(&sql).stored()?;
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![user.0 as i64, since, before, limit], Self::read).stored()?;
        rows.collect::<rusqlite::Result<_>>().stored()
    }

    pub(crate) fn save(&self, connection: &Connection) -> Result<()> {
        let values = params![
            self.user.0 as i64,
            self.key,
            self.version as i64,
            self.member,
            self.sort_ms as i64,
            self.first_seq as i64,
            self.cleared_seq as i64,
            self.read_seq as i64,
            self.read_ms as i64,
            self.delivered_seq as i64,
            self.floor_seq as i64,
            self.floor_countable as i64,
            self.mention_seq as i64,
            self.pinned,
            self.mute,
            self.hidden,
            self.archived,
            self.draft,
            self.remark,
        ];
        connection.prepare_cached(SAVE_ENTRY).stored()?.execute(values).stored().map(drop)
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
pub(crate) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| value as u64)
}

/// A stored message as it is now.
pub(crate) fn decode_message(body: &[u8]) -> Result<v1::Message> {
    v1::Message::decode_from_slice(body).map_err(|error| StoreError::Internal(format!("a stored message: {error}")))
}

/// The message with this id in this conversation, whoever asks.
pub(crate) fn load_message(connection: &Connection, key: Key, id: MessageId) -> Result<Option<v1::Message>> {
    let sql = "SELECT body FROM messages WHERE message_id = ? AND conversation = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let body: Option<Vec<u8>> = statement.query_row(params![id.0 as i64, key], |row| row.get(0)).optional().stored()?;
    body.map(|body| decode_message(&body)).transpose()
}

/// Whether this user deleted the message for itself.
pub(crate) fn is_hidden(connection: &Connection, user: UserId, key: Key, id: MessageId) -> Result<bool> {
    let sql = "SELECT 1 FROM hidden WHERE user_id = ? AND conversation = ? AND message_id = ?";
    connection.prepare_cached(sql).stored()?.exists(params![user.0 as i64, key, id.0 as i64]).stored()
}

/// How many countable messages the conversation had when this seq was given out.
pub(crate) fn countable_at(connection: &Connection, key: Key, seq: u64) -> Result<u64> {
    let sql = "SELECT countable FROM messages WHERE conversation = ? AND seq = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let found = statement.query_row(params![key, seq as i64], |row| number(row, 0)).optional().stored()?;
    Ok(found.unwrap_or(0))
}

/// Role of a member; unspecified when it is none.
pub(crate) fn load_role(connection: &Connection, key: Key, user: UserId) -> Result<v1::Role> {
    let sql = "SELECT role FROM members WHERE conversation = ? AND user_id = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let role: Option<i32> = statement.query_row(params![key, user.0 as i64], |row| row.get(0)).optional().stored()?;
    Ok(EnumValue::from(role.unwrap_or(0)).as_known().unwrap_or_default())
}

/// Present members.
pub(crate) fn load_member_ids(connection: &Connection, key: Key) -> Result<Vec<UserId>> {
    let mut statement =
        connection.prepare_cached("SELECT user_id FROM members WHERE conversation = ? AND role > 0").stored()?;
    let rows = statement.query_map([key], |row| Ok(UserId(number(row, 0)?))).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

/// Whether `user` blocks `other`.
pub(crate) fn is_blocked(connection: &Connection, user: UserId, other: UserId) -> Result<bool> {
    let sql = "SELECT 1 FROM blocks WHERE user_id = ? AND other_id = ? AND blocked = 1";
    connection.prepare_cached(sql).stored()?.exists(params![user.0 as i64, other.0 as i64]).stored()
}

/// Whether there is such a user.
pub(crate) fn user_exists(connection: &Connection, user: UserId) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM users WHERE user_id = ?").stored()?.exists([user.0 as i64]).stored()
}
