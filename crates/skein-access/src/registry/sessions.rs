//! What the bus may ask of the sessions, and what concerns those only who are connected.

use std::sync::Arc;

use skein_bus::{Handing, Present, Sessions};
use skein_proto::{event::EncodedEvent, id::UserId};
use skein_service::now_ms;

use super::{AWAY_MS, LiveSession, Registry};
use crate::presence::Watching;

impl LiveSession {
    /// Whether it has a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.lock().attached
    }

    /// Changes whom it watches.
    pub(crate) fn with_watching<R>(&self, change: impl FnOnce(&mut Option<Box<Watching>>) -> R) -> R {
        change(&mut self.lock().watching)
    }

    /// Queues an event and wakes the connection, but only while there is one; a client that polls is gone for a moment between two polls. Whether it is.
    fn push_to_present(&self, event: &Arc<EncodedEvent>, now_ms: u64) -> bool {
        let mut state = self.state.lock();
        let present = state.close.is_none() && (state.attached || state.detached_ms + AWAY_MS > now_ms);
        if present {
            state.session.push(event.clone());
            state.wake();
        }
        present
    }
}

impl Registry {
    /// The grace of somebody is over. Whoever has come back meanwhile is held again already.
    pub(crate) fn release(&self, user: UserId) {
        let shard = self.shard(user).lock();
        if !shard.contains_key(&user) && !self.here.is_here(user) {
            self.bus.set_held(user, false);
        }
    }

    /// What the connected devices of a user run on, each once, in order.
    fn platforms(&self, user: UserId) -> Vec<u32> {
        let shard = self.shard(user).lock();
        let sessions = shard.get(&user).into_iter().flatten();
        let connected = sessions.filter(|session| session.is_connected());
        let mut platforms: Vec<u32> = connected.map(|session| session.caller.platform as i32 as u32).collect();
        platforms.sort_unstable();
        platforms.dedup();
        platforms
    }
}

impl Sessions for Registry {
    fn users(&self) -> Vec<UserId> {
        let held = self.shards.iter().flat_map(|shard| shard.lock().keys().copied().collect::<Vec<_>>());
        let mut users: Vec<UserId> = held.chain(self.here.users()).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    fn online_devices(&self, user: UserId) -> Vec<Arc<str>> {
        let shard = self.shard(user).lock();
        let sessions = shard.get(&user).into_iter().flatten();
        sessions.filter(|session| session.is_connected()).map(|session| session.caller.device_id.clone()).collect()
    }

    fn hand(&self, handing: &Handing) -> u32 {
        let now_ms = now_ms();
        let mut count = 0;
        for user in handing.users.iter() {
            let shard = self.shard(*user).lock();
            for session in shard.get(user).into_iter().flatten() {
                let device = &session.caller.device_id;
                let meant = handing.only_device.as_ref().is_none_or(|only| only == device)
                    && handing.skip_device.as_ref() != Some(device);
                if meant && session.push_to_present(&handing.event, now_ms) {
                    count += 1;
                }
            }
        }
        count
    }

    fn list_present(&self, users: &[UserId]) -> Vec<Present> {
        let present = |user: &UserId| {
            let here = self.here.is_here(*user);
            here.then(|| Present { user: *user, platforms: self.platforms(*user) })
        };
        users.iter().filter_map(present).collect()
    }
}
