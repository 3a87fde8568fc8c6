//! How many signals one person may send: to one target, and altogether.

use std::collections::HashMap;

use parking_lot::Mutex;
use skein_proto::id::{ConversationId, UserId};

use crate::{Failure, Result, allowance::Allowance};

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
/// Allowances that are remembered. Forgetting one that is used up gives a few signals more.
const KEPT_MAX: usize = 65_536;

/// Whom a signal is for, as far as its budget is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// Whoever it is.
    Anybody,
    User(UserId),
    Conversation(ConversationId),
    /// That somebody writes in a conversation.
    Typing(ConversationId),
}

impl Target {
    /// Per second, at once, and what one signal takes of it.
    fn terms(self) -> (u32, u32, u32) {
        match self {
            Self::Anybody => (USER_PER_S, USER_BURST, 1),
            Self::User(_) | Self::Conversation(_) => (TARGET_PER_S, TARGET_BURST, 1),
            Self::Typing(_) => (TYPING_PER_S, TYPING_BURST, TYPING_COST),
        }
    }
}

/// What is left to everybody who sent something lately.
#[derive(Default)]
pub(crate) struct Budgets(Mutex<HashMap<(UserId, Target), Allowance>>);

impl Budgets {
    /// Takes one signal off what is left.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time after which there is something left again.
    pub(super) fn spend(&self, now_ms: u64, user: UserId, target: Target) -> Result<()> {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX {
            kept.retain(|(_, target), allowance| {
                let (per_second, burst, _) = target.terms();
                !allowance.is_full(now_ms, per_second, burst)
            });
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
        }
        for target in [target, Target::Anybody] {
            let (per_second, burst, cost) = target.terms();
            let allowance = kept.entry((user, target)).or_insert_with(|| Allowance::full(now_ms, burst));
            let taken = allowance.take(now_ms, per_second, burst, cost);
            let text = "these are more signals than one person may send; wait";
            taken.map_err(|wait_ms| Failure::rate_limited(text, wait_ms))?;
        }
        Ok(())
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

    #[test]
    fn what_is_remembered_is_bounded() {
        let budgets = Budgets::default();
        for user in 0..KEPT_MAX as u64 * 2 {
            budgets.spend(0, UserId(user), Target::User(ANN)).unwrap();
        }
        assert!(budgets.0.lock().len() <= KEPT_MAX + 1);
    }
}
