//! Who is in which room: nodes with members tell the owners, and learn where the rooms are.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use skein_bus::{
    Bus, Place,
    packet::{MalformedPacket, Reader, Writer},
};

use super::owner::key_of;
use crate::{Service, remote::report_elsewhere};

/// Rooms of one list.
const ROOMS_MAX: usize = 8_192;

/// What a node says about one room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomReport {
    /// Which room.
    pub room: String,
    /// Its members on the node.
    pub online: u64,
    /// Its counters as the node was told last.
    pub counters: Vec<(String, u64)>,
}

/// What the owner answers about one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomStanding {
    /// Which room.
    pub room: String,
    /// Its present epoch.
    pub epoch: u64,
    /// Everything below has been published.
    pub offset: u64,
}

impl Service {
    /// Takes what a node says about rooms: those that this node keeps are noted, others are passed on. Answers for those that could be reached.
    pub async fn report_rooms(&self, node: u64, reports: Vec<RoomReport>) -> Vec<RoomStanding> {
        let mut here = Vec::new();
        let mut elsewhere = Vec::new();
        for report in reports {
            match self.bus.place(key_of(&report.room)) {
                Place::Here => here.push(report),
                Place::There(_) | Place::Nowhere => elsewhere.push(report),
            }
        }
        let mut standings = self.rooms.report(self.now_ms(), node, &here, |_| true);
        standings.extend(report_elsewhere(&self.bus, node, elsewhere).await);
        standings
    }

    /// The same, passed on by another node. It may come here in place of a node that is gone, with reports about rooms that a third one keeps now.
    pub(crate) fn report_rooms_here(&self, node: u64, reports: &[RoomReport]) -> Vec<RoomStanding> {
        let is_kept = |room: &str| self.bus.place(key_of(room)) == Place::Here;
        self.rooms.report(self.now_ms(), node, reports, is_kept)
    }
}

/// Reports by the node that keeps their rooms; those that nobody keeps are left out.
pub(crate) fn by_owner(bus: &dyn Bus, reports: Vec<RoomReport>) -> Vec<(u64, Vec<RoomReport>)> {
    let mut groups: HashMap<u64, (u64, Vec<RoomReport>)> = HashMap::new();
    for report in reports {
        let key = key_of(&report.room);
        if let Place::There(owner) = bus.place(key) {
            groups.entry(owner).or_insert_with(|| (key, Vec::new())).1.push(report);
        }
    }
    groups.into_values().collect()
}

/// Writes reports.
pub(crate) fn put_reports(out: &mut Writer, reports: &[RoomReport]) {
    out.varint(reports.len() as u64);
    for report in reports {
        out.text(&report.room);
        out.varint(report.online);
        out.varint(report.counters.len() as u64);
        for (name, value) in &report.counters {
            out.text(name);
            out.varint(*value);
        }
    }
}

/// The inverse of [`put_reports`].
pub(crate) fn read_reports(input: &mut Reader) -> Result<Vec<RoomReport>, MalformedPacket> {
    let mut reports = Vec::new();
    for _ in 0..input.varint()? {
        let (room, online) = (input.text()?, input.varint()?);
        let mut counters = Vec::new();
        for _ in 0..input.varint()? {
            counters.push((input.text()?, input.varint()?));
        }
        reports.push(RoomReport { room, online, counters });
    }
    Ok(reports)
}

/// Answers to reports in bytes.
pub(crate) fn encode_standings(standings: &[RoomStanding]) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(16 * standings.len()));
    for standing in standings {
        out.text(&standing.room);
        out.varint(standing.epoch);
        out.varint(standing.offset);
    }
    out.0.freeze()
}

/// The inverse of [`encode_standings`].
pub(crate) fn decode_standings(bytes: Bytes) -> Result<Vec<RoomStanding>, MalformedPacket> {
    let mut input = Reader(bytes);
    let mut standings = Vec::new();
    while !input.0.is_empty() {
        standings.push(RoomStanding { room: input.text()?, epoch: input.varint()?, offset: input.varint()? });
    }
    Ok(standings)
}

/// Rooms with their members in bytes.
pub(crate) fn encode_rooms(rooms: &[(String, u64)]) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(24 * rooms.len()));
    // Below what NATS takes; with more rooms than this the busiest are told.
    let mut busiest: Vec<&(String, u64)> = rooms.iter().collect();
    busiest.sort_unstable_by_key(|(_, online)| std::cmp::Reverse(*online));
    for (room, online) in busiest.into_iter().take(ROOMS_MAX) {
        out.text(room);
        out.varint(*online);
    }
    out.0.freeze()
}

/// The inverse of [`encode_rooms`].
pub(crate) fn decode_rooms(bytes: Bytes) -> Result<Vec<(String, u64)>, MalformedPacket> {
    let mut input = Reader(bytes);
    let mut rooms = Vec::new();
    while !input.0.is_empty() {
        rooms.push((input.text()?, input.varint()?));
    }
    Ok(rooms)
}
