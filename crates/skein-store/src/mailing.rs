//! Mailings of business systems: one job on disk, carried out receiver by receiver.
//!
//! A mailing is claimed for one batch under a lease, the batch is sent (sends are idempotent), and its outcomes are stored with the cursor in one
//! transaction. Whoever dies in between loses nothing: the batch is sent again, which changes nothing, and is then stored.

use async_trait::async_trait;
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use crate::Result;

/// A mailing under lease.
#[derive(Clone, Debug)]
pub struct ClaimedMailing {
    /// What to send, and to whom; the report is empty.
    pub mailing: v1::Mailing,
    /// Receivers up to this id are served.
    pub cursor: UserId,
}

/// What became of one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailingOutcome {
    /// The receiver.
    pub user: UserId,
    /// Where the message is; when it is not anywhere, why: a code of the wire.
    pub sent: std::result::Result<(ConversationId, u64), v1::ErrorCode>,
}

/// The end of a batch.
#[derive(Clone, Debug)]
pub struct AdvanceMailing {
    /// The mailing.
    pub mailing_id: u64,
    /// Who claimed it.
    pub holder: String,
    /// One for each receiver of the batch.
    pub outcomes: Vec<MailingOutcome>,
    /// Receivers up to this id are served.
    pub cursor: UserId,
    /// Nobody is left.
    pub finished: bool,
    /// When the next batch is due, Unix milliseconds.
    pub due_ms: u64,
    /// The clock, Unix milliseconds.
    pub now_ms: u64,
}

/// See the [crate] documentation for the guarantees.
#[async_trait]
pub trait MailingStore {
    /// Stores a mailing, running. The pair (`key`, `client_mailing_id`) is an idempotency key: repeating it changes nothing and gives the first one, and true.
    /// `mailing_id`, `state` and `report` of the argument are not looked at.
    async fn create_mailing(&self, mailing: v1::Mailing) -> Result<(v1::Mailing, bool)>;
    /// The mailing with its report as of now.
    async fn lookup_mailing(&self, mailing_id: u64) -> Result<Option<v1::Mailing>>;
    /// Mailings with an id below this (0: all), latest first, with their reports but for the counts of delivered and read.
    async fn list_mailings(&self, before_id: u64, limit: u32) -> Result<Vec<v1::Mailing>>;
    /// Receivers served so far beyond this id, by id.
    async fn list_receivers(
        &self,
        mailing_id: u64,
        after: UserId,
        limit: u32,
        failed_only: bool,
    ) -> Result<Vec<v1::Receiver>>;
    /// Receivers of the mailing beyond this id, by id: none of them the sender, all of them active accounts.
    /// Those of a group and of everyone are as they are now. A mailing into a conversation as a user has none.
    async fn list_mailing_targets(&self, mailing_id: u64, after: UserId, limit: u32) -> Result<Vec<UserId>>;
    /// Leases the running mailing whose next batch has been due for the longest; `Err` holds when the next one will be, Unix milliseconds.
    async fn claim_mailing(
        &self,
        holder: &str,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<std::result::Result<ClaimedMailing, Option<u64>>>;
    /// Stores the outcomes of a batch and ends the lease. False when it was not the holder's any more, or the mailing was cancelled; then nothing changed.
    /// Records `mailing.finished` with the end.
    async fn advance_mailing(&self, batch: AdvanceMailing) -> Result<bool>;
    /// Stops a running mailing; of another one nothing changes. Errors: `NotFound`.
    async fn cancel_mailing(&self, mailing_id: u64, now_ms: u64) -> Result<()>;
    /// Returns when a mailing may have been created, at the latest after a second.
    async fn wait_for_mailings(&self);
}
