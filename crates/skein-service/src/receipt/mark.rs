//! Moves the caller's read and delivered cursors.

use std::sync::Arc;

use skein_proto::{event::EncodedEvent, id::UserId, v1};
use skein_store::{message::Recipients, receipt::CursorMoved};

use crate::{Caller, Result, Service, validate};

impl Service {
    /// Forward only; a cursor never goes back. The caller's other devices get the entry, the other members (of small conversations) the cursor.
    /// Errors: `NOT_A_MEMBER`.
    pub(crate) async fn mark_read(
        &self,
        caller: &Caller,
        request: v1::MarkReadRequest,
    ) -> Result<v1::MarkReadResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        let moved = self.store.set_read(caller.user, conversation, request.seq, self.now_ms()).await?;
        let entry = moved.entry.clone();
        if moved.recipients.is_some() || moved.cursor.read_seq == request.seq {
            self.announce_entry(caller, entry.clone()).await;
        }
        self.announce_cursor(caller, request.conversation_id, moved).await;
        Ok(v1::MarkReadResponse { entry: entry.into(), ..Default::default() })
    }

    /// Forward only. Errors: `NOT_A_MEMBER`.
    pub(crate) async fn mark_delivered(
        &self,
        caller: &Caller,
        request: v1::MarkDeliveredRequest,
    ) -> Result<v1::MarkDeliveredResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        let moved = self.store.set_delivered(caller.user, conversation, request.seq).await?;
        self.announce_cursor(caller, request.conversation_id, moved).await;
        Ok(v1::MarkDeliveredResponse::default())
    }

    async fn announce_cursor(&self, caller: &Caller, conversation_id: String, moved: CursorMoved) {
        let Some(Recipients::Users(users)) = moved.recipients else { return };
        let others: Arc<[UserId]> = users.into_iter().filter(|user| *user != caller.user).collect();
        let event = v1::CursorEvent {
            conversation_id,
            user_id: caller.user.0,
            read_seq: moved.cursor.read_seq,
            delivered_seq: moved.cursor.delivered_seq,
            read_time_ms: moved.cursor.read_time_ms,
            ..Default::default()
        };
        self.deliver(others, EncodedEvent::new(event), None).await;
    }
}
