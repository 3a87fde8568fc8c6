//! What an operation works on: the rows that its batch has locked. They are changed here and written once, at the end.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    v1::{self, MuteLevel},
};
use skein_store::{Refusal, message::Recipients};

use crate::{
    failure::{Failure, Outcome},
    ids::MessageIds,
    outbox::{NewEvent, OutboxState, Positions},
    render::EntryToRender,
    rows::{ConversationRow, EntryRow, Key},
};

/// What a client id has become: the fingerprint of its first content, and the message.
#[derive(Clone, Debug)]
pub(crate) struct FirstSend {
    pub fingerprint: i64,
    pub message: v1::Message,
}

/// A message that is to be written with the others of the batch.
#[derive(Debug)]
pub(crate) struct NewMessage {
    pub key: Key,
    pub slot: i16,
    pub countable: u64,
    pub body: Vec<u8>,
    pub id: MessageId,
    pub seq: u64,
    pub version: u64,
    pub sender: UserId,
    /// With the fingerprint; none for system lines.
    pub client_id: Option<(Vec<u8>, i64)>,
}

/// A consumer of events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsumerState {
    pub enabled: bool,
    /// Everything up to here was handed to a lane.
    pub cursor: u64,
}

/// How much of a changed row has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What every message and receipt moves: versions, times, positions.
    Moved,
    /// All of it, or it is new.
    Whole,
}

/// Notes a changed row. What was to be written whole stays so.
fn note<K: Eq + std::hash::Hash>(changed: &mut HashMap<K, Extent>, key: K, extent: Extent) {
    let known = changed.entry(key).or_insert(extent);
    if extent == Extent::Whole {
        *known = extent;
    }
}

/// Rows under lock, as the operations so far have left them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub conversations: HashMap<ConversationId, ConversationRow>,
    pub entries: HashMap<(UserId, Key), Option<EntryRow>>,
    /// Versions of the timelines of those who exist.
    pub users: HashMap<UserId, u64>,
    pub members: HashMap<Key, Arc<[UserId]>>,
    pub blocks: HashSet<(UserId, UserId)>,
    pub first_sends: HashMap<(Vec<u8>, UserId), FirstSend>,
    pub counts: HashMap<(Key, u64), u64>,
    /// Conversations made by this batch; those that stay without members are taken back.
    pub created: Vec<ConversationId>,
    /// Who is in a one-to-one conversation that begins with this batch.
    pub pairs: Vec<(Key, UserId)>,
    pub messages: Vec<NewMessage>,
    pub events: Vec<NewEvent>,
    pub consumers: HashMap<String, ConsumerState>,
    /// After the step of this batch.
    pub positions: Positions,
    pub dirty_conversations: HashMap<ConversationId, Extent>,
    pub dirty_entries: HashMap<(UserId, Key), Extent>,
    pub dirty_users: HashSet<UserId>,
}

/// The open transaction of a batch.
pub(crate) struct Transaction<'a> {
    /// For everything that is not held: devices, members, edits. Never for messages of this batch.
    pub sql: &'a deadpool_postgres::Transaction<'a>,
    pub(crate) rows: Rows,
    pub(crate) renders: Vec<EntryToRender>,
    pub(crate) outbox: &'a OutboxState,
    ids: &'a MessageIds,
    large_group_members: u32,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(
        sql: &'a deadpool_postgres::Transaction<'a>,
        rows: Rows,
        outbox: &'a OutboxState,
        ids: &'a MessageIds,
        large_group_members: u32,
    ) -> Self {
        Self { sql, rows, renders: Vec::new(), outbox, ids, large_group_members }
    }

    pub(crate) fn next_message_id(&mut self, now_ms: u64, conversation: &ConversationRow) -> MessageId {
        self.ids.next(now_ms, conversation.id, conversation.last_message)
    }

    /// The conversation as this transaction left it.
    pub(crate) fn conversation(&self, id: ConversationId) -> Option<ConversationRow> {
        self.rows.conversations.get(&id).cloned()
    }

    pub(crate) fn put_conversation(&mut self, row: ConversationRow) {
        let id = row.id;
        let extent = match self.rows.conversations.get(&id) {
            Some(former) if former.only_moves_to(&row) => Extent::Moved,
            _ => Extent::Whole,
        };
        note(&mut self.rows.dirty_conversations, id, extent);
        self.rows.conversations.insert(id, row);
    }

    /// The entry as this transaction left it. It must have been among the needs.
    pub(crate) fn entry(&self, user: UserId, key: Key) -> Outcome<Option<EntryRow>> {
        match self.rows.entries.get(&(user, key)) {
            Some(entry) => Ok(entry.clone()),
            None => Err(Failure::internal(format!("the entry of user {user} in conversation {key} was not locked"))),
        }
    }

    /// Stores the entry as the newest change of its user's timeline.
    pub(crate) fn put_entry(&mut self, mut row: EntryRow) -> Outcome<EntryRow> {
        row.version = self.advance_user(row.user)?;
        self.keep_entry(row.clone());
        Ok(row)
    }

    /// Stores the entry without moving its user's timeline.
    pub(crate) fn keep_entry(&mut self, row: EntryRow) {
        let key = (row.user, row.key);
        let extent = match self.rows.entries.get(&key) {
            Some(Some(former)) if former.only_moves_to(&row) => Extent::Moved,
            _ => Extent::Whole,
        };
        note(&mut self.rows.dirty_entries, key, extent);
        self.rows.entries.insert(key, Some(row));
    }

    /// Whether there is such a user. It must have been among the needs.
    pub(crate) fn user_exists(&self, user: UserId) -> bool {
        self.rows.users.contains_key(&user)
    }

    /// Version of the user's timeline as this transaction left it.
    pub(crate) fn user_version(&self, user: UserId) -> Outcome<u64> {
        let version = self.rows.users.get(&user).copied();
        version.ok_or_else(|| Failure::internal(format!("user {user} does not exist, or was not locked")))
    }

    /// Moves the user's timeline by one; its new version.
    pub(crate) fn advance_user(&mut self, user: UserId) -> Outcome<u64> {
        let version = self.user_version(user)? + 1;
        self.rows.users.insert(user, version);
        self.rows.dirty_users.insert(user);
        Ok(version)
    }

    /// Present members of a small conversation.
    pub(crate) fn members(&self, key: Key) -> Outcome<Arc<[UserId]>> {
        let members = self.rows.members.get(&key).cloned();
        members.ok_or_else(|| Failure::internal(format!("the roster of conversation {key} was not loaded")))
    }

    /// To be called after every change of the roster.
    pub(crate) fn change_members(&mut self, key: Key, change: impl FnOnce(&mut Vec<UserId>)) {
        // A roster that was not loaded is a large one and stays so: see `Wish::leaving`.
        if let Some(members) = self.rows.members.get(&key) {
            let mut members = members.to_vec();
            change(&mut members);
            self.rows.members.insert(key, members.into());
        }
    }

    /// Whether `user` blocks `other`. The pair must have been among the needs.
    pub(crate) fn blocks(&self, user: UserId, other: UserId) -> bool {
        self.rows.blocks.contains(&(user, other))
    }

    /// Whether a send writes nothing per member here.
    pub(crate) fn is_large(&self, conversation: &ConversationRow) -> bool {
        conversation.member_count > self.large_group_members
    }

    /// The conversation and the entry of somebody who is in it.
    pub(crate) fn membership(&self, user: UserId, id: ConversationId) -> Outcome<(ConversationRow, EntryRow)> {
        let conversation = self.conversation(id).ok_or(Refusal::NotAMember)?;
        match self.entry(user, conversation.key)? {
            Some(entry) if entry.member => Ok((conversation, entry)),
            _ => Err(Refusal::NotAMember.into()),
        }
    }

    /// Who gets a change of this conversation. Those who refuse its pushes find it when they pull; the actor's own devices always hear.
    pub(crate) fn recipients(&self, conversation: &ConversationRow, actor: UserId) -> Outcome<Recipients> {
        if self.is_large(conversation) {
            let roster_version = conversation.roster_version;
            return Ok(Recipients::Roster { conversation: conversation.id, roster_version });
        }
        let refuses = |user: UserId| match self.rows.entries.get(&(user, conversation.key)) {
            Some(Some(entry)) => entry.mute == MuteLevel::Refuse as i32,
            _ => false,
        };
        let members = self.members(conversation.key)?;
        let users = members.iter().copied().filter(|user| *user == actor || !refuses(*user));
        Ok(Recipients::Users(users.collect()))
    }

    /// Has the entry rendered with those of the whole batch and put into the answer of the running operation. At most once per run.
    pub(crate) fn render_later(&mut self, conversation: &ConversationRow, entry: &EntryRow) {
        let (conversation, entry) = (conversation.clone(), entry.clone());
        self.renders.push(EntryToRender { conversation, entry, since: u64::MAX });
    }
}
