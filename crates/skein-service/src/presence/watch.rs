//! Watches people: the access layer keeps who is watched, and asks again when something may have changed.

use skein_proto::v1;

use super::look::user_ids;
use crate::{Asking, Caller, Effect, Result, Service};

/// Why nobody watches without a session.
const WHY_SESSION: &str = "presence is pushed to sessions";

impl Service {
    /// Adds people to those whom the session watches; the answer says how they are now, and pushes follow when it changes, at most one a second. Again: nothing more.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `SESSION_NEEDED`, `LIMIT_REACHED` (people whom the session watches).
    pub(crate) async fn watch_presence(
        &self,
        caller: &Caller,
        asking: Asking,
        request: v1::WatchPresenceRequest,
    ) -> Result<(v1::WatchPresenceResponse, Effect)> {
        asking.must_have_session(WHY_SESSION)?;
        let users = user_ids(&request.user_ids)?;
        let presences = self.look(vec![(caller.user, users.clone())]).await?.pop().unwrap_or_default();
        Ok((v1::WatchPresenceResponse { presences, ..Default::default() }, Effect::Watch { users }))
    }

    /// Takes people out again, or all of them. Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `SESSION_NEEDED`.
    pub(crate) async fn unwatch_presence(
        &self,
        _: &Caller,
        asking: Asking,
        request: v1::UnwatchPresenceRequest,
    ) -> Result<(v1::UnwatchPresenceResponse, Effect)> {
        asking.must_have_session(WHY_SESSION)?;
        let users = if request.all { None } else { Some(user_ids(&request.user_ids)?) };
        Ok((v1::UnwatchPresenceResponse::default(), Effect::Unwatch { users }))
    }
}
