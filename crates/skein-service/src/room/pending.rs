//! What waits for the next tick of a room. Above the budget the oldest of the lowest priority is left out.

use std::collections::VecDeque;

use buffa::Message as _;
use skein_proto::{limits::ROOM_TICK_BYTES_MAX, v1};

/// Messages by priority, lowest first, each in the order of its offset.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queues: [VecDeque<(v1::RoomMessage, usize)>; 3],
    bytes: usize,
    sampled: u64,
}

/// What a tick carries.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// In the order of their offsets, each with its size.
    pub(super) messages: Vec<(v1::RoomMessage, usize)>,
    pub(super) bytes: usize,
    /// How many were left out.
    pub(super) sampled: u64,
}

fn queue_of(priority: v1::RoomPriority) -> usize {
    match priority {
        v1::RoomPriority::Low => 0,
        v1::RoomPriority::High => 2,
        v1::RoomPriority::Normal | v1::RoomPriority::Unspecified => 1,
    }
}

impl Pending {
    /// Nothing waits, not even news of what was left out.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.sampled == 0
    }

    /// Adds a message; its offset is above all others.
    pub(super) fn push(&mut self, message: v1::RoomMessage) {
        // With its tag and length in the push.
        let bytes = message.encoded_len() as usize + 4;
        let queue = queue_of(message.priority.as_known().unwrap_or_default());
        self.queues[queue].push_back((message, bytes));
        self.bytes += bytes;
        while self.bytes > ROOM_TICK_BYTES_MAX {
            let Some((_, bytes)) = self.queues.iter_mut().find_map(VecDeque::pop_front) else { return };
            self.bytes -= bytes;
            self.sampled += 1;
        }
    }

    /// Takes everything.
    pub(super) fn gather(&mut self) -> Gathered {
        let mut messages: Vec<_> = self.queues.iter_mut().flat_map(|queue| queue.drain(..)).collect();
        messages.sort_unstable_by_key(|(message, _)| message.offset);
        let gathered = Gathered { messages, bytes: self.bytes, sampled: self.sampled };
        (self.bytes, self.sampled) = (0, 0);
        gathered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(offset: u64, priority: v1::RoomPriority, bytes: usize) -> v1::RoomMessage {
        v1::RoomMessage { offset, text: "x".repeat(bytes), priority: priority.into(), ..Default::default() }
    }

    #[test]
    fn the_oldest_of_the_lowest_priority_goes_first() {
        let (low, normal, high) = (v1::RoomPriority::Low, v1::RoomPriority::Normal, v1::RoomPriority::High);
        let mut pending = Pending::default();
        // 31 of about a KiB fit.
        for offset in 1..=10 {
            pending.push(message(offset, low, 1_024));
        }
        for offset in 11..=30 {
            pending.push(message(offset, normal, 1_024));
        }
        for offset in 31..=50 {
            pending.push(message(offset, high, 1_024));
        }
        let gathered = pending.gather();
        let offsets: Vec<u64> = gathered.messages.iter().map(|(message, _)| message.offset).collect();
        assert_eq!(offsets, (20..=50).collect::<Vec<_>>());
        assert_eq!((gathered.sampled, pending.is_empty()), (19, true));
        pending.push(message(51, low, 10));
        assert_eq!(pending.gather().sampled, 0);
    }
}
