//! Messages: append, change, hide.

use std::hash::Hasher as _;

use async_trait::async_trait;
use buffa::Message as _;
use rusqlite::{OptionalExtension, params};
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    outbox::{EventKind, Lane},
    v1::{self, MessageState, Role},
};
use skein_store::{
    Refusal, Result,
    message::{AppendMessage, Appended, Delivery, MessageChange, MessageStore, Recipients},
};

use crate::{
    SqliteStore,
    outbox::clock_ms,
    rows::{ConversationRow, EntryRow, Stored, decode_message, is_hidden, load_message, load_role, user_exists},
    transaction::Transaction,
};

#[async_trait]
impl MessageStore for SqliteStore {
    async fn append_message(&self, message: AppendMessage) -> Result<Appended> {
        self.write(move |transaction| append(transaction, &message)).await
    }

    async fn change_message(
        &self,
        actor: UserId,
        conversation: ConversationId,
        message: MessageId,
        change: MessageChange,
        now_ms: u64,
    ) -> Result<Delivery> {
        self.write(move |transaction| change_message(transaction, actor, conversation, message, &change, now_ms)).await
    }

    async fn list_edits(
        &self,
        user: UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Vec<v1::Edit>> {
        self.read(move |connection| {
            let (row, entry) = visible_conversation(connection, user, conversation)?;
            let found = load_message(connection, row.key, message)?.ok_or(Refusal::NotFound)?;
            if found.seq <= entry.invisible_through() || is_hidden(connection, user, row.key, message)? {
                return Err(Refusal::NotFound.into());
            }
            let sql = "SELECT time_ms, content FROM edits WHERE message_id = ? ORDER BY number";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let rows = statement
                .query_map([message.0 as i64], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
                .stored()?;
            let mut edits = Vec::new();
            for row in rows {
                let (time_ms, content) = row.stored()?;
                let content = v1::Content::decode_from_slice(&content).unwrap_or_default();
                edits.push(v1::Edit { content: content.into(), time_ms: time_ms as u64, ..Default::default() });
            }
            Ok(edits)
        })
        .await
    }

    async fn hide_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<(u32, v1::ConversationEntry)> {
        let messages = messages.to_vec();
        self.write(move |transaction| hide(transaction, user, conversation, &messages)).await
    }

    async fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<v1::Message>> {
        let ids = messages.to_vec();
        self.read(move |connection| {
            let (row, entry) = visible_conversation(connection, user, conversation)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                if let Some(message) = load_message(connection, row.key, id)?
                    && message.seq > entry.invisible_through()
                    && !is_hidden(connection, user, row.key, id)?
                {
                    found.push(message);
                }
            }
            found.sort_by_key(|message| message.seq);
            Ok(found)
        })
        .await
    }
}

/// The conversation and the entry of somebody who is in it, as committed.
pub(crate) fn visible_conversation(
    connection: &rusqlite::Connection,
    user: UserId,
    id: ConversationId,
) -> Result<(ConversationRow, EntryRow)> {
    let Some(row) = ConversationRow::load(connection, id)? else { return Err(Refusal::NotAMember.into()) };
    match EntryRow::load(connection, user, row.key)? {
        Some(entry) if entry.member => Ok((row, entry)),
        _ => Err(Refusal::NotAMember.into()),
    }
}

fn append(transaction: &mut Transaction<'_>, command: &AppendMessage) -> Result<Appended> {
    let sender = command.sender;
    let existing = transaction.conversation(command.conversation)?;
    if let Some(mut duplicate) = lookup_duplicate(transaction, command)? {
        let is_here = duplicate.message.conversation_id == command.conversation.to_string();
        if let Some(conversation) = existing.filter(|_| is_here) {
            duplicate.recipients = transaction.recipients(&conversation, sender)?;
        }
        return Ok(duplicate);
    }
    let conversation = match (existing, command.conversation.peer_of(sender)) {
        (Some(row), None) => match transaction.entry(sender, row.key)? {
            Some(entry) if entry.member => row,
            _ => return Err(Refusal::NotAMember.into()),
        },
        (None, None) => return Err(Refusal::NotAMember.into()),
        (existing, Some(peer)) => {
            if peer != sender && !user_exists_cached(transaction, peer, existing.is_some())? {
                return Err(Refusal::NotFound.into());
            }
            if transaction.blocks(peer, sender)? {
                return Err(Refusal::Blocked.into());
            }
            match existing {
                Some(row) => row,
                None => first_contact(transaction, command.conversation, sender, peer, command.now_ms)?,
            }
        }
    };
    let message = v1::Message {
        sender_id: sender.0,
        client_message_id: command.client_message_id.clone(),
        content: command.content.clone().into(),
        client_time_ms: command.client_time_ms,
        options: command.options.clone().into(),
        external_id: command.external_id.clone(),
        ..Default::default()
    };
    let (conversation, message) =
        transaction.append_row(conversation, message, command.now_ms, fingerprint(command))?;
    transaction.announce(&conversation, &message)?;
    transaction.record_message(EventKind::MessageCreated, command.conversation, &message, sender)?;
    let recipients = transaction.recipients(&conversation, sender)?;
    Ok(Appended { message, recipients, duplicate: false, content_differs: false })
}

/// The one-to-one conversation that comes into being with its first message.
fn first_contact(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
    sender: UserId,
    peer: UserId,
    now_ms: u64,
) -> Result<ConversationRow> {
    let row = transaction.create_conversation(id, &[sender, peer], now_ms)?;
    transaction.record(EventKind::ConversationCreated, Lane::conversation(id), now_ms, |_| {
        let mut user_ids = vec![sender.0, peer.0];
        user_ids.dedup();
        Ok(v1::ConversationCreated { conversation_id: id.to_string(), user_ids, ..Default::default() })
    })?;
    Ok(row)
}

/// A peer whom the sender has written to before need not be looked up again: accounts are never removed.
fn user_exists_cached(transaction: &Transaction<'_>, peer: UserId, known: bool) -> Result<bool> {
    if known { Ok(true) } else { user_exists(transaction.connection, peer) }
}

fn lookup_duplicate(transaction: &Transaction<'_>, command: &AppendMessage) -> Result<Option<Appended>> {
    let sql = "SELECT body, fingerprint FROM messages WHERE client_id = ? AND sender_id = ?";
    let mut statement = transaction.connection.prepare_cached(sql).stored()?;
    let key = params![client_key(&command.client_message_id), command.sender.0 as i64];
    let found: Option<(Vec<u8>, i64)> =
        statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional().stored()?;
    let Some((body, first)) = found else { return Ok(None) };
    Ok(Some(Appended {
        message: decode_message(&body)?,
        recipients: Recipients::Users(Vec::new()),
        duplicate: true,
        content_differs: first != fingerprint(command),
    }))
}

/// A UUID as its 16 bytes, anything else as it is.
fn client_key(text: &str) -> Vec<u8> {
    let hex: String = text.chars().filter(|character| *character != '-').collect();
    match u128::from_str_radix(&hex, 16) {
        Ok(uuid) if hex.len() == 32 => uuid.to_be_bytes().to_vec(),
        _ => text.as_bytes().to_vec(),
    }
}

/// FNV-1a over conversation and content: stable over versions and machines, and not meant to resist anybody.
fn fingerprint(command: &AppendMessage) -> i64 {
    struct Fnv(u64);
    impl std::hash::Hasher for Fnv {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        fn finish(&self) -> u64 {
            self.0
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    hasher.write(&command.conversation.to_bytes());
    hasher.write(&command.content.encode_to_vec());
    hasher.finish() as i64
}

impl Transaction<'_> {
    /// Makes a conversation with these plain members. The caller has checked that it does not exist and that they do.
    pub(crate) fn create_conversation(
        &mut self,
        id: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<ConversationRow> {
        let sql = "INSERT INTO conversations (id, last_seq, version, countable, last_ms, roster_version, member_count, name, \
             avatar, owner_id, created_ms) VALUES (?, 0, 0, 0, 0, 0, 0, '', '', 0, ?)";
        self.connection.prepare_cached(sql).stored()?.execute(params![id.to_bytes(), now_ms as i64]).stored()?;
        let mut row = ConversationRow::load_by_key(self.connection, self.connection.last_insert_rowid())?;
        for user in users {
            let insert = "INSERT OR IGNORE INTO members (conversation, user_id, role, joined_seq, version) VALUES (?, ?, ?, 1, 0)";
            let values = params![row.key, user.0 as i64, Role::Member as i32];
            row.member_count += self.connection.prepare_cached(insert).stored()?.execute(values).stored()? as u32;
            self.keep_entry(EntryRow {
                user: *user,
                key: row.key,
                member: true,
                first_seq: 1,
                sort_ms: now_ms,
                ..EntryRow::default()
            });
        }
        self.put_conversation(row.clone());
        Ok(row)
    }

    /// Gives the message its id, seq and version, and stores it. Lines without a sender do not count as unread.
    pub(crate) fn append_row(
        &mut self,
        mut conversation: ConversationRow,
        mut message: v1::Message,
        now_ms: u64,
        fingerprint: i64,
    ) -> Result<(ConversationRow, v1::Message)> {
        let counts = message.sender_id != 0 && !message.options.no_count;
        conversation.last_seq += 1;
        conversation.version += 1;
        conversation.countable += u64::from(counts);
        // The order of times is the order of seqs, whatever the clock does.
        conversation.last_ms = conversation.last_ms.max(now_ms);
        message.message_id = self.next_message_id(now_ms, conversation.id).0;
        message.conversation_id = conversation.id.to_string();
        message.seq = conversation.last_seq;
        message.version = conversation.version;
        message.state = MessageState::Sent.into();
        message.server_time_ms = conversation.last_ms;
        message.sort_key = conversation.last_ms;
        let client_id = (!message.client_message_id.is_empty()).then(|| client_key(&message.client_message_id));
        let sql = "INSERT INTO messages (message_id, conversation, seq, birth_version, sender_id, client_id, countable, \
             fingerprint, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            message.message_id as i64,
            conversation.key,
            message.seq as i64,
            message.version as i64,
            message.sender_id as i64,
            client_id,
            conversation.countable as i64,
            fingerprint,
            message.encode_to_vec(),
        ];
        self.connection.prepare_cached(sql).stored()?.execute(values).stored()?;
        self.put_conversation(conversation.clone());
        Ok((conversation, message))
    }

    /// Moves the entries that a new message concerns: all of a small conversation; of a large one the sender's and those it mentions.
    pub(crate) fn announce(&mut self, conversation: &ConversationRow, message: &v1::Message) -> Result<()> {
        let sender = UserId(message.sender_id);
        let mentioned: Vec<UserId> = message.content.mentions.iter().map(|mention| UserId(mention.user_id)).collect();
        let concerned = if self.is_large(conversation) {
            let mut few = mentioned.clone();
            few.push(sender);
            few.sort_unstable();
            few.dedup();
            few.into()
        } else {
            self.members(conversation.key)?
        };
        for user in concerned.iter() {
            let Some(mut entry) = self.entry(*user, conversation.key)?.filter(|entry| entry.member) else { continue };
            if !message.options.no_list_move {
                entry.sort_ms = message.sort_key;
                entry.hidden = false;
            }
            if *user == sender {
                entry.raise_floor(message.seq, conversation.countable);
            } else if message.content.mention_all || mentioned.contains(user) {
                entry.mention_seq = message.seq;
            }
            self.put_entry(entry)?;
        }
        Ok(())
    }

    /// Moves the entries of all members of a small conversation, without moving them up the list: something in it has changed.
    fn announce_change(&mut self, conversation: &ConversationRow) -> Result<()> {
        if self.is_large(conversation) {
            return Ok(());
        }
        for user in self.members(conversation.key)?.iter() {
            if let Some(entry) = self.entry(*user, conversation.key)? {
                self.put_entry(entry)?;
            }
        }
        Ok(())
    }
}

fn change_message(
    transaction: &mut Transaction<'_>,
    actor: UserId,
    id: ConversationId,
    message_id: MessageId,
    change: &MessageChange,
    now_ms: u64,
) -> Result<Delivery> {
    let (mut conversation, entry) = transaction.membership(actor, id)?;
    let found = load_message(transaction.connection, conversation.key, message_id)?;
    let mut message = found.filter(|found| found.seq > entry.invisible_through()).ok_or(Refusal::NotFound)?;
    if is_hidden(transaction.connection, actor, conversation.key, message_id)? {
        return Err(Refusal::NotFound.into());
    }
    let recalled = message.state.as_known() == Some(MessageState::Recalled);
    if recalled && matches!(change, MessageChange::Recall { .. }) && message.recalled_by == actor.0 {
        return Ok(Delivery { message, recipients: Recipients::Users(Vec::new()) });
    }
    check_change(transaction, &conversation, &message, actor, change, now_ms)?;
    match change {
        MessageChange::Recall { .. } => recall(transaction, &mut message, actor)?,
        MessageChange::Edit { content, .. } => edit(transaction, &mut message, content, now_ms)?,
    }
    conversation.version += 1;
    message.version = conversation.version;
    message.changed_time_ms = now_ms;
    let sql = "UPDATE messages SET changed_version = ?, body = ? WHERE message_id = ?";
    let values = params![message.version as i64, message.encode_to_vec(), message_id.0 as i64];
    transaction.connection.prepare_cached(sql).stored()?.execute(values).stored()?;
    transaction.put_conversation(conversation.clone());
    transaction.announce_change(&conversation)?;
    let kind = match change {
        MessageChange::Recall { .. } => EventKind::MessageRecalled,
        MessageChange::Edit { .. } => EventKind::MessageEdited,
    };
    transaction.record_message(kind, conversation.id, &message, actor)?;
    let recipients = transaction.recipients(&conversation, actor)?;
    Ok(Delivery { message, recipients })
}

fn check_change(
    transaction: &Transaction<'_>,
    conversation: &ConversationRow,
    message: &v1::Message,
    actor: UserId,
    change: &MessageChange,
    now_ms: u64,
) -> Result<()> {
    let own = message.sender_id == actor.0;
    let (window_ms, by_role) = match change {
        MessageChange::Recall { window_ms } => {
            let role = load_role(transaction.connection, conversation.key, actor)?;
            (*window_ms, conversation.id.is_group() && matches!(role, Role::Admin | Role::Owner))
        }
        MessageChange::Edit { window_ms, .. } => (*window_ms, false),
    };
    // Nobody takes back what the server itself says.
    if message.sender_id == 0 || (!own && !by_role) {
        return Err(Refusal::NotSender.into());
    }
    if message.state.as_known() != Some(MessageState::Sent) {
        return Err(Refusal::MessageGone.into());
    }
    if !by_role && now_ms.saturating_sub(message.server_time_ms) > window_ms {
        return Err(Refusal::WindowPassed.into());
    }
    Ok(())
}

fn recall(transaction: &Transaction<'_>, message: &mut v1::Message, actor: UserId) -> Result<()> {
    message.state = MessageState::Recalled.into();
    message.recalled_by = actor.0;
    message.content = None.into();
    let sql = "DELETE FROM edits WHERE message_id = ?";
    transaction.connection.prepare_cached(sql).stored()?.execute([message.message_id as i64]).stored().map(drop)
}

fn edit(transaction: &Transaction<'_>, message: &mut v1::Message, content: &v1::Content, now_ms: u64) -> Result<()> {
    let sql = "INSERT INTO edits (message_id, number, time_ms, content) VALUES (?, ?, ?, ?)";
    let values = params![message.message_id as i64, message.edit_count, now_ms as i64, message.content.encode_to_vec()];
    transaction.connection.prepare_cached(sql).stored()?.execute(values).stored()?;
    message.edit_count += 1;
    message.content = content.clone().into();
    Ok(())
}

fn hide(
    transaction: &mut Transaction<'_>,
    user: UserId,
    id: ConversationId,
    messages: &[MessageId],
) -> Result<(u32, v1::ConversationEntry)> {
    let (conversation, entry) = transaction.membership(user, id)?;
    let mut fresh = Vec::new();
    for message in messages {
        let found = load_message(transaction.connection, conversation.key, *message)?;
        let visible = found.is_some_and(|found| found.seq > entry.invisible_through());
        if visible && !fresh.contains(message) && !is_hidden(transaction.connection, user, conversation.key, *message)?
        {
            fresh.push(*message);
        }
    }
    if fresh.is_empty() {
        return Ok((0, transaction.render(&conversation, &entry)?));
    }
    let entry = transaction.put_entry(entry)?;
    let sql = "INSERT INTO hidden (user_id, conversation, message_id, version) VALUES (?, ?, ?, ?)";
    let mut statement = transaction.connection.prepare_cached(sql).stored()?;
    for message in &fresh {
        let values = params![user.0 as i64, conversation.key, message.0 as i64, entry.version as i64];
        statement.execute(values).stored()?;
    }
    drop(statement);
    transaction.record(EventKind::MessageHidden, Lane::user(user), clock_ms(), |_| {
        let message_ids = fresh.iter().map(|message| message.0).collect();
        Ok(v1::MessagesHidden { user_id: user.0, conversation_id: id.to_string(), message_ids, ..Default::default() })
    })?;
    let mut rendered = transaction.render(&conversation, &entry)?;
    rendered.deleted_message_ids = fresh.iter().map(|message| message.0).collect();
    Ok((fresh.len() as u32, rendered))
}
