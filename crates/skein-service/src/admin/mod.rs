//! What business systems may ask with a server key: mailings, webhooks, and the stream of events.

mod config;
mod events;
mod key;
mod mailing;
mod mailing_worker;
mod webhook;

pub(crate) use self::key::ServerKeys;
pub use self::{
    config::{AdminConfig, KeyConfig},
    events::{EventLine, EventLines},
    key::ServerKey,
};
