//! The two pulls, and history.

use async_trait::async_trait;
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use crate::Result;

/// A direction in a conversation's history.
#[derive(Clone, Copy, Debug)]
pub enum HistoryFrom {
    /// Below this seq, newest first (`u64::MAX`: from the end).
    Before(u64),
    /// Above this seq, oldest first.
    After(u64),
}

/// See the [crate] documentation for the guarantees. Reads see every change that was answered before them.
/// Nothing below the caller's first readable seq (joining, cleared point) and nothing hidden is ever returned; recalled
/// messages come without content.
#[async_trait]
pub trait SyncStore {
    /// One page of everything in the user's world with `since_version < version < before_version` (0: no upper bound), latest change first:
    /// entries (complete, as `lookup_entry`, with the messages hidden since), their newest `messages_per_entry` messages in `messages` (by
    /// conversation, ascending seq), blocks, settings and profile on the first page, heads of large groups and `total_unread` on the last.
    /// `version` is the timeline's head as of this read.
    async fn pull_user(
        &self,
        user: UserId,
        since_version: u64,
        before_version: u64,
        limit: u32,
        messages_per_entry: u32,
    ) -> Result<v1::PullUserResponse>;
    /// Messages whose version is above `since_version`, by version; `version` is where to continue. Cursors of the members, the caller's among
    /// them, and the group's data are included on every page of a small conversation. Errors: `NotAMember`.
    async fn pull_conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
        since_version: u64,
        limit: u32,
    ) -> Result<v1::PullConversationResponse>;
    /// Messages by seq. Errors: `NotAMember`.
    async fn list_history(
        &self,
        user: UserId,
        conversation: ConversationId,
        from: HistoryFrom,
        limit: u32,
    ) -> Result<v1::ListHistoryResponse>;
}
