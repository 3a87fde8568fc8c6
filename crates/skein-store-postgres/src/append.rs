//! Rows that are only ever added: messages, and what their senders called them.

use std::pin::pin;

use bytes::{BufMut as _, Bytes, BytesMut};
use deadpool_postgres::Transaction as Sql;
use futures::SinkExt as _;
use tokio_postgres::CopyInSink;

use crate::{
    failure::{Failure, Outcome},
    pool::{Values, execute},
    rows::column,
    transaction::NewMessage,
};

/// From so many messages on they are copied, which costs a round trip more and half the time for each: rows get into a page together.
const COPIED_MIN: usize = 16;

const COPY: &str =
    "COPY messages (message_id, conversation, seq, birth_version, sender_id, countable, slot, body) FROM STDIN BINARY";
/// What a copy begins with: the format's signature, no flags, no extension.
const COPY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Bytes of a row beside its body: the number of columns, a length before each, six numbers and a short one.
const COPY_ROW_BYTES: usize = 2 + 8 * 4 + 6 * 8 + 2;
/// Arrays that are unpacked side by side: in `FROM` each would become a table first.
const MESSAGES: &str = "INSERT INTO messages (message_id, conversation, seq, birth_version, sender_id, countable, slot, body) \
     SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), \
     unnest($7::int2[]), unnest($8::bytea[])";
const CLIENT_IDS: &str = "INSERT INTO client_ids (client_id, sender_id, message_id, fingerprint) \
     SELECT unnest($1::bytea[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[])";

/// Where the messages of a batch go.
pub(crate) enum Messages {
    Copied(CopyInSink<Bytes>),
    Inserted,
}

impl Messages {
    /// To be awaited before any statement that travels with others: when the server refuses to begin, tokio-postgres 0.7 is answered once more than it
    /// expects, and would take every later answer for that of another question.
    pub(crate) async fn begin(sql: &Sql<'_>, rows: &[NewMessage]) -> Outcome<Self> {
        if rows.len() < COPIED_MIN {
            return Ok(Self::Inserted);
        }
        let statement = sql.prepare_cached(COPY).await?;
        let sink = sql.copy_in(&statement).await.map_err(|error| Failure::Torn(Failure::from(error).into()))?;
        Ok(Self::Copied(sink))
    }

    /// Writes them.
    pub(crate) async fn append(self, sql: &Sql<'_>, rows: &[NewMessage]) -> Outcome<()> {
        match self {
            Self::Copied(sink) => {
                let mut sink = pin!(sink);
                sink.send(copied(rows)).await?;
                sink.finish().await?;
                Ok(())
            }
            Self::Inserted if rows.is_empty() => Ok(()),
            Self::Inserted => insert(sql, rows).await,
        }
    }
}

/// All rows in one piece: the library's own writer has them sent by the page, each with a wake-up at both ends.
fn copied(rows: &[NewMessage]) -> Bytes {
    let bodies: usize = rows.iter().map(|row| row.body.len()).sum();
    let mut out = BytesMut::with_capacity(COPY_HEAD.len() + rows.len() * COPY_ROW_BYTES + bodies + 2);
    out.put_slice(COPY_HEAD);
    for row in rows {
        out.put_i16(8);
        for number in [row.id.0, row.key as u64, row.seq, row.version, row.sender.0, row.countable] {
            out.put_i32(8);
            out.put_u64(number);
        }
        out.put_i32(2);
        out.put_i16(row.slot);
        // A body is bounded by the largest frame.
        out.put_i32(row.body.len() as i32);
        out.put_slice(&row.body);
    }
    out.put_i16(-1);
    out.freeze()
}

async fn insert(sql: &Sql<'_>, rows: &[NewMessage]) -> Outcome<()> {
    let bodies: Vec<&[u8]> = rows.iter().map(|row| row.body.as_slice()).collect();
    execute(
        sql,
        MESSAGES,
        &[
            &column(rows, |row| row.id.0 as i64),
            &column(rows, |row| row.key),
            &column(rows, |row| row.seq as i64),
            &column(rows, |row| row.version as i64),
            &column(rows, |row| row.sender.0 as i64),
            &column(rows, |row| row.countable as i64),
            &column(rows, |row| row.slot),
            &bodies,
        ],
    )
    .await
    .map(drop)
}

/// Writes what the senders of a batch called their messages.
pub(crate) async fn append_client_ids(sql: &Sql<'_>, rows: &[NewMessage]) -> Outcome<()> {
    let known: Vec<(&[u8], i64, i64, i64)> = rows
        .iter()
        .filter_map(|row| {
            let (client_id, fingerprint) = row.client_id.as_ref()?;
            Some((client_id.as_slice(), row.sender.0 as i64, row.id.0 as i64, *fingerprint))
        })
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    let client_ids: Vec<&[u8]> = known.iter().map(|row| row.0).collect();
    let values: Values<'_> =
        &[&client_ids, &column(&known, |row| row.1), &column(&known, |row| row.2), &column(&known, |row| row.3)];
    execute(sql, CLIENT_IDS, values).await.map(drop)
}
