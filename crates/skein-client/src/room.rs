//! Live rooms: a handle that joins, and joins again by itself after the connection was lost, with what was missed meanwhile.

use std::sync::{Arc, Weak, atomic::Ordering};

use parking_lot::Mutex;
use skein_proto::{
    codec::{Body, Codec},
    v1,
};
use tokio::sync::broadcast;

use crate::{Client, ClientError, Update, client::new_client_id};

/// Updates of a room that a slow listener may leave unread; beyond it, the oldest are gone and it is told how many.
const UPDATES_MAX: usize = 4_096;

/// What happens in a room.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomUpdate {
    /// The room was joined, for the first time or again.
    Joined,
    /// Somebody said something; each message comes once, in order.
    Message(Box<v1::RoomMessage>),
    /// So many messages did not come here: they were read too slowly, or the connection was gone for too long.
    Lost(u64),
    /// So many messages were left out for everybody, because there was too much.
    Sampled(u64),
    /// How many people are there, and the counters that have changed.
    Counts {
        /// As it is now.
        online: u64,
        /// With their values.
        counters: Vec<v1::RoomCounter>,
    },
    /// Another server keeps the room from now on: offsets begin again. What the former one had not sent is gone.
    Moved,
    /// The room was closed, or left for good because the server refuses to let us in again; the text says why.
    Closed(String),
}

/// A live room that this client is in. The last clone dropped leaves it.
#[derive(Clone)]
pub struct Room {
    client: Client,
    state: Arc<RoomState>,
    _leaving: Arc<Leaving>,
}

/// What the handle and the driver know of a room.
pub(crate) struct RoomState {
    id: String,
    place: Mutex<Place>,
    /// Held while the server is asked to let us in, so that what was missed is told once.
    entering: tokio::sync::Mutex<()>,
    updates: broadcast::Sender<RoomUpdate>,
}

/// Where we are.
#[derive(Default)]
struct Place {
    epoch: u64,
    /// Of the next message; 0 before the room was joined.
    offset: u64,
    online: u64,
    /// The room is over, or we are not let in any more.
    closed: bool,
    /// The session that is in the room, by its number.
    session: u64,
}

/// Leaves the room.
struct Leaving {
    client: Client,
    id: String,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.client.shared.rooms.lock().remove(&self.id);
        let (client, room_id) = (self.client.clone(), std::mem::take(&mut self.id));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let request = v1::LeaveRoomRequest { room_id, ..Default::default() };
                let _ = client.call::<_, v1::LeaveRoomResponse>("RoomService/LeaveRoom", &request).await;
            });
        }
    }
}

impl Client {
    /// Joins a live room; `replay_max` of its last messages at most come first. What happens there comes out of [`Room::updates`].
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, `LIMIT_REACHED`, `ALREADY_EXISTS` (this client has the room already: clone its handle), and as [`Client::call`].
    pub async fn join_room(
        &self,
        id: &str,
        replay_max: u32,
    ) -> Result<(Room, broadcast::Receiver<RoomUpdate>), ClientError> {
        let (updates, listener) = broadcast::channel(UPDATES_MAX);
        let state = Arc::new(RoomState::new(id, updates));
        {
            let mut rooms = self.shared.rooms.lock();
            if rooms.get(id).is_some_and(|known| known.strong_count() > 0) {
                return Err(ClientError::Refused(Box::new(v1::Error {
                    code: v1::ErrorCode::AlreadyExists.into(),
                    text: "this client is in the room already".to_owned(),
                    ..Default::default()
                })));
            }
            rooms.insert(id.to_owned(), Arc::downgrade(&state));
        }
        let leaving = Arc::new(Leaving { client: self.clone(), id: id.to_owned() });
        enter(self, &state, replay_max).await?;
        Ok((Room { client: self.clone(), state, _leaving: leaving }, listener))
    }

    /// Looks at a room from outside.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, and as [`Client::call`].
    pub async fn get_room(&self, id: &str) -> Result<v1::GetRoomResponse, ClientError> {
        let request = v1::GetRoomRequest { room_id: id.to_owned(), ..Default::default() };
        self.call("RoomService/GetRoom", &request).await
    }
}

/// Asks to be let in from where we were.
async fn enter(client: &Client, state: &Arc<RoomState>, replay_max: u32) -> Result<(), ClientError> {
    let _entering = state.entering.lock().await;
    let (epoch, offset) = {
        let place = state.place.lock();
        if place.offset > 0 && place.session == client.shared.session.load(Ordering::Relaxed) {
            return Ok(());
        }
        (place.epoch, place.offset)
    };
    let request = v1::JoinRoomRequest { room_id: state.id.clone(), replay_max, epoch, offset, ..Default::default() };
    let _: v1::JoinRoomResponse = client.call_about("RoomService/JoinRoom", &request, Some(state.clone())).await?;
    Ok(())
}

impl Room {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.state.id
    }

    /// What happens from now on. A listener that falls behind is told how many updates it missed.
    pub fn updates(&self) -> broadcast::Receiver<RoomUpdate> {
        self.state.updates.subscribe()
    }

    /// How many people are there, as far as it has been told.
    pub fn online(&self) -> u64 {
        self.state.place.lock().online
    }

    /// Says something; a request that had to be repeated is said once.
    ///
    /// # Errors
    /// `RATE_LIMITED`, `TOO_LARGE`, `NOT_IN_ROOM`, and as [`Client::call`].
    pub async fn send(&self, text: &str) -> Result<v1::SendToRoomResponse, ClientError> {
        self.send_as(v1::SendToRoomRequest { text: text.to_owned(), ..Default::default() }).await
    }

    /// The same with kind, data or priority; the room and the client's id are filled in.
    ///
    /// # Errors
    /// As [`Room::send`].
    pub async fn send_as(&self, request: v1::SendToRoomRequest) -> Result<v1::SendToRoomResponse, ClientError> {
        let request =
            v1::SendToRoomRequest { room_id: self.state.id.clone(), client_message_id: new_client_id(), ..request };
        self.call("RoomService/SendToRoom", &request).await
    }

    /// Adds to a counter.
    ///
    /// # Errors
    /// `RATE_LIMITED`, `NOT_IN_ROOM`, and as [`Client::call`].
    pub async fn count(&self, counter: &str, delta: u32) -> Result<(), ClientError> {
        let (room_id, counter) = (self.state.id.clone(), counter.to_owned());
        let request = v1::CountInRoomRequest { room_id, counter, delta, ..Default::default() };
        let _: v1::CountInRoomResponse = self.call("RoomService/CountInRoom", &request).await?;
        Ok(())
    }

    /// [`Client::call`] from inside. On a new session the request may come before we are in the room again: then we enter first.
    async fn call<Q: Body, A: Body>(&self, method: &str, request: &Q) -> Result<A, ClientError> {
        match self.client.call(method, request).await {
            Err(error) if error.code() == Some(v1::ErrorCode::NotInRoom) && !self.state.place.lock().closed => {
                enter(&self.client, &self.state, 0).await?;
                self.client.call(method, request).await
            }
            answered => answered,
        }
    }
}

impl RoomState {
    fn new(id: &str, updates: broadcast::Sender<RoomUpdate>) -> Self {
        Self { id: id.to_owned(), place: Mutex::default(), entering: tokio::sync::Mutex::default(), updates }
    }

    fn tell(&self, update: RoomUpdate) {
        // Nobody listening is fine.
        let _ = self.updates.send(update);
    }

    /// The server has let us in. Called before anything that follows the answer is looked at.
    pub(crate) fn joined(&self, body: &[u8], session: u64) {
        let Ok(answer) = Codec::Binary.decode::<v1::JoinRoomResponse>(body) else { return };
        let mut place = self.place.lock();
        if place.offset > 0 && answer.epoch != place.epoch {
            self.tell(RoomUpdate::Moved);
        }
        let known = if answer.epoch == place.epoch { place.offset } else { 0 };
        // Pushes may have been faster than an answer to being there already.
        let offset = answer.offset.max(known);
        *place = Place { epoch: answer.epoch, offset, online: answer.online_count, closed: false, session };
        self.tell(RoomUpdate::Joined);
        if answer.lost > 0 {
            self.tell(RoomUpdate::Lost(answer.lost));
        }
        for message in answer.recent.into_iter().filter(|message| message.offset >= known) {
            self.tell(RoomUpdate::Message(Box::new(message)));
        }
        self.tell(RoomUpdate::Counts { online: answer.online_count, counters: answer.counters });
    }

    /// The server tells what happened.
    pub(crate) fn pushed(&self, push: v1::RoomPush) {
        let mut place = self.place.lock();
        let moved = push.epoch != place.epoch;
        if moved {
            self.tell(RoomUpdate::Moved);
        }
        let expected = if moved { push.first_offset } else { place.offset };
        // What the server did not declare cannot be missing; if it is, it is lost all the same.
        let lost = push.first_offset.saturating_sub(expected).max(push.lost);
        let next = push.first_offset + push.messages.len() as u64 + push.sampled;
        (place.epoch, place.offset) = (push.epoch, next.max(expected));
        if lost > 0 {
            self.tell(RoomUpdate::Lost(lost));
        }
        for message in push.messages.into_iter().filter(|message| message.offset >= expected) {
            self.tell(RoomUpdate::Message(Box::new(message)));
        }
        if push.sampled > 0 {
            self.tell(RoomUpdate::Sampled(push.sampled));
        }
        if push.online_count.is_some() || !push.counters.is_empty() {
            place.online = push.online_count.unwrap_or(place.online);
            self.tell(RoomUpdate::Counts { online: place.online, counters: push.counters });
        }
        if push.closed {
            place.closed = true;
            self.tell(RoomUpdate::Closed("the room was closed".to_owned()));
        }
    }
}

/// Joins again whenever a connection does not go on with the session that was in the rooms. Ends with the client.
pub(crate) async fn rejoin(client: crate::client::WeakClient, mut updates: broadcast::Receiver<Update>) {
    loop {
        match updates.recv().await {
            Ok(Update::Online { resumed: true }) => continue,
            // Of what was missed nothing is known: joining once more does no harm.
            Ok(Update::Online { resumed: false }) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        }
        let Some(client) = client.upgrade() else { return };
        let rooms: Vec<_> = client.shared.rooms.lock().values().filter_map(Weak::upgrade).collect();
        for state in rooms {
            if state.place.lock().offset == 0 {
                // Its first request is on its way.
                continue;
            }
            if let Err(error) = enter(&client, &state, 0).await
                && !matches!(error, ClientError::Stopped)
            {
                state.tell(RoomUpdate::Closed(error.to_string()));
            }
        }
    }
}

impl Client {
    /// [`Client::call`], whose answer a room takes before anything that follows it.
    pub(crate) async fn call_about<Q: Body, A: Body>(
        &self,
        method: &str,
        request: &Q,
        about: Option<Arc<RoomState>>,
    ) -> Result<A, ClientError> {
        let body = self.repeat(method, Codec::Binary.encode(request), about).await?;
        Codec::Binary.decode(&body).map_err(|error| ClientError::Protocol(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (RoomState, broadcast::Receiver<RoomUpdate>) {
        let (updates, listener) = broadcast::channel(100);
        (RoomState::new("r", updates), listener)
    }

    fn joined(epoch: u64, offset: u64, recent: &[u64], lost: u64) -> Vec<u8> {
        let recent = recent.iter().map(|offset| v1::RoomMessage { offset: *offset, ..Default::default() }).collect();
        Codec::Binary.encode(&v1::JoinRoomResponse { epoch, offset, recent, lost, ..Default::default() }).to_vec()
    }

    fn push(epoch: u64, first_offset: u64, count: u64, lost: u64, sampled: u64) -> v1::RoomPush {
        let message = |offset| v1::RoomMessage { offset, ..Default::default() };
        let messages = (first_offset..first_offset + count).map(message).collect();
        v1::RoomPush { epoch, first_offset, messages, lost, sampled, ..Default::default() }
    }

    /// Offsets of messages, and everything else by name.
    fn told(listener: &mut broadcast::Receiver<RoomUpdate>) -> Vec<String> {
        let mut told = Vec::new();
        while let Ok(update) = listener.try_recv() {
            match update {
                RoomUpdate::Message(message) => told.push(message.offset.to_string()),
                RoomUpdate::Lost(count) => told.push(format!("lost {count}")),
                RoomUpdate::Sampled(count) => told.push(format!("sampled {count}")),
                RoomUpdate::Counts { .. } | RoomUpdate::Joined => {}
                other => told.push(format!("{other:?}")),
            }
        }
        told
    }

    #[test]
    fn each_message_comes_once_and_whatever_does_not_is_counted() {
        let (room, mut listener) = state();
        room.joined(&joined(1, 5, &[3, 4], 0), 1);
        room.pushed(push(1, 5, 2, 0, 1));
        room.pushed(push(1, 10, 0, 2, 0));
        room.pushed(push(1, 10, 1, 0, 0));
        assert_eq!(told(&mut listener), ["3", "4", "5", "6", "sampled 1", "lost 2", "10"]);
        // Joined again, with what was missed; some of it was known.
        room.joined(&joined(1, 14, &[12, 13], 1), 1);
        room.pushed(push(1, 14, 1, 0, 0));
        assert_eq!(told(&mut listener), ["lost 1", "12", "13", "14"]);
        room.pushed(push(1, 17, 1, 0, 0));
        assert_eq!(told(&mut listener), ["lost 2", "17"], "an undeclared gap is lost too");
        // Being there already, with an answer that pushes have overtaken.
        room.joined(&joined(1, 17, &[], 0), 1);
        room.pushed(push(1, 17, 1, 0, 0));
        assert_eq!(told(&mut listener), [""; 0]);
        room.pushed(push(2, 1, 1, 0, 0));
        assert_eq!(told(&mut listener), ["Moved", "1"]);
    }
}
