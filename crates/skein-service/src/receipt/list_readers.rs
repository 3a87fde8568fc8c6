//! Who has read a message, and who has not.

use skein_proto::v1;

use crate::{Caller, Result, Service, validate};

impl Service {
    /// Of the present members who could see it, without its sender. Errors: `NOT_A_MEMBER`, `NOT_FOUND`.
    pub(crate) async fn list_readers(
        &self,
        caller: &Caller,
        request: v1::ListReadersRequest,
    ) -> Result<v1::ListReadersResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        let cursors = self.store.list_cursors(caller.user, conversation, request.seq).await?;
        let mut response = v1::ListReadersResponse::default();
        for cursor in cursors {
            if cursor.read_seq >= request.seq {
                response.read.push(v1::Reader {
                    user_id: cursor.user_id,
                    time_ms: cursor.read_time_ms,
                    ..Default::default()
                });
            } else {
                response.unread_ids.push(cursor.user_id);
            }
            if cursor.delivered_seq >= request.seq {
                response.delivered_ids.push(cursor.user_id);
            }
        }
        Ok(response)
    }
}
