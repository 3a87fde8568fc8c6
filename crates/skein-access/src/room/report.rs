//! Who is there: told to the owners when it changes, and again and again, because an owner may be new.

use std::{collections::HashMap, sync::Arc};

use skein_service::{now_ms, room::report::RoomReport};

use super::{here::RoomHere, rooms::Rooms};
use crate::measure;

/// What has not changed is told again after this long, in milliseconds; well before an owner takes the silence for an end.
const AGAIN_MS: u64 = 3_000;

/// What was told, and when.
#[derive(Default)]
pub(super) struct Told {
    rooms: HashMap<Arc<str>, (u64, u64)>,
}

impl Told {
    /// Tells what there is to tell; everything when an owner `asked`.
    pub(super) async fn tell(&mut self, rooms: &Arc<Rooms>, gone: &[Arc<str>], asked: bool) {
        let now_ms = now_ms();
        let all = rooms.all();
        measure::rooms(all.len(), all.iter().map(|room| room.online()).sum());
        let mut reports = Vec::new();
        let mut here: HashMap<Arc<str>, Arc<RoomHere>> = HashMap::new();
        for room in all {
            let online = room.online();
            let due =
                asked || self.rooms.get(&room.id).is_none_or(|(told, at)| *told != online || at + AGAIN_MS <= now_ms);
            if due {
                let (_, counters) = room.counts();
                reports.push(RoomReport { room: room.id.to_string(), online, counters });
                self.rooms.insert(room.id.clone(), (online, now_ms));
                here.insert(room.id.clone(), room);
            }
        }
        for id in gone {
            if self.rooms.remove(id).is_some() && !here.contains_key(id) {
                reports.push(RoomReport { room: id.to_string(), ..RoomReport::default() });
            }
        }
        if reports.is_empty() {
            return;
        }
        for standing in rooms.gate.report_rooms(rooms.bus.number(), reports).await {
            if let Some(room) = here.get(standing.room.as_str())
                && room.note_standing(standing.epoch, standing.offset, now_ms)
            {
                room.wake();
            }
        }
    }
}
