//! Runs an operation, and does to the session what it asks for: joining and leaving rooms, watching people.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    limits::ROOMS_PER_SESSION_MAX,
    v1::{self, ErrorCode},
};
use skein_service::{Caller, Done, Effect, PRESENCE_USERS_MAX, SessionView, effect::RoomPlace};

use super::here::RoomHere;
use crate::{hello::Shared, registry::LiveSession};

/// Runs an operation for a session, if there is one; its answer. Nothing is waited for between the effect and the return: the answer leaves before any push
/// that follows from it.
pub(crate) async fn dispatch(
    shared: &Arc<Shared>,
    caller: Option<&Caller>,
    session: Option<&Arc<LiveSession>>,
    method: &str,
    codec: Codec,
    body: &[u8],
) -> Result<Bytes, v1::Error> {
    let view = session.map(|session| session.as_ref() as &dyn SessionView);
    let done = shared.gate.dispatch(caller, view, method, codec, body).await?;
    match (done.effect, session) {
        (Effect::None, _) | (_, None) => Ok(done.body),
        (Effect::LeaveRoom { room }, Some(session)) => {
            session.with_seats(|seats| seats.leave(&room));
            Ok(done.body)
        }
        (Effect::Watch { users }, Some(session)) => match shared.watches.watch(session, &users) {
            Ok(()) => Ok(done.body),
            Err(_) => Err(v1::Error {
                code: ErrorCode::LimitReached.into(),
                text: format!("a session may watch {PRESENCE_USERS_MAX} people; take some out first"),
                ..Default::default()
            }),
        },
        (Effect::Unwatch { users }, Some(session)) => {
            shared.watches.unwatch(session, users.as_deref());
            Ok(done.body)
        }
        (Effect::JoinRoom(place), Some(session)) => {
            let room = shared.rooms.enter(&place.room);
            let mut entered = Entered { shared, room: Some(room.clone()) };
            if shared.rooms.listen(&room).await {
                return entered.sit(session, &place, done.body);
            }
            // What happened before this node began to listen has passed it by: the room is asked again where it is now.
            match shared.gate.dispatch(caller, view, method, codec, body).await? {
                Done { effect: Effect::JoinRoom(place), body } => entered.sit(session, &place, body),
                Done { body, .. } => Ok(body),
            }
        }
    }
}

/// A seat that is counted and not taken yet; given back when nothing comes of it.
struct Entered<'a> {
    shared: &'a Arc<Shared>,
    room: Option<Arc<RoomHere>>,
}

impl Entered<'_> {
    fn sit(&mut self, session: &Arc<LiveSession>, place: &RoomPlace, body: Bytes) -> Result<Bytes, v1::Error> {
        let Some(room) = self.room.clone() else { return Ok(body) };
        let weak = Arc::downgrade(session);
        if session.with_seats(|seats| seats.sit(&self.shared.rooms, room, weak, place)) {
            self.room = None;
            self.shared.rooms.note_change();
            return Ok(body);
        }
        Err(v1::Error {
            code: ErrorCode::LimitReached.into(),
            text: format!("a session may be in {ROOMS_PER_SESSION_MAX} live rooms; leave one first"),
            ..Default::default()
        })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.seats.fetch_sub(1, Ordering::AcqRel);
            self.shared.rooms.note_change();
        }
    }
}
