//! Links that are counted, asked to leave, and closed, when a node is drained.

use std::sync::Arc;

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    id::UserId,
    session::frame,
    v1::{self, CloseCode},
};

use super::Registry;

/// The frame that asks a link to leave, in both encodings; shared by many links.
pub(crate) struct Farewell {
    binary: Bytes,
    json: Bytes,
}

impl Farewell {
    /// Asks to leave for one of these gateways, the first that can be reached, at a random moment within this time.
    pub(crate) fn new(gateways: Vec<String>, after_ms: u32) -> Self {
        let reason = "this node is being drained".to_owned();
        let go_away = v1::GoAway { reason, gateways, after_ms, ..Default::default() };
        let encoded = |codec| frame::go_away(codec, go_away.clone());
        Self { binary: encoded(Codec::Binary), json: encoded(Codec::Json) }
    }

    pub(super) fn encoded(&self, codec: Codec) -> Bytes {
        if codec == Codec::Json { self.json.clone() } else { self.binary.clone() }
    }
}

impl Registry {
    /// Connected sessions.
    pub(crate) fn links(&self) -> usize {
        self.here.connected()
    }

    /// Sessions of a user, connected or to be resumed.
    pub(crate) fn sessions_of(&self, user: UserId) -> usize {
        self.shard(user).lock().get(&user).map_or(0, Vec::len)
    }

    /// Asks the links of a shard to leave, each with one of the farewells in turn. False when there is no such shard.
    pub(crate) fn ask_shard_to_leave(&self, shard: usize, farewells: &[Arc<Farewell>]) -> bool {
        let Some(sessions) = self.shards.get(shard) else { return false };
        for (session, farewell) in sessions.lock().values().flatten().zip(farewells.iter().cycle().skip(shard)) {
            let mut state = session.lock();
            state.farewell = Some(farewell.clone());
            state.wake();
        }
        true
    }

    /// Closes the sessions of a shard. False when there is no such shard.
    pub(crate) fn close_shard(&self, shard: usize, code: CloseCode) -> bool {
        let Some(sessions) = self.shards.get(shard) else { return false };
        sessions.lock().values().flatten().for_each(|session| session.close(code));
        true
    }
}
