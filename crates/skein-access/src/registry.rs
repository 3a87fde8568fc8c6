//! Live sessions by user, with and without a connection.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use skein_bus::Bus;
use skein_proto::{
    codec::Codec, event::EncodedEvent, id::UserId, limits::HEARTBEAT_MS, session::ServerSession, v1::CloseCode,
};
use skein_service::{Caller, SessionView, now_ms};

use crate::{
    presence::{Here, Watching},
    room::{RoomFrame, Seats, Shape},
};

mod leave;
mod sessions;

pub(crate) use leave::Farewell;

/// Locks of the registry; users are spread over them.
const SHARDS: usize = 64;
/// Orders to close links that are remembered, and for how long, in milliseconds: longer than a hello may take.
const CLOSED_MAX: usize = 1_024;
const CLOSED_KEPT_MS: u64 = 30_000;
/// A session without a connection is counted in its live rooms for this long, in milliseconds.
const AWAY_MS: u64 = 2_000;
/// A link that cannot take a byte for this long is closed, to be resumed.
pub(crate) const WRITE_STALL_MAX: Duration = Duration::from_secs(10);

/// One session. Whoever holds its connection polls it; everybody else pushes into it and wakes it.
pub(crate) struct LiveSession {
    pub(crate) caller: Caller,
    state: Mutex<SessionState>,
}

/// What changes about a session.
pub(crate) struct SessionState {
    pub(crate) session: ServerSession,
    /// Wakes the connection.
    waker: Option<Waker>,
    /// Counts connections; a connection of an earlier number has been superseded.
    epoch: u32,
    attached: bool,
    /// Reads nothing from its client by itself, so its silence means nothing.
    receive_only: bool,
    /// Why the connection is to be closed.
    close: Option<CloseCode>,
    /// End of the access token, Unix milliseconds.
    expires_ms: u64,
    /// When the connection was lost, or 0.
    detached_ms: u64,
    /// Since when nothing could be written, or 0.
    pub(crate) stalled_ms: u64,
    /// The client says something at least this often, in milliseconds.
    pub(crate) heartbeat_ms: u32,
    /// To be sent once: the client is asked to leave.
    farewell: Option<Arc<Farewell>>,
    /// Where it stands in live rooms; none while it is in no room.
    seats: Option<Box<Seats>>,
    /// Whom it watches.
    watching: Option<Box<Watching>>,
}

/// What a connection finds when it looks at its session.
pub(crate) enum Turn {
    /// Frames to write, perhaps none. With `in_rooms` there may be some of live rooms besides, see [`LiveSession::next_room_frame`].
    Frames { in_rooms: bool },
    /// To be closed with this code.
    Close(CloseCode),
}

impl LiveSession {
    /// With its first connection.
    pub(crate) fn new(caller: Caller, session: ServerSession, receive_only: bool) -> Self {
        let state = SessionState {
            session,
            waker: None,
            epoch: 0,
            attached: true,
            receive_only,
            close: None,
            expires_ms: caller.expires_ms,
            detached_ms: 0,
            stalled_ms: 0,
            heartbeat_ms: HEARTBEAT_MS,
            farewell: None,
            seats: None,
            watching: None,
        };
        Self { caller, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock()
    }

    /// A connection of this epoch takes its turn: gets frames, or learns that it has to go. It is woken for the next one.
    pub(crate) fn take_turn(
        &self,
        epoch: u32,
        now_ms: u64,
        waker: &Waker,
        bytes_max: usize,
        frames: &mut Vec<Bytes>,
    ) -> Turn {
        let mut state = self.state.lock();
        if let Some(code) = state.ending(epoch) {
            return Turn::Close(code);
        }
        state.session.poll_frames(now_ms, bytes_max, frames);
        if let Some(farewell) = state.farewell.take() {
            frames.push(farewell.encoded(state.session.codec()));
        }
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Turn::Frames { in_rooms: state.seats.is_some() }
    }

    /// The next frame of a live room for the connection of this epoch, to be written before another one is asked for.
    pub(crate) fn next_room_frame(&self, epoch: u32, shape: Shape) -> Option<RoomFrame> {
        let mut state = self.state.lock();
        if state.epoch != epoch {
            return None;
        }
        let frame = state.seats.as_mut()?.next_frame(shape);
        state.forget_seats_without_rooms();
        frame
    }

    /// Changes where the session stands in live rooms.
    pub(crate) fn with_seats<R>(&self, change: impl FnOnce(&mut Seats) -> R) -> R {
        let mut state = self.state.lock();
        let changed = change(state.seats.get_or_insert_default());
        state.forget_seats_without_rooms();
        if state.seats.is_some() {
            // What came to the room meanwhile is to be fetched.
            state.wake();
        }
        changed
    }

    /// Queues an event and wakes the connection, if there is one.
    pub(crate) fn push(&self, event: Arc<EncodedEvent>) {
        let mut state = self.state.lock();
        state.session.push(event);
        state.wake();
    }

    /// Has the client told to pull: pushes may have been lost before they came here.
    fn mark_lagging(&self) {
        let mut state = self.state.lock();
        state.session.mark_lagging();
        state.wake();
    }

    /// Has the connection closed with this code.
    pub(crate) fn close(&self, code: CloseCode) {
        let mut state = self.state.lock();
        state.close = Some(code);
        state.wake();
    }

    /// Extends the life of the link with a fresh token's end.
    pub(crate) fn renew(&self, expires_ms: u64) {
        self.state.lock().expires_ms = expires_ms;
    }
}

impl SessionView for LiveSession {
    fn is_in_room(&self, room: &str) -> bool {
        self.state.lock().seats.as_ref().is_some_and(|seats| seats.has(room))
    }
}

impl SessionState {
    /// Why the connection of this epoch has to go, if it has to.
    pub(crate) fn ending(&self, epoch: u32) -> Option<CloseCode> {
        if self.epoch == epoch { self.close } else { Some(CloseCode::Superseded) }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.as_ref().filter(|_| self.attached) {
            waker.wake_by_ref();
        }
    }

    /// Something has happened in a live room. A connection that cannot write looks by itself as soon as it can.
    pub(crate) fn wake_for_room(&self) {
        if self.stalled_ms == 0 {
            self.wake();
        }
    }

    fn forget_seats_without_rooms(&mut self) {
        if self.seats.as_ref().is_some_and(|seats| seats.is_empty()) {
            self.seats = None;
        }
    }
}

/// What the sweep decides about a session.
pub(crate) enum Verdict {
    Attached,
    Detached,
    Gone,
}

/// Every live session of this node.
pub(crate) struct Registry {
    shards: Vec<Mutex<HashMap<UserId, Vec<Arc<LiveSession>>>>>,
    bus: Arc<dyn Bus>,
    /// Who is connected, as others see it.
    pub(crate) here: Here,
    /// Links that were closed lately: whoever was authenticated before, and comes after, is closed too.
    closed: Mutex<VecDeque<Closed>>,
}

/// An order to close links.
struct Closed {
    time_ms: u64,
    user: UserId,
    device_id: Option<Arc<str>>,
    generation_max: u64,
    code: CloseCode,
}

impl Closed {
    fn concerns(&self, caller: &Caller) -> bool {
        self.user == caller.user
            && caller.generation <= self.generation_max
            && self.device_id.as_ref().is_none_or(|device| *device == caller.device_id)
    }
}

/// A session as a connection holds it.
pub(crate) struct Attachment {
    pub(crate) session: Arc<LiveSession>,
    pub(crate) epoch: u32,
    pub(crate) resumed: bool,
}

impl Registry {
    /// A registry without sessions, which the bus may ask from now on.
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let registry = Arc::new(Self { shards, bus, here: Here::default(), closed: Mutex::default() });
        let weak: Weak<Self> = Arc::downgrade(&registry);
        registry.bus.attach(weak);
        registry
    }

    fn shard(&self, user: UserId) -> &Mutex<HashMap<UserId, Vec<Arc<LiveSession>>>> {
        &self.shards[user.0 as usize % SHARDS]
    }

    /// Gives a connection its session: the one it resumes when that is this device's and still has what was missed, else a new one.
    pub(crate) fn attach(
        &self,
        caller: Caller,
        codec: Codec,
        resume: Option<(&[u8], u64)>,
        receive_only: bool,
        fresh_id: [u8; 16],
    ) -> Attachment {
        let now_ms = now_ms();
        let mut shard = self.shard(caller.user).lock();
        let sessions = shard.entry(caller.user).or_default();
        if let Some((id, received)) = resume
            && let Some(session) = sessions.iter().find(|session| session.is(id, &caller, codec))
        {
            let mut state = session.lock();
            if state.close.is_none() && state.session.resume(received, now_ms) {
                state.epoch += 1;
                state.wake();
                if !state.attached {
                    self.here.connect(caller.user, true, now_ms);
                }
                (state.attached, state.detached_ms, state.stalled_ms) = (true, 0, 0);
                (state.expires_ms, state.waker, state.farewell) = (caller.expires_ms, None, None);
                let epoch = state.epoch;
                if let Some(seats) = &mut state.seats {
                    seats.sit_down(session);
                }
                drop(state);
                return Attachment { session: session.clone(), epoch, resumed: true };
            }
        }
        if sessions.is_empty() {
            self.bus.set_held(caller.user, true);
        }
        self.here.connect(caller.user, false, now_ms);
        let closed = self.closed_meanwhile(&caller, now_ms);
        let session = Arc::new(LiveSession::new(caller, ServerSession::new(fresh_id, codec, now_ms), receive_only));
        session.lock().close = closed;
        sessions.reserve_exact(1);
        sessions.push(session.clone());
        Attachment { session, epoch: 0, resumed: false }
    }

    /// The session of this caller with this id.
    pub(crate) fn find(&self, caller: &Caller, id: &[u8]) -> Option<Arc<LiveSession>> {
        let shard = self.shard(caller.user).lock();
        let sessions = shard.get(&caller.user)?;
        sessions.iter().find(|session| session.is(id, caller, Codec::Json)).cloned()
    }

    /// The connection of this epoch is gone. With `forget`, the session is not to be resumed.
    pub(crate) fn detach(&self, session: &Arc<LiveSession>, epoch: u32, forget: bool) {
        let mut shard = self.shard(session.caller.user).lock();
        {
            let mut state = session.lock();
            if state.epoch != epoch {
                return;
            }
            state.attached = false;
            state.waker = None;
            state.stalled_ms = 0;
            state.detached_ms = now_ms();
            self.here.disconnect(session.caller.user, state.detached_ms);
        }
        let Some(sessions) = shard.get_mut(&session.caller.user) else { return };
        if forget {
            sessions.retain(|other| !Arc::ptr_eq(other, session));
        }
        if sessions.is_empty() {
            // Others hold the user to be here until the grace is over, see `release`.
            shard.remove(&session.caller.user);
        }
    }

    /// Why a session that is made now has to go at once: its device was logged out after it was authenticated.
    fn closed_meanwhile(&self, caller: &Caller, now_ms: u64) -> Option<CloseCode> {
        let closed = self.closed.lock();
        let lately = closed.iter().rev().take_while(|closed| closed.time_ms + CLOSED_KEPT_MS >= now_ms);
        lately.filter(|closed| closed.concerns(caller)).map(|closed| closed.code).next()
    }

    /// Pushes an event into every session of the user, except those of one device; how many.
    pub(crate) fn push(&self, user: UserId, event: &Arc<EncodedEvent>, skip_device: Option<&str>) -> u64 {
        let shard = self.shard(user).lock();
        let mut count = 0;
        for session in shard.get(&user).into_iter().flatten() {
            if skip_device != Some(&session.caller.device_id) {
                session.push(event.clone());
                count += 1;
            }
        }
        count
    }

    /// Closes the sessions of a user, or of one of the user's devices, up to a generation of it.
    pub(crate) fn close(&self, user: UserId, device_id: Option<Arc<str>>, generation_max: u64, code: CloseCode) {
        let order = Closed { time_ms: now_ms(), user, device_id, generation_max, code };
        let shard = self.shard(user).lock();
        for session in shard.get(&user).into_iter().flatten() {
            if order.concerns(&session.caller) {
                session.close(code);
            }
        }
        let mut closed = self.closed.lock();
        if closed.len() >= CLOSED_MAX {
            closed.pop_front();
        }
        closed.push_back(order);
    }

    /// Closes the session of this id: it goes on elsewhere.
    pub(crate) fn supersede(&self, user: UserId, device: &str, id: [u8; 16]) {
        let shard = self.shard(user).lock();
        for session in shard.get(&user).into_iter().flatten() {
            if *session.caller.device_id == *device && session.lock().session.session_id() == id {
                session.close(CloseCode::Superseded);
            }
        }
    }

    /// Tells every session of the user to pull; how many.
    pub(crate) fn mark_lagging(&self, user: UserId) -> u64 {
        let shard = self.shard(user).lock();
        shard.get(&user).into_iter().flatten().map(|session| session.mark_lagging()).count() as u64
    }

    /// Tells every session of a shard to pull; how many. `None` when there is no such shard.
    pub(crate) fn mark_shard_lagging(&self, shard: usize) -> Option<u64> {
        let shard = self.shards.get(shard)?.lock();
        Some(shard.values().flatten().map(|session| session.mark_lagging()).count() as u64)
    }

    /// Closes everything.
    pub(crate) fn close_all(&self, code: CloseCode) {
        for shard in 0..self.shards.len() {
            self.close_shard(shard, code);
        }
    }

    /// Lets each session of a part be judged, of so many parts; those that are gone are removed. How many of the others have no connection.
    pub(crate) fn sweep(&self, part: usize, parts: usize, judge: impl Fn(&mut SessionState) -> Verdict) -> usize {
        let mut detached = 0;
        for shard in self.shards.iter().skip(part).step_by(parts) {
            shard.lock().retain(|user, sessions| {
                sessions.retain(|session| match judge(&mut session.lock()) {
                    Verdict::Attached => true,
                    Verdict::Detached => {
                        detached += 1;
                        true
                    }
                    Verdict::Gone => false,
                });
                if sessions.is_empty() && !self.here.is_here(*user) {
                    self.bus.set_held(*user, false);
                }
                !sessions.is_empty()
            });
        }
        detached
    }
}

impl LiveSession {
    fn is(&self, id: &[u8], caller: &Caller, codec: Codec) -> bool {
        if (&self.caller.device_id, self.caller.generation) != (&caller.device_id, caller.generation) {
            return false;
        }
        let state = self.lock();
        state.session.session_id()[..] == *id && state.session.codec() == codec
    }
}

impl SessionState {
    /// What time has done to the session.
    pub(crate) fn judge(&mut self, now_ms: u64, resume_window_ms: u64) -> Verdict {
        // One may be lost; who misses two is gone.
        let silence_max_ms = 2 * u64::from(self.heartbeat_ms);
        if !self.attached {
            // A client that polls is gone for a moment between two polls: it is not taken out and in each time.
            if self.detached_ms + AWAY_MS < now_ms
                && let Some(seats) = &mut self.seats
            {
                seats.get_up();
            }
            let over = self.close.is_some() || self.detached_ms + resume_window_ms < now_ms;
            return if over { Verdict::Gone } else { Verdict::Detached };
        }
        let stall_max_ms = WRITE_STALL_MAX.as_millis() as u64;
        let code = if self.expires_ms <= now_ms {
            Some(CloseCode::TokenExpired)
        } else if self.stalled_ms > 0 && self.stalled_ms + stall_max_ms < now_ms {
            Some(CloseCode::SlowConsumer)
        } else if !self.receive_only && self.session.last_received_ms() + silence_max_ms < now_ms {
            Some(CloseCode::HeartbeatMissed)
        } else {
            None
        };
        if let Some(code) = code
            && self.close.is_none()
        {
            self.close = Some(code);
            self.wake();
        }
        Verdict::Attached
    }
}

#[cfg(test)]
mod tests;
