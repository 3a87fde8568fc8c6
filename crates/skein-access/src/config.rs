//! What an operator may decide about sockets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use skein_proto::limits;

/// Section `[access]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// Address for HTTP and WebSocket; port 0 picks a free one.
    pub listen: String,
    /// Address for the binary protocol over TCP; none by default.
    pub tcp_listen: Option<String>,
    /// Clients send something at least this often, in milliseconds.
    pub heartbeat_ms: u32,
    /// How long a dropped session can be resumed, in milliseconds.
    pub resume_window_ms: u64,
    /// Encryption.
    pub tls: TlsConfig,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7700".to_owned(),
            tcp_listen: None,
            heartbeat_ms: limits::HEARTBEAT_MS,
            resume_window_ms: limits::RESUME_WINDOW_MS,
            tls: TlsConfig::Off,
        }
    }
}

/// Whether and how connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum TlsConfig {
    /// Not here; put a proxy that does in front.
    #[default]
    Off,
    /// With a certificate chain and its key, both PEM.
    CertFiles {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// With a certificate for localhost made at the first start. For development.
    SelfSigned {
        /// Where `cert.pem` and `key.pem` are kept.
        dir: PathBuf,
    },
}

impl TlsConfig {
    /// Whether connections are encrypted.
    pub fn is_on(&self) -> bool {
        *self != Self::Off
    }
}
