//! The schema of Skein and everything about it that needs no clock, no socket and no runtime.
//!
//! In reading order: [`id`] (who and what), [`limits`] (how much), [`v1`] (the generated messages),
//! [`codec`] (binary and JSON bodies), [`outbox`] (kinds of events for business systems), [`frame`] (records on a byte
//! stream), [`websocket`] (RFC 6455 after the handshake), [`session`] (the link as a state machine).
//! To add an operation: add it to a `.proto` file; it appears here by itself.

pub mod codec;
pub mod event;
pub mod frame;
pub mod id;
pub mod limits;
pub mod outbox;
pub mod session;
pub mod websocket;

/// The generated messages of `proto/skein/v1`, binary and JSON.
#[allow(missing_docs, clippy::all, clippy::unwrap_used)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/skein.rs"));
}
pub use generated::skein::v1;

/// The compiled schema as a serialized `FileDescriptorSet`, for reference pages and for tests that walk all operations.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/skein.binpb"));
