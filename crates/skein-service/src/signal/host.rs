//! Signals of business systems, by server key.

use std::sync::Arc;

use skein_proto::v1::{self, send_signal_request::To};

use super::send::{Receivers, check};
use crate::{Failure, Result, ServerKey, Service, validate};

impl Service {
    /// As a user's, but to anybody: no conversation is needed, no block and no budget holds, and groups may be large.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`; with a reply `UNAVAILABLE` (nobody is there) and `TIMEOUT`.
    pub(crate) async fn send_signal_as_host(
        &self,
        _: &ServerKey,
        request: v1::SendSignalRequest,
    ) -> Result<v1::SendSignalResponse> {
        check(&request)?;
        let (users, only_device, conversation_id) = match &request.to {
            None => return Err(Failure::invalid("name a user_id, a device or a conversation_id to send to")),
            Some(To::RoomId(_)) => return Err(Failure::invalid("to a room: AdminService/SendToRoom")),
            Some(To::UserId(user)) => (vec![validate::user_id(*user)?], None, String::new()),
            Some(To::Device(device)) => {
                (vec![validate::user_id(device.user_id)?], Some(Arc::from(device.device_id.as_str())), String::new())
            }
            Some(To::ConversationId(text)) => {
                let conversation = validate::conversation_id(text)?;
                let users = match conversation.users() {
                    Some((one, other)) if one == other => vec![one],
                    Some((one, other)) => vec![one, other],
                    None => self.store.list_member_ids(conversation).await?,
                };
                (users, None, conversation.to_string())
            }
        };
        self.hand_over(None, Receivers { users: users.into(), only_device, conversation_id }, request).await
    }
}
