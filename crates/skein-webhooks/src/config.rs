//! What an operator may decide about webhooks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Section `[webhooks]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Where events are delivered. None by default: then nothing is recorded for webhooks, and a send costs nothing more.
    pub endpoints: Vec<EndpointConfig>,
    /// Pauses before the second and each further attempt, in milliseconds; when they are used up, the event is dead.
    pub retry_ms: Vec<u64>,
    /// How much longer a pause may become by chance, in percent: endpoints that come back are not met by everything at once.
    pub retry_jitter_percent: u32,
    /// How long an endpoint may take to answer, in milliseconds.
    pub timeout_ms: u64,
    /// Who is asked before a message of a user is stored or edited; nobody by default.
    pub before_message: Option<BeforeConfig>,
}

/// Section `[webhooks.before_message]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeforeConfig {
    /// Where to ask; see [`EndpointConfig::url`].
    pub url: String,
    /// The keys that sign; see [`EndpointConfig::secrets`].
    pub secrets: Vec<Secret>,
    /// How long a message may wait for the answer, in milliseconds.
    #[serde(default = "half_a_second")]
    pub timeout_ms: u64,
    /// What happens without an answer.
    #[serde(default)]
    pub silence: Silence,
}

/// What happens to a message about which nobody could be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// It is stored as it is: the hook fails open.
    #[default]
    Pass,
    /// It is not stored; the sender may try again: the hook fails closed.
    Refuse,
}

fn half_a_second() -> u64 {
    500
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        const HOUR: u64 = 3_600_000;
        Self {
            endpoints: Vec::new(),
            retry_ms: vec![
                5_000,
                5 * 60_000,
                30 * 60_000,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                14 * HOUR,
                20 * HOUR,
                24 * HOUR,
            ],
            retry_jitter_percent: 20,
            timeout_ms: 15_000,
            before_message: None,
        }
    }
}

/// One element of `webhooks.endpoints`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// Its name in logs and in the admin interface. What is undelivered is kept under it, so renaming starts afresh.
    pub name: String,
    /// Where to POST. Private addresses are fine: only the operator writes this. Redirects are not followed.
    pub url: String,
    /// One or more keys, each `whsec_` and base64 of 24 to 64 bytes. Each signs, so that a key can be replaced without a gap.
    pub secrets: Vec<Secret>,
    /// Kinds of events: names, families like `message.*`, or `*`.
    #[serde(default = "everything")]
    pub kinds: Vec<String>,
    /// Events in one request; above 1 a request carries `{"type":"batch","data":[...]}`.
    #[serde(default = "one")]
    pub batch_max: u32,
    /// Requests at once.
    #[serde(default = "some")]
    pub concurrency: u32,
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

fn one() -> u32 {
    1
}

fn some() -> u32 {
    16
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let endpoint = EndpointConfig {
            name: "shop".to_owned(),
            url: "http://127.0.0.1".to_owned(),
            secrets: vec![Secret("whsec_c2VjcmV0".to_owned())],
            kinds: everything(),
            batch_max: 1,
            concurrency: 1,
        };
        assert!(!format!("{endpoint:?}").contains("c2VjcmV0"));
    }
}
