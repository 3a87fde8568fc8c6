//! Changes the caller's own view of a conversation: pin, mute, draft, remark, hidden, archived.

use skein_proto::{limits, v1};
use skein_store::conversation::EntryChange;

use crate::{Caller, Failure, Result, Service, validate};

impl Service {
    /// Fields that are absent stay. Seen by the caller's devices only. Errors: `NOT_A_MEMBER`, `TOO_LARGE`, `INVALID_ARGUMENT`.
    pub(crate) async fn update_conversation(
        &self,
        caller: &Caller,
        request: v1::UpdateConversationRequest,
    ) -> Result<v1::UpdateConversationResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        validate::bounded("draft", request.draft.as_deref().unwrap_or_default(), limits::DRAFT_BYTES_MAX)?;
        validate::bounded("remark", request.remark.as_deref().unwrap_or_default(), limits::DRAFT_BYTES_MAX)?;
        let mute = request
            .mute
            .map(|mute| mute.as_known().ok_or_else(|| Failure::invalid("unknown mute level")))
            .transpose()?;
        let change = EntryChange {
            pinned: request.pinned,
            mute,
            draft: request.draft,
            remark: request.remark,
            hidden: request.hidden,
            archived: request.archived,
        };
        let entry = self.store.set_entry(caller.user, conversation, change).await?;
        self.announce_entry(caller, entry.clone()).await;
        Ok(v1::UpdateConversationResponse { entry: entry.into(), ..Default::default() })
    }
}
