//! How much one conversation takes, whoever says it: on this node, messages and signals each by themselves.

use skein_proto::id::ConversationId;

use crate::{
    Failure, Result,
    bucket::{Buckets, Rate},
    measure,
};

/// Conversations that are kept in mind, of each kind.
const KEYS_MAX: usize = 131_072;

/// Of all conversations.
pub(crate) struct Pace {
    messages: Buckets<ConversationId>,
    signals: Buckets<ConversationId>,
}

/// Room for one message, taken; given back when the message is not stored, so that those who may not write there take nothing from those who may.
pub(crate) struct Taken<'a> {
    pace: &'a Pace,
    conversation: ConversationId,
    used: bool,
}

impl Pace {
    /// So many messages, and signals, in a minute; 0: any number.
    pub(crate) fn new(per_minute: u32) -> Self {
        let buckets = || Buckets::new(Rate::of_minute(per_minute), KEYS_MAX);
        Self { messages: buckets(), signals: buckets() }
    }

    /// Takes room for a message.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time after which there is room again.
    pub(crate) fn message_to(&self, conversation: ConversationId, now_ms: u64) -> Result<Taken<'_>> {
        self.messages.take(conversation, now_ms, 1).map_err(refused)?;
        Ok(Taken { pace: self, conversation, used: false })
    }

    /// Takes room for a signal of somebody who may send it.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn signal_to(&self, conversation: ConversationId, now_ms: u64) -> Result<()> {
        self.signals.take(conversation, now_ms, 1).map_err(refused)
    }
}

impl Taken<'_> {
    /// The message is stored.
    pub(crate) fn used(mut self) {
        self.used = true;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.used {
            self.pace.messages.give_back(&self.conversation, 1);
        }
    }
}

fn refused(wait_ms: u32) -> Failure {
    measure::refused("conversation_rate");
    Failure::rate_limited("this conversation gets too much; wait and try again", wait_ms)
}

#[cfg(test)]
mod tests {
    use skein_proto::v1::ErrorCode;

    use super::*;

    #[test]
    fn a_conversation_takes_so_much_and_what_is_not_stored_costs_nothing() {
        let (pace, team) = (Pace::new(8), ConversationId::group(1));
        for _ in 0..100 {
            drop(pace.message_to(team, 0).unwrap());
        }
        (0..2).for_each(|_| pace.message_to(team, 0).unwrap().used());
        let refused = pace.message_to(team, 0).err().unwrap();
        assert_eq!((refused.code, refused.retry_after_ms), (ErrorCode::RateLimited, 7_500));
        assert!(pace.message_to(ConversationId::group(2), 0).is_ok());
        (0..2).for_each(|_| pace.signal_to(team, 0).unwrap());
        assert_eq!(pace.signal_to(team, 0).unwrap_err().code, ErrorCode::RateLimited);
        pace.message_to(team, 7_500).unwrap().used();
    }

    #[test]
    fn zero_is_no_bound() {
        let pace = Pace::new(0);
        (0..1_000).for_each(|_| pace.message_to(ConversationId::group(1), 0).unwrap().used());
    }
}
