//! A real server process in a private directory on a free port; killed when dropped.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// The binary under test.
pub const SKEIN: &str = env!("CARGO_BIN_EXE_skein");

/// A running `skein serve`.
pub struct Server {
    child: Child,
    /// HTTP and WebSocket.
    pub http: SocketAddr,
    /// The binary protocol over TCP.
    pub tcp: SocketAddr,
    directory: TempDir,
    environment: Vec<(String, String)>,
}

impl Server {
    /// Starts with defaults.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with environment variables of the configuration.
    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (child, http, tcp) = spawn(directory.path(), &environment);
        Self { child, http, tcp, directory, environment }
    }

    /// SIGKILL, as a power cut would; then starts again on the same data, on other ports.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Starts again on the same data, on other ports.
    pub fn restart(&mut self) {
        (self.child, self.http, self.tcp) = spawn(self.directory.path(), &self.environment);
    }

    /// Ends it; what it kept stays.
    pub fn stop(&mut self) {
        self.kill();
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the process to end by itself; its exit status.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The command line of a server on this directory.
pub fn command(directory: &Path) -> Command {
    let mut command = Command::new(SKEIN);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--data-dir"])
        .arg(directory.join("data"))
        .current_dir(directory)
        .env("SKEIN_LOG", "warn")
        .stdout(Stdio::piped());
    command
}

fn spawn(directory: &Path, environment: &[(String, String)]) -> (Child, SocketAddr, SocketAddr) {
    let mut child = command(directory).envs(environment.iter().cloned()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = |key: &str| {
        let text = line.split_whitespace().find_map(|word| word.strip_prefix(key));
        text.map(|text| text.parse::<SocketAddr>().unwrap())
    };
    assert!(line.starts_with("SKEIN LISTENING "), "{line:?}");
    let http = address("http=").unwrap_or_else(|| panic!("no http in {line:?}"));
    // A service node has no clients, and so no address for their protocol.
    (child, http, address("tcp=").unwrap_or(http))
}
