//! What people show of themselves, and when they were here. Who is connected just now is known to the nodes, not to the store.

use async_trait::async_trait;
use skein_proto::{id::UserId, v1};

use crate::Result;

/// The setting that says who sees whether somebody is there.
pub const VISIBLE_SETTING: &str = "presence.visible";
/// The setting that says who sees when somebody was last there.
pub const LAST_SEEN_SETTING: &str = "presence.last_seen";

/// Who sees something of somebody, as [`VISIBLE_SETTING`] and [`LAST_SEEN_SETTING`] say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenBy {
    /// Everybody; also when nothing was set.
    Everybody,
    /// Those with whom there is a one-to-one conversation.
    Contacts,
    /// Nobody else.
    Nobody,
}

impl SeenBy {
    /// What the value of a setting says; `None` when it is none of the words for it.
    pub fn from_setting(value: &str) -> Option<Self> {
        match value {
            "" | "everybody" => Some(Self::Everybody),
            "contacts" => Some(Self::Contacts),
            "nobody" => Some(Self::Nobody),
            _ => None,
        }
    }
}

/// How somebody wants to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChosenPresence {
    /// Unspecified: nothing was chosen.
    pub state: v1::PresenceState,
    /// A line of their own.
    pub text: String,
    /// When it is over, Unix milliseconds; 0: never.
    pub until_ms: u64,
}

/// What one person may see of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenPresence {
    /// How the other wants to look; also when it is invisible, which is not for the eyes of others.
    pub chosen: ChosenPresence,
    /// Whether it may be seen that the other is there.
    pub visible: bool,
    /// When the other was last there, Unix milliseconds; 0: unknown, or not to be seen.
    pub last_seen_ms: u64,
}

/// Somebody's first connection to a node was made, or the last one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnlineMove {
    /// Who.
    pub user: UserId,
    /// The first connection was made; else the last one has ended.
    pub online: bool,
    /// When, Unix milliseconds.
    pub time_ms: u64,
}

/// What a node tells.
#[derive(Clone, Debug, Default)]
pub struct RecordOnline {
    /// Its number.
    pub node: u64,
    /// Counts what the node tells, from 1; 0 when somebody else tells it.
    pub sequence: u64,
    /// What has happened there, in order.
    pub moves: Vec<OnlineMove>,
    /// It lives, Unix milliseconds; `None`: somebody else tells it, and it does not.
    pub beat_ms: Option<u64>,
    /// The deployment's time, ahead of UTC, in milliseconds: it decides where days begin.
    pub day_offset_ms: i64,
}

/// Days of the deployment's own time, numbered from the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: i64,
    /// The last.
    pub to: i64,
    /// As of [`RecordOnline::day_offset_ms`].
    pub offset_ms: i64,
}

/// One day of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnlineDay {
    /// Who.
    pub user: UserId,
    /// Which day.
    pub day: i64,
    /// How long, in milliseconds; devices at the same time count once.
    pub online_ms: u64,
    /// First and last moment of it, Unix milliseconds.
    pub first_ms: u64,
    /// See `first_ms`.
    pub last_ms: u64,
}

/// See the [crate] documentation for the guarantees. Nothing here moves a timeline.
#[async_trait]
pub trait PresenceStore {
    /// Sets how the user wants to look. Who becomes invisible was last seen at that moment.
    async fn set_presence(&self, user: UserId, chosen: ChosenPresence, now_ms: u64) -> Result<()>;
    /// What the first of each pair may see of the second, in the order given. Oneself sees everything. Of others: nothing of whoever blocks the one who looks
    /// or does not exist; else as [`VISIBLE_SETTING`] and [`LAST_SEEN_SETTING`] of the other say: `everybody` (also when not set), `contacts` (those
    /// with whom there is a one-to-one conversation), or `nobody`.
    async fn list_seen(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<SeenPresence>>;
    /// Notes what has happened on a node, in its order. Whoever leaves was last seen then, unless invisible. With `beat_ms` the node lives at that time. What
    /// was told before (its sequence is not above the last one) changes nothing. False when it was, or the node was not known: then it is not certain that
    /// everybody is known who is connected to it.
    async fn record_online(&self, record: RecordOnline) -> Result<bool>;
    /// Nodes that have not lived since, with the time when they last did.
    async fn list_silent_nodes(&self, since_ms: u64) -> Result<Vec<(u64, u64)>>;
    /// Who is connected to a node as far as was told, at most so many.
    async fn list_online_users(&self, node: u64, limit: u32) -> Result<Vec<UserId>>;
    /// The node is gone, and nobody is connected to it any more.
    async fn forget_node(&self, node: u64) -> Result<()>;
    /// How long these users were online on each of these days, by user and day; days without are left out. Who is online now is so until now, or as
    /// long as their node is known to have lived.
    async fn list_online_days(&self, users: &[UserId], days: Days) -> Result<Vec<OnlineDay>>;
    /// How many people were online on each of these days, if only for a moment.
    async fn count_active_users(&self, days: Days) -> Result<Vec<(i64, u64)>>;
}
