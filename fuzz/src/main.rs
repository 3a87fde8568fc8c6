//! The fuzzer: libFuzzer around one of the shared targets, named by the variable `SKEIN_FUZZ_TARGET`. `cargo xtask fuzz` builds and runs it.

#![no_main]

mod allocation;
#[path = "../targets/mod.rs"]
mod targets;

use std::{process, sync::OnceLock};

use targets::{TARGETS, Target, memory};

static TARGET: OnceLock<&Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: choose(),
    |data: &[u8]| (TARGET.get().expect("chosen before the first input").run)(data)
);

/// Finds the target. Without a name, lists all of them with the length of their longest input.
fn choose() {
    let name = std::env::var("SKEIN_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        for target in TARGETS {
            println!("{} {}", target.name, target.input_bytes_max);
        }
        process::exit(if name.is_empty() { 0 } else { 2 });
    };
    let _ = TARGET.set(target);
    let _ = memory::METER.set(memory::Meter { start: allocation::start, peak: allocation::peak });
}
