//! Webhooks: outbox events on their way to the endpoints of business systems, as Standard Webhooks describes
//! (<https://www.standardwebhooks.com>). At least once, in order for each conversation and user, with the same id at every repeat.
//!
//! In reading order: [`config`] (what an operator may decide), `schedule` (when a failure is tried again), [`sign`] (secrets and signatures),
//! `request` (one attempt over HTTP), `worker` (the loop of one endpoint: claim, deliver, settle), [`webhooks`] (starting and stopping all of them), `measure` (metrics); and
//! [`before`], which asks before a message is stored.
//!
//! It knows no engine, and no rule of the product but that it is asked: events come from the outbox of `skein_store`, which also keeps what is undelivered.

pub mod before;
pub mod config;
pub mod sign;
pub mod webhooks;

mod measure;
mod request;
mod schedule;
mod worker;

pub use before::Before;
pub use config::{EndpointConfig, WebhooksConfig};
pub use webhooks::{StartError, Webhooks};
