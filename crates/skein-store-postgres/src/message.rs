//! Messages: append, and the reads of single ones. Recalls, edits and hiding are in [`crate::change`].

use std::hash::Hasher as _;

use async_trait::async_trait;
use buffa::Message as _;
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    outbox::{EventKind, Lane},
    v1::{self, MessageState},
};
use skein_store::{
    Refusal, Result,
    message::{AppendMessage, Appended, Delivery, MessageChange, MessageStore, Recipients},
};

use crate::{
    PostgresStore,
    change::{ChangeMessage, HideMessages},
    failure::{Failure, Outcome},
    load::list_first_sends,
    needs::Needs,
    operation::Operation,
    pool::{query, snapshot},
    rows::{ConversationRow, EntryRow, bound, decode_message, load_membership, load_visible},
    transaction::{FirstSend, NewMessage, Transaction},
};

#[async_trait]
impl MessageStore for PostgresStore {
    async fn append_message(&self, message: AppendMessage) -> Result<Appended> {
        let client_key = client_key(&message.client_message_id);
        let fingerprint = fingerprint(&message);
        self.write(Append { command: message, client_key, fingerprint }).await
    }

    async fn change_message(
        &self,
        actor: UserId,
        conversation: ConversationId,
        message: MessageId,
        change: MessageChange,
        now_ms: u64,
    ) -> Result<Delivery> {
        self.write(ChangeMessage { actor, conversation, message, change, now_ms }).await
    }

    async fn list_edits(
        &self,
        user: UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Vec<v1::Edit>> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let (_, entry) = load_membership(&sql, user, conversation).await?;
            load_visible(&sql, &entry, message).await?.ok_or(Refusal::NotFound)?;
            let edits = "SELECT time_ms, content FROM edits WHERE message_id = $1 ORDER BY number";
            let rows = query(&sql, edits, &[&(message.0 as i64)]).await?;
            let read = |row: &tokio_postgres::Row| {
                let content = v1::Content::decode_from_slice(row.try_get(1)?).unwrap_or_default();
                let time_ms = row.try_get::<_, i64>(0)? as u64;
                Ok(v1::Edit { content: content.into(), time_ms, ..Default::default() })
            };
            rows.iter().map(read).collect()
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
        let hidden = self.write(HideMessages { user, conversation, messages }).await?;
        let mut entry = hidden.entry;
        entry.deleted_message_ids = hidden.fresh;
        Ok((entry.deleted_message_ids.len() as u32, entry))
    }

    async fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<v1::Message>> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let (row, entry) = load_membership(&sql, user, conversation).await?;
            let ids: Vec<i64> = messages.iter().map(|id| id.0 as i64).collect();
            let visible = "SELECT m.body FROM messages m WHERE m.message_id = ANY($1) AND m.slot = $2 AND m.conversation = $3 AND m.seq > $4 \
                 AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.user_id = $5 AND h.conversation = $3 AND h.message_id = m.message_id) \
                 ORDER BY m.seq";
            let above = bound(entry.invisible_through());
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&ids, &row.slot(), &row.key, &above, &(user.0 as i64)];
            query(&sql, visible, &values).await?.iter().map(|row| decode_message(row.try_get(0)?)).collect()
        })
        .await
    }
}

struct Append {
    command: AppendMessage,
    client_key: Vec<u8>,
    fingerprint: i64,
}

#[async_trait]
impl Operation for Append {
    type Answer = Appended;

    fn place(&self) -> u64 {
        self.command.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        let (sender, id) = (self.command.sender, self.command.conversation);
        needs.entry(sender, id);
        needs.client_id(&self.client_key, sender);
        if let Some(peer) = id.peer_of(sender) {
            needs.block(peer, sender);
            needs.conversation(id).create_ms.get_or_insert(self.command.now_ms);
        } else if id.is_group() {
            // Of a large group only these are written.
            self.command.content.mentions.iter().for_each(|mention| needs.entry(UserId(mention.user_id), id));
        }
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Appended> {
        let key = (self.client_key.clone(), self.command.sender);
        if let Some(first) = transaction.rows.first_sends.get(&key).cloned() {
            return self.repeat(transaction, first);
        }
        let appended = self.append(transaction);
        if appended.as_ref().is_err_and(Failure::is_refusal) {
            // What was accepted before stays so, whatever has become of the sender since.
            let first = list_first_sends(transaction.sql, &[key].into()).await?.pop();
            if let Some((_, first)) = first {
                return self.repeat(transaction, first);
            }
        }
        appended
    }
}

impl Append {
    /// The answer to a send that was accepted before.
    fn repeat(&self, transaction: &Transaction<'_>, first: FirstSend) -> Outcome<Appended> {
        let FirstSend { fingerprint, message } = first;
        let is_here = message.conversation_id == self.command.conversation.to_string();
        let recipients = match transaction.conversation(self.command.conversation).filter(|_| is_here) {
            Some(conversation) => transaction.recipients(&conversation, self.command.sender)?,
            None => Recipients::Users(Vec::new()),
        };
        Ok(Appended { message, recipients, duplicate: true, content_differs: fingerprint != self.fingerprint })
    }

    fn append(&self, transaction: &mut Transaction<'_>) -> Outcome<Appended> {
        let (command, sender) = (&self.command, self.command.sender);
        let mut conversation = transaction.conversation(command.conversation).ok_or(Refusal::NotAMember)?;
        match command.conversation.peer_of(sender) {
            None => drop(transaction.membership(sender, command.conversation)?),
            Some(peer) => {
                if !transaction.user_exists(peer) {
                    return Err(Refusal::NotFound.into());
                }
                if transaction.blocks(peer, sender) {
                    return Err(Refusal::Blocked.into());
                }
                // Whoever writes must be somebody, or nothing may be left of it.
                transaction.user_version(sender)?;
                if conversation.member_count == 0 {
                    transaction.begin_pair(&mut conversation, command.now_ms);
                    record_beginning(transaction, command.conversation, &[sender, peer], command.now_ms);
                }
            }
        }
        let message = v1::Message {
            sender_id: sender.0,
            client_message_id: command.client_message_id.clone(),
            content: command.content.clone().into(),
            client_time_ms: command.client_time_ms,
            options: command.options.clone().into(),
            external_id: command.external_id.clone(),
            ..Default::default()
        };
        let client_id = Some((self.client_key.clone(), self.fingerprint));
        let (conversation, message) = transaction.append_row(conversation, message, command.now_ms, client_id);
        transaction.announce(&conversation, &message)?;
        transaction.record_message(EventKind::MessageCreated, command.conversation, &message, sender);
        let recipients = transaction.recipients(&conversation, sender)?;
        Ok(Appended { message, recipients, duplicate: false, content_differs: false })
    }
}

/// Records that a one-to-one conversation came into being.
fn record_beginning(transaction: &mut Transaction<'_>, id: ConversationId, users: &[UserId], now_ms: u64) {
    transaction.record(EventKind::ConversationCreated, Lane::conversation(id), now_ms, || {
        let mut user_ids: Vec<u64> = users.iter().map(|user| user.0).collect();
        user_ids.dedup();
        v1::ConversationCreated { conversation_id: id.to_string(), user_ids, ..Default::default() }
    });
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
    /// Puts its two users into a one-to-one conversation that was made by this batch. The caller has checked that they exist.
    fn begin_pair(&mut self, row: &mut ConversationRow, now_ms: u64) {
        let mut users: Vec<UserId> = row.id.users().into_iter().flat_map(|(one, other)| [one, other]).collect();
        users.dedup();
        row.member_count = users.len() as u32;
        for user in users {
            self.rows.pairs.push((row.key, user));
            self.keep_entry(EntryRow {
                user,
                key: row.key,
                member: true,
                first_seq: 1,
                sort_ms: now_ms,
                ..EntryRow::default()
            });
        }
        self.put_conversation(row.clone());
    }

    /// Gives the message its id, seq and version, and keeps it for the end of the batch. Lines without a sender do not count as unread.
    pub(crate) fn append_row(
        &mut self,
        mut conversation: ConversationRow,
        mut message: v1::Message,
        now_ms: u64,
        client_id: Option<(Vec<u8>, i64)>,
    ) -> (ConversationRow, v1::Message) {
        let counts = message.sender_id != 0 && !message.options.no_count;
        conversation.last_seq += 1;
        conversation.version += 1;
        conversation.countable += u64::from(counts);
        // The order of times is the order of seqs, whatever the clock does.
        conversation.last_ms = conversation.last_ms.max(now_ms);
        conversation.last_message = self.next_message_id(now_ms, &conversation);
        message.message_id = conversation.last_message.0;
        message.conversation_id = conversation.id.to_string();
        message.seq = conversation.last_seq;
        message.version = conversation.version;
        message.state = MessageState::Sent.into();
        message.server_time_ms = conversation.last_ms;
        message.sort_key = conversation.last_ms;
        let sender = UserId(message.sender_id);
        if let Some((key, fingerprint)) = &client_id {
            let first = FirstSend { fingerprint: *fingerprint, message: message.clone() };
            self.rows.first_sends.insert((key.clone(), sender), first);
        }
        self.rows.counts.insert((conversation.key, message.seq), conversation.countable);
        self.rows.messages.push(NewMessage {
            key: conversation.key,
            slot: conversation.slot(),
            countable: conversation.countable,
            body: message.encode_to_vec(),
            id: conversation.last_message,
            seq: message.seq,
            version: message.version,
            sender,
            client_id,
        });
        self.put_conversation(conversation.clone());
        (conversation, message)
    }

    /// Moves the entries that a new message concerns: all of a small conversation; of a large one the sender's and those it mentions.
    pub(crate) fn announce(&mut self, conversation: &ConversationRow, message: &v1::Message) -> Outcome<()> {
        let sender = UserId(message.sender_id);
        let mentioned: Vec<UserId> = message.content.mentions.iter().map(|mention| UserId(mention.user_id)).collect();
        let concerned = if self.is_large(conversation) {
            let mut few = mentioned.clone();
            few.extend((sender.0 != 0).then_some(sender));
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
}
