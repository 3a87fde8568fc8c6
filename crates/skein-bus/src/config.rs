//! What an operator may decide about the bus.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Section `[bus]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// Which bus.
    pub engine: BusEngine,
    /// Where NATS is.
    pub nats: NatsConfig,
}

/// Which bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusEngine {
    /// Within this process: one node.
    #[default]
    Local,
    /// NATS: a cluster.
    Nats,
}

/// Section `[bus.nats]`. Its `Debug` shows no credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsConfig {
    /// Servers of one NATS cluster: `nats://host:port`, or `tls://host:port`.
    pub urls: Vec<String>,
    /// User name; empty: none.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Token, for servers that want one instead of a user; empty: none.
    pub token: String,
    /// Certificate authority of the servers (PEM), beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// First word of every subject: several clusters may share a NATS.
    pub prefix: String,
    /// Events for business systems, kept by JetStream.
    pub events: EventStreamConfig,
}

/// Section `[bus.nats.events]`. It can be used without the bus over NATS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventStreamConfig {
    /// Kinds of events that are published: names, families like `message.*`, or `*`. None by default.
    pub kinds: Vec<String>,
    /// Name of the stream. It is made when it is missing, and left as it is when it is there.
    pub stream: String,
    /// How long a stream that is made keeps events, in hours; 0: for ever.
    pub retention_h: u64,
    /// How many servers keep a stream that is made.
    pub replicas: usize,
}

impl Default for EventStreamConfig {
    fn default() -> Self {
        Self { kinds: Vec::new(), stream: "skein_events".to_owned(), retention_h: 168, replicas: 1 }
    }
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            user: String::new(),
            password: String::new(),
            token: String::new(),
            ca_file: None,
            prefix: "skein".to_owned(),
            events: EventStreamConfig::default(),
        }
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.places().collect();
        f.debug_struct("NatsConfig").field("urls", &places).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl NatsConfig {
    /// The servers without what a URL may say about users.
    pub fn places(&self) -> impl Iterator<Item = String> + '_ {
        self.urls.iter().map(|url| {
            let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
            format!("{scheme}://{place}")
        })
    }

    /// What is wrong with it, if anything; shows no credentials either.
    pub fn check(&self) -> Result<(), String> {
        if self.urls.is_empty() {
            return Err("bus.nats.urls names no server".to_owned());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            return Err("bus.nats.prefix must be 1 to 64 letters, digits, - or _".to_owned());
        }
        if self.events.stream.is_empty() || self.events.stream.len() > 64 || !self.events.stream.chars().all(plain) {
            return Err("bus.nats.events.stream must be 1 to 64 letters, digits, - or _".to_owned());
        }
        if !self.token.is_empty() && !self.user.is_empty() {
            return Err("bus.nats has both a token and a user; servers take one of them".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown() {
        let config = NatsConfig {
            urls: vec!["nats://me:secret@host:4222".to_owned(), "secret@other".to_owned()],
            user: "secret".to_owned(),
            password: "secret".to_owned(),
            token: "secret".to_owned(),
            ..NatsConfig::default()
        };
        let text = format!("{config:?} {}", config.check().unwrap_err());
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("nats://host:4222") && text.contains("nats://other"), "{text}");
    }

    #[test]
    fn a_prefix_is_one_word() {
        for prefix in ["", "a.b", "a b", "*", ">"] {
            assert!(NatsConfig { prefix: prefix.to_owned(), ..NatsConfig::default() }.check().is_err(), "{prefix:?}");
        }
        assert_eq!(NatsConfig::default().check(), Ok(()));
    }
}
