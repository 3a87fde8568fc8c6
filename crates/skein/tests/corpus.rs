//! Replays the inputs that the fuzz targets keep, through the same functions: what was found once stays found, on every machine that runs the tests.

#[path = "../../../fuzz/targets/mod.rs"]
mod targets;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use skein_service::dispatch::{OF_ACCESS, OPERATIONS};
use targets::{TARGETS, request::REQUESTS};

/// Inputs that are kept in all.
const FILES_MAX: usize = 200;
/// Their size in all, in bytes.
const BYTES_MAX: usize = 200 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_kept_input_keeps_every_promise() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&corpus()), targets, "one folder for each target");
    let (mut files, mut bytes) = (0, 0);
    for target in TARGETS {
        let folder = corpus().join(target.name);
        let names = names(&folder);
        assert!(!names.is_empty(), "{} keeps nothing", target.name);
        for name in names {
            // Shown when the test fails: the last line is the input that did it.
            println!("{} {name}", target.name);
            let input = fs::read(folder.join(name)).expect("a kept input");
            assert!(input.len() <= target.input_bytes_max, "longer than any that the fuzzer makes");
            (target.run)(&input);
            (files, bytes) = (files + 1, bytes + input.len());
        }
    }
    assert!(files <= FILES_MAX && bytes <= BYTES_MAX, "{files} files, {bytes} bytes: keep fewer");
}

#[test]
fn every_operation_has_its_requests_fuzzed() {
    let fuzzed: BTreeSet<_> = REQUESTS.iter().map(|(name, _)| *name).collect();
    let operations = OPERATIONS.iter().map(|(name, _)| *name).chain(OF_ACCESS.iter().copied()).chain(["BeforeMessage"]);
    assert_eq!(fuzzed, operations.collect());
}
