//! Sends one message.

use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, send_message_request::To},
};
use skein_store::message::{AppendMessage, Appended, Delivery};

use crate::{Caller, Failure, Result, Service, validate};

/// Longest text id of a host application, in bytes.
pub(crate) const EXTERNAL_ID_BYTES_MAX: usize = 128;

impl Service {
    /// Acked after the message is on disk; the order of acceptance in a conversation is its `seq`. Repeating a `client_message_id` changes
    /// nothing and gives the first answer with `duplicate` set. Members, and the sender's other devices, are told after the commit.
    ///
    /// With a before-hook, a business system is asked first.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `FORBIDDEN` (the hook), `NOT_A_MEMBER`, `NOT_FOUND` (no such person), `BLOCKED`, `STORE_FULL`, `RATE_LIMITED` (the conversation),
    /// `OVERLOADED`.
    pub(crate) async fn send_message(
        &self,
        caller: &Caller,
        request: v1::SendMessageRequest,
    ) -> Result<v1::SendMessageResponse> {
        let conversation = match &request.to {
            Some(To::ConversationId(text)) => validate::conversation_id(text)?,
            Some(To::UserId(0)) => return Err(Failure::invalid("user_id is 0")),
            Some(To::UserId(user)) => ConversationId::direct(caller.user, UserId(*user)),
            None => return Err(Failure::invalid("name a conversation_id or a user_id to send to")),
        };
        let content = request.content.into_option().ok_or_else(|| Failure::invalid("content is missing"))?;
        validate::content(&content)?;
        validate::bounded("external_id", &request.external_id, EXTERNAL_ID_BYTES_MAX)?;
        let client_message_id = validate::uuid("client_message_id", &request.client_message_id)?;
        let taken = self.pace.message_to(conversation, self.now_ms())?;
        let draft = || v1::BeforeMessage {
            sender_id: caller.user.0,
            conversation_id: conversation.to_string(),
            client_message_id: client_message_id.clone(),
            external_id: request.external_id.clone(),
            ..Default::default()
        };
        let content = self.judged(draft, content).await?;
        let message = AppendMessage {
            conversation,
            sender: caller.user,
            client_message_id,
            content,
            client_time_ms: request.client_time_ms,
            options: request.options.into_option().unwrap_or_default(),
            external_id: request.external_id,
            now_ms: self.now_ms(),
        };
        let sent = self.append(caller, message).await?;
        taken.used();
        Ok(sent)
    }

    /// Appends a validated message, announces it, and answers as a send does.
    pub(crate) async fn append(&self, caller: &Caller, message: AppendMessage) -> Result<v1::SendMessageResponse> {
        let Appended { message, recipients, duplicate, content_differs } = self.store.append_message(message).await?;
        let response = v1::SendMessageResponse {
            message_id: message.message_id,
            conversation_id: message.conversation_id.clone(),
            seq: message.seq,
            version: message.version,
            server_time_ms: message.server_time_ms,
            duplicate,
            content_differs,
            ..Default::default()
        };
        if duplicate {
            // It is repeated because there was no answer, so perhaps nobody was told either: the node that accepted it died, or lost its database
            // before it knew. Not the message itself: who has joined since may not see it.
            self.tell_to_pull(recipients).await;
        } else {
            self.announce_message(caller, Delivery { message, recipients }).await;
        }
        Ok(response)
    }
}
