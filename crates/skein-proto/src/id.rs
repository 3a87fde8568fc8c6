//! Ids as newtypes, their text forms, and the generator of message ids.

use std::{fmt, str::FromStr};

/// A user. Never 0 for a real one; 0 is the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u64);

/// A message, globally: milliseconds | slot of the conversation | counter. See [`MessageIdGenerator`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// A conversation, in 16 bytes: two user ids for one-to-one, or a tagged number for the rest.
///
/// Text forms: `smaller:larger` (one-to-one; a client can compute it), `same:same` (notes to self), `g123` (group).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationId {
    high: u64,
    low: u64,
}

/// Set in `high` when the id is not a pair of users.
const TAG: u64 = 1 << 63;
const TAG_GROUP: u64 = TAG | 1;

/// Number of slots that message ids and message partitions are spread over. Fixed for the life of a store.
pub const SLOT_COUNT: u64 = 1024;

/// The text is not an id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0} id")]
pub struct InvalidId(pub &'static str);

impl ConversationId {
    /// The conversation of two users, whichever order; of one user with itself for notes to self.
    pub fn direct(a: UserId, b: UserId) -> Self {
        Self { high: a.0.min(b.0) & !TAG, low: a.0.max(b.0) & !TAG }
    }
    /// The group with this number.
    pub fn group(number: u64) -> Self {
        Self { high: TAG_GROUP, low: number }
    }
    /// True for groups.
    pub fn is_group(self) -> bool {
        self.high == TAG_GROUP
    }
    /// The two users of a one-to-one conversation (twice the same for notes to self); `None` for groups.
    pub fn users(self) -> Option<(UserId, UserId)> {
        (self.high & TAG == 0).then_some((UserId(self.high), UserId(self.low)))
    }
    /// The other user of a one-to-one conversation that `me` is part of (`me` itself for notes to self).
    pub fn peer_of(self, me: UserId) -> Option<UserId> {
        match self.users()? {
            (a, b) if a == me => Some(b),
            (a, b) if b == me => Some(a),
            _ => None,
        }
    }
    /// The compact form, in byte order.
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.high) << 64) | u128::from(self.low)).to_be_bytes()
    }
    /// The inverse of [`Self::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { high: (both >> 64) as u64, low: both as u64 }
    }
    /// The slot that finds the partition of this conversation's messages: a stable hash.
    pub fn slot(self) -> u64 {
        let mut hash = self.high ^ self.low.rotate_left(32);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        (hash ^ (hash >> 33)) % SLOT_COUNT
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_group() { write!(f, "g{}", self.low) } else { write!(f, "{}:{}", self.high, self.low) }
    }
}

impl FromStr for ConversationId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId("conversation");
        if let Some(number) = text.strip_prefix('g') {
            return Ok(Self::group(canonical_number(number).ok_or(invalid)?));
        }
        let (small, large) = text.split_once(':').ok_or(InvalidId("conversation"))?;
        let small = canonical_number(small).ok_or(InvalidId("conversation"))?;
        let large = canonical_number(large).ok_or(InvalidId("conversation"))?;
        if small == 0 || small > large || large & TAG != 0 {
            return Err(invalid);
        }
        Ok(Self { high: small, low: large })
    }
}

/// A decimal number in its only spelling: no sign, no leading zero.
fn canonical_number(text: &str) -> Option<u64> {
    let plain = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds from the Unix epoch to the epoch of message ids, 2024-01-01T00:00:00Z.
pub const MESSAGE_EPOCH_MS: u64 = 1_704_067_200_000;
const SLOT_SHIFT: u32 = 12;
const TIME_SHIFT: u32 = 22;
const COUNTER_MAX: u64 = (1 << SLOT_SHIFT) - 1;

impl MessageId {
    /// When the message was accepted, in Unix milliseconds (exact unless the clock stepped back).
    pub fn time_ms(self) -> u64 {
        (self.0 >> TIME_SHIFT) + MESSAGE_EPOCH_MS
    }
    /// The slot of its conversation.
    pub fn slot(self) -> u64 {
        (self.0 >> SLOT_SHIFT) % SLOT_COUNT
    }
}

/// Makes strictly unique message ids for one writer: 41 bits of milliseconds, 10 of slot, 12 of counter.
///
/// Safe against clock steps: its time never goes back, not even over a restart when it is seeded with
/// the largest id in the store. More than 4,096 ids in a millisecond borrow from the next one.
#[derive(Debug, Default)]
pub struct MessageIdGenerator {
    time: u64,
    counter: u64,
}

impl MessageIdGenerator {
    /// Continues after the largest id ever given out.
    pub fn after(largest: MessageId) -> Self {
        Self { time: largest.0 >> TIME_SHIFT, counter: COUNTER_MAX }
    }
    /// The next id for a message of the conversation, at `now_ms` (Unix milliseconds).
    pub fn next(&mut self, now_ms: u64, conversation: ConversationId) -> MessageId {
        let now = now_ms.saturating_sub(MESSAGE_EPOCH_MS);
        if now > self.time {
            (self.time, self.counter) = (now, 0);
        } else if self.counter == COUNTER_MAX {
            (self.time, self.counter) = (self.time + 1, 0);
        } else {
            self.counter += 1;
        }
        MessageId((self.time << TIME_SHIFT) | (conversation.slot() << SLOT_SHIFT) | self.counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversation_ids_have_one_spelling() {
        let id = ConversationId::direct(UserId(9), UserId(7));
        assert_eq!(id.to_string(), "7:9");
        assert_eq!("7:9".parse(), Ok(id));
        assert_eq!(ConversationId::from_bytes(id.to_bytes()), id);
        assert_eq!("g12".parse(), Ok(ConversationId::group(12)));
        for wrong in ["", ":", "9:7", "0:7", "07:9", "+7:9", "7:9:1", "g", "g-1", "7:18446744073709551615", "x"] {
            assert_eq!(wrong.parse::<ConversationId>(), Err(InvalidId("conversation")), "{wrong:?}");
        }
    }

    #[test]
    fn message_ids_grow_when_the_clock_steps_back() {
        let conversation = ConversationId::group(1);
        let mut generator = MessageIdGenerator::default();
        let mut last = MessageId(0);
        for step in 0..20_000u64 {
            let now = MESSAGE_EPOCH_MS + 1_000_000 - step % 7 * 1_000;
            let id = generator.next(now, conversation);
            assert!(id > last);
            assert_eq!(id.slot(), conversation.slot());
            last = id;
        }
        let reopened = MessageIdGenerator::after(last).next(0, conversation);
        assert!(reopened > last);
    }
}
