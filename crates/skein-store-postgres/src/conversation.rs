//! The private side of a conversation: each user's own entry.

use async_trait::async_trait;
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
    PostgresStore,
    failure::Outcome,
    needs::Needs,
    operation::Operation,
    pool::{query_opt, snapshot},
    render::{self, EntryToRender},
    rows::{EntryRow, load_member_ids, load_membership},
    transaction::Transaction,
};

#[async_trait]
impl ConversationStore for PostgresStore {
    async fn lookup_entry(&self, user: UserId, conversation: ConversationId) -> Result<v1::ConversationEntry> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let (conversation, entry) = load_membership(&sql, user, conversation).await?;
            let wanted = EntryToRender { conversation, entry, since: u64::MAX };
            Ok(render::entries(&sql, &[wanted]).await?.pop().unwrap_or_default())
        })
        .await
    }

    async fn list_audience(&self, user: UserId, conversation: ConversationId) -> Result<Audience> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let Some(peer) = conversation.peer_of(user) else {
                let (row, _) = load_membership(&sql, user, conversation).await?;
                let is_large = row.member_count > self.config.large_group_members;
                let users = if is_large { Vec::new() } else { load_member_ids(&sql, row.key).await? };
                return Ok(Audience { users, is_large });
            };
            let query = "SELECT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = u.user_id AND b.other_id = $2 AND b.blocked) \
                 FROM users u WHERE u.user_id = $1";
            let row = query_opt(&sql, query, &[&(peer.0 as i64), &(user.0 as i64)]).await?.ok_or(Refusal::NotFound)?;
            if row.try_get(0)? {
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
        self.write(SetEntry { user, conversation, change }).await
    }

    async fn clear_entry(
        &self,
        user: UserId,
        conversation: ConversationId,
        hide: bool,
    ) -> Result<v1::ConversationEntry> {
        self.write(ClearEntry { user, conversation, hide }).await
    }
}

struct SetEntry {
    user: UserId,
    conversation: ConversationId,
    change: EntryChange,
}

#[async_trait]
impl Operation for SetEntry {
    type Answer = v1::ConversationEntry;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.user, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<v1::ConversationEntry> {
        let (row, mut entry) = transaction.membership(self.user, self.conversation)?;
        apply(&mut entry, &self.change);
        let entry = transaction.put_entry(entry)?;
        transaction.record_entry(EventKind::ConversationUpdated, self.conversation, &entry);
        transaction.render_later(&row, &entry);
        Ok(v1::ConversationEntry::default())
    }

    fn entry_of(answer: &mut v1::ConversationEntry) -> Option<&mut v1::ConversationEntry> {
        Some(answer)
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

struct ClearEntry {
    user: UserId,
    conversation: ConversationId,
    hide: bool,
}

#[async_trait]
impl Operation for ClearEntry {
    type Answer = v1::ConversationEntry;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.user, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<v1::ConversationEntry> {
        let (row, mut entry) = transaction.membership(self.user, self.conversation)?;
        entry.cleared_seq = row.last_seq;
        entry.raise_floor(row.last_seq, row.countable);
        if self.hide {
            entry.hidden = true;
            entry.pinned = false;
            entry.draft.clear();
        }
        let entry = transaction.put_entry(entry)?;
        transaction.record_entry(EventKind::ConversationCleared, self.conversation, &entry);
        transaction.render_later(&row, &entry);
        Ok(v1::ConversationEntry::default())
    }

    fn entry_of(answer: &mut v1::ConversationEntry) -> Option<&mut v1::ConversationEntry> {
        Some(answer)
    }
}
