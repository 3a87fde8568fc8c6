//! Cursors: how far each member has read and received.

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use skein_proto::{
    id::{ConversationId, UserId},
    outbox::EventKind,
    v1,
};
use skein_store::{
    Refusal, Result,
    receipt::{CursorMoved, ReceiptStore},
};

use crate::{
    PostgresStore,
    failure::Outcome,
    needs::Needs,
    operation::Operation,
    outbox::clock_ms,
    pool::{query, query_opt, snapshot},
    rows::{ConversationRow, EntryRow, Key, bound, load_membership, number},
    transaction::Transaction,
};

#[async_trait]
impl ReceiptStore for PostgresStore {
    async fn set_read(&self, user: UserId, conversation: ConversationId, seq: u64, now_ms: u64) -> Result<CursorMoved> {
        self.write(SetRead { user, conversation, seq, now_ms }).await
    }

    async fn set_delivered(&self, user: UserId, conversation: ConversationId, seq: u64) -> Result<CursorMoved> {
        self.write(SetDelivered { user, conversation, seq }).await
    }

    async fn list_cursors(&self, user: UserId, conversation: ConversationId, seq: u64) -> Result<Vec<v1::Cursor>> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let (row, entry) = load_membership(&sql, user, conversation).await?;
            if seq <= entry.invisible_through() || seq > row.last_seq {
                return Err(Refusal::NotFound.into());
            }
            let sender = "SELECT sender_id FROM messages WHERE slot = $1 AND conversation = $2 AND seq = $3";
            let found = query_opt(&sql, sender, &[&row.slot(), &row.key, &(seq as i64)]).await?;
            let sender = found.map(|row| number(&row, 0)).transpose()?;
            let mut cursors = load_cursors(&sql, row.key, seq).await?;
            cursors.retain(|cursor| Some(cursor.user_id) != sender);
            Ok(cursors)
        })
        .await
    }
}

struct SetRead {
    user: UserId,
    conversation: ConversationId,
    seq: u64,
    now_ms: u64,
}

#[async_trait]
impl Operation for SetRead {
    type Answer = CursorMoved;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.user, self.conversation);
        needs.counts.insert((self.conversation, self.seq));
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<CursorMoved> {
        let (row, mut entry) = transaction.membership(self.user, self.conversation)?;
        let seq = self.seq.min(row.last_seq);
        if seq <= entry.read_seq {
            return moved(transaction, &row, &entry, false);
        }
        let countable = transaction.countable_at(&row, seq);
        entry.read_seq = seq;
        entry.read_ms = self.now_ms;
        entry.delivered_seq = entry.delivered_seq.max(seq);
        entry.raise_floor(seq, countable);
        let entry = transaction.put_entry(entry)?;
        transaction.record_cursor(EventKind::ReceiptRead, self.conversation, &entry, self.now_ms);
        moved(transaction, &row, &entry, true)
    }

    fn entry_of(answer: &mut CursorMoved) -> Option<&mut v1::ConversationEntry> {
        Some(&mut answer.entry)
    }
}

impl Transaction<'_> {
    /// How many countable messages the conversation had when this seq was given out.
    fn countable_at(&self, row: &ConversationRow, seq: u64) -> u64 {
        if seq == row.last_seq {
            return row.countable;
        }
        self.rows.counts.get(&(row.key, seq)).copied().unwrap_or(row.countable)
    }
}

struct SetDelivered {
    user: UserId,
    conversation: ConversationId,
    seq: u64,
}

#[async_trait]
impl Operation for SetDelivered {
    type Answer = CursorMoved;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.user, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<CursorMoved> {
        let (row, mut entry) = transaction.membership(self.user, self.conversation)?;
        let seq = self.seq.min(row.last_seq);
        let changed = seq > entry.delivered_seq;
        if changed {
            entry.delivered_seq = seq;
            transaction.keep_entry(entry.clone());
            transaction.record_cursor(EventKind::ReceiptDelivered, self.conversation, &entry, clock_ms());
        }
        moved(transaction, &row, &entry, changed)
    }

    fn entry_of(answer: &mut CursorMoved) -> Option<&mut v1::ConversationEntry> {
        Some(&mut answer.entry)
    }
}

fn moved(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationRow,
    entry: &EntryRow,
    changed: bool,
) -> Outcome<CursorMoved> {
    let recipients = if changed && !transaction.is_large(conversation) {
        Some(transaction.recipients(conversation, entry.user)?)
    } else {
        None
    };
    let cursor = v1::Cursor {
        user_id: entry.user.0,
        read_seq: entry.read_seq,
        delivered_seq: entry.delivered_seq,
        read_time_ms: entry.read_ms,
        ..Default::default()
    };
    transaction.render_later(conversation, entry);
    Ok(CursorMoved { entry: v1::ConversationEntry::default(), cursor, recipients })
}

/// Cursors of the present members who could see this seq.
pub(crate) async fn load_cursors<C: GenericClient>(client: &C, key: Key, seq: u64) -> Outcome<Vec<v1::Cursor>> {
    let cursors = "SELECT e.user_id, e.read_seq, e.delivered_seq, e.read_ms FROM members m JOIN entries e \
         ON e.user_id = m.user_id AND e.conversation = m.conversation \
         WHERE m.conversation = $1 AND m.role > 0 AND e.first_seq <= $2 ORDER BY e.user_id";
    let read = |row: &tokio_postgres::Row| {
        Ok(v1::Cursor {
            user_id: number(row, 0)?,
            read_seq: number(row, 1)?,
            delivered_seq: number(row, 2)?,
            read_time_ms: number(row, 3)?,
            ..Default::default()
        })
    };
    query(client, cursors, &[&key, &bound(seq)]).await?.iter().map(read).collect()
}
