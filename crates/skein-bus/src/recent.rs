//! What concerned whom lately: so that a node that is found to hold a user can be told what it may have missed. No clock: times are given.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use parking_lot::Mutex;
use skein_proto::id::UserId;

/// Slots for the times of deliveries. Two users of one slot are taken for one another, which costs a needless pull.
const SLOTS: usize = 1 << 16;
/// Unit of the times in the slots, in milliseconds.
const TICK_MS: u64 = 100;
/// Closed links that are remembered; beyond it the oldest are forgotten, and end with their tokens.
pub(crate) const CLOSES_MAX: usize = 4_096;

/// When something was last published for each user, roughly: 256 KiB, however many users there are.
pub(crate) struct Recent {
    slots: Vec<AtomicU32>,
    closes: Mutex<VecDeque<Closed>>,
}

/// The order to close links, and when it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) time_ms: u64,
    pub(crate) user: UserId,
    pub(crate) device_id: Option<Arc<str>>,
    pub(crate) generation_max: u64,
    pub(crate) code: i32,
}

impl Recent {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(), closes: Mutex::default() }
    }

    fn slot(&self, user: UserId) -> &AtomicU32 {
        let mixed = user.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.slots[(mixed >> 48) as usize % SLOTS]
    }

    /// Something is published for these users now.
    pub(crate) fn note(&self, users: &[UserId], now_ms: u64) {
        let tick = tick(now_ms);
        for user in users {
            self.slot(*user).store(tick, Ordering::Relaxed);
        }
    }

    /// Whether something was published for this user since then.
    pub(crate) fn concerns(&self, user: UserId, since_ms: u64) -> bool {
        let last = self.slot(user).load(Ordering::Relaxed);
        last > 0 && last >= tick(since_ms)
    }

    /// Links are closed now.
    pub(crate) fn note_closed(&self, closed: Closed) {
        let mut closes = self.closes.lock();
        if closes.len() >= CLOSES_MAX {
            closes.pop_front();
        }
        closes.push_back(closed);
    }

    /// The links that were closed since then.
    pub(crate) fn closed_since(&self, since_ms: u64) -> Vec<Closed> {
        self.closes.lock().iter().filter(|closed| closed.time_ms >= since_ms).cloned().collect()
    }
}

/// Never 0, which is "never".
fn tick(time_ms: u64) -> u32 {
    u32::try_from(time_ms / TICK_MS + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerned_a_user_is_known_and_nothing_else() {
        let recent = Recent::new();
        assert!(!recent.concerns(UserId(7), 0));
        recent.note(&[UserId(7)], 5_000);
        assert!(recent.concerns(UserId(7), 4_000));
        assert!(recent.concerns(UserId(7), 5_000));
        assert!(!recent.concerns(UserId(7), 6_000));
        let taken_for_it = (0..100_000).filter(|user| recent.concerns(UserId(*user), 0)).count();
        assert!(taken_for_it < 20, "{taken_for_it}");
    }

    #[test]
    fn closes_are_bounded() {
        let recent = Recent::new();
        for time_ms in 0..CLOSES_MAX as u64 + 10 {
            recent.note_closed(Closed { time_ms, user: UserId(1), device_id: None, generation_max: 0, code: 0 });
        }
        assert_eq!(recent.closed_since(0).len(), CLOSES_MAX);
        assert_eq!(recent.closed_since(CLOSES_MAX as u64).len(), 10);
    }
}
