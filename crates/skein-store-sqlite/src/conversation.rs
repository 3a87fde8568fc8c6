//! The private side of a conversation: each user's own entry.

use async_trait::async_trait;
use rusqlite::Connection;
use skein_proto::{
    id::{ConversationId, UserId},
    outbox::EventKind,
    v1,
};
use skein_store::{
    Refusal, Result,
    conversation::{Audience, ConversationStore, EntryChange},
};

use crate::{
    SqliteStore,
    message::visible_conversation,
    render,
    rows::{ConversationRow, EntryRow, is_blocked, load_member_ids, user_exists},
    transaction::Transaction,
};

#[async_trait]
impl ConversationStore for SqliteStore {
    async fn lookup_entry(&self, user: UserId, conversation: ConversationId) -> Result<v1::ConversationEntry> {
        self.read(move |connection| {
            let (row, entry) = visible_conversation(connection, user, conversation)?;
            render_stored(connection, &row, &entry, u64::MAX)
        })
        .await
    }

    async fn list_audience(&self, user: UserId, conversation: ConversationId) -> Result<Audience> {
        let large = self.config.large_group_members;
        self.read(move |connection| {
            let Some(peer) = conversation.peer_of(user) else {
                let (row, _) = visible_conversation(connection, user, conversation)?;
                let is_large = row.member_count > large;
                let users = if is_large { Vec::new() } else { load_member_ids(connection, row.key)? };
                return Ok(Audience { users, is_large });
            };
            if !user_exists(connection, peer)? {
                return Err(Refusal::NotFound.into());
            }
            if is_blocked(connection, peer, user)? {
                return Err(Refusal::Blocked.into());
            }
            let users = if peer == user { vec![user] } else { vec![user, peer] };
            Ok(Audience { users, is_large: false })
        })
        .await
    }

    async fn set_entry(
        &self,
        user: UserId,
        conversation: ConversationId,
        change: EntryChange,
    ) -> Result<v1::ConversationEntry> {
        self.write(move |transaction| {
            let (row, mut entry) = transaction.membership(user, conversation)?;
            apply(&mut entry, &change);
            let entry = transaction.put_entry(entry)?;
            transaction.record_entry(EventKind::ConversationUpdated, conversation, &entry)?;
            transaction.render(&row, &entry)
        })
        .await
    }

    async fn clear_entry(
        &self,
        user: UserId,
        conversation: ConversationId,
        hide: bool,
    ) -> Result<v1::ConversationEntry> {
        self.write(move |transaction| {
            let (row, mut entry) = transaction.membership(user, conversation)?;
            entry.cleared_seq = row.last_seq;
            entry.raise_floor(row.last_seq, row.countable);
            if hide {
                entry.hidden = true;
                entry.pinned = false;
                entry.draft.clear();
            }
            let entry = transaction.put_entry(entry)?;
            transaction.record_entry(EventKind::ConversationCleared, conversation, &entry)?;
            transaction.render(&row, &entry)
        })
        .await
    }
}

fn apply(entry: &mut EntryRow, change: &EntryChange) {
    if let Some(pinned) = change.pinned {
        entry.pinned = pinned;
    }
    if let Some(mute) = change.mute {
        entry.mute = mute as i32;
    }
    if let Some(draft) = &change.draft {
        entry.draft.clone_from(draft);
    }
    if let Some(remark) = &change.remark {
        entry.remark.clone_from(remark);
    }
    if let Some(hidden) = change.hidden {
        entry.hidden = hidden;
    }
    if let Some(archived) = change.archived {
        entry.archived = archived;
    }
}

/// Renders an entry from committed rows.
pub(crate) fn render_stored(
    connection: &Connection,
    conversation: &ConversationRow,
    entry: &EntryRow,
    version_since: u64,
) -> Result<v1::ConversationEntry> {
    let peer = match conversation.id.peer_of(entry.user) {
        Some(peer) => EntryRow::load(connection, peer, conversation.key)?,
        None => None,
    };
    render::entry(connection, conversation, entry, peer.as_ref(), version_since)
}

impl Transaction<'_> {
    /// Renders an entry as this transaction left it.
    pub(crate) fn render(&mut self, conversation: &ConversationRow, entry: &EntryRow) -> Result<v1::ConversationEntry> {
        let peer = match conversation.id.peer_of(entry.user) {
            Some(peer) => self.entry(peer, conversation.key)?,
            None => None,
        };
        render::entry(self.connection, conversation, entry, peer.as_ref(), u64::MAX)
    }
}
