//! When a room speaks: at once after a silence, else in ticks that grow with what they cost.

use skein_proto::limits::ROOM_TICK_BYTES_MAX;

/// Shortest time between two ticks, in milliseconds.
pub(super) const TICK_MIN_MS: u64 = 20;
/// Longest time between two ticks while something waits, in milliseconds.
pub(super) const TICK_MAX_MS: u64 = 200;
/// What a write to one member may cost, in microseconds: with this many members a tick does not come before their writes are half done with a core.
const MEMBER_COST_US: u64 = 20;

/// The pace of one room.
#[derive(Debug)]
pub(super) struct Pace {
    interval_ms: u64,
    last_ms: Option<u64>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { interval_ms: TICK_MIN_MS, last_ms: None }
    }

    /// The earliest time of the next tick.
    pub(super) fn due_ms(&self) -> u64 {
        self.last_ms.map_or(0, |last_ms| last_ms + self.interval_ms)
    }

    /// A tick with so many bytes goes out to so many members: a full one makes the next wait longer, a light one less.
    pub(super) fn ticked(&mut self, now_ms: u64, bytes: usize, members: u64) {
        let least_ms = (members.saturating_mul(MEMBER_COST_US) / 1_000).clamp(TICK_MIN_MS, TICK_MAX_MS);
        let wanted_ms = if bytes > ROOM_TICK_BYTES_MAX / 4 { self.interval_ms * 2 } else { self.interval_ms / 2 };
        self.interval_ms = wanted_ms.clamp(least_ms, TICK_MAX_MS);
        self.last_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_follows_members_and_bytes_within_its_bounds() {
        let mut pace = Pace::new();
        assert_eq!(pace.due_ms(), 0, "after a silence at once");
        pace.ticked(1_000, 100, 10);
        assert_eq!(pace.due_ms(), 1_000 + TICK_MIN_MS);
        pace.ticked(2_000, 100, 5_000);
        assert_eq!(pace.due_ms(), 2_100, "5,000 members at 20 us each");
        (0..9).for_each(|_| pace.ticked(3_000, ROOM_TICK_BYTES_MAX, 10));
        assert_eq!(pace.due_ms(), 3_000 + TICK_MAX_MS);
        (0..9).for_each(|_| pace.ticked(4_000, 10, 10));
        assert_eq!(pace.due_ms(), 4_000 + TICK_MIN_MS);
    }
}
