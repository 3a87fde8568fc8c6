//! Entering a room: a seat is counted before the node listens, and taken when it is known from where on.

use std::sync::{Arc, atomic::Ordering};

use skein_proto::{limits::ROOMS_PER_SESSION_MAX, v1::ErrorCode};
use skein_service::{Failure, effect::RoomPlace};

use super::{here::RoomHere, rooms::Rooms};
use crate::registry::LiveSession;

/// A seat that is counted and not taken yet; given back when nothing comes of it.
pub(crate) struct Entered<'a> {
    rooms: &'a Arc<Rooms>,
    room: Arc<RoomHere>,
    taken: bool,
}

impl<'a> Entered<'a> {
    /// Counts a seat in this room, which is made if this is the first one.
    pub(crate) fn new(rooms: &'a Arc<Rooms>, id: &Arc<str>) -> Self {
        Self { rooms, room: rooms.enter(id), taken: false }
    }

    /// Has the node listen to the room. True when it did before.
    pub(crate) async fn listen(&self) -> bool {
        self.rooms.listen(&self.room).await
    }

    /// The session takes the seat, from that place on.
    ///
    /// # Errors
    /// `LIMIT_REACHED`: it has as many as it may.
    pub(crate) fn sit(&mut self, session: &Arc<LiveSession>, place: &RoomPlace) -> Result<(), Failure> {
        let (room, weak) = (self.room.clone(), Arc::downgrade(session));
        self.taken = session.with_seats(|seats| seats.sit(self.rooms, room, weak, place));
        if !self.taken {
            let text = format!("a session may be in {ROOMS_PER_SESSION_MAX} live rooms; leave one first");
            return Err(Failure::new(ErrorCode::LimitReached, text));
        }
        self.rooms.note_change();
        Ok(())
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.taken {
            self.room.seats.fetch_sub(1, Ordering::AcqRel);
            self.rooms.note_change();
        }
    }
}
