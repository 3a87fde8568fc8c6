//! Cursors: how far each member has read and received.

use async_trait::async_trait;
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use crate::{Result, message::Recipients};

/// The outcome of moving a cursor.
#[derive(Clone, Debug)]
pub struct CursorMoved {
    /// The caller's entry after it.
    pub entry: v1::ConversationEntry,
    /// The cursor after it.
    pub cursor: v1::Cursor,
    /// Whom to tell: the other members of a small conversation; `None` when nothing moved or the group is large.
    pub recipients: Option<Recipients>,
}

/// See the [crate] documentation for the guarantees.
#[async_trait]
pub trait ReceiptStore {
    /// Moves the read cursor (and the delivered one) forward to `seq`, at most to the last seq; unread follows in the same write.
    /// Going back changes nothing. Errors: `NotAMember`.
    async fn set_read(&self, user: UserId, conversation: ConversationId, seq: u64, now_ms: u64) -> Result<CursorMoved>;
    /// Moves the delivered cursor forward. Does not move the caller's timeline. Errors: `NotAMember`.
    async fn set_delivered(&self, user: UserId, conversation: ConversationId, seq: u64) -> Result<CursorMoved>;
    /// Cursors of all present members who could see `seq`, without its sender. Errors: `NotAMember`, `NotFound`.
    async fn list_cursors(&self, user: UserId, conversation: ConversationId, seq: u64) -> Result<Vec<v1::Cursor>>;
}
