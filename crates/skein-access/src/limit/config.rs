//! What an operator may decide about limits.

use serde::{Deserialize, Serialize};

/// Section `[access.limits]`. 0 takes a limit away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Networks whose addresses are not limited, for example those of a proxy in front: `10.0.0.0/8`, `::1`.
    pub exempt: Vec<String>,
    /// Connections of one address at once. Of IPv6, a /64 is one address.
    pub connections_per_address_max: u32,
    /// Connections that one address may open in a minute.
    pub connections_per_address_per_minute: u32,
    /// Requests over HTTP and on links without a session that one address may make in a minute.
    pub requests_per_address_per_minute: u32,
    /// Sessions of one user at once.
    pub sessions_per_user_max: u32,
    /// Requests that one user may make in a minute.
    pub requests_per_user_per_minute: u32,
    /// An address that was refused so often in a minute is not accepted any more for a while.
    pub refusals_until_blocked: u32,
    /// For how long, in seconds; each time twice as long.
    pub block_min_s: u32,
    /// At most this long, in seconds.
    pub block_max_s: u32,
    /// Hellos that are judged at once, and that wait for it; beyond it clients are told to come again (OVERLOADED).
    pub hellos_max: u32,
    /// As above: those that wait.
    pub hellos_waiting_max: u32,
    /// How long the head of a request may take, in milliseconds.
    pub header_timeout_ms: u32,
    /// How long a request and its answer may take, in milliseconds; receiving without a link is not meant.
    pub request_timeout_ms: u32,
    /// How long the peer's system may leave what was sent unacknowledged before the connection is lost, in milliseconds.
    pub unacknowledged_max_ms: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            exempt: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
            connections_per_address_max: 2_000,
            connections_per_address_per_minute: 2_400,
            requests_per_address_per_minute: 12_000,
            sessions_per_user_max: 100,
            requests_per_user_per_minute: 60_000,
            refusals_until_blocked: 100,
            block_min_s: 10,
            block_max_s: 600,
            hellos_max: 512,
            hellos_waiting_max: 16_384,
            header_timeout_ms: 10_000,
            request_timeout_ms: 30_000,
            unacknowledged_max_ms: 30_000,
        }
    }
}
