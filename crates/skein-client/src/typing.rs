//! Who writes where. No clock: times are given.

use std::collections::HashMap;

use skein_proto::v1::{self, event::Body};

/// A sign is good for so long, in milliseconds.
const GOOD_MS: u64 = 6_000;
/// Signs of one's own are sent this far apart, in milliseconds.
const APART_MS: u64 = 3_000;
/// Signs that are kept; older ones go first.
const SIGNS_MAX: usize = 1_024;

/// Signs of others, and of oneself.
#[derive(Debug, Default)]
pub(crate) struct Typing {
    /// Conversation, who, and when; the latest last.
    signs: Vec<(String, u64, u64)>,
    /// When the own ones were sent.
    told: HashMap<String, u64>,
}

impl Typing {
    /// Takes an event: a sign begins, a message ends it.
    pub(crate) fn take(&mut self, event: &v1::Event, now_ms: u64) {
        let (conversation, user, begins) = match &event.body {
            Some(Body::Signal(signal)) if signal.kind == "typing" => (&signal.conversation_id, signal.sender_id, true),
            Some(Body::Message(event)) => (&event.message.conversation_id, event.message.sender_id, false),
            _ => return,
        };
        self.signs.retain(|(known, who, at)| !(known == conversation && *who == user) && at + GOOD_MS > now_ms);
        if begins {
            self.signs.push((conversation.clone(), user, now_ms));
            let over = self.signs.len().saturating_sub(SIGNS_MAX);
            self.signs.drain(..over);
        }
    }

    /// Who writes there, the latest last.
    pub(crate) fn in_conversation(&self, conversation: &str, now_ms: u64) -> Vec<u64> {
        let here = self.signs.iter().filter(|(known, _, at)| known == conversation && at + GOOD_MS > now_ms);
        here.map(|(_, user, _)| *user).collect()
    }

    /// Whether it is time to tell the others again.
    pub(crate) fn may_tell(&mut self, conversation: &str, now_ms: u64) -> bool {
        self.told.retain(|_, told_ms| *told_ms + APART_MS > now_ms);
        if self.told.contains_key(conversation) {
            return false;
        }
        self.told.insert(conversation.to_owned(), now_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(user: u64) -> v1::Event {
        let signal = v1::Signal {
            kind: "typing".to_owned(),
            sender_id: user,
            conversation_id: "1:2".to_owned(),
            ..Default::default()
        };
        v1::Event { body: Some(signal.into()), ..Default::default() }
    }

    fn message(user: u64) -> v1::Event {
        let message = v1::Message { sender_id: user, conversation_id: "1:2".to_owned(), ..Default::default() };
        let event = v1::MessageEvent { message: message.into(), ..Default::default() };
        v1::Event { body: Some(event.into()), ..Default::default() }
    }

    #[test]
    fn a_sign_ends_with_time_or_with_the_message() {
        let mut state = Typing::default();
        state.take(&typing(2), 0);
        state.take(&typing(3), 1_000);
        state.take(&typing(2), 3_000);
        assert_eq!(state.in_conversation("1:2", 3_001), [3, 2]);
        assert_eq!(state.in_conversation("1:9", 3_001), [0; 0]);
        assert_eq!(state.in_conversation("1:2", 7_000), [2], "six seconds after the last sign");
        state.take(&message(2), 7_001);
        assert_eq!(state.in_conversation("1:2", 7_001), [0; 0]);
    }

    #[test]
    fn the_own_sign_is_sent_every_three_seconds() {
        let mut state = Typing::default();
        let told = (0..30_000).step_by(50).filter(|now_ms| state.may_tell("1:2", *now_ms)).count();
        assert_eq!(told, 10);
        assert!(state.may_tell("1:3", 29_999));
    }
}
