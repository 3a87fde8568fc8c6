//! What the host application may do with live rooms, by server key.

use skein_proto::{v1, v1::ErrorCode};

use super::{join::room_id, owned::Refused, send::message};
use crate::{Failure, Result, ServerKey, Service, remote};

/// Rooms of one page when nothing is said, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

impl Service {
    /// The rooms of all service nodes; those of a node that does not answer are missing.
    ///
    /// Errors: `INVALID_ARGUMENT`.
    pub(crate) async fn list_rooms(
        &self,
        _: &ServerKey,
        request: v1::ListRoomsRequest,
    ) -> Result<v1::ListRoomsResponse> {
        let limit = if request.limit == 0 { PAGE } else { request.limit as usize };
        if limit > PAGE_MAX {
            return Err(Failure::invalid(format!("limit is at most {PAGE_MAX}")));
        }
        let mut rooms = self.rooms.list();
        rooms.extend(remote::list_rooms(&self.bus).await);
        rooms.sort_unstable_by(|(a, online_a), (b, online_b)| online_b.cmp(online_a).then_with(|| a.cmp(b)));
        let total = rooms.len() as u64;
        let page = rooms.into_iter().skip(request.skip as usize).take(limit);
        let rooms = page.map(|(room_id, online_count)| v1::RoomSummary { room_id, online_count, ..Default::default() });
        Ok(v1::ListRoomsResponse { rooms: rooms.collect(), total, ..Default::default() })
    }

    /// As a user's, without allowance and without being there. A room that is not there has nobody to hear it.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `NOT_FOUND`.
    pub(crate) async fn send_as_host(
        &self,
        _: &ServerKey,
        mut request: v1::SendToRoomRequest,
    ) -> Result<v1::SendToRoomResponse> {
        let id = room_id(&request.room_id)?.to_owned();
        if request.priority == v1::RoomPriority::Unspecified {
            request.priority = v1::RoomPriority::High.into();
        }
        let (client_id, message) = message(request)?;
        if self.rooms.look(&id, |_| ()).is_none() {
            return Err(Failure::new(ErrorCode::NotFound, "nobody is in this room"));
        }
        let (now_ms, config) = (self.now_ms(), &self.rooms.config);
        let said = self.rooms.say(&id, |room| room.handle_send(now_ms, config, None, client_id, message));
        let (epoch, offset, waiting) = said.map_err(|refused: Refused| Failure::from(refused))?;
        let sampled = super::send::on_its_way(waiting).await?;
        Ok(v1::SendToRoomResponse { epoch, offset, sampled, ..Default::default() })
    }

    /// Everybody in it is told, and taken out.
    ///
    /// Errors: `INVALID_ARGUMENT`.
    pub(crate) async fn close_room(
        &self,
        _: &ServerKey,
        request: v1::CloseRoomRequest,
    ) -> Result<v1::CloseRoomResponse> {
        let id = room_id(&request.room_id)?;
        let goodbye = self.rooms.close(id);
        let closed = goodbye.is_some();
        if let Some(packet) = goodbye {
            self.bus.publish_room(id, packet).await;
        }
        Ok(v1::CloseRoomResponse { closed, ..Default::default() })
    }
}
