//! Says something in a room.

use skein_proto::{
    limits::{ROOM_CLIENT_ID_BYTES_MAX, ROOM_MESSAGE_BYTES_MAX, ROOM_WORD_BYTES_MAX},
    v1,
    v1::ErrorCode,
};

use tokio::sync::oneshot;

use super::{
    join::{must_be_there, room_id},
    owned::Refused,
};

use crate::{Asking, Caller, Effect, Failure, Result, Service, validate};

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooFast(wait_ms) => {
                Self::rate_limited("this is more than one person may do in a room; wait", wait_ms)
            }
            Refused::RoomTooFast(wait_ms) => Self::rate_limited("too many people talk in this room; wait", wait_ms),
            Refused::TooManyCounters => Self::new(ErrorCode::LimitReached, "the room has as many counters as it may"),
        }
    }
}

/// The message of a request, without what the room adds.
pub(super) fn message(request: v1::SendToRoomRequest) -> Result<(String, v1::RoomMessage)> {
    let v1::SendToRoomRequest { client_message_id, kind, text, data, priority, .. } = request;
    validate::bounded("kind", &kind, ROOM_WORD_BYTES_MAX)?;
    validate::bounded("client_message_id", &client_message_id, ROOM_CLIENT_ID_BYTES_MAX)?;
    if text.len() + data.len() > ROOM_MESSAGE_BYTES_MAX {
        let text = format!("text and data have more than {ROOM_MESSAGE_BYTES_MAX} bytes");
        return Err(Failure::new(ErrorCode::TooLarge, text));
    }
    if text.is_empty() && data.is_empty() && kind.is_empty() {
        return Err(Failure::invalid("there is nothing to say: text, data and kind are empty"));
    }
    if priority.as_known().is_none() {
        return Err(Failure::invalid("priority is 1 (low), 2 (normal) or 3 (high)"));
    }
    Ok((client_message_id, v1::RoomMessage { kind, text, data, priority, ..Default::default() }))
}

/// Waits until a message is on its way; whether it was left out.
pub(super) async fn on_its_way(waiting: Option<oneshot::Receiver<bool>>) -> Result<bool> {
    match waiting {
        None => Ok(false),
        Some(told) => told.await.map_err(|_| Failure::new(ErrorCode::NotInRoom, "the room was closed")),
    }
}

impl Service {
    /// Acked when it is on its way to all nodes with members, in the order of its offset. With the same `client_message_id` it is said once, as long as
    /// the room remembers it. With `sampled` there was too much at once, and nobody gets it.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `NOT_IN_ROOM`, `SESSION_NEEDED`, `RATE_LIMITED`.
    pub(crate) async fn send_to_room(
        &self,
        caller: &Caller,
        asking: Asking,
        request: v1::SendToRoomRequest,
    ) -> Result<(v1::SendToRoomResponse, Effect)> {
        let id = room_id(&request.room_id)?.to_owned();
        must_be_there(asking)?;
        let (client_id, message) = message(request)?;
        let now_ms = self.now_ms();
        let config = &self.rooms.config;
        let said = self.rooms.say(&id, |room| room.handle_send(now_ms, config, Some(caller.user), client_id, message));
        let (epoch, offset, waiting) = said.map_err(Failure::from)?;
        let sampled = on_its_way(waiting).await?;
        Ok((v1::SendToRoomResponse { epoch, offset, sampled, ..Default::default() }, Effect::None))
    }
}
