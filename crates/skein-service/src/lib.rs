//! The rules of Skein: who may do what, and who is told. No engine, no socket and no HTTP type is named here.
//!
//! In reading order: [`service`] (what everything shares), [`dispatch`] (the table of operations: the one place where a
//! method name meets its function), [`caller`] and [`failure`] (who asks, what went wrong), [`gate`] (how the access layer gets in) with `remote`
//! (from another node), then a folder per subject with one file per operation: `account`, `conversation`, `group`, `message`, `receipt`, `sync`,
//! [`room`] (live rooms; [`effect`] is what they ask of a session), `signal`, [`presence`], [`admin`] (for business systems); [`hook`] asks a business system first; `fanout` tells the connections. `bucket` says how often
//! somebody may do something.
//!
//! To add an operation: declare it in `proto/`, write its file beside its siblings as an `impl Service` block, and add its line to
//! the table in [`dispatch`]; a test fails until the table and the schema agree.

pub mod admin;
pub mod caller;
pub mod config;
pub mod dispatch;
pub mod effect;
pub mod failure;
pub mod gate;
pub mod hook;
pub mod room;
pub mod service;

mod account;
mod bucket;
mod conversation;
mod fanout;
mod fit;
mod group;
mod measure;
mod message;
pub mod presence;
mod receipt;
mod remote;
mod signal;
mod sync;
mod token;
mod validate;

pub use admin::{AdminConfig, ServerKey};
pub use bucket::{Bucket, Buckets, Rate};
pub use caller::Caller;
pub use config::{LoginPolicy, RoomConfig, ServiceConfig};
pub use dispatch::{is_for_servers, is_method};
pub use effect::{Asking, Done, Effect, SessionView};
pub use failure::Failure;
pub use gate::Gate;
pub use presence::{OnlineReport, PRESENCE_USERS_MAX};
pub use remote::{RemoteService, answer_calls};
pub use service::{Service, now_ms};
pub use skein_store::presence::OnlineMove;

/// Result of every operation.
pub type Result<T> = std::result::Result<T, Failure>;
