//! The storage contract: what the service layer may ask of a database, in its own words. No engine lives here.
//!
//! Semantic operations, not a key-value layer: each one is a transaction that checks, changes and answers, so
//! that an engine can do it in its own best way and two engines can be held to the same behaviour.
//!
//! In reading order: [`error`], then one file per subject: [`account`], [`conversation`], [`group`],
//! [`message`], [`receipt`], [`sync`], [`presence`] (with [`online`], its arithmetic), and for business systems [`outbox`] and [`mailing`]; [`copy`] is how one engine's data gets into another.
//!
//! Guarantees of every operation that writes: when it returns `Ok`, the change is on disk (fsync) and visible to
//! every later read; when it returns `Err`, nothing was changed, except that after
//! `Closed` and `Unavailable` nobody knows. Changes of one conversation are made in the order in which their futures are first polled, however
//! many a task polls in one go: an engine hands a change over without waiting, or refuses it. Rows are the generated messages of `skein_proto::v1`.
//!
//! To add an operation: add it to the trait of its subject with a doc comment that states checks, changes and errors;
//! add a case to the conformance suite; implement it in the file of the same name of each engine.

pub mod account;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod conversation;
pub mod copy;
pub mod error;
pub mod group;
pub mod mailing;
pub mod message;
pub mod online;
pub mod outbox;
pub mod presence;
pub mod receipt;
pub mod sync;

pub use error::{Refusal, StoreError};

/// Result of every storage operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Everything that the service layer needs of an engine.
pub trait Store:
    account::AccountStore
    + conversation::ConversationStore
    + group::GroupStore
    + message::MessageStore
    + outbox::OutboxStore
    + mailing::MailingStore
    + presence::PresenceStore
    + receipt::ReceiptStore
    + sync::SyncStore
    + Send
    + Sync
    + 'static
{
}
impl<T> Store for T where
    T: account::AccountStore
        + conversation::ConversationStore
        + group::GroupStore
        + message::MessageStore
        + outbox::OutboxStore
        + mailing::MailingStore
        + presence::PresenceStore
        + receipt::ReceiptStore
        + sync::SyncStore
        + Send
        + Sync
        + 'static
{
}
