//! Runs an operation, and does to the session what it asks for: joining and leaving rooms, watching people.

use std::sync::Arc;

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    v1::{self, ErrorCode},
};
use skein_service::{Caller, Done, Effect, Failure, PRESENCE_USERS_MAX, SessionView};

use crate::{hello::Shared, registry::LiveSession, room};

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
    let Some(session) = session else { return Ok(done.body) };
    match done.effect {
        Effect::None => {}
        Effect::LeaveRoom { room } => session.with_seats(|seats| seats.leave(&room)),
        Effect::Watch { users } => shared.watches.watch(session, &users).map_err(|_| {
            let text = format!("a session may watch {PRESENCE_USERS_MAX} people; take some out first");
            Failure::new(ErrorCode::LimitReached, text)
        })?,
        Effect::Unwatch { users } => shared.watches.unwatch(session, users.as_deref()),
        Effect::JoinRoom(place) => {
            let mut entered = room::Entered::new(&shared.rooms, &place.room);
            if entered.listen().await {
                entered.sit(session, &place)?;
                return Ok(done.body);
            }
            // What happened before this node began to listen has passed it by: the room is asked again where it is now.
            let again = shared.gate.dispatch(caller, view, method, codec, body).await?;
            if let Done { effect: Effect::JoinRoom(place), .. } = &again {
                entered.sit(session, place)?;
            }
            return Ok(again.body);
        }
    }
    Ok(done.body)
}
