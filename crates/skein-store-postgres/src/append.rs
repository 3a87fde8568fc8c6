//! Rows that are only ever added: messages, and what their senders called them.

use deadpool_postgres::Transaction as Sql;
use tokio_postgres::{binary_copy::BinaryCopyInWriter, types::Type};

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
const TYPES: [Type; 8] =
    [Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::INT2, Type::BYTEA];
/// Arrays that are unpacked side by side: in `FROM` each would become a table first.
const MESSAGES: &str = "INSERT INTO messages (message_id, conversation, seq, birth_version, sender_id, countable, slot, body) \
     SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), \
     unnest($7::int2[]), unnest($8::bytea[])";
const CLIENT_IDS: &str = "INSERT INTO client_ids (client_id, sender_id, message_id, fingerprint) \
     SELECT unnest($1::bytea[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[])";

/// Where the messages of a batch go.
pub(crate) enum Messages {
    Copied(BinaryCopyInWriter),
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
        Ok(Self::Copied(BinaryCopyInWriter::new(sink, &TYPES)))
    }

    /// Writes them.
    pub(crate) async fn append(self, sql: &Sql<'_>, rows: &[NewMessage]) -> Outcome<()> {
        match self {
            Self::Copied(writer) => copy(writer, rows).await,
            Self::Inserted if rows.is_empty() => Ok(()),
            Self::Inserted => insert(sql, rows).await,
        }
    }
}

async fn copy(writer: BinaryCopyInWriter, rows: &[NewMessage]) -> Outcome<()> {
    let mut writer = std::pin::pin!(writer);
    for row in rows {
        let numbers = [row.id.0, row.key as u64, row.seq, row.version, row.sender.0, row.countable];
        let [id, key, seq, version, sender, countable] = numbers.map(|number| number as i64);
        let values: Values<'_> = &[&id, &key, &seq, &version, &sender, &countable, &row.slot, &row.body];
        writer.as_mut().write(values).await?;
    }
    writer.finish().await?;
    Ok(())
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
