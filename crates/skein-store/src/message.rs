//! Messages: append, change, hide.

use async_trait::async_trait;
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    v1,
};

use crate::Result;

/// A message to append. The service has validated it; the store checks membership and blocks.
#[derive(Clone, Debug)]
pub struct AppendMessage {
    /// Where.
    pub conversation: ConversationId,
    /// Who; must be able to write there.
    pub sender: UserId,
    /// Idempotency key together with the sender; not empty.
    pub client_message_id: String,
    /// What.
    pub content: v1::Content,
    /// As the sender claims.
    pub client_time_ms: u64,
    /// How.
    pub options: v1::SendOptions,
    /// The host application's own id, or empty.
    pub external_id: String,
    /// Acceptance time.
    pub now_ms: u64,
}

/// A committed message on its way to its receivers.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// As stored, with ids, seq and version.
    pub message: v1::Message,
    /// Who gets it.
    pub recipients: Recipients,
}

/// Who gets a change of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// These: the actor, and the members whose entries do not refuse pushes.
    Users(Vec<UserId>),
    /// All members of a large group as of this roster version: the caller keeps rosters by version
    /// and asks [`crate::group::GroupStore::list_member_ids`] when it lacks one.
    Roster {
        /// The group.
        conversation: ConversationId,
        /// Version of the conversation at the last change of its roster.
        roster_version: u64,
    },
}

/// The outcome of an append.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The stored message: the new one, or the first one with this client id.
    pub message: v1::Message,
    /// Who gets it; of a duplicate, who may not have been told of the first one. Empty for a duplicate from another conversation.
    pub recipients: Recipients,
    /// This client id was accepted before.
    pub duplicate: bool,
    /// ... with another content or conversation.
    pub content_differs: bool,
}

/// What to do to a message.
#[derive(Clone, Debug)]
pub enum MessageChange {
    /// Empties it and marks it recalled. The sender, or an admin or owner of the group, may; the window binds the sender only.
    Recall {
        /// Milliseconds after acceptance in which the sender may.
        window_ms: u64,
    },
    /// Replaces the content, keeping the former one. Only the sender may.
    Edit {
        /// The new content.
        content: v1::Content,
        /// Milliseconds after acceptance.
        window_ms: u64,
    },
}

/// See the [crate] documentation for the guarantees.
#[async_trait]
pub trait MessageStore {
    /// Appends a message: assigns id, seq (contiguous) and version, moves the sender's floor (its own message is read), and the
    /// entries of all members up to the large-group threshold (above it nothing is written per member except for mentioned ones).
    ///
    /// A one-to-one conversation comes into being with its first message. Repeating (sender, client id) changes nothing and returns the
    /// first message, whatever the conversation, provided the sender was its sender.
    /// Errors: `NotAMember` (not in the group, or not one of the pair), `NotFound` (the peer does not exist), `Blocked`.
    async fn append_message(&self, message: AppendMessage) -> Result<Appended>;
    /// Recalls or edits; moves the version of the conversation and of the message, never its seq or sort key. A recall of a
    /// recalled message by the same person changes nothing and returns it. In a small conversation the entries of
    /// all members move too, so that a pull of the user timeline says which conversation has changed.
    /// Errors: `NotAMember`, `NotFound`, `NotSender`, `WindowPassed`, `MessageGone`.
    async fn change_message(
        &self,
        actor: UserId,
        conversation: ConversationId,
        message: MessageId,
        change: MessageChange,
        now_ms: u64,
    ) -> Result<Delivery>;
    /// The former contents of a message, oldest first; empty when it was recalled. Errors: `NotAMember`, `NotFound`.
    async fn list_edits(&self, user: UserId, conversation: ConversationId, message: MessageId)
    -> Result<Vec<v1::Edit>>;
    /// Hides messages from the caller and moves the caller's timeline. Unknown ids are skipped. Returns how many were newly
    /// hidden and the entry. Errors: `NotAMember`.
    async fn hide_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<(u32, v1::ConversationEntry)>;
    /// Those of the messages that the caller may read, by seq; others are left out. Errors: `NotAMember`.
    async fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<v1::Message>>;
}
