//! Removes messages from the caller's own view.

use skein_proto::{
    id::MessageId,
    limits,
    v1::{self, ErrorCode},
};

use crate::{Caller, Failure, Result, Service, validate};

impl Service {
    /// On all of the caller's devices, for ever; others keep theirs. Unknown ids are skipped. Errors: `NOT_A_MEMBER`, `TOO_LARGE`.
    pub(crate) async fn delete_messages(
        &self,
        caller: &Caller,
        request: v1::DeleteMessagesRequest,
    ) -> Result<v1::DeleteMessagesResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        if request.message_ids.len() > limits::ITEMS_PER_CALL_MAX {
            return Err(Failure::new(
                ErrorCode::TooLarge,
                format!("at most {} messages per call", limits::ITEMS_PER_CALL_MAX),
            ));
        }
        let ids: Vec<MessageId> = request.message_ids.into_iter().map(MessageId).collect();
        let (deleted, entry) = self.store.hide_messages(caller.user, conversation, &ids).await?;
        if deleted > 0 {
            let entry = v1::ConversationEntry { deleted_message_ids: ids.iter().map(|id| id.0).collect(), ..entry };
            self.announce_entry(caller, entry).await;
        }
        Ok(v1::DeleteMessagesResponse { deleted, ..Default::default() })
    }
}
