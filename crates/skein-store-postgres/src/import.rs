//! Filling an empty database with the data of another engine, in batches: each is committed together with how far it got, so that a copy that was
//! interrupted goes on where it was.

use std::fmt::Write as _;

use futures::{TryStreamExt as _, pin_mut};
use skein_store::{
    Result, StoreError,
    copy::{Digest, Kind, TABLES, Table, Value},
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, types::ToSql};

use crate::{
    config::PostgresConfig,
    failure::{Failure, Outcome},
    open::{self, OpenError},
};

/// Exists as long as a copy is not finished; a server does not open such a database.
pub(crate) const PROGRESS: &str = "copy_progress";

/// A database that is being filled.
#[derive(Debug)]
pub struct PostgresImport {
    client: Client,
    _driver: JoinHandle<()>,
}

impl PostgresImport {
    /// Connects to an empty database, or to one that a copy of the same source was interrupted in. `source` tells sources apart.
    ///
    /// # Errors
    /// [`OpenError`]; `Foreign` when there is other data.
    pub async fn open(config: &PostgresConfig, source: u64) -> std::result::Result<Self, OpenError> {
        let address = open::address(config)?;
        open::migrate(&address).await?;
        let (client, driver) = open::connect(&address).await?;
        let import = Self { client, _driver: driver };
        match import.begin(source as i64).await {
            Ok(true) => Ok(import),
            Ok(false) => Err(OpenError::Foreign),
            Err(failure) => Err(OpenError::Connect(StoreError::from(failure).to_string())),
        }
    }

    /// Whether the database is empty, or partly filled from this source.
    async fn begin(&self, source: i64) -> Outcome<bool> {
        if open::is_half_copied(&self.client).await? {
            let sql = format!("SELECT 1 FROM {PROGRESS} WHERE name = 'source' AND rows = $1");
            return Ok(self.client.query_opt(&sql, &[&source]).await?.is_some());
        }
        for table in TABLES {
            let sql = format!("SELECT 1 FROM {} {} LIMIT 1", relation(table), if_any(table));
            if self.client.query_opt(&sql, &[]).await?.is_some() {
                return Ok(false);
            }
        }
        let create = format!(
            "BEGIN; CREATE TABLE {PROGRESS} (name text PRIMARY KEY, rows bigint NOT NULL); \
             INSERT INTO {PROGRESS} VALUES ('source', {source}); COMMIT"
        );
        self.client.batch_execute(&create).await?;
        Ok(true)
    }

    /// Rows of the table that are there already: the first ones of the source, in the order of keys.
    ///
    /// # Errors
    /// `Unavailable`, `Internal`.
    pub async fn copied(&self, table: &Table) -> Result<u64> {
        let sql = format!("SELECT rows FROM {PROGRESS} WHERE name = $1");
        let row = self.client.query_opt(&sql, &[&table.name]).await.map_err(Failure::from)?;
        Ok(row.map_or(0, |row| row.get::<_, i64>(0) as u64))
    }

    /// Stores the next rows.
    ///
    /// # Errors
    /// As of any write; nothing is stored then.
    pub async fn append(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<()> {
        Ok(self.insert(table, rows).await?)
    }

    async fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Outcome<()> {
        let arrays: Vec<Box<dyn ToSql + Sync + Send>> =
            table.columns.iter().enumerate().map(|(place, (_, kind))| array(rows, place, *kind)).collect();
        let values: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| &**array as &(dyn ToSql + Sync)).collect();
        let sql = self.client.transaction().await?;
        let insert = sql.prepare(&insert_text(table)).await?;
        sql.execute(&insert, &values).await?;
        let progress = format!(
            "INSERT INTO {PROGRESS} VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET rows = {PROGRESS}.rows + excluded.rows"
        );
        sql.execute(&progress, &[&table.name, &(rows.len() as i64)]).await?;
        Ok(sql.commit().await?)
    }

    /// Reads the table back.
    ///
    /// # Errors
    /// `Unavailable`, `Internal`.
    pub async fn digest(&self, table: &Table) -> Result<Digest> {
        Ok(self.read_back(table).await?)
    }

    async fn read_back(&self, table: &Table) -> Outcome<Digest> {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, kind)| match kind {
                Kind::Integer => format!("{name}::int8"),
                Kind::Flag => format!("{name}::int4::int8"),
                Kind::Text | Kind::Blob => (*name).to_owned(),
            })
            .collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), relation(table));
        let none: [&(dyn ToSql + Sync); 0] = [];
        let rows = self.client.query_raw(&sql, none).await?;
        pin_mut!(rows);
        let (mut digest, mut values) = (Digest::default(), Vec::new());
        while let Some(row) = rows.try_next().await? {
            values.clear();
            for (place, (_, kind)) in table.columns.iter().enumerate() {
                let value = match kind {
                    Kind::Integer | Kind::Flag => row.try_get::<_, Option<i64>>(place)?.map(Value::Integer),
                    Kind::Text => row.try_get::<_, Option<String>>(place)?.map(Value::Text),
                    Kind::Blob => row.try_get::<_, Option<Vec<u8>>>(place)?.map(Value::Blob),
                };
                values.push(value.unwrap_or(Value::Null));
            }
            digest.add(&values);
        }
        Ok(digest)
    }

    /// Adds what only this engine keeps, and opens the database for servers.
    ///
    /// # Errors
    /// As of any write; it can be tried again.
    pub async fn finish(&mut self) -> Result<()> {
        let finish = format!(
            "BEGIN; \
             UPDATE conversations c SET last_message_id = m.message_id FROM messages m \
               WHERE m.conversation = c.conversation AND m.seq = c.last_seq; \
             SELECT setval(pg_get_serial_sequence('conversations', 'conversation'), greatest(max(conversation), 1)), \
               setval('group_numbers', greatest(max(conversation), 1)) FROM conversations; \
             SELECT setval(pg_get_serial_sequence('mailings', 'mailing_id'), greatest(max(mailing_id), 1)) FROM mailings; \
             SELECT setval('event_batches', greatest(max(batch), 1)) FROM events; \
             UPDATE event_head SET last = greatest(trimmed, (SELECT max(position) FROM event_positions)); \
             UPDATE lanes SET due_ms = 0, holder = NULL WHERE holder IS NOT NULL; \
             UPDATE mailings SET due_ms = 0, holder = NULL WHERE holder IS NOT NULL; \
             DROP TABLE {PROGRESS}; COMMIT; ANALYZE"
        );
        Ok(self.client.batch_execute(&finish).await.map_err(Failure::from)?)
    }
}

/// Where the rows of a table are.
fn relation(table: &Table) -> &'static str {
    match table.name {
        "events" => {
            "(SELECT p.position, p.lane, e.kind, e.time_ms, e.data \
             FROM event_positions p JOIN events e ON e.batch = p.batch AND e.place = p.place) e"
        }
        "events_trimmed" => "(SELECT trimmed AS position, last FROM event_head) h",
        name => name,
    }
}

/// The head of the events is there in an empty database too.
fn if_any(table: &Table) -> &'static str {
    if table.name == "events_trimmed" { "WHERE last > 0" } else { "" }
}

/// One column of the rows.
fn array(rows: &[Vec<Value>], place: usize, kind: Kind) -> Box<dyn ToSql + Sync + Send> {
    let column = rows.iter().map(|row| &row[place]);
    match kind {
        Kind::Integer | Kind::Flag => {
            let number = |value: &Value| if let Value::Integer(number) = value { Some(*number) } else { None };
            Box::new(column.map(number).collect::<Vec<Option<i64>>>())
        }
        Kind::Text => {
            let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
            Box::new(column.map(text).collect::<Vec<Option<String>>>())
        }
        Kind::Blob => {
            let blob = |value: &Value| if let Value::Blob(bytes) = value { Some(bytes.clone()) } else { None };
            Box::new(column.map(blob).collect::<Vec<Option<Vec<u8>>>>())
        }
    }
}

/// The statement that stores rows given as one array per column.
fn insert_text(table: &Table) -> String {
    let (mut names, mut values, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (name, kind)) in table.columns.iter().enumerate() {
        names.push((*name).to_owned());
        values.push(if *kind == Kind::Flag { format!("n.{name} <> 0") } else { format!("n.{name}") });
        let array = match kind {
            Kind::Integer | Kind::Flag => "int8[]",
            Kind::Text => "text[]",
            Kind::Blob => "bytea[]",
        };
        arrays.push(format!("${}::{array}", place + 1));
    }
    let (columns, arrays) = (names.join(", "), arrays.join(", "));
    match table.name {
        // Each comes as a batch of its own, with the number of its position.
        "events" => {
            return format!(
                "WITH n AS (SELECT * FROM unnest({arrays}) AS n ({columns})), \
                 e AS (INSERT INTO events (batch, place, lane, kind, time_ms, data) SELECT position, 1, lane, kind, time_ms, data FROM n) \
                 INSERT INTO event_positions (position, lane, batch, place) SELECT position, lane, position, 1 FROM n"
            );
        }
        "events_trimmed" => {
            return format!("UPDATE event_head SET trimmed = n.position FROM unnest({arrays}) AS n (position)");
        }
        _ => {}
    }
    if table.name == "messages" {
        names.push("slot".to_owned());
        values.push("(n.message_id >> 12) & 1023".to_owned());
    }
    let mut text = format!("INSERT INTO {} ({})", table.name, names.join(", "));
    // Conversations and mailings keep their keys.
    let overriding = if matches!(table.name, "conversations" | "mailings") { " OVERRIDING SYSTEM VALUE" } else { "" };
    let _ = write!(text, "{overriding} SELECT {} FROM unnest({arrays}) AS n ({columns})", values.join(", "));
    text
}
