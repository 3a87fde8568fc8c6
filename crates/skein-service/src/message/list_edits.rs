//! The former contents of a message.

use skein_proto::{id::MessageId, v1};

use crate::{Caller, Result, Service, validate};

impl Service {
    /// Oldest first; empty once it was recalled. Errors: `NOT_A_MEMBER`, `NOT_FOUND`.
    pub(crate) async fn list_edits(
        &self,
        caller: &Caller,
        request: v1::ListEditsRequest,
    ) -> Result<v1::ListEditsResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        let edits = self.store.list_edits(caller.user, conversation, MessageId(request.message_id)).await?;
        Ok(v1::ListEditsResponse { edits, ..Default::default() })
    }
}
