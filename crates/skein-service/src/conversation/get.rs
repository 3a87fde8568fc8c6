//! Reads one entry of the caller's list.

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use crate::{Caller, Result, Service, validate};

impl Service {
    /// By conversation id, or by the other person's user id. Errors: `NOT_A_MEMBER` (also when they never wrote to each other).
    pub(crate) async fn get_conversation(
        &self,
        caller: &Caller,
        request: v1::GetConversationRequest,
    ) -> Result<v1::GetConversationResponse> {
        let conversation = if request.conversation_id.is_empty() && request.user_id != 0 {
            ConversationId::direct(caller.user, UserId(request.user_id))
        } else {
            validate::conversation_id(&request.conversation_id)?
        };
        let entry = self.store.lookup_entry(caller.user, conversation).await?;
        Ok(v1::GetConversationResponse { entry: entry.into(), ..Default::default() })
    }
}
