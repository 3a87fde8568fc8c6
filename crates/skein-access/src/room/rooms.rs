//! All rooms that sessions of this node are in, and what comes off the bus for them.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use skein_bus::Bus;
use skein_proto::codec::Codec;
use skein_service::{Gate, now_ms, room::packet::RoomPacket};
use tokio::sync::Notify;

use super::{here::RoomHere, report::Told, tick::Tick};

/// Between two looks at what has changed: the owners are told at most this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// The rooms.
pub(crate) struct Rooms {
    by_id: Mutex<HashMap<Arc<str>, Arc<RoomHere>>>,
    pub(super) gate: Gate,
    pub(super) bus: Arc<dyn Bus>,
    /// Somebody asks who is there.
    asked: Notify,
    /// Somebody came or went.
    changed: std::sync::atomic::AtomicBool,
}

impl Rooms {
    pub(crate) fn new(gate: Gate, bus: Arc<dyn Bus>) -> Arc<Self> {
        Arc::new(Self { by_id: Mutex::default(), gate, bus, asked: Notify::new(), changed: false.into() })
    }

    /// The room, with a seat counted for whoever asks: they have to take it, or give it back. It is made if this is the first one.
    pub(super) fn enter(&self, id: &Arc<str>) -> Arc<RoomHere> {
        let mut rooms = self.by_id.lock();
        let room = rooms.entry(id.clone()).or_insert_with(|| Arc::new(RoomHere::new(id.clone()))).clone();
        room.seats.fetch_add(1, Ordering::AcqRel);
        room
    }

    /// Has the node listen to the room. True when it did before.
    pub(super) async fn listen(&self, room: &RoomHere) -> bool {
        let listened = room.listening.initialized();
        room.listening.get_or_init(|| self.bus.subscribe_room(&room.id)).await;
        listened
    }

    /// A seat was given up, or somebody sits down or gets up.
    pub(super) fn note_change(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// Takes what the bus brings for a room.
    pub(crate) fn take_packet(&self, id: &str, packet: Bytes) {
        let Some(room) = self.by_id.lock().get(id).cloned() else { return };
        match RoomPacket::decode(packet) {
            Some(RoomPacket::Tick { mut push, mut encoded }) => {
                if room.note_counts(&mut push) {
                    encoded = Codec::Binary.encode(&*push);
                }
                if room.take(Tick::new(&push, encoded, now_ms())) {
                    room.wake();
                }
            }
            Some(RoomPacket::WhoIsThere) => {
                self.note_change();
                self.asked.notify_one();
            }
            None => tracing::debug!(room = id, "a packet that is not understood"),
        }
    }

    /// All rooms.
    pub(super) fn all(&self) -> Vec<Arc<RoomHere>> {
        self.by_id.lock().values().cloned().collect()
    }

    /// Lets go of rooms that nobody has a seat in; which.
    fn sweep(&self) -> Vec<Arc<str>> {
        let mut gone = Vec::new();
        self.by_id.lock().retain(|id, room| {
            let keep = room.seats.load(Ordering::Acquire) > 0;
            if !keep {
                // Under the lock: whoever enters now makes the room anew, and listens anew.
                self.bus.unsubscribe_room(id);
                gone.push(id.clone());
            }
            keep
        });
        gone
    }
}

/// Looks after the rooms: tells owners who is there, and lets go of empty rooms. Runs until it is dropped.
pub(crate) async fn keep(rooms: Arc<Rooms>) {
    let mut told = Told::default();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            () = rooms.asked.notified() => true,
        };
        let gone = if rooms.changed.swap(false, Ordering::AcqRel) { rooms.sweep() } else { Vec::new() };
        told.tell(&rooms, &gone, asked).await;
    }
}
