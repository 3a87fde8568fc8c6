//! The private side of a conversation: each user's own entry.

use async_trait::async_trait;
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use crate::Result;

/// The fields of an entry to change; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EntryChange {
    /// Above all others in the list.
    pub pinned: Option<bool>,
    /// How loud.
    pub mute: Option<v1::MuteLevel>,
    /// Unsent text.
    pub draft: Option<String>,
    /// The user's own name for the conversation.
    pub remark: Option<String>,
    /// Not listed until the next message.
    pub hidden: Option<bool>,
    /// In the archive.
    pub archived: Option<bool>,
}

/// Whom something reaches that is said in a conversation and not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Everybody in it, the one who speaks too, in no order; nobody when it is large.
    pub users: Vec<UserId>,
    /// More members than the threshold of large groups.
    pub is_large: bool,
}

/// See the [crate] documentation for the guarantees. Every operation that writes moves the caller's timeline, nobody else's.
#[async_trait]
pub trait ConversationStore {
    /// The caller's entry, complete (title, last visible message, unread, cursors). Errors: `NotAMember`.
    async fn lookup_entry(&self, user: UserId, conversation: ConversationId) -> Result<v1::ConversationEntry>;
    /// Who hears what the user says there. In a one-to-one conversation it is as with a message: it need not have begun.
    /// Errors: `NotAMember`, `NotFound` (no such person), `Blocked`.
    async fn list_audience(&self, user: UserId, conversation: ConversationId) -> Result<Audience>;
    /// Changes the entry; pinning changes its sort key. Errors: `NotAMember`.
    async fn set_entry(
        &self,
        user: UserId,
        conversation: ConversationId,
        change: EntryChange,
    ) -> Result<v1::ConversationEntry>;
    /// Sets the cleared point to the last seq: nothing up to it is ever shown to the caller again, unread becomes 0.
    /// With `hide`, the entry is hidden too (and loses pin and draft) until the next message. Errors: `NotAMember`.
    async fn clear_entry(
        &self,
        user: UserId,
        conversation: ConversationId,
        hide: bool,
    ) -> Result<v1::ConversationEntry>;
}
