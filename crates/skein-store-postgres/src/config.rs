//! What an operator may decide about the PostgreSQL store.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize, Serializer};

/// Section `[store.postgres]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresConfig {
    /// Where the database is: `postgresql://user:password@host:port/database`, or `host=… user=… dbname=…`.
    ///
    /// With `sslmode=require` the connection is encrypted and the certificate of the database verified.
    pub url: DatabaseUrl,
    /// The authority (PEM) that signed the certificate of the database, instead of those that browsers trust. With it, the connection is always encrypted.
    pub ca_file: Option<PathBuf>,
    /// Transactions that this node writes at once; conversations are spread over them. Each has a connection.
    pub writers: usize,
    /// Writes that may wait for each writer; beyond it callers are told to come again (`OVERLOADED`).
    pub writer_queue_max: usize,
    /// Writes of one transaction, which is one commit.
    pub batch_max: usize,
    /// Connections that read.
    pub readers: usize,
    /// Reads that may wait for one of them.
    pub reader_queue_max: usize,
    /// How long opening a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long one statement may take, waiting for locks included, in milliseconds.
    pub statement_timeout_ms: u64,
    /// Groups with more members write nothing per member on a send.
    pub large_group_members: u32,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            url: DatabaseUrl::default(),
            ca_file: None,
            writers: 2,
            writer_queue_max: 8_192,
            batch_max: 1_024,
            readers: 8,
            reader_queue_max: 4_096,
            connect_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
            large_group_members: 256,
        }
    }
}

/// An address that may hold a password: it never shows itself, neither in `Debug` nor when it is serialized.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// For connecting, not for printing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(set)" })
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(set)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let config = PostgresConfig {
            url: DatabaseUrl::from("postgresql://skein:hunter2@db/skein".to_owned()),
            ..PostgresConfig::default()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(config.url.expose().contains("hunter2"));
    }
}
