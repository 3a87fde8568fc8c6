//! Message ids when several nodes give them out: milliseconds | slot | counter, as everywhere.
//!
//! Within a conversation ids grow with seqs, because the last one is part of the locked row. Within a node the last id of each slot is remembered, so two
//! conversations of a slot never get the same. Between nodes the counter of a fresh millisecond starts at random: two nodes rarely meet, and when they
//! do, the primary key of `messages` refuses the second batch, which is then tried again with other ids.

use parking_lot::Mutex;
use skein_proto::id::{ConversationId, MESSAGE_EPOCH_MS, MessageId, SLOT_COUNT};

const SLOT_SHIFT: u32 = 12;
const TIME_SHIFT: u32 = 22;
const COUNTER_MASK: u64 = (1 << SLOT_SHIFT) - 1;
/// Where the counter of a fresh millisecond may start: below this, so that there is room above.
const START_BELOW: u64 = 3_072;

/// The last id of each slot.
#[derive(Debug)]
pub(crate) struct MessageIds {
    last: Mutex<Box<[u64]>>,
}

impl MessageIds {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new(vec![0; SLOT_COUNT as usize].into()) }
    }

    /// An id above `last_of_conversation` and above all that this node has given out in the slot.
    pub(crate) fn next(&self, now_ms: u64, conversation: ConversationId, last_of_conversation: MessageId) -> MessageId {
        let slot = conversation.slot();
        let mut all = self.last.lock();
        let last = all[slot as usize].max(last_of_conversation.0);
        let (time, now) = (last >> TIME_SHIFT, now_ms.saturating_sub(MESSAGE_EPOCH_MS));
        let (time, counter) = if now > time {
            (now, fastrand::u64(..START_BELOW))
        } else if last & COUNTER_MASK < COUNTER_MASK {
            (time, (last & COUNTER_MASK) + 1)
        } else {
            (time + 1, fastrand::u64(..START_BELOW))
        };
        let id = (time << TIME_SHIFT) | (slot << SLOT_SHIFT) | counter;
        all[slot as usize] = id;
        MessageId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_whatever_the_clock_does_and_keep_their_slot() {
        let (one, other) = (MessageIds::new(), MessageIds::new());
        let conversation = ConversationId::group(1);
        let mut last = MessageId(0);
        for step in 0..20_000u64 {
            let now_ms = MESSAGE_EPOCH_MS + 1_000_000 - step % 7 * 1_000;
            let node = if step.is_multiple_of(3) { &one } else { &other };
            let id = node.next(now_ms, conversation, last);
            assert!(id > last, "step {step}");
            assert_eq!(id.slot(), conversation.slot());
            last = id;
        }
        let fresh = one.next(last.time_ms() + 5, conversation, last);
        assert_eq!(fresh.time_ms(), last.time_ms() + 5);
    }
}
