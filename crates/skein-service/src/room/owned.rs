//! One room as its owner keeps it. No clock, no bus, no task: times are given, packets come out of [`Room::poll_packet`] when [`Room::poll_timeout`] says.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use skein_proto::{
    id::UserId,
    limits::{ROOM_REPLAY_MAX, ROOM_RING_BYTES_MAX, ROOM_RING_ENTRIES_MAX},
    v1,
};

use super::{counters::Counters, pace::Pace, packet, pending::Pending, report::RoomReport};
use crate::{
    bucket::{Bucket, Rate},
    config::RoomConfig,
};

/// Between two packets that carry nothing but counts, in milliseconds.
const COUNTS_INTERVAL_MS: u64 = 500;
/// After taking a room over: how long nodes may take to say what its counters were, in milliseconds. Nothing is told about them before.
const SETTLE_MS: u64 = 500;
/// A node that says nothing for so long has no members any more, in milliseconds.
const SILENCE_MAX_MS: u64 = 10_000;
/// Messages that are replayed at once have at most so many bytes.
const REPLAY_BYTES_MAX: usize = 64 * 1024;
/// People whose allowance is kept before those who say nothing are forgotten.
const SENDERS_MAX: usize = 8_192;

/// One live room.
#[derive(Debug)]
pub(super) struct Room {
    id: String,
    epoch: u64,
    born_ms: u64,
    /// No message is published before.
    open_ms: u64,
    /// When anybody last did anything here.
    active_ms: u64,
    next_offset: u64,
    /// Everything below was published.
    published: u64,
    pending: Pending,
    ring: VecDeque<(v1::RoomMessage, usize)>,
    ring_bytes: usize,
    pace: Pace,
    counters: Counters,
    counts_ms: u64,
    nodes: HashMap<u64, Online>,
    online_told: u64,
    asked: bool,
    senders: HashMap<UserId, Allowances>,
    all_senders: Bucket,
    /// Offsets by who said it and under which id, and in which order they came.
    said: HashMap<(UserId, String), u64>,
    said_order: VecDeque<(UserId, String)>,
}

#[derive(Debug)]
struct Online {
    members: u64,
    heard_ms: u64,
}

#[derive(Debug, Default)]
struct Allowances {
    messages: Bucket,
    counts: Bucket,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// This person says too much; milliseconds until more is taken.
    TooFast(u32),
    /// The room as a whole gets too much.
    RoomTooFast(u32),
    /// No further counters.
    TooManyCounters,
}

/// What leaves at once for all nodes.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) packet: Bytes,
    /// Everything below is published with it.
    pub(super) published: u64,
    /// Offsets of the messages in it, in order; others up to `published` were left out.
    pub(super) offsets: Vec<u64>,
}

/// Where somebody was before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) epoch: u64,
    pub(super) offset: u64,
}

impl Room {
    /// A room that publishes nothing for `hold_ms`: another node may have kept it until now, and says its last meanwhile.
    pub(super) fn new(id: &str, now_ms: u64, hold_ms: u64) -> Self {
        Self {
            id: id.to_owned(),
            epoch: now_ms,
            born_ms: now_ms,
            open_ms: now_ms + hold_ms,
            active_ms: now_ms,
            next_offset: 1,
            published: 1,
            pending: Pending::default(),
            ring: VecDeque::new(),
            ring_bytes: 0,
            pace: Pace::new(),
            counters: Counters::default(),
            counts_ms: 0,
            nodes: HashMap::new(),
            online_told: 0,
            asked: false,
            senders: HashMap::new(),
            all_senders: Bucket::default(),
            said: HashMap::new(),
            said_order: VecDeque::new(),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Offset of the first message that is not published yet: where somebody who joins now begins.
    pub(super) fn published(&self) -> u64 {
        self.published
    }

    /// Members on all nodes, as far as they have been reported.
    pub(super) fn online(&self) -> u64 {
        self.nodes.values().map(|node| node.members).sum()
    }

    pub(super) fn counters(&self) -> Vec<v1::RoomCounter> {
        self.counters.all()
    }

    /// Takes a message of a user, or of the host application (`None`); its offset. Under the same id again: the offset it has.
    pub(super) fn handle_send(
        &mut self,
        now_ms: u64,
        config: &RoomConfig,
        sender: Option<UserId>,
        client_id: String,
        mut message: v1::RoomMessage,
    ) -> Result<u64, Refused> {
        let key = (sender.unwrap_or_default(), client_id);
        if let Some(offset) = self.said.get(&key) {
            return Ok(*offset);
        }
        if let Some(user) = sender {
            let RoomConfig { user_messages_per_s, user_messages_burst, messages_per_s, .. } = *config;
            let rate = Rate::per_second(user_messages_per_s, user_messages_burst);
            self.allowances(now_ms, user).messages.take(rate, now_ms, 1).map_err(Refused::TooFast)?;
            let rate = Rate::per_second(messages_per_s, messages_per_s);
            self.all_senders.take(rate, now_ms, 1).map_err(Refused::RoomTooFast)?;
        }
        let offset = self.next_offset;
        self.next_offset += 1;
        self.active_ms = now_ms;
        (message.offset, message.time_ms, message.user_id) = (offset, now_ms, key.0.0);
        self.pending.push(message);
        if !key.1.is_empty() {
            self.remember(key, offset);
        }
        Ok(offset)
    }

    fn remember(&mut self, key: (UserId, String), offset: u64) {
        if self.said_order.len() >= ROOM_RING_ENTRIES_MAX
            && let Some(oldest) = self.said_order.pop_front()
        {
            self.said.remove(&oldest);
        }
        self.said.insert(key.clone(), offset);
        self.said_order.push_back(key);
    }

    fn allowances(&mut self, now_ms: u64, user: UserId) -> &mut Allowances {
        if self.senders.len() >= SENDERS_MAX {
            self.senders.retain(|_, kept| !(kept.messages.is_full(now_ms) && kept.counts.is_full(now_ms)));
        }
        self.senders.entry(user).or_default()
    }

    /// Adds to a counter. What one person may add in a second is bounded.
    pub(super) fn handle_count(
        &mut self,
        now_ms: u64,
        config: &RoomConfig,
        user: UserId,
        name: &str,
        delta: u32,
    ) -> Result<(), Refused> {
        let rate = Rate::per_second(config.user_counts_per_s, config.user_counts_per_s);
        self.allowances(now_ms, user).counts.take(rate, now_ms, delta).map_err(Refused::TooFast)?;
        self.active_ms = now_ms;
        if self.counters.add(name, delta) { Ok(()) } else { Err(Refused::TooManyCounters) }
    }

    /// A node says who is there, and what it was told last.
    pub(super) fn handle_report(&mut self, now_ms: u64, node: u64, report: &RoomReport) {
        if report.online > 0 {
            self.active_ms = now_ms;
            self.nodes.insert(node, Online { members: report.online, heard_ms: now_ms });
        } else {
            self.nodes.remove(&node);
        }
        for (name, value) in &report.counters {
            self.counters.learn(name, *value);
        }
    }

    /// Somebody looks in or comes in, and may have been here before: what was missed and is still there, and how much is not.
    pub(super) fn handle_join(&mut self, now_ms: u64, before: Before, replay_max: u32) -> (Vec<v1::RoomMessage>, u64) {
        self.active_ms = now_ms;
        let first_time = before.offset == 0;
        let (since, wanted) = match (first_time, before.epoch == self.epoch) {
            (true, _) => (0, replay_max.min(ROOM_REPLAY_MAX) as usize),
            (false, true) => (before.offset, usize::MAX),
            (false, false) => (0, usize::MAX),
        };
        let mut bytes = 0;
        let recent = self.ring.iter().rev().take(wanted).take_while(|(message, size)| {
            bytes += size;
            message.offset >= since && bytes <= REPLAY_BYTES_MAX
        });
        let mut recent: Vec<_> = recent.map(|(message, _)| message.clone()).collect();
        recent.reverse();
        let missed = if first_time { 0 } else { self.published.saturating_sub(since.max(1)) };
        let lost = missed.saturating_sub(recent.len() as u64);
        (recent, lost)
    }

    /// Time has passed: nodes that say nothing have nobody.
    pub(super) fn handle_timeout(&mut self, now_ms: u64) {
        self.nodes.retain(|_, node| node.heard_ms + SILENCE_MAX_MS >= now_ms);
    }

    fn is_settled(&self, now_ms: u64) -> bool {
        self.born_ms + SETTLE_MS <= now_ms
    }

    fn counts_have_changed(&self) -> bool {
        self.online() != self.online_told || self.counters.have_changed()
    }

    /// When [`Room::poll_packet`] has something to say.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        if !self.asked {
            return Some(0);
        }
        let messages_ms = (!self.pending.is_empty()).then(|| self.pace.due_ms().max(self.open_ms));
        let counts_ms = self.counts_have_changed().then(|| {
            let due_ms = self.counts_ms + COUNTS_INTERVAL_MS;
            due_ms.max(self.born_ms + SETTLE_MS).max(self.open_ms).max(self.pace.due_ms())
        });
        messages_ms.into_iter().chain(counts_ms).min()
    }

    /// What is to be told to all nodes now, if anything.
    pub(super) fn poll_packet(&mut self, now_ms: u64) -> Option<Outgoing> {
        if !self.asked {
            self.asked = true;
            return Some(Outgoing { packet: packet::who_is_there(), published: self.published, offsets: Vec::new() });
        }
        if self.poll_timeout().is_none_or(|due_ms| due_ms > now_ms) {
            return None;
        }
        let counts = self.is_settled(now_ms) && self.counts_ms + COUNTS_INTERVAL_MS <= now_ms;
        Some(self.gather(now_ms, counts))
    }

    /// Another node keeps the room now: whatever is not told yet, at once.
    pub(super) fn poll_last(&mut self, now_ms: u64) -> Option<Outgoing> {
        let untold = !self.pending.is_empty() || self.counters.have_changed();
        // Who is there is for the other node to say.
        self.online_told = self.online();
        untold.then(|| self.gather(now_ms, true))
    }

    fn gather(&mut self, now_ms: u64, counts: bool) -> Outgoing {
        let gathered = self.pending.gather();
        let mut push = v1::RoomPush {
            room_id: self.id.clone(),
            epoch: self.epoch,
            first_offset: self.published,
            sampled: gathered.sampled,
            ..Default::default()
        };
        if counts && self.counts_have_changed() {
            let online = self.online();
            push.online_count = (online != self.online_told).then_some(online);
            push.counters = self.counters.take_changed();
            (self.online_told, self.counts_ms) = (online, now_ms);
        }
        self.pace.ticked(now_ms, gathered.bytes, self.online());
        self.published = self.next_offset;
        let sizes: Vec<usize> = gathered.messages.iter().map(|(_, bytes)| *bytes).collect();
        push.messages = gathered.messages.into_iter().map(|(message, _)| message).collect();
        let offsets = push.messages.iter().map(|message| message.offset).collect();
        let packet = packet::tick(&push);
        for (message, bytes) in push.messages.into_iter().zip(sizes) {
            self.keep(message, bytes);
        }
        Outgoing { packet, published: self.published, offsets }
    }

    /// The packet that says goodbye.
    pub(super) fn close(&self) -> Bytes {
        packet::tick(&v1::RoomPush {
            room_id: self.id.clone(),
            epoch: self.epoch,
            first_offset: self.published,
            closed: true,
            ..Default::default()
        })
    }

    fn keep(&mut self, message: v1::RoomMessage, bytes: usize) {
        self.ring_bytes += bytes;
        self.ring.push_back((message, bytes));
        while self.ring.len() > ROOM_RING_ENTRIES_MAX || self.ring_bytes > ROOM_RING_BYTES_MAX {
            let Some((_, bytes)) = self.ring.pop_front() else { return };
            self.ring_bytes -= bytes;
        }
    }

    /// Nobody is there, and nothing has happened for a while.
    pub(super) fn is_over(&self, now_ms: u64, config: &RoomConfig) -> bool {
        self.nodes.is_empty() && self.pending.is_empty() && self.active_ms + config.linger_s * 1_000 < now_ms
    }
}

#[cfg(test)]
mod tests;
