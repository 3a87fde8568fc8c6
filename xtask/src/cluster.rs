//! `cargo xtask cluster`: a private PostgreSQL, a private NATS and nodes of Skein on this machine, until somebody stops them.

mod nats;
mod node;
mod options;
mod program;
mod screen;
mod stop;

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use skein_testkit::postgres::PostgresServer;

use self::{nats::Nats, node::Node, options::Options, stop::Stop};
use crate::{command, packages, web};

/// The database of all nodes.
const DATABASE: &str = "skein";
/// How long nodes may take to find one another.
const MEET_MAX: Duration = Duration::from_secs(30);
/// Between two looks whether everything is as it should be.
const STEP: Duration = Duration::from_millis(100);
/// A part that ended by itself is started again after this long: long enough to see what its absence does.
const RESTART_AFTER: Duration = Duration::from_secs(3);

/// Why there is no cluster, in a sentence for the terminal.
type Failure = String;

/// Runs a cluster until a signal or the end of the parent; false when it does not come up.
pub fn run(root: &Path, arguments: &[String]) -> bool {
    let outcome = Options::parse(arguments).and_then(|options| {
        let Some(options) = options else { return Ok(()) };
        let stop = Stop::listen().map_err(|error| format!("no signals: {error}"))?;
        if !packages::servers(root) {
            return Err("PostgreSQL and NATS are needed".to_owned());
        }
        let skein = options.binary.clone().map_or_else(|| build(root), Ok)?;
        let mut cluster = Cluster::start(&skein, &options, &stop)?;
        screen::announce(&cluster.shown());
        cluster.watch(&stop);
        cluster.stop();
        screen::say(&match options.data_dir {
            Some(directory) => format!("stopped; the data is in {}", directory.display()),
            None => "stopped, and its data is removed".to_owned(),
        });
        Ok(())
    });
    if let Err(failure) = &outcome {
        eprintln!("cluster: {failure}");
    }
    outcome.is_ok()
}

/// The server with the web app in it.
fn build(root: &Path) -> Result<PathBuf, Failure> {
    let built = web::run(root) && command::run(root, "cargo", &["build", "--release", "--bin", "skein"]);
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let skein = target.join("release/skein");
    if built && skein.is_file() { Ok(skein) } else { Err("the server was not built".to_owned()) }
}

/// Everything that runs, in the order in which it is stopped.
struct Cluster {
    nodes: Vec<Node>,
    nats: Option<Nats>,
    /// The last: its end removes the directory of everything that is temporary.
    postgres: PostgresServer,
    directory: PathBuf,
}

impl Cluster {
    fn start(skein: &Path, options: &Options, stop: &Stop) -> Result<Self, Failure> {
        screen::say("starting PostgreSQL, NATS and the nodes");
        let kept = options.data_dir.as_deref().map(prepare).transpose()?;
        let data = kept.as_ref().map(|directory| directory.join("postgres"));
        let postgres = PostgresServer::open(data.as_deref(), &[]).map_err(|error| error.to_string())?;
        postgres.ensure_database(DATABASE).map_err(|error| error.to_string())?;
        let directory = kept.unwrap_or_else(|| postgres.directory().to_owned());
        let mut cluster = Self { nodes: Vec::new(), nats: None, postgres, directory };
        let nats = Nats::start(cluster.postgres.directory(), &cluster.directory, stop)?;
        for (index, role) in options.roles().iter().enumerate() {
            let mut environment = nats.environment();
            if *role != "access" {
                environment.push(("SKEIN__STORE__ENGINE", "postgres".to_owned()));
                environment.push(("SKEIN__STORE__POSTGRES__URL", cluster.postgres.url(DATABASE)));
            }
            let listen = options.listen(index);
            cluster.nodes.push(Node::start(skein, index + 1, role, &listen, environment, &cluster.directory, stop)?);
        }
        cluster.nats = Some(nats);
        cluster.meet(stop)?;
        Ok(cluster)
    }

    /// Waits until each node serves and knows all others.
    fn meet(&self, stop: &Stop) -> Result<(), Failure> {
        let start = Instant::now();
        let others = self.nodes.len() - 1;
        for node in &self.nodes {
            while !node.is_ready(others) {
                if stop.is_asked() {
                    return Err("stopped".to_owned());
                }
                if start.elapsed() > MEET_MAX {
                    return Err(format!("{} does not get ready; {}", node.name(), node.log_tail()));
                }
                thread::sleep(STEP);
            }
        }
        Ok(())
    }

    /// Until somebody wants it to stop. What ends by itself, or is killed by someone who wants to see what happens, is started again.
    fn watch(&mut self, stop: &Stop) {
        while !stop.is_asked() {
            thread::sleep(STEP);
            let programs = self.nodes.iter_mut().map(|node| &mut node.program);
            for program in programs.chain(self.nats.as_mut().map(|nats| &mut nats.program)) {
                program.revive(RESTART_AFTER, stop);
            }
        }
    }

    fn shown(&self) -> screen::Shown<'_> {
        screen::Shown {
            nodes: &self.nodes,
            nats: self.nats.as_ref().map(Nats::url).unwrap_or_default(),
            database: self.postgres.url(DATABASE),
            directory: &self.directory,
            is_kept: self.directory != self.postgres.directory(),
        }
    }

    /// Nodes first, so that they can say goodbye; all of them at once.
    fn stop(&mut self) {
        self.nodes.iter().for_each(|node| node.program.ask_to_end());
        self.nodes.drain(..).for_each(|mut node| node.program.end());
        if let Some(mut nats) = self.nats.take() {
            nats.program.end();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A directory for data that stays.
fn prepare(directory: &Path) -> Result<PathBuf, Failure> {
    let made = fs::create_dir_all(directory).and_then(|()| directory.canonicalize());
    made.map_err(|error| format!("{}: {error}", directory.display()))
}
