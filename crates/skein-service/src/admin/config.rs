//! What an operator may decide about business systems.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Section `[admin]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Keys with which business systems call `AdminService` and read the stream of events. None by default: then nobody can.
    pub keys: Vec<KeyConfig>,
    /// Kinds of events that are kept for the stream: names, families like `message.*`, or `*`. None by default: then nothing is recorded for it.
    pub event_kinds: Vec<String>,
    /// How long events and the receivers of finished mailings are kept, in hours. Events that a webhook still has to get stay longer.
    pub event_retention_h: u64,
    /// Streams of events that may be open at once.
    pub event_streams_max: u32,
    /// Receivers of a mailing per second, unless it says otherwise.
    pub mailing_per_second: u32,
    /// Shown name of the account that notifications come from; used when it is made, with the first one.
    pub notifier_name: String,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            event_kinds: Vec::new(),
            event_retention_h: 7 * 24,
            event_streams_max: 16,
            mailing_per_second: 200,
            notifier_name: "Notifications".to_owned(),
        }
    }
}

/// One element of `admin.keys`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// What logs and mailings call its holder.
    pub name: String,
    /// The key itself, at least 32 bytes. Never printed.
    pub key: String,
}

impl fmt::Debug for KeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyConfig").field("name", &self.name).finish_non_exhaustive()
    }
}
