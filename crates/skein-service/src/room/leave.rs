//! Leaves a room.

use skein_proto::v1;

use super::join::room_id;
use crate::{Asking, Caller, Effect, Result, Service};

impl Service {
    /// Takes the session that asks out of the room: no push of it follows the answer. Not being there is no error.
    ///
    /// Errors: `INVALID_ARGUMENT`.
    pub(crate) async fn leave_room(
        &self,
        _: &Caller,
        _: Asking,
        request: v1::LeaveRoomRequest,
    ) -> Result<(v1::LeaveRoomResponse, Effect)> {
        let room = room_id(&request.room_id)?.into();
        Ok((v1::LeaveRoomResponse::default(), Effect::LeaveRoom { room }))
    }
}
