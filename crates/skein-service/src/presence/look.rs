//! What one person may see of others: what they chose, what they allow, and whether they are connected.

use std::collections::HashMap;

use buffa::Enumeration as _;
use skein_bus::Present;
use skein_proto::{
    id::UserId,
    v1::{self, ErrorCode, PresenceState},
};
use skein_store::presence::{ChosenPresence, SeenPresence};

use crate::{Caller, Failure, Result, Service, presence::PRESENCE_USERS_MAX, validate};

/// Who looks, and at whom.
pub(crate) type Looks = Vec<(UserId, Vec<UserId>)>;

/// Ids of a request.
pub(super) fn user_ids(ids: &[u64]) -> Result<Vec<UserId>> {
    if ids.len() > PRESENCE_USERS_MAX {
        return Err(Failure::new(ErrorCode::TooLarge, format!("at most {PRESENCE_USERS_MAX} people at once")));
    }
    validate::each_once(ids.iter().copied().map(UserId))
}

impl Service {
    /// How people are now, as the caller may see it. Nothing tells whether somebody is offline, invisible or does not exist.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`.
    pub(crate) async fn get_presence(
        &self,
        caller: &Caller,
        request: v1::GetPresenceRequest,
    ) -> Result<v1::GetPresenceResponse> {
        let users = user_ids(&request.user_ids)?;
        let presences = self.look(vec![(caller.user, users)]).await?.pop().unwrap_or_default();
        Ok(v1::GetPresenceResponse { presences, ..Default::default() })
    }

    /// What each of these may see of those, in the order given.
    pub(crate) async fn look(&self, looks: Looks) -> Result<Vec<Vec<v1::Presence>>> {
        let pairs: Vec<(UserId, UserId)> =
            looks.iter().flat_map(|(watcher, users)| users.iter().map(|user| (*watcher, *user))).collect();
        let mut users: Vec<UserId> = pairs.iter().map(|(_, user)| *user).collect();
        users.sort_unstable();
        users.dedup();
        let (seen, present) = tokio::join!(self.store.list_seen(&pairs), self.bus.list_present(&users));
        let present: HashMap<UserId, Present> = present.into_iter().map(|one| (one.user, one)).collect();
        let now_ms = self.now_ms();
        let mut seen = seen?.into_iter();
        let all_of = |(watcher, users): (UserId, Vec<UserId>)| {
            let one = |user: UserId| {
                let seen = seen.next().unwrap_or_default();
                shown(watcher == user, user, seen, present.get(&user), now_ms)
            };
            users.into_iter().map(one).collect()
        };
        Ok(looks.into_iter().map(all_of).collect())
    }

    /// Those of these people of whom the caller may learn that they are there.
    pub(crate) async fn sees_online(&self, caller: UserId, users: &[UserId]) -> Result<Vec<UserId>> {
        let pairs: Vec<(UserId, UserId)> = users.iter().map(|user| (caller, *user)).collect();
        let seen = self.store.list_seen(&pairs).await?;
        let now_ms = self.now_ms();
        let open = |(user, seen): (&UserId, SeenPresence)| {
            let hidden = in_force(seen.chosen, now_ms).state == PresenceState::Invisible;
            (*user == caller || (seen.visible && !hidden)).then_some(*user)
        };
        Ok(users.iter().zip(seen).filter_map(open).collect())
    }
}

/// What was chosen, unless its time is over.
fn in_force(chosen: ChosenPresence, now_ms: u64) -> ChosenPresence {
    let over = chosen.until_ms > 0 && chosen.until_ms <= now_ms;
    if over { ChosenPresence::default() } else { chosen }
}

/// How somebody looks to somebody.
fn shown(own: bool, user: UserId, seen: SeenPresence, present: Option<&Present>, now_ms: u64) -> v1::Presence {
    let SeenPresence { chosen, visible, last_seen_ms } = seen;
    let chosen = in_force(chosen, now_ms);
    let hidden = chosen.state == PresenceState::Invisible && !own;
    let nothing = v1::Presence { user_id: user.0, last_seen_ms, ..Default::default() };
    match present {
        _ if !visible => nothing,
        Some(present) if !hidden => v1::Presence {
            user_id: user.0,
            state: match chosen.state {
                PresenceState::Unspecified => PresenceState::Online.into(),
                state => state.into(),
            },
            text: chosen.text,
            devices: present.platforms.iter().map(|platform| device(*platform)).collect(),
            until_ms: chosen.until_ms,
            ..Default::default()
        },
        _ => v1::Presence { state: PresenceState::Offline.into(), ..nothing },
    }
}

fn device(platform: u32) -> v1::PresenceDevice {
    let platform = v1::Platform::from_i32(platform as i32).unwrap_or_default();
    v1::PresenceDevice { platform: platform.into(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: UserId = UserId(8);

    fn seen(state: PresenceState, visible: bool) -> SeenPresence {
        let chosen = ChosenPresence { state, text: "at lunch".to_owned(), until_ms: 100 };
        SeenPresence { chosen, visible, last_seen_ms: 7 }
    }

    fn there() -> Present {
        Present { user: BOB, platforms: vec![1, 5] }
    }

    fn state(presence: &v1::Presence) -> PresenceState {
        presence.state.as_known().unwrap()
    }

    #[test]
    fn the_invisible_look_like_the_absent() {
        let invisible = shown(false, BOB, seen(PresenceState::Invisible, true), Some(&there()), 50);
        let absent = shown(false, BOB, seen(PresenceState::Online, true), None, 50);
        assert_eq!(invisible, absent);
        assert_eq!((state(&absent), absent.last_seen_ms, absent.text.as_str()), (PresenceState::Offline, 7, ""));
        let own = shown(true, BOB, seen(PresenceState::Invisible, true), Some(&there()), 50);
        assert_eq!((state(&own), own.devices.len()), (PresenceState::Invisible, 2));
    }

    #[test]
    fn what_was_chosen_holds_until_its_time_is_over() {
        let busy = shown(false, BOB, seen(PresenceState::Busy, true), Some(&there()), 99);
        assert_eq!((state(&busy), busy.text.as_str(), busy.last_seen_ms), (PresenceState::Busy, "at lunch", 0));
        let later = shown(false, BOB, seen(PresenceState::Busy, true), Some(&there()), 100);
        assert_eq!((state(&later), later.text.as_str()), (PresenceState::Online, ""));
        let back = shown(false, BOB, seen(PresenceState::Invisible, true), Some(&there()), 100);
        assert_eq!(state(&back), PresenceState::Online);
    }

    #[test]
    fn nothing_is_shown_of_those_who_hide() {
        for present in [None, Some(&there())] {
            let hidden = shown(false, BOB, seen(PresenceState::Busy, false), present, 50);
            assert_eq!(
                (state(&hidden), hidden.devices.len(), hidden.text.as_str()),
                (PresenceState::Unspecified, 0, "")
            );
        }
    }
}
