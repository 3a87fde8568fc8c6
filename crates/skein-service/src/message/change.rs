//! Recalls and edits a message.

use skein_proto::{id::MessageId, v1};
use skein_store::message::{Delivery, MessageChange};

use crate::{Caller, Failure, Result, Service, validate};

impl Service {
    /// Takes a message back: its content is gone for everybody, a line says who did it. The sender within the window; admins and owners of a
    /// group at any time. A repeat changes nothing. Errors: `NOT_A_MEMBER`, `NOT_FOUND`, `NOT_SENDER`, `WINDOW_PASSED`, `MESSAGE_GONE`.
    pub(crate) async fn recall_message(
        &self,
        caller: &Caller,
        request: v1::RecallMessageRequest,
    ) -> Result<v1::RecallMessageResponse> {
        let change = MessageChange::Recall { window_ms: self.config.recall_window_s.saturating_mul(1_000) };
        let message = self.change_message(caller, &request.conversation_id, request.message_id, change).await?;
        Ok(v1::RecallMessageResponse { message: message.into(), ..Default::default() })
    }

    /// Replaces the content of an own message; the former one stays in its history. Errors: as recall, and those of the content.
    pub(crate) async fn edit_message(
        &self,
        caller: &Caller,
        request: v1::EditMessageRequest,
    ) -> Result<v1::EditMessageResponse> {
        let content = request.content.into_option().ok_or_else(|| Failure::invalid("content is missing"))?;
        validate::content(&content)?;
        let draft = || v1::BeforeMessage {
            sender_id: caller.user.0,
            conversation_id: request.conversation_id.clone(),
            message_id: request.message_id,
            ..Default::default()
        };
        let content = self.judged(draft, content).await?;
        let change = MessageChange::Edit { content, window_ms: self.config.edit_window_s.saturating_mul(1_000) };
        let message = self.change_message(caller, &request.conversation_id, request.message_id, change).await?;
        Ok(v1::EditMessageResponse { message: message.into(), ..Default::default() })
    }

    async fn change_message(
        &self,
        caller: &Caller,
        conversation_id: &str,
        message_id: u64,
        change: MessageChange,
    ) -> Result<v1::Message> {
        let conversation = validate::conversation_id(conversation_id)?;
        let Delivery { message, recipients } =
            self.store.change_message(caller.user, conversation, MessageId(message_id), change, self.now_ms()).await?;
        self.announce_message(caller, Delivery { message: message.clone(), recipients }).await;
        Ok(message)
    }
}
