//! What is done to messages that are there: recall, edit, hide.

use async_trait::async_trait;
use buffa::Message as _;
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    outbox::{EventKind, Lane},
    v1::{self, MessageState, Role},
};
use skein_store::{
    Refusal,
    message::{Delivery, MessageChange, Recipients},
};

use crate::{
    failure::Outcome,
    needs::Needs,
    operation::Operation,
    outbox::clock_ms,
    pool::{execute, query},
    rows::{ConversationRow, bound, load_role, load_visible, number},
    transaction::Transaction,
};

/// Recalls or edits.
pub(crate) struct ChangeMessage {
    pub actor: UserId,
    pub conversation: ConversationId,
    pub message: MessageId,
    pub change: MessageChange,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for ChangeMessage {
    type Answer = Delivery;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.actor, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Delivery> {
        let (mut conversation, entry) = transaction.membership(self.actor, self.conversation)?;
        let found = load_visible(transaction.sql, &entry, self.message).await?;
        let mut message = found.ok_or(Refusal::NotFound)?;
        let recalled = message.state.as_known() == Some(MessageState::Recalled);
        if recalled && matches!(self.change, MessageChange::Recall { .. }) && message.recalled_by == self.actor.0 {
            return Ok(Delivery { message, recipients: Recipients::Users(Vec::new()) });
        }
        self.check(transaction, &conversation, &message).await?;
        match &self.change {
            MessageChange::Recall { .. } => recall(transaction, &mut message, self.actor).await?,
            MessageChange::Edit { content, .. } => edit(transaction, &mut message, content, self.now_ms).await?,
        }
        conversation.version += 1;
        message.version = conversation.version;
        message.changed_time_ms = self.now_ms;
        let update = "UPDATE messages SET changed_version = $1, body = $2 WHERE message_id = $3 AND slot = $4";
        let (version, id) = (message.version as i64, self.message.0 as i64);
        execute(transaction.sql, update, &[&version, &message.encode_to_vec(), &id, &conversation.slot()]).await?;
        transaction.put_conversation(conversation.clone());
        transaction.announce_change(&conversation)?;
        let kind = match &self.change {
            MessageChange::Recall { .. } => EventKind::MessageRecalled,
            MessageChange::Edit { .. } => EventKind::MessageEdited,
        };
        transaction.record_message(kind, conversation.id, &message, self.actor);
        let recipients = transaction.recipients(&conversation, self.actor)?;
        Ok(Delivery { message, recipients })
    }
}

impl ChangeMessage {
    async fn check(
        &self,
        transaction: &Transaction<'_>,
        conversation: &ConversationRow,
        message: &v1::Message,
    ) -> Outcome<()> {
        let own = message.sender_id == self.actor.0;
        let (window_ms, by_role) = match &self.change {
            MessageChange::Recall { window_ms } if conversation.id.is_group() => {
                let role = load_role(transaction.sql, conversation.key, self.actor).await?;
                (*window_ms, matches!(role, Role::Admin | Role::Owner))
            }
            MessageChange::Recall { window_ms } | MessageChange::Edit { window_ms, .. } => (*window_ms, false),
        };
        // Nobody takes back what the server itself says.
        if message.sender_id == 0 || (!own && !by_role) {
            return Err(Refusal::NotSender.into());
        }
        if message.state.as_known() != Some(MessageState::Sent) {
            return Err(Refusal::MessageGone.into());
        }
        if !by_role && self.now_ms.saturating_sub(message.server_time_ms) > window_ms {
            return Err(Refusal::WindowPassed.into());
        }
        Ok(())
    }
}

async fn recall(transaction: &Transaction<'_>, message: &mut v1::Message, actor: UserId) -> Outcome<()> {
    message.state = MessageState::Recalled.into();
    message.recalled_by = actor.0;
    message.content = None.into();
    let delete = "DELETE FROM edits WHERE message_id = $1";
    execute(transaction.sql, delete, &[&(message.message_id as i64)]).await.map(drop)
}

async fn edit(
    transaction: &Transaction<'_>,
    message: &mut v1::Message,
    content: &v1::Content,
    now_ms: u64,
) -> Outcome<()> {
    let insert = "INSERT INTO edits (message_id, number, time_ms, content) VALUES ($1, $2, $3, $4)";
    let (id, number) = (message.message_id as i64, i64::from(message.edit_count));
    execute(transaction.sql, insert, &[&id, &number, &(now_ms as i64), &message.content.encode_to_vec()]).await?;
    message.edit_count += 1;
    message.content = content.clone().into();
    Ok(())
}

impl Transaction<'_> {
    /// Moves the entries of all members of a small conversation, without moving them up the list: something in it has changed.
    fn announce_change(&mut self, conversation: &ConversationRow) -> Outcome<()> {
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

/// Hides messages from one user.
pub(crate) struct HideMessages {
    pub user: UserId,
    pub conversation: ConversationId,
    pub messages: Vec<MessageId>,
}

/// What was hidden now, and the entry.
pub(crate) struct Hidden {
    pub fresh: Vec<u64>,
    pub entry: v1::ConversationEntry,
}

#[async_trait]
impl Operation for HideMessages {
    type Answer = Hidden;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.user, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Hidden> {
        let (conversation, mut entry) = transaction.membership(self.user, self.conversation)?;
        let ids: Vec<i64> = self.messages.iter().map(|id| id.0 as i64).collect();
        let visible = "SELECT m.message_id FROM messages m WHERE m.message_id = ANY($1) AND m.slot = $2 AND m.conversation = $3 AND m.seq > $4 \
             AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.user_id = $5 AND h.conversation = $3 AND h.message_id = m.message_id)";
        let (above, user) = (bound(entry.invisible_through()), self.user.0 as i64);
        let found =
            query(transaction.sql, visible, &[&ids, &conversation.slot(), &conversation.key, &above, &user]).await?;
        let found: Vec<u64> = found.iter().map(|row| number(row, 0)).collect::<Outcome<_>>()?;
        // In the order in which they were named, each once.
        let mut fresh: Vec<u64> = Vec::with_capacity(found.len());
        for id in &self.messages {
            if found.contains(&id.0) && !fresh.contains(&id.0) {
                fresh.push(id.0);
            }
        }
        if !fresh.is_empty() {
            entry = transaction.put_entry(entry)?;
            let ids: Vec<i64> = fresh.iter().map(|id| *id as i64).collect();
            let insert =
                "INSERT INTO hidden (user_id, conversation, message_id, version) SELECT $1, $2, unnest($3::int8[]), $4";
            execute(transaction.sql, insert, &[&user, &conversation.key, &ids, &(entry.version as i64)]).await?;
            transaction.record(EventKind::MessageHidden, Lane::user(self.user), clock_ms(), || v1::MessagesHidden {
                user_id: self.user.0,
                conversation_id: self.conversation.to_string(),
                message_ids: fresh.clone(),
                ..Default::default()
            });
        }
        transaction.render_later(&conversation, &entry);
        Ok(Hidden { fresh, entry: v1::ConversationEntry::default() })
    }

    fn entry_of(answer: &mut Hidden) -> Option<&mut v1::ConversationEntry> {
        Some(&mut answer.entry)
    }
}
