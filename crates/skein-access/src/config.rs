//! What an operator may decide about sockets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use skein_proto::limits;

pub use crate::limit::config::LimitsConfig;

/// The header in which proxies say whom they speak for. Only one is believed: the other one they may pass on as a client made it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`, the standard (RFC 7239).
    Forwarded,
}

/// Section `[access]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// Address for HTTP and WebSocket; port 0 picks a free one.
    pub listen: String,
    /// Address for the binary protocol over TCP; none by default.
    pub tcp_listen: Option<String>,
    /// Address for the binary protocol over QUIC, which is UDP; none by default. It needs a certificate: that of `tls`, or its own in `quic_tls`.
    pub quic_listen: Option<String>,
    /// Browsers may come over the same socket, by WebTransport; they are told so.
    pub web_transport: bool,
    /// Name of this node, for lists and orders of drain; different for each. Empty: made up at each start.
    pub name: String,
    /// Where clients reach this node from outside: `https://host`, `http://host:port`, `quic://host:port`, `tls://host:port`, `tcp://host:port`. Empty: at the same address as the
    /// others, behind a balancer.
    pub advertise: Vec<String>,
    /// Where it stands, in the operator's words.
    pub region: String,
    /// Whose network it is in, in the operator's words.
    pub carrier: String,
    /// Links that this node is made for; others see its load as a share of it.
    pub links_max: u64,
    /// How links are given to other nodes.
    pub drain: DrainConfig,
    /// Telling clients where to connect.
    pub dispatch: DispatchConfig,
    /// Origins of pages that may call us, beside our own: `https://shop.example`; `*` is every page.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies whose connections begin with a PROXY header (version 1 or 2), which says whom they speak for.
    pub proxy_protocol_from: Vec<String>,
    /// Networks of proxies that are believed when they say whom they speak for.
    pub forwarded_from: Vec<String>,
    /// In which header they say it.
    pub forwarded_header: ForwardedHeader,
    /// Who may do how much.
    pub limits: LimitsConfig,
    /// Clients send something at least this often, in milliseconds.
    pub heartbeat_ms: u32,
    /// The longest interval that a client may ask for instead, in milliseconds: networks differ in how long they keep a silent connection.
    pub heartbeat_max_ms: u32,
    /// Whoever loses the last connection is shown as there for so long, in milliseconds.
    pub presence_grace_ms: u64,
    /// How long a dropped session can be resumed, in milliseconds.
    pub resume_window_ms: u64,
    /// Encryption.
    pub tls: TlsConfig,
    /// The certificate of QUIC, where connections over TCP are encrypted by a proxy in front. Off: that of `tls`.
    pub quic_tls: TlsConfig,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7700".to_owned(),
            tcp_listen: None,
            quic_listen: None,
            web_transport: false,
            name: String::new(),
            advertise: Vec::new(),
            region: String::new(),
            carrier: String::new(),
            links_max: 100_000,
            drain: DrainConfig::default(),
            dispatch: DispatchConfig::default(),
            allowed_origins: Vec::new(),
            proxy_protocol_from: Vec::new(),
            forwarded_from: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            limits: LimitsConfig::default(),
            heartbeat_ms: limits::HEARTBEAT_MS,
            heartbeat_max_ms: 300_000,
            presence_grace_ms: 10_000,
            resume_window_ms: limits::RESUME_WINDOW_MS,
            tls: TlsConfig::Off,
            quic_tls: TlsConfig::Off,
        }
    }
}

/// Section `[access.drain]`: how a node that stops gives its links to the others. A node that knows no other stops at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrainConfig {
    /// From not being ready any more until clients are asked to leave, in milliseconds: balancers notice.
    pub withdraw_ms: u32,
    /// Clients leave at random moments within this time, in milliseconds.
    pub spread_ms: u32,
    /// All of it takes at most this long, in seconds; who is still there then is closed.
    pub max_s: u32,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { withdraw_ms: 1_000, spread_ms: 10_000, max_s: 25 }
    }
}

/// Section `[access.dispatch]`: what clients are told that ask where to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DispatchConfig {
    /// Addresses for when no node can be reached, for example those of another place.
    pub fallback: Vec<String>,
    /// How long an answer may be used, in seconds.
    pub validity_s: u32,
    /// How long to wait between tries to connect: doubling from the first to the second, in milliseconds.
    pub backoff_min_ms: u32,
    /// The longest wait, in milliseconds.
    pub backoff_max_ms: u32,
    /// How often one address may ask in a minute; 0: as often as it likes.
    pub per_address_per_minute: u32,
}

impl Default for DispatchConfig {
    fn default() -> Self {
        Self {
            fallback: Vec::new(),
            validity_s: 300,
            backoff_min_ms: 250,
            backoff_max_ms: 15_000,
            per_address_per_minute: 120,
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
