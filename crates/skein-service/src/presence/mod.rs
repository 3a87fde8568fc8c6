//! Presence: how people look to others, who is told, and for how long they were here.
//!
//! In reading order: `choose` (one's own look), `look` (what one may see of another: privacy and connections together), `watch`, `online` (what nodes tell, and
//! nodes that do not tell any more), `time` (online time, for business systems and oneself), `wire` (between nodes).

mod choose;
mod look;
mod online;
mod time;
mod watch;
pub(crate) mod wire;

pub use self::online::OnlineReport;
pub(crate) use self::{choose::check_setting, look::Looks};

/// People in one request, and people that one session watches.
pub const PRESENCE_USERS_MAX: usize = 500;
