//! The automation of this repository: `cargo xtask ci` is what CI runs.

mod ci;
mod cluster;
mod command;
mod fuzz;
mod packages;
mod tidy;
mod web;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "usage: cargo xtask <command>

  ci        formatting, tidy, clippy, all tests, a browser: what has to pass before a change lands
  cluster   PostgreSQL, NATS and three nodes on this machine, until Ctrl-C; --help says more
  fuzz      [target] [--seconds N] [--keep]: the decoders under inputs that nobody thought of; see docs/fuzzing.md
  tidy      the shape of the tree: crate edges, sizes, headers, nothing left open
  web       the web app, into web/dist; the next build of the server takes it from there";

fn main() -> ExitCode {
    let root = root();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let passed = match arguments.first().map(String::as_str) {
        Some("ci") => ci::run(&root),
        Some("cluster") => cluster::run(&root, &arguments[1..]),
        Some("fuzz") => fuzz::run(&root, &arguments[1..]),
        Some("tidy") => tidy::run(&root),
        Some("web") => web::run(&root),
        _ => {
            eprintln!("{USAGE}");
            false
        }
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The repository in which cargo runs this program. Asked for now: a target directory may be shared by several checkouts.
fn root() -> PathBuf {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let crate_folder = crate_folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    crate_folder.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
