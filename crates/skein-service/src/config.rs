//! What an operator may decide about the rules.

use serde::{Deserialize, Serialize};
use skein_proto::v1::Platform;

/// What happens when a user logs in on one more device of the same platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginPolicy {
    /// Any number of devices.
    #[default]
    Allow,
    /// The older device is logged out.
    KickOlder,
    /// The newer device is refused.
    Refuse,
}

/// Section `[service.rooms]`: live rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomConfig {
    /// Messages of one person to one room per second.
    pub user_messages_per_s: u32,
    /// So many of them at once.
    pub user_messages_burst: u32,
    /// What one person may add to the counters of one room per second.
    pub user_counts_per_s: u32,
    /// Messages of all people to one room per second; of these as many are passed on as fit into its ticks.
    pub messages_per_s: u32,
    /// How long a room that everybody has left keeps its last messages and counters, in seconds.
    pub linger_s: u64,
    /// Rooms that one node keeps.
    pub rooms_max: usize,
}

impl Default for RoomConfig {
    fn default() -> Self {
        Self {
            user_messages_per_s: 10,
            user_messages_burst: 20,
            user_counts_per_s: 200,
            messages_per_s: 5_000,
            linger_s: 30,
            rooms_max: 100_000,
        }
    }
}

/// Section `[service]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// Whether people may register themselves.
    pub registration: bool,
    /// Key (HS256) with which a host application mints log-in tokens; empty: none is accepted. At least 32 bytes.
    pub host_key: String,
    /// Life of an access token, in seconds.
    pub access_token_s: u64,
    /// Life of a refresh token, in seconds; each use renews it.
    pub refresh_token_s: u64,
    /// How long the refresh token that was exchanged last may be presented again, in seconds: its answer may have been lost. 0: never.
    pub refresh_grace_s: u64,
    /// How long a sender may recall a message, in seconds.
    pub recall_window_s: u64,
    /// How long a sender may edit a message, in seconds.
    pub edit_window_s: u64,
    /// Memory of one password hashing, in KiB (argon2id); more is safer and slower.
    pub password_memory_kib: u32,
    /// A further device in a browser.
    pub login_web: LoginPolicy,
    /// A further phone (iOS, Android).
    pub login_mobile: LoginPolicy,
    /// A further device of any other platform.
    pub login_other: LoginPolicy,
    /// Where days begin that online time is counted by: minutes ahead of UTC, e.g. 480 for China.
    pub day_offset_minutes: i32,
    /// Messages that one conversation takes in a minute, from everybody, on each node that keeps the rules; as many signals. 0: any number.
    pub messages_per_conversation_per_minute: u32,
    /// Live rooms.
    pub rooms: RoomConfig,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            registration: true,
            host_key: String::new(),
            access_token_s: 3_600,
            refresh_token_s: 30 * 24 * 3_600,
            refresh_grace_s: 30,
            recall_window_s: 120,
            edit_window_s: 24 * 3_600,
            password_memory_kib: 19_456,
            login_web: LoginPolicy::Allow,
            login_mobile: LoginPolicy::Allow,
            login_other: LoginPolicy::Allow,
            day_offset_minutes: 0,
            messages_per_conversation_per_minute: 300_000,
            rooms: RoomConfig::default(),
        }
    }
}

impl ServiceConfig {
    /// The policy for one platform.
    pub fn login_policy(&self, platform: Platform) -> LoginPolicy {
        match platform {
            Platform::Web => self.login_web,
            Platform::Ios | Platform::Android => self.login_mobile,
            _ => self.login_other,
        }
    }
}
