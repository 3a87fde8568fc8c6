//! The `skein` binary: parses the command line and hands over to one file per command.

mod cluster;
mod command;
mod config;
mod events;
mod lifecycle;
mod rules;
mod store;
mod web;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, fmt};

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Skein (鸿雁), an instant-messaging engine: server, terminal client and load tool in one binary.
///
/// Start a server:        skein serve
/// Talk to somebody:      skein chat --server http://127.0.0.1:7700
/// Is everything well?    skein doctor
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server; needs no configuration, keeps its data in ./data
    Serve(command::serve::Args),
    /// Chat in the terminal, or through a pipe
    Chat(command::chat::Args),
    /// Measure a server: throughput, idle memory, crash safety
    Bench(command::bench::Args),
    /// Check configuration, data directory and a running server
    Doctor(command::doctor::Args),
    /// Rare work: drain a node, move to PostgreSQL
    Admin(command::admin::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("SKEIN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // Only the server logs by default: a client's screen and a report are not to be written over.
    let server = matches!(arguments.command, Command::Serve(_));
    if server || std::env::var_os("SKEIN_LOG").is_some() {
        let colours = std::io::stderr().is_terminal();
        fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).with_target(false).init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("skein: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Serve(args) => command::serve::run(args).await,
            Command::Chat(args) => command::chat::run(args).await,
            Command::Bench(args) => command::bench::run(args).await,
            Command::Doctor(args) => command::doctor::run(args).await,
            Command::Admin(args) => command::admin::run(args).await,
        }
    });
    // A client blocked in reading the terminal must not keep the process alive.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("skein: {error}");
            ExitCode::FAILURE
        }
    }
}
