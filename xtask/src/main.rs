//! The automation of this repository: `cargo xtask ci` is what CI runs.
use std::process::{Command, ExitCode};

fn cargo(args: &[&str]) -> bool {
    println!("$ cargo {}", args.join(" "));
    Command::new(env!("CARGO")).args(args).status().is_ok_and(|status| status.success())
}

fn main() -> ExitCode {
    let ok = match std::env::args().nth(1).as_deref() {
        Some("ci") => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]) && cargo(&["test", "--workspace"]),
        _ => {
            eprintln!("usage: cargo xtask ci");
            false
        }
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
