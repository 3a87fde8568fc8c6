//! How much memory a decoder takes at its worst. Only the fuzzer counts: its allocator is the one that may.

use std::sync::OnceLock;

/// Counts what is allocated.
pub struct Meter {
    /// Begins to count, at zero.
    pub start: fn(),
    /// The most that was allocated at once since then, in bytes.
    pub peak: fn() -> usize,
}

/// Set once, by a program that can count.
pub static METER: OnceLock<Meter> = OnceLock::new();

/// Runs a decoder.
///
/// # Panics
/// When it allocates more than `bytes_max` at once.
pub fn within<T>(bytes_max: usize, decode: impl FnOnce() -> T) -> T {
    let Some(meter) = METER.get() else { return decode() };
    (meter.start)();
    let result = decode();
    let peak = (meter.peak)();
    assert!(peak <= bytes_max, "took {peak} bytes, more than {bytes_max}");
    result
}
