//! `skein bench`: measures a real server process, its own by default, and says what it saw.

mod cluster;
mod crash;
mod fanout;
mod history;
mod idle;
mod peer;
mod people;
mod report;
mod send;
mod server;
mod slow;
mod storm;
mod subject;
mod sync;
mod target;

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
    ///
    /// Messages are due at fixed times, whether or not earlier ones were answered; latency counts from the time a message was due. First a closed
    /// loop estimates what the machine can do, then open-loop stages find the highest rate that holds, then 30 % of it is run for the latencies.
    /// Every message is acked after fsync, delivered to its receiver, and counted.
    ///
    /// With --cluster N the same load is put, one after the other, on a server with the embedded store, on one node with PostgreSQL, and on N nodes with
    /// PostgreSQL and NATS, with full batches of the same size: what a message costs in Skein, in PostgreSQL and in NATS, and the ratios.
    ///
    /// Examples: skein bench send --cluster 3 --json; skein bench send --json; skein bench send --tls --users 200; skein bench send --rate 5000 --server https://chat.example:443
    Send(send::Args),
    /// Memory of the server per idle connection, and what idling costs
    ///
    /// Each connection authenticates, sends one message and receives one; then the growth of the server's resident memory is divided by their
    /// number. Accounts are made before the first reading; connections, sessions, and what the messages cost are in the figure. From then on each
    /// connection pings, as clients do, and the server's time is counted. Connections are made by processes of their own; more than the server may
    /// have files for are shared among several servers.
    ///
    /// Examples: skein bench idle; skein bench idle --tls --connections 5000 --json; skein bench idle --connections 100000
    Idle(idle::Args),
    /// The connections of one process of `idle`
    #[command(hide = true)]
    IdlePart(idle::PartArgs),
    /// Whether a store with ten times as many messages is slower
    ///
    /// People write to one another until so many messages are stored, as fast as they are answered; then what a send costs is measured, and how long the
    /// newest page of a random conversation takes; and both again with more messages. Everything goes through the server, and it takes a while:
    /// ten million messages are about ten minutes and 6 GB of disk in the directory for temporary files.
    ///
    /// Examples: skein bench history --json; skein bench history --few 100000 --many 1000000; skein bench history --postgres
    History(history::Args),
    /// A hot live room: deliveries per core of the server, and whether any is lost without anybody being told
    ///
    /// Members join one room; a few people talk in it on an open-loop schedule. Every member checks order and counts: what came, what it was told that it
    /// lost, and what was left out must add up to what was said. Latencies are those at half of the rate, from the time a message was due.
    ///
    /// Examples: skein bench fanout; skein bench fanout --members 1000 --rate 2000 --json
    Fanout(fanout::Args),
    /// Whether those who stop reading are felt by those who read
    ///
    /// Everybody is in groups in which somebody talks on an open-loop schedule. Then a share of them stops reading for a while, and reads again: what
    /// the server held for each of them, whether the others got their messages later than before, and whether anybody misses anything in the end.
    /// Exits with 1 when a message was lost.
    ///
    /// Examples: skein bench slow; skein bench slow --stalled 90 --connections 2000 --json
    Slow(slow::Args),
    /// A device that is new, or was away, gets everything it lacks
    ///
    /// People write to one another; then devices connect, say hello and pull their user's timeline with the newest messages of each conversation, page by
    /// page, compressed, as the SDKs do. First as many at once as the server can take, then half of that on an open-loop schedule for the latencies,
    /// which count from the time a device was due.
    ///
    /// Examples: skein bench sync; skein bench sync --users 500 --conversations 100 --json
    Sync(sync::Args),
    /// Everybody is cut off at once, and comes back
    ///
    /// Clients, each the whole Rust SDK, write to one another at a steady rate; then all their connections end in the same moment. How many resume their
    /// session without a full sync, how long the last one takes, after how many seconds messages are as fast as before (p99 of a window of one second
    /// within 1.5 times the steady one, twice in a row), and whether anything that was acked is missing in the end. Exits with 1 when it is.
    ///
    /// Examples: skein bench storm; skein bench storm --connections 6000 --rate 500 --json
    Storm(storm::Args),
    /// SIGKILL under load, again and again; then every promise is checked
    ///
    /// Senders write to one another and to groups, send again what was answered before, take messages back, delete, and read, while the server is
    /// killed; halfway somebody joins each group, and later somebody is removed. Whatever was acked must be there, once, in order, for everybody
    /// who may read it; whatever was taken back must stay away; unread must equal a recount. Exits with 1 otherwise.
    ///
    /// With --cluster N it is N nodes over PostgreSQL and NATS, all private, and clients that know all nodes. Then nodes are killed (SIGKILL) and
    /// stopped for a while (SIGSTOP), NATS and PostgreSQL are killed and restarted, in a random order and sometimes two at once. With --partitions,
    /// the links between nodes, PostgreSQL, NATS and clients are cut or stall as well, one way or both ways. postgresql and nats-server have to be
    /// installed. What is measured besides: how long after the last fault every client has had a new message acked, and every device shows what the
    /// server has.
    ///
    /// Examples: skein bench crash; skein bench crash --kills 100 --senders 256 --seed 7; skein bench crash --cluster 3 --kills 10 --partitions 10
    Crash(crash::Args),
}

/// Exits with 1 when a promise was broken.
pub async fn run(args: Args) -> Outcome {
    raise_file_limit();
    let measure = async {
        match args.measure {
            Measure::Send(args) => send::run(args).await,
            Measure::Idle(args) => idle::run(args).await,
            Measure::IdlePart(args) => idle::run_part(args).await,
            Measure::History(args) => history::run(args).await,
            Measure::Fanout(args) => fanout::run(args).await,
            Measure::Slow(args) => slow::run(args).await,
            Measure::Sync(args) => sync::run(args).await,
            Measure::Storm(args) => storm::run(args).await,
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
