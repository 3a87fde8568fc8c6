//! What is fuzzed: one function for each decoder that a peer can reach. The fuzzer (`fuzz/src`) and the test that replays the kept inputs
//! (`crates/skein/tests/corpus.rs`) compile these same files.
//!
//! A function takes any bytes and panics when a promise is broken. To add one: write its file, name it in [`TARGETS`], run
//! `cargo xtask fuzz <name>` and keep what it finds with `--keep`.

mod frame;
mod input;
pub mod memory;
mod record;
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
    Target { name: "frame_binary", run: frame::binary, input_bytes_max: 4_096 },
    Target { name: "frame_json", run: frame::json, input_bytes_max: 4_096 },
    Target { name: "record", run: record::run, input_bytes_max: 2_048 },
    Target { name: "websocket", run: websocket::run, input_bytes_max: 4_096 },
];
