//! `skein bench`: measures a real server process, its own by default, and says what it saw.

mod crash;
mod idle;
mod peer;
mod people;
mod report;
mod send;
mod server;

use clap::Subcommand;
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;

/// Every command starts a server of its own in a private directory and stops it again. Figures depend on the machine: compare ratios of one run.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// Throughput and latency of one-to-one messages, acked after fsync and delivered, on an open-loop schedule
    Send(send::Args),
    /// Memory of the server per idle connection, and what idling costs
    Idle(idle::Args),
    /// SIGKILL under load, again and again; then every promise is checked
    Crash(crash::Args),
}

/// Exits with 1 when a promise was broken.
pub async fn run(args: Args) -> Outcome {
    raise_file_limit();
    let measure = async {
        match args.measure {
            Measure::Send(args) => send::run(args).await,
            Measure::Idle(args) => idle::run(args).await,
            Measure::Crash(args) => crash::run(args).await,
        }
    };
    // Dropping the measurement kills its server and removes its directory.
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = measure => outcome,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}

/// As many files as the system lets us have; the server process inherits it.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("cannot raise the limit of open files: {error}");
    }
}
