//! A private PostgreSQL server for tests and measurements: one per process, in a temporary directory, on a Unix socket only.
//!
//! Its parent is a shell that reads from this process: when this process ends, however it ends, the shell stops the server and removes the directory.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
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

/// Reads until its input ends; then stops the server and removes its files. `$1` server, `$2` directory, the rest options.
const KEEPER: &str = r#"server=$1; directory=$2; shift 2
"$server" -D "$directory/data" -k "$directory" "$@" >>"$directory/log" 2>&1 &
pid=$!
cat >/dev/null
kill -INT "$pid"; wait "$pid"
rm -rf "$directory""#;

/// A running server.
#[derive(Debug)]
pub struct PostgresServer {
    binaries: PathBuf,
    directory: PathBuf,
    databases: AtomicU64,
    keeper: Child,
}

/// A database of its own; dropped with this.
#[derive(Debug)]
pub struct Database {
    name: String,
    server: &'static PostgresServer,
}

impl PostgresServer {
    /// The server of this process for tests: fast, because it does not wait for the disk.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<PostgresServer> = OnceLock::new();
        SERVER
            .get_or_init(|| Self::start(&["-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB"]))
    }

    /// The server of this process for measurements and for tests of durability: with the defaults of the package, fsync among them, and these options.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start.
    pub fn start(options: &[&str]) -> Self {
        let binaries = find_binaries().unwrap_or_else(|| panic!("{MISSING}"));
        let directory = tempfile::Builder::new().prefix("skein-pg").tempdir().expect("a temporary directory").keep();
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        if is_root {
            std::os::unix::fs::chown(&directory, Some(NOBODY), Some(NOBODY)).expect("root may give a directory away");
        }
        let as_owner = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&directory).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let made = as_owner(&binaries.join("initdb"))
            .args(["--auth=trust", "--username=skein", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(directory.join("data"))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let keeper = as_owner(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(binaries.join("postgres"))
            .arg(&directory)
            .args(["-c", "listen_addresses="])
            .args(options)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell runs");
        let server = Self { binaries, directory, databases: AtomicU64::new(0), keeper };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        for _ in 0..START_STEPS_MAX {
            let ready = self.tool("pg_isready").args(["-d", "postgres"]).stdout(Stdio::null()).status();
            if ready.is_ok_and(|status| status.success()) {
                return;
            }
            thread::sleep(START_STEP);
        }
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start: {log}");
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.arg("-h").arg(&self.directory).args(["-U", "skein"]);
        command
    }

    /// An empty database.
    pub fn database(&'static self) -> Database {
        let name = format!("world{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let database = Database { name, server: self };
        let made = self.tool("createdb").arg(&database.name).output().expect("createdb runs");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
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
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }

    /// Process ids of the server and its children.
    pub fn pids(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap_or_default();
        let Some(parent) = text.lines().next().and_then(|line| line.parse::<u32>().ok()) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        let mut pids = vec![parent];
        pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        pids
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The end of its input tells the keeper to stop the server.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Database {
    /// Where it is.
    pub fn url(&self) -> String {
        format!("host={} user=skein dbname={}", self.server.directory.display(), self.name)
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
