//! How many signals one person may send: to one target, and altogether.

use skein_proto::id::{ConversationId, UserId};

use crate::{
    Failure, Result,
    bucket::{Buckets, Rate},
    measure,
};

/// Signals of one person to one target per second, and at once.
const TARGET_PER_S: u32 = 5;
const TARGET_BURST: u32 = 15;
/// Signals of one person to all targets per second, and at once.
const USER_PER_S: u32 = 20;
const USER_BURST: u32 = 60;
/// Typing costs three of one a second: every three seconds, with room for the beginning of the next message and for what the network does to the distances.
const TYPING_PER_S: u32 = 1;
const TYPING_BURST: u32 = 7;
const TYPING_COST: u32 = 3;
/// Budgets that are remembered, of each kind. Forgetting one that is used up gives a few signals more.
const KEPT_MAX: usize = 65_536;

/// Whom a signal is for, as far as its budget is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    User(UserId),
    Conversation(ConversationId),
    /// That somebody writes in a conversation.
    Typing(ConversationId),
}

/// What is left to everybody who sent something lately.
pub(crate) struct Budgets {
    targets: Buckets<(UserId, Target)>,
    typing: Buckets<(UserId, Target)>,
    users: Buckets<UserId>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            targets: Buckets::new(Rate::per_second(TARGET_PER_S, TARGET_BURST), KEPT_MAX),
            typing: Buckets::new(Rate::per_second(TYPING_PER_S, TYPING_BURST), KEPT_MAX),
            users: Buckets::new(Rate::per_second(USER_PER_S, USER_BURST), KEPT_MAX),
        }
    }
}

impl Budgets {
    /// Takes one signal off what is left.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time after which there is something left again.
    pub(super) fn spend(&self, now_ms: u64, user: UserId, target: Target) -> Result<()> {
        let taken = match target {
            Target::Typing(_) => self.typing.take((user, target), now_ms, TYPING_COST),
            Target::User(_) | Target::Conversation(_) => self.targets.take((user, target), now_ms, 1),
        };
        taken.and_then(|()| self.users.take(user, now_ms, 1)).map_err(|wait_ms| {
            measure::refused("signal_rate");
            Failure::rate_limited("these are more signals than one person may send; wait", wait_ms)
        })
    }
}

#[cfg(test)]
mod tests {
    use skein_proto::v1::ErrorCode;

    use super::*;

    const ANN: UserId = UserId(7);

    #[test]
    fn a_target_is_spared_and_so_is_everybody() {
        let budgets = Budgets::default();
        let one = Target::User(UserId(8));
        for _ in 0..TARGET_BURST {
            budgets.spend(0, ANN, one).unwrap();
        }
        let refused = budgets.spend(0, ANN, one).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_ms), (ErrorCode::RateLimited, 200));
        budgets.spend(200, ANN, one).unwrap();
        budgets.spend(0, UserId(9), one).unwrap();
        let mut sent = TARGET_BURST + 1;
        while budgets.spend(200, ANN, Target::User(UserId(u64::from(sent) + 100))).is_ok() {
            sent += 1;
        }
        assert!((USER_BURST..USER_BURST + 10).contains(&sent), "{sent}");
    }

    #[test]
    fn typing_is_told_every_three_seconds() {
        let budgets = Budgets::default();
        let typing = Target::Typing(ConversationId::group(1));
        let told = (0..60_000).step_by(100).filter(|now_ms| budgets.spend(*now_ms, ANN, typing).is_ok()).count();
        assert!((20..=22).contains(&told), "{told}");
    }
}
