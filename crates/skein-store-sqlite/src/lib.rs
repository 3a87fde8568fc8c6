//! The embedded engine: one SQLite database, one writer thread that commits in groups, read-only connections for readers.
//!
//! In reading order: [`config`] and `open` (files, lock, migrations), `writer` (the queue and the group commit), `reader` (the pool), `transaction`
//! (what a write job works on: rows held until the commit), `rows` (rows as structs), `render` (rows as schema messages), `export`
//! (everything, for another engine); then one file per
//! subject, each implementing the trait of the same name in `skein_store`.

pub mod config;

mod account;
mod conversation;
mod export;
mod group;
mod mailing;
mod measure;
mod message;
mod open;
mod outbox;
mod presence;
mod reader;
mod receipt;
mod render;
mod rows;
mod sync;
mod transaction;
mod writer;

pub use config::SqliteConfig;
pub use export::SqliteExport;
pub use open::{OpenError, SqliteStore};
