//! Locks and loads what a batch needs, set by set. The order of the steps, and of the rows within a step, is the same for every batch of every node,
//! so that batches never wait for each other in a circle.

use std::collections::BTreeSet;

use deadpool_postgres::Transaction;
use futures::future::try_join4;
use skein_proto::id::{ConversationId, UserId};
use tokio_postgres::Row;

use crate::{
    failure::Outcome,
    needs::Needs,
    outbox,
    pool::query,
    rows::{CONVERSATION, ConversationRow, ENTRY, EntryRow, Key, conversation_id, decode_message, number},
    transaction::{ConsumerState, FirstSend, Rows},
};

/// Makes the missing ones. A row that another transaction is just making is waited for, in the order of ids and before anything else is locked.
const CREATE: &str = "INSERT INTO conversations (id, created_ms) SELECT n.id, n.ms FROM unnest($1::bytea[], $2::int8[]) AS n (id, ms) \
     WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = n.id) ORDER BY n.id ON CONFLICT (id) DO NOTHING RETURNING id";

/// Locks everything that the batch names, and loads it.
pub(crate) async fn load(sql: &Transaction<'_>, needs: &Needs, large_group_members: u32) -> Outcome<Rows> {
    let mut rows = Rows { created: create_conversations(sql, needs).await?, ..Rows::default() };
    lock_conversations(sql, needs, &mut rows).await?;
    load_members(sql, needs, large_group_members, &mut rows).await?;
    lock_users(sql, needs, &mut rows).await?;
    lock_consumers(sql, needs, &mut rows).await?;
    if needs.positions {
        rows.positions = outbox::step(sql).await?;
    }
    let wanted = wanted_entries(needs, &rows);
    let counts = counts_of(needs, &rows);
    let (entries, blocks, first_sends, counts) = try_join4(
        list_entries(sql, &wanted),
        list_blocks(sql, needs),
        list_first_sends(sql, &needs.client_ids),
        list_counts(sql, &counts),
    )
    .await?;
    rows.entries = wanted.into_iter().map(|key| (key, None)).collect();
    for row in entries {
        let entry = EntryRow::read(&row)?;
        rows.entries.insert((entry.user, entry.key), Some(entry));
    }
    for row in blocks {
        rows.blocks.insert((UserId(number(&row, 0)?), UserId(number(&row, 1)?)));
    }
    rows.first_sends.extend(first_sends);
    // The last seq of now may be in the middle when its turn comes.
    let ends = needs.counts.iter().filter_map(|(id, _)| rows.conversations.get(id));
    rows.counts = ends.map(|row| ((row.key, row.last_seq), row.countable)).collect();
    for row in counts {
        rows.counts.insert((row.try_get(0)?, number(&row, 1)?), number(&row, 2)?);
    }
    Ok(rows)
}

async fn create_conversations(sql: &Transaction<'_>, needs: &Needs) -> Outcome<Vec<ConversationId>> {
    let wishes = needs.conversations.iter().filter_map(|(id, wish)| Some((id.to_bytes().to_vec(), wish.create_ms?)));
    let (ids, times): (Vec<Vec<u8>>, Vec<i64>) = wishes.map(|(id, ms)| (id, ms as i64)).unzip();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    query(sql, CREATE, &[&ids, &times]).await?.iter().map(|row| conversation_id(row, 0)).collect()
}

async fn lock_conversations(sql: &Transaction<'_>, needs: &Needs, rows: &mut Rows) -> Outcome<()> {
    let ids: Vec<Vec<u8>> = needs.conversations.keys().map(|id| id.to_bytes().to_vec()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let lock =
        format!("SELECT {CONVERSATION} FROM conversations c WHERE c.id = ANY($1) ORDER BY c.id FOR NO KEY UPDATE");
    for row in query(sql, &lock, &[&ids]).await? {
        let row = ConversationRow::read(&row, 0)?;
        rows.conversations.insert(row.id, row);
    }
    Ok(())
}

/// Rosters of small conversations, and of those that may become small. The lock on the conversation guards them.
async fn load_members(sql: &Transaction<'_>, needs: &Needs, large: u32, rows: &mut Rows) -> Outcome<()> {
    let mut groups = Vec::new();
    for (id, row) in &rows.conversations {
        let leaving = needs.conversations.get(id).map_or(0, |wish| wish.leaving);
        match id.users() {
            // Whether its two have entries yet or not, they are the ones.
            Some((one, other)) => {
                let users: BTreeSet<UserId> = [one, other].into();
                rows.members.insert(row.key, users.into_iter().collect());
            }
            None if row.member_count.saturating_sub(leaving) <= large => groups.push(row.key),
            None => {}
        }
    }
    if groups.is_empty() {
        return Ok(());
    }
    let members = "SELECT conversation, user_id FROM members WHERE conversation = ANY($1) AND role > 0 ORDER BY conversation, user_id";
    let found = query(sql, members, &[&groups]).await?;
    for key in groups {
        rows.members.insert(key, [].into());
    }
    for chunk in found.chunk_by(|one, next| one.get::<_, i64>(0) == next.get::<_, i64>(0)) {
        let users: Vec<UserId> = chunk.iter().map(|row| number(row, 1).map(UserId)).collect::<Outcome<_>>()?;
        rows.members.insert(chunk[0].try_get(0)?, users.into());
    }
    Ok(())
}

async fn lock_users(sql: &Transaction<'_>, needs: &Needs, rows: &mut Rows) -> Outcome<()> {
    let mut users = needs.users.clone();
    users.extend(rows.members.values().flat_map(|members| members.iter().copied()));
    let users: Vec<i64> = users.into_iter().map(|user| user.0 as i64).collect();
    if users.is_empty() {
        return Ok(());
    }
    let lock = "SELECT user_id, version FROM users WHERE user_id = ANY($1) ORDER BY user_id FOR NO KEY UPDATE";
    for row in query(sql, lock, &[&users]).await? {
        rows.users.insert(UserId(number(&row, 0)?), number(&row, 1)?);
    }
    Ok(())
}

async fn lock_consumers(sql: &Transaction<'_>, needs: &Needs, rows: &mut Rows) -> Outcome<()> {
    if needs.consumers.is_empty() && !needs.all_consumers {
        return Ok(());
    }
    let names: Vec<&str> = needs.consumers.iter().map(String::as_str).collect();
    let lock = "SELECT name, enabled, cursor FROM consumers WHERE $1 OR name = ANY($2) ORDER BY name FOR NO KEY UPDATE";
    for row in query(sql, lock, &[&needs.all_consumers, &names]).await? {
        let consumer = ConsumerState { enabled: row.try_get(1)?, cursor: number(&row, 2)? };
        rows.consumers.insert(row.try_get(0)?, consumer);
    }
    Ok(())
}

fn wanted_entries(needs: &Needs, rows: &Rows) -> BTreeSet<(UserId, Key)> {
    let named = needs.entries.iter().filter_map(|(user, id)| Some((*user, rows.conversations.get(id)?.key)));
    let members = rows.members.iter().flat_map(|(key, users)| users.iter().map(|user| (*user, *key)));
    named.chain(members).collect()
}

async fn list_entries(sql: &Transaction<'_>, wanted: &BTreeSet<(UserId, Key)>) -> Outcome<Vec<Row>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (users, keys): (Vec<i64>, Vec<Key>) = wanted.iter().map(|(user, key)| (user.0 as i64, *key)).unzip();
    let entries = format!(
        "SELECT {ENTRY} FROM unnest($1::int8[], $2::int8[]) AS n (user_id, conversation) \
         JOIN entries e ON e.user_id = n.user_id AND e.conversation = n.conversation"
    );
    query(sql, &entries, &[&users, &keys]).await
}

async fn list_blocks(sql: &Transaction<'_>, needs: &Needs) -> Outcome<Vec<Row>> {
    if needs.blocks.is_empty() {
        return Ok(Vec::new());
    }
    let pairs = needs.blocks.iter().map(|(user, other)| (user.0 as i64, other.0 as i64));
    let (users, others): (Vec<i64>, Vec<i64>) = pairs.unzip();
    let blocks = "SELECT b.user_id, b.other_id FROM unnest($1::int8[], $2::int8[]) AS n (user_id, other_id) \
         JOIN blocks b ON b.user_id = n.user_id AND b.other_id = n.other_id WHERE b.blocked";
    query(sql, blocks, &[&users, &others]).await
}

/// Sends that were accepted before, of these ids and senders. Their senders are locked, so nobody else is just accepting them.
pub(crate) async fn list_first_sends(
    sql: &Transaction<'_>,
    client_ids: &BTreeSet<(Vec<u8>, UserId)>,
) -> Outcome<Vec<((Vec<u8>, UserId), FirstSend)>> {
    if client_ids.is_empty() {
        return Ok(Vec::new());
    }
    let pairs = client_ids.iter().map(|(client_id, sender)| (client_id.as_slice(), sender.0 as i64));
    let (client_ids, senders): (Vec<&[u8]>, Vec<i64>) = pairs.unzip();
    let first_sends = "SELECT i.client_id, i.sender_id, i.fingerprint, m.body FROM unnest($1::bytea[], $2::int8[]) AS n (client_id, sender_id) \
         JOIN client_ids i ON i.client_id = n.client_id AND i.sender_id = n.sender_id \
         JOIN messages m ON m.message_id = i.message_id AND m.slot = ((i.message_id >> 12) & 1023)::int2";
    let read = |row: &Row| {
        let first = FirstSend { fingerprint: row.try_get(2)?, message: decode_message(row.try_get(3)?)? };
        Ok(((row.try_get(0)?, UserId(number(row, 1)?)), first))
    };
    query(sql, first_sends, &[&client_ids, &senders]).await?.iter().map(read).collect()
}

fn counts_of(needs: &Needs, rows: &Rows) -> Vec<(i16, Key, i64)> {
    let wanted = needs.counts.iter().filter_map(|(id, seq)| {
        let row = rows.conversations.get(id)?;
        // What is not below the last seq has the conversation's own count.
        (*seq < row.last_seq).then_some((row.slot(), row.key, *seq as i64))
    });
    wanted.collect()
}

async fn list_counts(sql: &Transaction<'_>, wanted: &[(i16, Key, i64)]) -> Outcome<Vec<Row>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let slots: Vec<i16> = wanted.iter().map(|(slot, _, _)| *slot).collect();
    let keys: Vec<Key> = wanted.iter().map(|(_, key, _)| *key).collect();
    let seqs: Vec<i64> = wanted.iter().map(|(_, _, seq)| *seq).collect();
    let counts = "SELECT m.conversation, m.seq, m.countable FROM unnest($1::int2[], $2::int8[], $3::int8[]) AS n (slot, conversation, seq) \
         JOIN messages m ON m.slot = n.slot AND m.conversation = n.conversation AND m.seq = n.seq";
    query(sql, counts, &[&slots, &keys, &seqs]).await
}
