//! The rules of Skein: who may do what, and who is told. No engine, no socket and no HTTP type is named here.
//!
//! In reading order: [`service`] (what everything shares), [`dispatch`] (the table of operations: the one place where a
//! method name meets its function), [`caller`] and [`failure`] (who asks, what went wrong), then a folder per subject with
//! one file per operation: `account`, `conversation`, `group`, `message`, `receipt`, `sync`, [`admin`] (for business systems); [`hook`] asks a business system first; `fanout` tells the connections.
//!
//! To add an operation: declare it in `proto/`, write its file beside its siblings as an `impl Service` block, and add its line to
//! the table in [`dispatch`]; a test fails until the table and the schema agree.

pub mod admin;
pub mod caller;
pub mod config;
pub mod dispatch;
pub mod failure;
pub mod hook;
pub mod service;

mod account;
mod conversation;
mod fanout;
mod group;
mod message;
mod receipt;
mod sync;
mod token;
mod validate;

pub use admin::{AdminConfig, ServerKey};
pub use caller::Caller;
pub use config::{LoginPolicy, ServiceConfig};
pub use failure::Failure;
pub use service::Service;

/// Result of every operation.
pub type Result<T> = std::result::Result<T, Failure>;
