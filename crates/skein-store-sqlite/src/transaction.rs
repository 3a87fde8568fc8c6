//! What a write job works on. Rows are held here and written once per batch, however often the batch changes them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rusqlite::Connection;
use skein_proto::{
    id::{ConversationId, MessageId, MessageIdGenerator, UserId},
    v1::MuteLevel,
};
use skein_store::{Refusal, Result, message::Recipients};

use crate::{
    outbox::OutboxState,
    rows::{ConversationRow, EntryRow, Key, Stored, is_blocked, load_member_ids},
};

/// Rows held over batches before all of them are let go.
const ROWS_HELD_MAX: usize = 32_768;

/// Committed rows, plus the changes of the open transaction. Thrown away when that is rolled back.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    conversations: HashMap<ConversationId, ConversationRow>,
    entries: HashMap<(UserId, Key), EntryRow>,
    users: HashMap<UserId, u64>,
    members: HashMap<Key, Arc<[UserId]>>,
    blocks: HashMap<(UserId, UserId), bool>,
    dirty_conversations: HashSet<ConversationId>,
    dirty_entries: HashSet<(UserId, Key)>,
    dirty_users: HashSet<UserId>,
    /// Since they were taken last.
    lookups: Lookups,
}

/// How often rows were looked up, and how often they were held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookups {
    pub hits: u64,
    pub misses: u64,
}

impl Lookups {
    fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.misses += u64::from(!hit);
    }
}

impl Cache {
    /// The lookups since the last time.
    pub(crate) fn take_lookups(&mut self) -> Lookups {
        std::mem::take(&mut self.lookups)
    }

    /// Bounds the memory; called between transactions, when nothing is dirty.
    pub(crate) fn trim(&mut self) {
        let held = self.conversations.len() + self.entries.len() + self.users.len() + self.blocks.len();
        if held > ROWS_HELD_MAX {
            *self = Self::default();
        }
    }
}

/// The open transaction.
pub(crate) struct Transaction<'a> {
    /// For everything that is not held: messages, devices, members.
    pub connection: &'a Connection,
    ids: &'a mut MessageIdGenerator,
    cache: &'a mut Cache,
    large_group_members: u32,
    pub(crate) outbox: &'a OutboxState,
    /// Position of the last event that this transaction recorded.
    pub(crate) last_event: Option<u64>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        ids: &'a mut MessageIdGenerator,
        cache: &'a mut Cache,
        large_group_members: u32,
        outbox: &'a OutboxState,
    ) -> Self {
        Self { connection, ids, cache, large_group_members, outbox, last_event: None }
    }

    pub(crate) fn next_message_id(&mut self, now_ms: u64, conversation: ConversationId) -> MessageId {
        self.ids.next(now_ms, conversation)
    }

    /// The conversation as this transaction left it.
    pub(crate) fn conversation(&mut self, id: ConversationId) -> Result<Option<ConversationRow>> {
        let held = self.cache.conversations.get(&id);
        self.cache.lookups.count(held.is_some());
        if let Some(row) = held {
            return Ok(Some(row.clone()));
        }
        let row = ConversationRow::load(self.connection, id)?;
        if let Some(row) = &row {
            self.cache.conversations.insert(id, row.clone());
        }
        Ok(row)
    }

    pub(crate) fn put_conversation(&mut self, row: ConversationRow) {
        self.cache.dirty_conversations.insert(row.id);
        self.cache.conversations.insert(row.id, row);
    }

    /// The entry as this transaction left it.
    pub(crate) fn entry(&mut self, user: UserId, key: Key) -> Result<Option<EntryRow>> {
        let held = self.cache.entries.get(&(user, key));
        self.cache.lookups.count(held.is_some());
        if let Some(row) = held {
            return Ok(Some(row.clone()));
        }
        let row = EntryRow::load(self.connection, user, key)?;
        if let Some(row) = &row {
            self.cache.entries.insert((user, key), row.clone());
        }
        Ok(row)
    }

    /// Stores the entry as the newest change of its user's timeline.
    pub(crate) fn put_entry(&mut self, mut row: EntryRow) -> Result<EntryRow> {
        row.version = self.advance_user(row.user)?;
        self.keep_entry(row.clone());
        Ok(row)
    }

    /// Stores the entry without moving its user's timeline.
    pub(crate) fn keep_entry(&mut self, row: EntryRow) {
        self.cache.dirty_entries.insert((row.user, row.key));
        self.cache.entries.insert((row.user, row.key), row);
    }

    /// Version of the user's timeline as this transaction left it.
    pub(crate) fn user_version(&mut self, user: UserId) -> Result<u64> {
        let held = self.cache.users.get(&user);
        self.cache.lookups.count(held.is_some());
        if let Some(version) = held {
            return Ok(*version);
        }
        let mut statement = self.connection.prepare_cached("SELECT version FROM users WHERE user_id = ?").stored()?;
        let version = statement.query_row([user.0 as i64], |row| row.get::<_, i64>(0)).stored()? as u64;
        self.cache.users.insert(user, version);
        Ok(version)
    }

    /// Moves the user's timeline by one; its new version.
    pub(crate) fn advance_user(&mut self, user: UserId) -> Result<u64> {
        let version = self.user_version(user)? + 1;
        self.cache.users.insert(user, version);
        self.cache.dirty_users.insert(user);
        Ok(version)
    }

    /// Present members of a small conversation.
    pub(crate) fn members(&mut self, key: Key) -> Result<Arc<[UserId]>> {
        let held = self.cache.members.get(&key);
        self.cache.lookups.count(held.is_some());
        if let Some(members) = held {
            return Ok(members.clone());
        }
        let members: Arc<[UserId]> = load_member_ids(self.connection, key)?.into();
        self.cache.members.insert(key, members.clone());
        Ok(members)
    }

    /// To be called after every change of the roster.
    pub(crate) fn forget_members(&mut self, key: Key) {
        self.cache.members.remove(&key);
    }

    /// Whether `user` blocks `other`.
    pub(crate) fn blocks(&mut self, user: UserId, other: UserId) -> Result<bool> {
        let held = self.cache.blocks.get(&(user, other));
        self.cache.lookups.count(held.is_some());
        if let Some(blocked) = held {
            return Ok(*blocked);
        }
        let blocked = is_blocked(self.connection, user, other)?;
        self.cache.blocks.insert((user, other), blocked);
        Ok(blocked)
    }

    pub(crate) fn keep_block(&mut self, user: UserId, other: UserId, blocked: bool) {
        self.cache.blocks.insert((user, other), blocked);
    }

    /// Whether a send writes nothing per member here.
    pub(crate) fn is_large(&self, conversation: &ConversationRow) -> bool {
        conversation.member_count > self.large_group_members
    }

    /// The conversation and the entry of somebody who is in it.
    pub(crate) fn membership(&mut self, user: UserId, id: ConversationId) -> Result<(ConversationRow, EntryRow)> {
        let Some(conversation) = self.conversation(id)? else { return Err(Refusal::NotAMember.into()) };
        match self.entry(user, conversation.key)? {
            Some(entry) if entry.member => Ok((conversation, entry)),
            _ => Err(Refusal::NotAMember.into()),
        }
    }

    /// Who gets a change of this conversation. Those who refuse its pushes find it when they pull; the actor's own devices always hear.
    pub(crate) fn recipients(&mut self, conversation: &ConversationRow, actor: UserId) -> Result<Recipients> {
        if self.is_large(conversation) {
            let roster_version = conversation.roster_version;
            return Ok(Recipients::Roster { conversation: conversation.id, roster_version });
        }
        let members = self.members(conversation.key)?;
        let mut users = Vec::with_capacity(members.len());
        for user in members.iter() {
            let refuses =
                self.entry(*user, conversation.key)?.is_some_and(|entry| entry.mute == MuteLevel::Refuse as i32);
            if *user == actor || !refuses {
                users.push(*user);
            }
        }
        Ok(Recipients::Users(users))
    }

    /// Writes every changed row.
    pub(crate) fn flush(&mut self) -> Result<()> {
        for id in self.cache.dirty_conversations.drain() {
            self.cache.conversations[&id].save(self.connection)?;
        }
        for key in self.cache.dirty_entries.drain() {
            self.cache.entries[&key].save(self.connection)?;
        }
        let mut statement =
            self.connection.prepare_cached("UPDATE users SET version = ? WHERE user_id = ?").stored()?;
        for user in self.cache.dirty_users.drain() {
            statement.execute([self.cache.users[&user] as i64, user.0 as i64]).stored()?;
        }
        Ok(())
    }
}
