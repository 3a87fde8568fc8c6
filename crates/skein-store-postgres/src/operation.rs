//! What a write is: which rows it needs, and what it does to them.

use async_trait::async_trait;
use skein_proto::{id::UserId, v1};

use crate::{failure::Outcome, needs::Needs, transaction::Transaction};

/// A write. It may run more than once, in another transaction each time, so it keeps nothing of an earlier run.
#[async_trait]
pub(crate) trait Operation: Send + Sync + 'static {
    /// What the caller is told after the commit.
    type Answer: Send + 'static;
    /// Writes of the same place go through the same writer, in their order.
    fn place(&self) -> u64;
    /// Names every conversation and every user that [`Self::run`] touches: what is not named is neither locked nor loaded.
    fn needs(&self, needs: &mut Needs);
    /// Checks everything before it changes anything: a refusal leaves the transaction as it was.
    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Self::Answer>;
    /// Where the entry goes that [`Self::run`] asked for with [`Transaction::render_later`].
    fn entry_of(_answer: &mut Self::Answer) -> Option<&mut v1::ConversationEntry> {
        None
    }
}

/// The place of a write that concerns one user and no conversation.
pub(crate) fn user_place(user: UserId) -> u64 {
    user.0
}
