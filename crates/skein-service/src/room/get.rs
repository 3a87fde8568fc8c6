//! Looks at a room from outside.

use skein_proto::v1;

use super::join::room_id;
use crate::{Asking, Caller, Effect, Result, Service};

impl Service {
    /// A room that is not there has nobody in it.
    ///
    /// Errors: `INVALID_ARGUMENT`.
    pub(crate) async fn get_room(
        &self,
        _: &Caller,
        _: Asking,
        request: v1::GetRoomRequest,
    ) -> Result<(v1::GetRoomResponse, Effect)> {
        let seen = self.rooms.look(room_id(&request.room_id)?, |room| v1::GetRoomResponse {
            online_count: room.online(),
            counters: room.counters(),
            ..Default::default()
        });
        Ok((seen.unwrap_or_default(), Effect::None))
    }
}
