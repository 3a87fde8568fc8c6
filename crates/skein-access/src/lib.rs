//! Every socket of the server. It keeps connections alive, encodes once and moves bytes; it knows no rule of the product.
//!
//! In reading order: [`config`], [`listen`] (accepting, TLS, stopping), `http` (everything that is a request), [`proxy_header`] (whom a proxy speaks for), `connection` (the loop of one link)
//! with `framing` (WebSocket or records), `hello` (the handshake of the link), `request` (one of its requests), `registry` (live sessions by user), `deliver` (from the bus into them), `confirm` (acks that a sender waits for),
//! `sweep` (what time does to them), `tls` and `tls_stream` (encryption), `measure` (metrics).
//!
//! To add a transport: give it a way to find a session in the registry, poll its frames, and hand its frames in; no rule belongs here.

pub mod config;
pub mod listen;
pub mod proxy_header;

mod confirm;
mod connection;
mod deliver;
mod framing;
mod hello;
mod http;
mod measure;
mod registry;
mod request;
mod sweep;
mod tls;
mod tls_stream;

pub use config::{AccessConfig, TlsConfig};
pub use http::nothing;
pub use listen::{Access, StartError};
