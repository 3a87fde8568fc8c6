//! Where a session stands in its rooms: a few numbers for each, whatever waits for it there.

use std::sync::{Arc, Weak, atomic::Ordering};

use bytes::Bytes;
use skein_proto::{codec::Codec, limits::ROOMS_PER_SESSION_MAX, v1};
use skein_service::effect::RoomPlace;

use super::{
    here::{RoomHere, Slot},
    rooms::Rooms,
    tick::{Shape, Tick},
};
use crate::{measure, registry::LiveSession};

/// All seats of a session.
#[derive(Default)]
pub(crate) struct Seats {
    seats: Vec<Seat>,
}

/// One of them.
struct Seat {
    room: Arc<RoomHere>,
    rooms: Arc<Rooms>,
    /// Where the room keeps the session while it is connected.
    slot: Option<Slot>,
    /// Number of the next tick.
    next: u64,
    /// Where the client is.
    epoch: u64,
    offset: u64,
    /// What the ring had covered at that place.
    covered: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.room.exit(slot);
        }
        self.room.seats.fetch_sub(1, Ordering::AcqRel);
        self.rooms.note_change();
    }
}

/// Something to be written.
pub(crate) struct RoomFrame {
    pub(crate) bytes: Bytes,
    /// There may be more.
    pub(crate) more: bool,
}

impl Seats {
    /// Whether there is a seat in this room.
    pub(crate) fn has(&self, room: &str) -> bool {
        self.seats.iter().any(|seat| *seat.room.id == *room)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Takes a seat from that place on; being there, it moves to it. The room counts the seat already. False when there are as many as may be.
    pub(super) fn sit(
        &mut self,
        rooms: &Arc<Rooms>,
        room: Arc<RoomHere>,
        session: Weak<LiveSession>,
        place: &RoomPlace,
    ) -> bool {
        let known = self.seats.iter().position(|seat| Arc::ptr_eq(&seat.room, &room));
        if known.is_none() && self.seats.len() >= ROOMS_PER_SESSION_MAX {
            return false;
        }
        let slot = Some(room.enter(session));
        let (next, covered) = room.read(|ring| ring.start(place.epoch, place.offset));
        let (epoch, offset) = (place.epoch, place.offset);
        let seat = Seat { room, rooms: rooms.clone(), slot, next, epoch, offset, covered };
        match known {
            Some(known) => self.seats[known] = seat,
            None => self.seats.push(seat),
        }
        true
    }

    /// Leaves a room.
    pub(crate) fn leave(&mut self, room: &str) {
        self.seats.retain(|seat| *seat.room.id != *room);
    }

    /// The connection is gone: the seats are kept, but nobody sits there.
    pub(crate) fn get_up(&mut self) {
        for seat in &mut self.seats {
            if let Some(slot) = seat.slot.take() {
                seat.room.exit(slot);
                seat.rooms.note_change();
            }
        }
    }

    /// A connection is there again.
    pub(crate) fn sit_down(&mut self, session: &Arc<LiveSession>) {
        for seat in &mut self.seats {
            if seat.slot.is_none() {
                seat.slot = Some(seat.room.enter(Arc::downgrade(session)));
                seat.rooms.note_change();
            }
        }
    }

    /// The next frame for the client, if anything has happened that it does not know.
    pub(crate) fn next_frame(&mut self, shape: Shape) -> Option<RoomFrame> {
        for at in 0..self.seats.len() {
            if let Some((bytes, closed)) = self.seats[at].next_frame(shape) {
                if closed {
                    self.seats.remove(at);
                }
                let more = self.seats.iter().skip(at).any(|seat| seat.next < seat.room.next());
                return Some(RoomFrame { bytes, more });
            }
        }
        None
    }
}

impl Seat {
    /// The next frame; and whether it was the last, because the room was closed.
    fn next_frame(&mut self, shape: Shape) -> Option<(Bytes, bool)> {
        if self.next >= self.room.next() {
            return None;
        }
        let room = self.room.clone();
        room.read(|ring| {
            self.next = self.next.max(ring.first());
            loop {
                let tick = ring.get(self.next)?;
                let lost = self.lost_before(tick);
                if lost > 0 {
                    self.move_to(tick.epoch, tick.first_offset, tick.before + tick.missed);
                    return Some((self.gap(tick, lost, shape), false));
                }
                let known = tick.epoch == self.epoch && tick.first_offset < self.offset;
                self.next += 1;
                if known {
                    continue;
                }
                self.move_to(
                    tick.epoch,
                    tick.next_offset,
                    tick.before + tick.missed + tick.next_offset - tick.first_offset,
                );
                if !tick.encoded.is_empty() {
                    measure::room_frame(tick.messages);
                    return Some((tick.frame(shape).clone(), tick.is_last));
                }
            }
        })
    }

    fn move_to(&mut self, epoch: u64, offset: u64, covered: u64) {
        (self.epoch, self.offset, self.covered) = (epoch, offset, covered);
    }

    /// How much lies between where the client is and the tick.
    fn lost_before(&self, tick: &Tick) -> u64 {
        if tick.epoch == self.epoch {
            return tick.first_offset.saturating_sub(self.offset);
        }
        (tick.before + tick.missed).saturating_sub(self.covered)
    }

    /// Tells the client what it will not get, and what it may have missed besides messages.
    fn gap(&self, tick: &Tick, lost: u64, shape: Shape) -> Bytes {
        measure::room_lost(lost);
        let (online, counters) = self.room.counts();
        let counter = |(name, value)| v1::RoomCounter { name, value, ..Default::default() };
        let push = v1::RoomPush {
            room_id: self.room.id.to_string(),
            epoch: tick.epoch,
            first_offset: tick.first_offset,
            lost,
            online_count: Some(online),
            counters: counters.into_iter().map(counter).collect(),
            ..Default::default()
        };
        shape.framed(&Codec::Binary.encode(&push))
    }
}
