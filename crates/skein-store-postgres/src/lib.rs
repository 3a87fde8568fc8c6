//! The scale-out engine: PostgreSQL, which any number of nodes read and write at once.
//!
//! In reading order: [`config`], `pool` (connections), `open` (migrations), `failure` (what PostgreSQL says, in our words); `writer` (queues and the
//! group commit), `operation` (what a write is), `needs` and `load` (which rows a batch locks, and in what order), `transaction` (those rows while
//! the batch changes them), `flush` (how they are written back) with `append` (what is only ever added), `ids`; `import` (filling an empty database from another engine); `rows` (rows as structs), `render` (rows as schema messages); then one file
//! per subject, each implementing the trait of the same name in `skein_store`; `change`, `roster`, `device` and `refresh` hold the larger
//! operations, and `outbox::positions` says how events of many writers get into one order.
//!
//! Two rules carry everything. **Locks**: a batch inserts missing conversations, then locks conversations, then users, then consumers of events, each in the order of ids;
//! so batches wait for each other but never in a circle. **Versions**: a user's version is given out under that user's row lock, which is held until the
//! commit; so of one user's versions the lower ones are always committed first, and a snapshot that shows a version shows all below it.

pub mod config;

mod account;
mod address;
mod append;
mod change;
mod conversation;
mod device;
mod failure;
mod flush;
mod group;
mod ids;
mod import;
mod load;
mod mailing;
mod message;
mod needs;
mod online;
mod open;
mod operation;
mod outbox;
mod pool;
mod presence;
mod receipt;
mod refresh;
mod render;
mod roster;
mod rows;
mod sync;
mod transaction;
mod writer;

pub use config::{DatabaseUrl, PostgresConfig};
pub use import::PostgresImport;
pub use open::{OpenError, PostgresStore};
