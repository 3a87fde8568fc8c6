//! Chooses how one looks to others.

use std::sync::Arc;

use skein_bus::{BusMessage, Whom};
use skein_proto::{
    id::UserId,
    v1::{self, PresenceState},
};
use skein_store::presence::{ChosenPresence, LAST_SEEN_SETTING, SeenBy, VISIBLE_SETTING};

use crate::{Caller, Failure, Result, Service};

/// Longest line of one's own, in characters.
const TEXT_CHARS_MAX: usize = 64;

/// Whether a setting may have this value; most may have any.
pub(crate) fn check_setting(key: &str, value: &str) -> Result<()> {
    let about_presence = key == VISIBLE_SETTING || key == LAST_SEEN_SETTING;
    if about_presence && SeenBy::from_setting(value).is_none() {
        return Err(Failure::invalid(format!("{key} is everybody, contacts or nobody")));
    }
    Ok(())
}

impl Service {
    /// Holds on all devices until it is chosen again or `until_ms` is over; watchers are told. Invisible, one looks offline to all others from now on.
    ///
    /// Errors: `INVALID_ARGUMENT`.
    pub(crate) async fn set_presence(
        &self,
        caller: &Caller,
        request: v1::SetPresenceRequest,
    ) -> Result<v1::SetPresenceResponse> {
        let state = match request.state.as_known() {
            Some(PresenceState::Unspecified) => PresenceState::Online,
            Some(PresenceState::Offline) | None => {
                return Err(Failure::invalid("state is ONLINE, AWAY, BUSY or INVISIBLE"));
            }
            Some(state) => state,
        };
        let text = request.text.trim().to_owned();
        if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(Failure::invalid(format!("text has at most {TEXT_CHARS_MAX} printable characters")));
        }
        let now_ms = self.now_ms();
        if request.until_ms != 0 && request.until_ms <= now_ms {
            return Err(Failure::invalid("until_ms is over already"));
        }
        let chosen = ChosenPresence { state, text, until_ms: request.until_ms };
        self.store.set_presence(caller.user, chosen, now_ms).await?;
        self.stir(caller.user).await;
        Ok(v1::SetPresenceResponse::default())
    }

    /// How this person looks may have changed.
    pub(crate) async fn stir(&self, user: UserId) {
        self.bus.publish(BusMessage::Stirred(Whom::Users(Arc::from([user])))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_of_presence_are_checked() {
        for good in ["", "everybody", "contacts", "nobody"] {
            assert!(check_setting(VISIBLE_SETTING, good).is_ok() && check_setting(LAST_SEEN_SETTING, good).is_ok());
        }
        assert!(check_setting(VISIBLE_SETTING, "friends").is_err());
        assert!(check_setting("acme.theme", "friends").is_ok());
    }
}
