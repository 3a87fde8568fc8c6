//! Writes a batch's changes: one statement per table, whatever the number of rows.

use deadpool_postgres::Transaction as Sql;
use futures::future::{try_join, try_join3, try_join5};
use skein_proto::{id::UserId, v1::Role};

use crate::{
    append::{Messages, append_client_ids},
    failure::Outcome,
    outbox::insert_events,
    pool::execute,
    rows::{ConversationRow, EntryRow, Key, column, text},
    transaction::{Extent, Rows},
};

const CONVERSATIONS: &str = "UPDATE conversations c SET last_seq = n.last_seq, version = n.version, countable = n.countable, \
     last_ms = n.last_ms, last_message_id = n.last_message_id, roster_version = n.roster_version, owner_id = n.owner_id, \
     member_count = n.member_count, name = n.name, avatar = n.avatar \
     FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int4[], $10::text[], $11::text[]) \
     AS n (conversation, last_seq, version, countable, last_ms, last_message_id, roster_version, owner_id, member_count, name, avatar) \
     WHERE c.conversation = n.conversation";
const MOVED_CONVERSATIONS: &str = "UPDATE conversations c SET last_seq = n.last_seq, version = n.version, countable = n.countable, \
     last_ms = n.last_ms, last_message_id = n.last_message_id FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) \
     AS n (conversation, last_seq, version, countable, last_ms, last_message_id) WHERE c.conversation = n.conversation";
const USERS: &str = "UPDATE users u SET version = n.version FROM unnest($1::int8[], $2::int8[]) AS n (user_id, version) \
     WHERE u.user_id = n.user_id";
const ENTRIES: &str = "INSERT INTO entries (user_id, conversation, version, sort_ms, first_seq, cleared_seq, read_seq, read_ms, delivered_seq, \
     floor_seq, floor_countable, mention_seq, mute, member, pinned, hidden, archived, draft, remark) \
     SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], \
     $10::int8[], $11::int8[], $12::int8[], $13::int4[], $14::bool[], $15::bool[], $16::bool[], $17::bool[], $18::text[], $19::text[]) \
     ON CONFLICT (user_id, conversation) DO UPDATE SET version = excluded.version, sort_ms = excluded.sort_ms, first_seq = excluded.first_seq, \
     cleared_seq = excluded.cleared_seq, read_seq = excluded.read_seq, read_ms = excluded.read_ms, delivered_seq = excluded.delivered_seq, \
     floor_seq = excluded.floor_seq, floor_countable = excluded.floor_countable, mention_seq = excluded.mention_seq, mute = excluded.mute, \
     member = excluded.member, pinned = excluded.pinned, hidden = excluded.hidden, archived = excluded.archived, draft = excluded.draft, \
     remark = excluded.remark";
/// Each further column of each row costs time; most changes are a message's or a receipt's.
const MOVED_ENTRIES: &str = "UPDATE entries e SET version = n.version, sort_ms = n.sort_ms, read_seq = n.read_seq, read_ms = n.read_ms, \
     delivered_seq = n.delivered_seq, floor_seq = n.floor_seq, floor_countable = n.floor_countable, mention_seq = n.mention_seq, hidden = n.hidden \
     FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::bool[]) \
     AS n (user_id, conversation, version, sort_ms, read_seq, read_ms, delivered_seq, floor_seq, floor_countable, mention_seq, hidden) \
     WHERE e.user_id = n.user_id AND e.conversation = n.conversation";

/// Writes every changed row. The statements travel together.
pub(crate) async fn flush(sql: &Sql<'_>, rows: &Rows) -> Outcome<()> {
    let conversations = |wanted| {
        let changed = rows.dirty_conversations.iter().filter(move |(_, extent)| **extent == wanted);
        changed.filter_map(|(id, _)| rows.conversations.get(id)).collect::<Vec<&ConversationRow>>()
    };
    let entries = |wanted| {
        let changed = rows.dirty_entries.iter().filter(move |(_, extent)| **extent == wanted);
        changed.filter_map(|(key, _)| rows.entries.get(key)?.as_ref()).collect::<Vec<&EntryRow>>()
    };
    let (moved_conversations, conversations) = (conversations(Extent::Moved), conversations(Extent::Whole));
    let (moved_entries, entries) = (entries(Extent::Moved), entries(Extent::Whole));
    let users: Vec<(UserId, u64)> =
        rows.dirty_users.iter().filter_map(|user| Some((*user, *rows.users.get(user)?))).collect();
    let messages = Messages::begin(sql, &rows.messages).await?;
    let appended = try_join5(
        messages.append(sql, &rows.messages),
        append_client_ids(sql, &rows.messages),
        move_conversations(sql, &moved_conversations),
        move_entries(sql, &moved_entries),
        update_users(sql, &users),
    );
    let changed = try_join3(
        update_conversations(sql, &conversations),
        save_entries(sql, &entries),
        insert_events(sql, &rows.events),
    );
    try_join(appended, changed).await?;
    insert_pairs(sql, &rows.pairs).await?;
    remove_unused(sql, rows).await
}

async fn update_conversations(sql: &Sql<'_>, rows: &[&ConversationRow]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        sql,
        CONVERSATIONS,
        &[
            &column(rows, |row| row.key),
            &column(rows, |row| row.last_seq as i64),
            &column(rows, |row| row.version as i64),
            &column(rows, |row| row.countable as i64),
            &column(rows, |row| row.last_ms as i64),
            &column(rows, |row| row.last_message.0 as i64),
            &column(rows, |row| row.roster_version as i64),
            &column(rows, |row| row.owner.0 as i64),
            &column(rows, |row| row.member_count as i32),
            &column(rows, |row| text(&row.name).into_owned()),
            &column(rows, |row| text(&row.avatar).into_owned()),
        ],
    )
    .await
    .map(drop)
}

async fn move_conversations(sql: &Sql<'_>, rows: &[&ConversationRow]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        sql,
        MOVED_CONVERSATIONS,
        &[
            &column(rows, |row| row.key),
            &column(rows, |row| row.last_seq as i64),
            &column(rows, |row| row.version as i64),
            &column(rows, |row| row.countable as i64),
            &column(rows, |row| row.last_ms as i64),
            &column(rows, |row| row.last_message.0 as i64),
        ],
    )
    .await
    .map(drop)
}

async fn update_users(sql: &Sql<'_>, rows: &[(UserId, u64)]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
        [&column(rows, |row| row.0.0 as i64), &column(rows, |row| row.1 as i64)];
    execute(sql, USERS, &values).await.map(drop)
}

async fn move_entries(sql: &Sql<'_>, rows: &[&EntryRow]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        sql,
        MOVED_ENTRIES,
        &[
            &column(rows, |row| row.user.0 as i64),
            &column(rows, |row| row.key),
            &column(rows, |row| row.version as i64),
            &column(rows, |row| row.sort_ms as i64),
            &column(rows, |row| row.read_seq as i64),
            &column(rows, |row| row.read_ms as i64),
            &column(rows, |row| row.delivered_seq as i64),
            &column(rows, |row| row.floor_seq as i64),
            &column(rows, |row| row.floor_countable as i64),
            &column(rows, |row| row.mention_seq as i64),
            &column(rows, |row| row.hidden),
        ],
    )
    .await
    .map(drop)
}

async fn save_entries(sql: &Sql<'_>, rows: &[&EntryRow]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        sql,
        ENTRIES,
        &[
            &column(rows, |row| row.user.0 as i64),
            &column(rows, |row| row.key),
            &column(rows, |row| row.version as i64),
            &column(rows, |row| row.sort_ms as i64),
            &column(rows, |row| row.first_seq as i64),
            &column(rows, |row| row.cleared_seq as i64),
            &column(rows, |row| row.read_seq as i64),
            &column(rows, |row| row.read_ms as i64),
            &column(rows, |row| row.delivered_seq as i64),
            &column(rows, |row| row.floor_seq as i64),
            &column(rows, |row| row.floor_countable as i64),
            &column(rows, |row| row.mention_seq as i64),
            &column(rows, |row| row.mute),
            &column(rows, |row| row.member),
            &column(rows, |row| row.pinned),
            &column(rows, |row| row.hidden),
            &column(rows, |row| row.archived),
            &column(rows, |row| text(&row.draft).into_owned()),
            &column(rows, |row| text(&row.remark).into_owned()),
        ],
    )
    .await
    .map(drop)
}

async fn insert_pairs(sql: &Sql<'_>, rows: &[(Key, UserId)]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let insert = "INSERT INTO members (conversation, user_id, role, joined_seq, version) \
         SELECT n.conversation, n.user_id, $3, 1, 0 FROM unnest($1::int8[], $2::int8[]) AS n (conversation, user_id)";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&column(rows, |row| row.0), &column(rows, |row| row.1.0 as i64), &(Role::Member as i32)];
    execute(sql, insert, &values).await.map(drop)
}

/// Takes back the conversations that were made for sends which were then refused.
async fn remove_unused(sql: &Sql<'_>, rows: &Rows) -> Outcome<()> {
    let created = rows.created.iter().filter_map(|id| rows.conversations.get(id));
    let unused: Vec<i64> = created.filter(|row| row.member_count == 0).map(|row| row.key).collect();
    if unused.is_empty() {
        return Ok(());
    }
    execute(sql, "DELETE FROM conversations WHERE conversation = ANY($1)", &[&unused]).await.map(drop)
}
