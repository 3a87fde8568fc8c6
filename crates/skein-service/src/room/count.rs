//! Adds to a counter of a room.

use skein_proto::{
    limits::{ROOM_COUNT_DELTA_MAX, ROOM_WORD_BYTES_MAX},
    v1,
};

use super::join::{must_be_there, room_id};
use crate::{Asking, Caller, Effect, Failure, Result, Service};

impl Service {
    /// Everybody in the room is told the new value, within a second, however many add to it.
    ///
    /// Errors: `INVALID_ARGUMENT`, `NOT_IN_ROOM`, `SESSION_NEEDED`, `RATE_LIMITED`, `LIMIT_REACHED` (counters of the room).
    pub(crate) async fn count_in_room(
        &self,
        caller: &Caller,
        asking: Asking,
        request: v1::CountInRoomRequest,
    ) -> Result<(v1::CountInRoomResponse, Effect)> {
        let id = room_id(&request.room_id)?;
        must_be_there(asking)?;
        let name = &request.counter;
        if name.is_empty() || name.len() > ROOM_WORD_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(Failure::invalid(format!("counter must be a word of 1 to {ROOM_WORD_BYTES_MAX} bytes")));
        }
        if request.delta == 0 || request.delta > ROOM_COUNT_DELTA_MAX {
            return Err(Failure::invalid(format!("delta must be 1 to {ROOM_COUNT_DELTA_MAX}")));
        }
        let (now_ms, config) = (self.now_ms(), &self.rooms.config);
        let counted = self.rooms.with(id, |room| room.handle_count(now_ms, config, caller.user, name, request.delta));
        counted?.map_err(Failure::from)?;
        Ok((v1::CountInRoomResponse::default(), Effect::None))
    }
}
