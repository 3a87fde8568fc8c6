//! The last ticks of a room, for members that have not had them yet. Bounded by bytes and by age; whoever stands before its beginning is told what is lost.

use std::{collections::VecDeque, sync::Arc};

use skein_proto::limits::ROOM_RING_BYTES_MAX;

use super::tick::Tick;

/// Ticks are kept as long as a dropped session, in milliseconds.
const AGE_MAX_MS: u64 = 60_000;
/// Epochs whose place is remembered: an owner that was thought to be gone may speak again.
const EPOCHS_MAX: usize = 8;
/// What a tick takes besides its messages.
const TICK_BYTES: usize = 256;

/// Ticks, numbered as they came to this node.
#[derive(Debug, Default)]
pub(super) struct Ring {
    ticks: VecDeque<Arc<Tick>>,
    /// Number of the oldest tick.
    first: u64,
    bytes: usize,
    /// Covered by all ticks so far.
    covered: u64,
    /// Where each epoch is.
    places: VecDeque<(u64, u64)>,
}

impl Ring {
    /// Number of the tick that comes next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.ticks.len() as u64
    }

    /// Number of the first tick for somebody who knows everything before this place, and what is covered before it. Ticks that are to come and lie
    /// before the place are for others.
    pub(super) fn start(&self, epoch: u64, offset: u64) -> (u64, u64) {
        let at = self.ticks.iter().position(|tick| tick.epoch == epoch && tick.first_offset >= offset);
        match at {
            Some(at) => (self.first + at as u64, self.ticks[at].before),
            None => (self.next(), self.covered),
        }
    }

    /// Number of the oldest tick that is there.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The tick of this number.
    pub(super) fn get(&self, number: u64) -> Option<&Arc<Tick>> {
        self.ticks.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Offset of what comes next in this epoch, if anything of it has come.
    pub(super) fn place(&self, epoch: u64) -> Option<u64> {
        self.places.iter().find(|(other, _)| *other == epoch).map(|(_, offset)| *offset)
    }

    /// Adds a tick. False when all of it has come before.
    pub(super) fn push(&mut self, mut tick: Tick) -> bool {
        tick.missed = match self.place(tick.epoch) {
            Some(place) if tick.first_offset < place => return false,
            Some(place) => tick.first_offset - place,
            // Another owner, whose beginning we should have heard; or we have just begun to listen.
            None if self.places.is_empty() => 0,
            None => tick.first_offset.saturating_sub(1),
        };
        tick.before = self.covered;
        self.covered += tick.missed + (tick.next_offset - tick.first_offset);
        match self.places.iter_mut().find(|(epoch, _)| *epoch == tick.epoch) {
            Some((_, place)) => *place = tick.next_offset,
            None => self.places.push_back((tick.epoch, tick.next_offset)),
        }
        if self.places.len() > EPOCHS_MAX {
            self.places.pop_front();
        }
        self.bytes += TICK_BYTES + tick.encoded.len();
        self.ticks.push_back(Arc::new(tick));
        while self.bytes > ROOM_RING_BYTES_MAX && self.ticks.len() > 1 {
            self.drop_oldest();
        }
        true
    }

    /// Lets go of what is too old.
    pub(super) fn expire(&mut self, now_ms: u64) {
        while self.ticks.front().is_some_and(|tick| tick.time_ms + AGE_MAX_MS < now_ms) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(tick) = self.ticks.pop_front() {
            self.bytes -= TICK_BYTES + tick.encoded.len();
            self.first += 1;
        }
    }
}
