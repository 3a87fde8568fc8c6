//! Cursors: how far each member has read and received.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
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
    SqliteStore,
    message::visible_conversation,
    outbox::clock_ms,
    rows::{ConversationRow, EntryRow, Key, Stored, countable_at, number},
    transaction::Transaction,
};

#[async_trait]
impl ReceiptStore for SqliteStore {
    async fn set_read(&self, user: UserId, conversation: ConversationId, seq: u64, now_ms: u64) -> Result<CursorMoved> {
        self.write(move |transaction| {
            let (row, mut entry) = transaction.membership(user, conversation)?;
            let seq = seq.min(row.last_seq);
            if seq <= entry.read_seq {
                return moved(transaction, &row, &entry, false);
            }
            let countable =
                if seq == row.last_seq { row.countable } else { countable_at(transaction.connection, row.key, seq)? };
            entry.read_seq = seq;
            entry.read_ms = now_ms;
            entry.delivered_seq = entry.delivered_seq.max(seq);
            entry.raise_floor(seq, countable);
            let entry = transaction.put_entry(entry)?;
            transaction.record_cursor(EventKind::ReceiptRead, conversation, &entry, now_ms)?;
            moved(transaction, &row, &entry, true)
        })
        .await
    }

    async fn set_delivered(&self, user: UserId, conversation: ConversationId, seq: u64) -> Result<CursorMoved> {
        self.write(move |transaction| {
            let (row, mut entry) = transaction.membership(user, conversation)?;
            let seq = seq.min(row.last_seq);
            if seq <= entry.delivered_seq {
                return moved(transaction, &row, &entry, false);
            }
            entry.delivered_seq = seq;
            transaction.keep_entry(entry.clone());
            transaction.record_cursor(EventKind::ReceiptDelivered, conversation, &entry, clock_ms())?;
            moved(transaction, &row, &entry, true)
        })
        .await
    }

    async fn list_cursors(&self, user: UserId, conversation: ConversationId, seq: u64) -> Result<Vec<v1::Cursor>> {
        self.read(move |connection| {
            let (row, entry) = visible_conversation(connection, user, conversation)?;
            if seq <= entry.invisible_through() || seq > row.last_seq {
                return Err(Refusal::NotFound.into());
            }
            let sql = "SELECT sender_id FROM messages WHERE conversation = ? AND seq = ?";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let sender = statement.query_row(params![row.key, seq as i64], |row| number(row, 0)).optional().stored()?;
            let mut cursors = load_cursors(connection, row.key, seq)?;
            cursors.retain(|cursor| Some(cursor.user_id) != sender);
            Ok(cursors)
        })
        .await
    }
}

fn moved(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationRow,
    entry: &EntryRow,
    changed: bool,
) -> Result<CursorMoved> {
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
    Ok(CursorMoved { entry: transaction.render(conversation, entry)?, cursor, recipients })
}

/// Cursors of the present members who could see this seq.
pub(crate) fn load_cursors(connection: &Connection, key: Key, seq: u64) -> Result<Vec<v1::Cursor>> {
    let sql = "SELECT e.user_id, e.read_seq, e.delivered_seq, e.read_ms FROM members m JOIN entries e \
         ON e.user_id = m.user_id AND e.conversation = m.conversation \
         WHERE m.conversation = ? AND m.role > 0 AND e.first_seq <= ? ORDER BY e.user_id";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let rows = statement
        .query_map(params![key, i64::try_from(seq).unwrap_or(i64::MAX)], |row| {
            Ok(v1::Cursor {
                user_id: number(row, 0)?,
                read_seq: number(row, 1)?,
                delivered_seq: number(row, 2)?,
                read_time_ms: number(row, 3)?,
                ..Default::default()
            })
        })
        .stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}
