//! The automation of this repository: `cargo xtask ci` is what CI runs.

mod tidy;

use std::{
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

const USAGE: &str = "usage: cargo xtask <command>

  ci     formatting, tidy, clippy and all tests: what has to pass before a change lands
  tidy   the shape of the tree: crate edges, sizes, headers, nothing left open";

fn main() -> ExitCode {
    let passed = match std::env::args().nth(1).as_deref() {
        Some("ci") => ci(),
        Some("tidy") => tidy(),
        _ => {
            eprintln!("{USAGE}");
            false
        }
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ci() -> bool {
    tidy()
        && cargo(&["fmt", "--all", "--check"])
        && cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
        && cargo(&["test", "--workspace"])
}

fn tidy() -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    let findings = tidy::check(root);
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    findings.is_empty()
}

/// Runs cargo, shows the command and how long it took.
fn cargo(arguments: &[&str]) -> bool {
    println!("$ cargo {}", arguments.join(" "));
    let start = Instant::now();
    let passed = Command::new(env!("CARGO")).args(arguments).status().is_ok_and(|status| status.success());
    println!("{} after {} s", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs());
    passed
}
