//! Who watches whom, and which of them have to be told. A session watches a bounded number of people; whoever watches nobody costs nothing.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use skein_proto::id::UserId;
use skein_service::PRESENCE_USERS_MAX;

use crate::{measure, registry::LiveSession};

/// Locks; people are spread over them.
const SHARDS: usize = 16;

type ByUser = HashMap<UserId, Vec<Weak<LiveSession>>>;

/// Of all sessions of this node.
pub(crate) struct Watches {
    by_user: Vec<Mutex<ByUser>>,
    /// Sessions with something to ask.
    due: Mutex<Vec<Weak<LiveSession>>>,
}

/// Of one session; dropped with it.
pub(crate) struct Watching {
    watches: Arc<Watches>,
    users: HashSet<UserId>,
    /// How these look may have changed since the client was told.
    dirty: BTreeSet<UserId>,
    /// It is among the sessions with something to ask.
    is_due: bool,
}

/// The session would watch more people than it may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Watches {
    pub(crate) fn new() -> Arc<Self> {
        let by_user = (0..SHARDS).map(|_| Mutex::default()).collect();
        Arc::new(Self { by_user, due: Mutex::default() })
    }

    fn shard(&self, user: UserId) -> &Mutex<ByUser> {
        &self.by_user[user.0 as usize % SHARDS]
    }

    /// The session watches these, too. They are asked for once more: what changed before this is known otherwise to nobody.
    pub(crate) fn watch(self: &Arc<Self>, session: &Arc<LiveSession>, users: &[UserId]) -> Result<(), TooMany> {
        let fresh: Vec<UserId> = session.with_watching(|watching| {
            let watching = watching.get_or_insert_with(|| Box::new(Watching::new(self.clone())));
            let fresh: Vec<UserId> = users.iter().copied().filter(|user| !watching.users.contains(user)).collect();
            if watching.users.len() + fresh.len() > PRESENCE_USERS_MAX {
                return Err(TooMany);
            }
            watching.users.extend(&fresh);
            Ok(fresh)
        })?;
        for user in &fresh {
            self.shard(*user).lock().entry(*user).or_default().push(Arc::downgrade(session));
        }
        self.mark(session, fresh.into_iter());
        Ok(())
    }

    /// It watches these no more, or (`None`) nobody.
    pub(crate) fn unwatch(&self, session: &Arc<LiveSession>, users: Option<&[UserId]>) {
        let gone: Vec<UserId> = session.with_watching(|watching| {
            let Some(kept) = watching else { return Vec::new() };
            let gone: Vec<UserId> = match users {
                None => kept.users.iter().copied().collect(),
                Some(users) => users.iter().copied().filter(|user| kept.users.contains(user)).collect(),
            };
            for user in &gone {
                kept.users.remove(user);
                kept.dirty.remove(user);
            }
            gone
        });
        for user in gone {
            self.forget(user, |weak| weak.as_ptr() != Arc::as_ptr(session));
        }
    }

    fn forget(&self, user: UserId, keep: impl Fn(&Weak<LiveSession>) -> bool) {
        let mut shard = self.shard(user).lock();
        let Some(sessions) = shard.get_mut(&user) else { return };
        sessions.retain(keep);
        if sessions.is_empty() {
            shard.remove(&user);
        }
    }

    /// How these look may have changed.
    pub(crate) fn stir(&self, users: &[UserId]) {
        for user in users {
            // Not under the lock: the last holder of a session takes it when the session ends.
            let sessions: Vec<_> = self.shard(*user).lock().get(user).cloned().unwrap_or_default();
            for session in sessions.iter().filter_map(Weak::upgrade) {
                self.mark(&session, std::iter::once(*user));
            }
        }
    }

    /// How anybody looks may have changed.
    pub(crate) fn stir_all(&self) {
        for shard in &self.by_user {
            let users: Vec<UserId> = shard.lock().keys().copied().collect();
            self.stir(&users);
        }
    }

    fn mark(&self, session: &Arc<LiveSession>, users: impl Iterator<Item = UserId>) {
        let newly_due = session.with_watching(|watching| {
            let Some(watching) = watching else { return false };
            for user in users.filter(|user| watching.users.contains(user)) {
                if !watching.dirty.insert(user) {
                    measure::presence_coalesced();
                }
            }
            let newly_due = !watching.is_due && !watching.dirty.is_empty();
            watching.is_due |= newly_due;
            newly_due
        });
        if newly_due {
            self.due.lock().push(Arc::downgrade(session));
        }
    }

    /// Connected sessions with what they have to ask, up to about so many people; the others wait.
    pub(crate) fn take_due(&self, people_max: usize) -> Vec<(Arc<LiveSession>, Vec<UserId>)> {
        let (mut taken, mut people) = (Vec::new(), 0);
        let mut waiting = Vec::new();
        let due = std::mem::take(&mut *self.due.lock());
        for weak in due {
            let Some(session) = weak.upgrade() else { continue };
            if people >= people_max || !session.is_connected() {
                waiting.push(weak);
                continue;
            }
            let users = session.with_watching(|watching| {
                watching.as_mut().map_or_else(Vec::new, |watching| {
                    watching.is_due = false;
                    std::mem::take(&mut watching.dirty).into_iter().collect()
                })
            });
            people += users.len();
            if !users.is_empty() {
                taken.push((session, users));
            }
        }
        self.due.lock().extend(waiting);
        taken
    }

    /// How many people are watched here.
    pub(crate) fn watched(&self) -> usize {
        self.by_user.iter().map(|shard| shard.lock().len()).sum()
    }

    /// They could not be asked for.
    pub(crate) fn put_back(&self, session: &Arc<LiveSession>, users: Vec<UserId>) {
        self.mark(session, users.into_iter());
    }
}

impl Watching {
    fn new(watches: Arc<Watches>) -> Self {
        Self { watches, users: HashSet::new(), dirty: BTreeSet::new(), is_due: false }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for user in &self.users {
            self.watches.forget(*user, |weak| weak.strong_count() > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_proto::{codec::Codec, session::ServerSession, v1::Platform};
    use skein_service::Caller;

    use super::*;

    fn session() -> Arc<LiveSession> {
        let caller = Caller {
            user: UserId(1),
            device_id: "d".into(),
            platform: Platform::Web,
            generation: 1,
            expires_ms: u64::MAX,
        };
        Arc::new(LiveSession::new(caller, ServerSession::new([1; 16], Codec::Json, 0), false))
    }

    fn due(watches: &Watches) -> Vec<Vec<UserId>> {
        watches.take_due(1_000).into_iter().map(|(_, users)| users).collect()
    }

    #[test]
    fn only_who_is_watched_and_has_stirred_is_asked_for() {
        let (watches, session) = (Watches::new(), session());
        watches.watch(&session, &[UserId(7), UserId(8)]).unwrap();
        assert_eq!((watches.watched(), due(&watches)), (2, vec![vec![UserId(7), UserId(8)]]));
        assert!(due(&watches).is_empty());
        for _ in 0..3 {
            watches.stir(&[UserId(8), UserId(9)]);
        }
        assert_eq!(due(&watches), [[UserId(8)]], "once, however often");
        watches.unwatch(&session, Some(&[UserId(8)]));
        watches.stir_all();
        assert_eq!(due(&watches), [[UserId(7)]]);
        watches.unwatch(&session, None);
        watches.stir_all();
        assert!(due(&watches).is_empty() && watches.by_user.iter().all(|shard| shard.lock().is_empty()));
    }

    #[test]
    fn watching_is_bounded_and_ends_with_the_session() {
        let (watches, session) = (Watches::new(), session());
        let many: Vec<UserId> = (0..PRESENCE_USERS_MAX as u64).map(UserId).collect();
        watches.watch(&session, &many).unwrap();
        watches.watch(&session, &many).unwrap();
        assert_eq!(watches.watch(&session, &[UserId(1 << 40)]), Err(TooMany));
        drop(session);
        assert!(watches.by_user.iter().all(|shard| shard.lock().is_empty()));
        assert!(due(&watches).is_empty());
    }
}
