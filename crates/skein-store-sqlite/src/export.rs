//! Reading a whole data directory as tables of plain values, for another engine.

use std::{fs::File, path::Path};

use rusqlite::{Connection, OpenFlags, ToSql, types::ValueRef};
use skein_store::{
    Result, StoreError,
    copy::{Table, Value},
};

use crate::{
    open::{DATABASE, OpenError, lock, migrate},
    rows::Stored,
};

/// A data directory that no server uses, open for reading.
#[derive(Debug)]
pub struct SqliteExport {
    connection: Connection,
    /// Held, so that no server starts in the meantime.
    _lock: File,
}

impl SqliteExport {
    /// Opens the database in this directory, after bringing it up to date.
    ///
    /// # Errors
    /// [`OpenError`]: a server is using it, or there is no database.
    pub fn open(directory: &Path) -> std::result::Result<Self, OpenError> {
        let path = directory.join(DATABASE);
        if !path.is_file() {
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no skein.db in it");
            return Err(OpenError::Directory { path: directory.to_owned(), source });
        }
        let lock = lock(directory)?;
        migrate(&mut Connection::open(&path)?, directory)?;
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection, _lock: lock })
    }

    /// Rows of the table.
    ///
    /// # Errors
    /// `Internal` when the database cannot be read.
    pub fn count(&self, table: &Table) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {}", source(table));
        self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(|count| count as u64).stored()
    }

    /// The next rows after this key (none: from the beginning), in the order of keys.
    ///
    /// # Errors
    /// `Internal` when the database cannot be read.
    pub fn rows(&self, table: &Table, after: Option<&[Value]>, limit: usize) -> Result<Vec<Vec<Value>>> {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let key = columns[..table.key].join(", ");
        let (condition, values) = match after {
            None => (String::new(), Vec::new()),
            Some(values) => (format!("WHERE ({key}) > ({})", vec!["?"; values.len()].join(", ")), values.to_vec()),
        };
        let sql =
            format!("SELECT {} FROM {} {condition} ORDER BY {key} LIMIT {limit}", columns.join(", "), source(table));
        let values: Vec<Box<dyn ToSql>> = values.into_iter().map(bind).collect();
        let mut statement = self.connection.prepare_cached(&sql).stored()?;
        let mut found = statement.query(rusqlite::params_from_iter(values)).stored()?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().stored()? {
            let value = |place| read(row.get_ref(place).stored()?);
            rows.push((0..columns.len()).map(value).collect::<Result<_>>()?);
        }
        Ok(rows)
    }
}

/// Where the rows of a table come from.
fn source(table: &Table) -> &'static str {
    match table.name {
        "client_ids" => {
            "(SELECT message_id, sender_id, fingerprint, client_id FROM messages WHERE client_id IS NOT NULL)"
        }
        name => name,
    }
}

fn bind(value: Value) -> Box<dyn ToSql> {
    match value {
        Value::Null => Box::new(rusqlite::types::Null),
        Value::Integer(number) => Box::new(number),
        Value::Text(text) => Box::new(text),
        Value::Blob(bytes) => Box::new(bytes),
    }
}

fn read(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|error| StoreError::Internal(error.to_string()))?;
            Value::Text(text.replace('\0', "\u{fffd}"))
        }
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Real(_) => return Err(StoreError::Internal("a fraction where there is none".to_owned())),
    })
}
