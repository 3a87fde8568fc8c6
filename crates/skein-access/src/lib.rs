//! Every socket of the server. It keeps connections alive, encodes once and moves bytes; it knows no rule of the product.
//!
//! In reading order: [`config`], [`listen`] (accepting, TLS, stopping), `arrive` with [`proxy_header`] (whose connection it is), `begun` (until its first request has come), `http` (everything that is a request), `connection` (the loop of one link)
//! with `framing` (WebSocket or records), `hello` (the handshake of the link), `heartbeat` (how often it has to say something), `request` (one of its requests), `effect` (what operations do to sessions), `registry` (live sessions by user), `deliver` (from the bus into them), `presence` (who is here, and who watches whom), `room` (live rooms), `confirm` (acks that a sender waits for),
//! `cluster` (other access nodes, and sending clients to them), `limit` (who may do how much),
//! `sweep` (what time does to them), `tls` and `tls_stream` (encryption), `quic` (links over UDP), `measure` (metrics) and `exporter`
//! (their text).
//!
//! To add a transport: give it a way to find a session in the registry, poll its frames, and hand its frames in; no rule belongs here.

pub mod config;
pub mod listen;

mod arrive;
mod begun;
mod cluster;
mod confirm;
mod connection;
mod deliver;
mod effect;
mod exporter;
mod framing;
mod heartbeat;
mod hello;
mod http;
mod limit;
mod measure;
mod presence;
pub mod proxy_header;
mod quic;
mod registry;
mod request;
mod room;
mod sweep;
mod tls;
mod tls_stream;

pub use config::{AccessConfig, DispatchConfig, DrainConfig, LimitsConfig, TlsConfig};
pub use exporter::start_metrics;
pub use http::nothing;
pub use listen::{Access, Offer, StartError};
