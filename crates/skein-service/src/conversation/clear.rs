//! Forgets the history up to now for the caller, with or without hiding the entry.

use skein_proto::v1;

use crate::{Caller, Result, Service, validate};

impl Service {
    /// Nothing up to now is ever shown to the caller again. Errors: `NOT_A_MEMBER`.
    pub(crate) async fn clear_conversation(
        &self,
        caller: &Caller,
        request: v1::ClearConversationRequest,
    ) -> Result<v1::ClearConversationResponse> {
        let entry = self.clear(caller, &request.conversation_id, false).await?;
        Ok(v1::ClearConversationResponse { entry: entry.into(), ..Default::default() })
    }

    /// Clears and hides; the entry comes back with the next message. Errors: `NOT_A_MEMBER`.
    pub(crate) async fn delete_conversation(
        &self,
        caller: &Caller,
        request: v1::DeleteConversationRequest,
    ) -> Result<v1::DeleteConversationResponse> {
        let entry = self.clear(caller, &request.conversation_id, true).await?;
        Ok(v1::DeleteConversationResponse { entry: entry.into(), ..Default::default() })
    }

    async fn clear(&self, caller: &Caller, conversation_id: &str, hide: bool) -> Result<v1::ConversationEntry> {
        let conversation = validate::conversation_id(conversation_id)?;
        let entry = self.store.clear_entry(caller.user, conversation, hide).await?;
        self.announce_entry(caller, entry.clone()).await;
        Ok(entry)
    }
}
