//! A private PostgreSQL server for tests, measurements and clusters on one machine: in a temporary directory, on a Unix socket only.
//!
//! Its parent is a shell that reads from this process: when this process ends, however it ends, the shell stops the server and removes the directory.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Who runs it when we are root, which PostgreSQL refuses: `nobody`.
const NOBODY: u32 = 65_534;
/// What is missing, and what to do.
const MISSING: &str = "PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin nor in PATH; \
     on Debian and Ubuntu: apt-get install postgresql";
/// The server has to answer within this many steps.
const START_STEPS_MAX: u32 = 1_200;
/// Between two looks whether it does.
const START_STEP: Duration = Duration::from_millis(50);

/// Starts the server again for each line that it reads; when its input ends, stops the server and removes the directory. `$1` server, `$2` directory,
/// `$3` data, the rest options.
const KEEPER: &str = r#"server=$1; directory=$2; data=$3; shift 3
start() { "$server" -D "$data" -k "$directory" "$@" >>"$directory/log" 2>&1 & pid=$!; echo "$pid" >"$directory/pid"; }
start "$@"
while read -r _; do wait "$pid"; start "$@"; done
kill -INT "$pid"; wait "$pid"
rm -rf "$directory""#;

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGKILL for all its processes: nothing is written, nobody is told.
    Kill,
    /// A fast shutdown: what is open is rolled back, clients are told.
    Fast,
}

/// A running server.
#[derive(Debug)]
pub struct PostgresServer {
    binaries: PathBuf,
    /// Its socket and its log; removed at the end.
    directory: PathBuf,
    data: PathBuf,
    databases: AtomicU64,
    keeper: Mutex<Child>,
}

/// A database of its own; dropped with this.
#[derive(Debug)]
pub struct Database {
    name: String,
    server: Arc<PostgresServer>,
}

impl PostgresServer {
    /// The server of this process for tests: fast, because it does not wait for the disk.
    pub fn shared() -> &'static Arc<Self> {
        static SERVER: OnceLock<Arc<PostgresServer>> = OnceLock::new();
        SERVER
            .get_or_init(|| Self::start(&["-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB"]))
    }

    /// A server for measurements and for tests of durability: with the defaults of the package, fsync among them, and these options.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start.
    pub fn start(options: &[&str]) -> Arc<Self> {
        Arc::new(Self::open(None, options).unwrap_or_else(|error| panic!("{error}")))
    }

    /// The same, on data that stay when it ends. They are made if there are none.
    ///
    /// # Errors
    /// There is no PostgreSQL, it does not start, or another one is using the data; the text says what to do.
    pub fn open(data: Option<&Path>, options: &[&str]) -> io::Result<Self> {
        let binaries = find_binaries().ok_or_else(|| io::Error::other(MISSING))?;
        let directory = tempfile::Builder::new().prefix("skein-pg").tempdir()?;
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let data = data.map_or_else(|| directory.path().join("data"), Path::to_owned);
        fs::create_dir_all(&data)?;
        if is_root {
            for path in [directory.path(), &data] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))?;
            }
        }
        // The id of a server that is gone may have been given to anything else.
        let is_server = |pid: &u32| program_of(*pid).is_some_and(|program| program.ends_with("postgres"));
        if let Some(pid) = first_number(&data.join("postmaster.pid")).filter(is_server) {
            return Err(io::Error::other(format!("{} is in use by process {pid}", data.display())));
        }
        let as_owner = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(directory.path()).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        if !data.join("PG_VERSION").exists() {
            let mut command = as_owner(&binaries.join("initdb"));
            command.args(["--auth=trust", "--username=skein", "--encoding=UTF8", "--no-sync", "-D"]).arg(&data);
            succeed(&mut command, "initdb")?;
        }
        let keeper = as_owner(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(binaries.join("postgres"))
            .args([directory.path(), &data])
            .args(["-c", "listen_addresses="])
            .args(options)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()?;
        // From here on the keeper removes it.
        let server = Self {
            binaries,
            directory: directory.keep(),
            data,
            databases: AtomicU64::new(0),
            keeper: Mutex::new(keeper),
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Stops it, and returns when none of its processes is left.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self, how: Stop) {
        let pids = self.pids();
        match how {
            Stop::Kill => signal("-KILL", &pids),
            // The first one is the parent, which stops the others.
            Stop::Fast => signal("-INT", &pids[..pids.len().min(1)]),
        }
        for _ in 0..START_STEPS_MAX {
            if !pids.iter().any(|pid| runs(*pid)) {
                return;
            }
            thread::sleep(START_STEP);
        }
        panic!("PostgreSQL does not end: {}", self.log());
    }

    /// Starts it again, after [`PostgresServer::stop`]; returns when it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        // The id of the server that is gone would look like one that did not start.
        let _ = fs::remove_file(self.directory.join("pid"));
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.stdin.as_mut().expect("its input is a pipe").write_all(b"start\n").expect("the keeper reads");
        drop(keeper);
        self.wait_until_ready().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn wait_until_ready(&self) -> io::Result<()> {
        for _ in 0..START_STEPS_MAX {
            let ready = self.tool("pg_isready").args(["-d", "postgres"]).stdout(Stdio::null()).status();
            if ready.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            if first_number(&self.directory.join("pid")).is_some_and(|pid| program_of(pid).is_none()) {
                break;
            }
            thread::sleep(START_STEP);
        }
        Err(io::Error::other(format!("PostgreSQL does not start: {}", self.log())))
    }

    /// A temporary directory that is removed when the server has stopped, even if this process is killed: its user may put more into it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a database is, for programs and for `psql`.
    pub fn url(&self, database: &str) -> String {
        format!("host={} user=skein dbname={database}", self.directory.display())
    }

    /// Makes a database that stays, if it is not there.
    ///
    /// # Errors
    /// The server refuses; in its words.
    pub fn ensure_database(&self, name: &str) -> io::Result<()> {
        let there = self.tool("psql").args(["-q", "-X", "-d", name, "-c", ""]).stderr(Stdio::null()).status()?;
        if there.success() { Ok(()) } else { succeed(self.tool("createdb").arg(name), "createdb") }
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.arg("-h").arg(&self.directory).args(["-U", "skein"]);
        command
    }

    /// An empty database.
    pub fn database(self: &Arc<Self>) -> Database {
        let name = format!("world{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let database = Database { name, server: self.clone() };
        succeed(self.tool("createdb").arg(&database.name), "createdb").expect("an empty database");
        database
    }

    /// SIGKILL for one connection of this application, upon which PostgreSQL restarts all its processes and recovers from its log.
    ///
    /// # Panics
    /// When the server cannot be asked.
    pub fn kill_backends(&self, application: &str) {
        let sql = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{application}' LIMIT 1");
        let asked =
            self.tool("psql").args(["-A", "-t", "-X", "-d", "postgres", "-c", &sql]).output().expect("psql runs");
        // While it recovers it answers nobody, and there is nothing to kill.
        if let Ok(pid) = String::from_utf8_lossy(&asked.stdout).trim().parse::<u32>() {
            signal("-KILL", &[pid]);
        }
    }

    /// Process ids of the server and its children.
    pub fn pids(&self) -> Vec<u32> {
        let Some(parent) = first_number(&self.data.join("postmaster.pid")) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        let mut pids = vec![parent];
        pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        pids
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The end of its input tells the keeper to stop the server.
        let keeper = self.keeper.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(keeper.stdin.take());
        let _ = keeper.wait();
    }
}

impl Database {
    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Where it is for somebody who reaches its server over this proxy.
    pub fn url_over(&self, proxy: SocketAddr) -> String {
        format!("host={} port={} user=skein dbname={}", proxy.ip(), proxy.port(), self.name)
    }

    /// Runs SQL as the owner of the server; what it prints, unaligned and without headers.
    ///
    /// # Panics
    /// When the SQL fails.
    pub fn run(&self, sql: &str) -> String {
        let mut child = self
            .server
            .tool("psql")
            .args(["-q", "-A", "-t", "-X", "-v", "ON_ERROR_STOP=1", "-d", &self.name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql runs");
        // The pipe is closed at the end of the statement.
        child.stdin.take().expect("its input is a pipe").write_all(sql.as_bytes()).expect("psql reads");
        let output = child.wait_with_output().expect("psql ends");
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.server.tool("dropdb").args(["--force", "--if-exists", &self.name]).output();
    }
}

fn signal(signal: &str, pids: &[u32]) {
    let _ = Command::new("kill").arg(signal).args(pids.iter().map(u32::to_string)).stderr(Stdio::null()).status();
}

/// Whether there is such a process that has not ended; one that waits for its parent to look has.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

/// Runs a tool to its end; its complaint otherwise.
fn succeed(command: &mut Command, name: &str) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// The number in the first line of a file of process ids.
fn first_number(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
}

/// The program of a process; `None` when it has ended.
fn program_of(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// The newest installed version, or what is in PATH.
fn find_binaries() -> Option<PathBuf> {
    let mut installed: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, path)| path.join("initdb").is_file())
        .collect();
    installed.sort();
    let in_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|path| path.join("initdb").is_file());
    installed.pop().map(|(_, path)| path).or_else(in_path)
}
