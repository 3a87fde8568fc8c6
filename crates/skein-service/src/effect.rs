//! What an operation asks of the session that called it, beside its answer; and what it may know of that session. The access layer tells the one and
//! does the other without knowing why.

use std::sync::Arc;

use bytes::Bytes;
use skein_proto::{id::UserId, v1::ErrorCode};

use crate::{Failure, Result};

/// An operation that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The answer, in the codec of the request.
    pub body: Bytes,
    /// To be applied to the session that asked, before it is answered.
    pub effect: Effect,
}

/// What has to happen to the session that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// It is in this room from now on, and gets what comes from that place on.
    JoinRoom(RoomPlace),
    /// It is not in this room any more.
    LeaveRoom {
        /// Which.
        room: Arc<str>,
    },
    /// It watches these people, besides those it does already.
    Watch {
        /// In order, each once.
        users: Vec<UserId>,
    },
    /// It does not watch these people any more.
    Unwatch {
        /// `None`: nobody.
        users: Option<Vec<UserId>>,
    },
}

/// A place in what is said in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomPlace {
    /// Which room.
    pub room: Arc<str>,
    /// Changes with the node that keeps the room.
    pub epoch: u64,
    /// Of the next message.
    pub offset: u64,
}

/// The session that asks, as the access layer has it.
pub trait SessionView: Send + Sync {
    /// Whether it has joined this room.
    fn is_in_room(&self, room: &str) -> bool;
}

/// What an operation may know of the session that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// There is one: what is pushed to it arrives.
    pub has_session: bool,
    /// It is in the room that the request names.
    pub in_room: bool,
    /// Another service node has passed the request on: it is answered here, wherever the room should be.
    pub relayed: bool,
}

impl Asking {
    /// For what is pushed to the session that asks.
    ///
    /// # Errors
    /// `SESSION_NEEDED`, with the reason.
    pub(crate) fn must_have_session(self, why: &str) -> Result<()> {
        if self.has_session {
            return Ok(());
        }
        let how = "ask over a link, or name the session of your stream of events in the header skein-session";
        Err(Failure::new(ErrorCode::SessionNeeded, format!("{why}: {how}")))
    }
}
