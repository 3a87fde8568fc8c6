//! Enters a room.

use skein_proto::{limits::ROOM_ID_BYTES_MAX, v1, v1::ErrorCode};

use super::owned::Before;
use crate::{Asking, Caller, Effect, Failure, Result, Service, effect::RoomPlace};

/// Why nobody is in a room without a session.
const WHY_SESSION: &str = "rooms are for sessions";

/// A room's id from a request.
pub(super) fn room_id(text: &str) -> Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if text.is_empty() || text.len() > ROOM_ID_BYTES_MAX || !text.bytes().all(plain) {
        return Err(Failure::invalid(format!(
            "room_id must be 1 to {ROOM_ID_BYTES_MAX} of the characters A-Z a-z 0-9 . _ : -"
        )));
    }
    Ok(text)
}

/// What is said and counted comes from those who are there.
pub(super) fn must_be_there(asking: Asking) -> Result<()> {
    asking.must_have_session(WHY_SESSION)?;
    if asking.in_room {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::NotInRoom, "join the room first, with this session"))
}

impl Service {
    /// Puts the session that asks into the room, which is made if nobody is there. The answer's offset is where its pushes begin; what is replayed lies before it.
    /// Being there already changes nothing.
    ///
    /// Errors: `INVALID_ARGUMENT`, `SESSION_NEEDED`, `LIMIT_REACHED` (rooms of the session, or of the server).
    pub(crate) async fn join_room(
        &self,
        _: &Caller,
        asking: Asking,
        request: v1::JoinRoomRequest,
    ) -> Result<(v1::JoinRoomResponse, Effect)> {
        let id = room_id(&request.room_id)?;
        asking.must_have_session(WHY_SESSION)?;
        let before = Before { epoch: request.epoch, offset: request.offset };
        let now_ms = self.now_ms();
        let response = self.rooms.with(id, |room| {
            let (recent, lost) = room.handle_join(now_ms, before, request.replay_max);
            v1::JoinRoomResponse {
                room_id: id.to_owned(),
                epoch: room.epoch(),
                offset: room.published(),
                // Whoever asks is there, before its node has said so.
                online_count: room.online().max(1),
                counters: room.counters(),
                recent,
                lost,
                ..Default::default()
            }
        })?;
        let place = RoomPlace { room: id.into(), epoch: response.epoch, offset: response.offset };
        Ok((response, Effect::JoinRoom(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_the_schema_says() {
        for good in ["a", "Live.room_7:zh-CN", &"x".repeat(ROOM_ID_BYTES_MAX)] {
            assert_eq!(room_id(good), Ok(good));
        }
        for wrong in ["", "a b", "房间", "a/b", "*", ">", &"x".repeat(ROOM_ID_BYTES_MAX + 1)] {
            assert_eq!(room_id(wrong).unwrap_err().code, ErrorCode::InvalidArgument, "{wrong:?}");
        }
    }
}
