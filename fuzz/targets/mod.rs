//! What is fuzzed: one function for each decoder that a peer can reach. The fuzzer (`fuzz/src`) and the test that replays the kept inputs
//! (`crates/skein/tests/corpus.rs`) compile these same files.
//!
//! A function takes any bytes and panics when a promise is broken. To add one: write its file, name it in [`TARGETS`], run
//! `cargo xtask fuzz <name>` and keep what it finds with `--keep`.

mod browser_request;
mod bundle;
mod client_session;
mod event;
mod frame;
mod ids;
mod input;
pub mod memory;
mod proxy_header;
mod record;
pub mod request;
mod same;
mod server_session;
mod timeline;
mod websocket;

/// One decoder and its promises.
pub struct Target {
    /// As it is called on the command line, and its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Longest input that the fuzzer makes, in bytes.
    pub input_bytes_max: usize,
}

/// All of them, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "browser_request", run: browser_request::run, input_bytes_max: 1_024 },
    Target { name: "bundle", run: bundle::run, input_bytes_max: 4_096 },
    Target { name: "client_session", run: client_session::run, input_bytes_max: 1_024 },
    Target { name: "event", run: event::run, input_bytes_max: 2_048 },
    Target { name: "frame_binary", run: frame::binary, input_bytes_max: 4_096 },
    Target { name: "frame_json", run: frame::json, input_bytes_max: 4_096 },
    Target { name: "ids", run: ids::run, input_bytes_max: 256 },
    Target { name: "proxy_header", run: proxy_header::run, input_bytes_max: 1_200 },
    Target { name: "record", run: record::run, input_bytes_max: 2_048 },
    Target { name: "request_binary", run: request::binary, input_bytes_max: 4_096 },
    Target { name: "request_json", run: request::json, input_bytes_max: 4_096 },
    Target { name: "server_session", run: server_session::run, input_bytes_max: 1_024 },
    Target { name: "timeline", run: timeline::run, input_bytes_max: 2_048 },
    Target { name: "websocket", run: websocket::run, input_bytes_max: 4_096 },
];
