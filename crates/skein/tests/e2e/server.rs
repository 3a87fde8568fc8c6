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

/// What a server is started with that offers QUIC: a free port, and a certificate that is made for it.
pub const QUIC: [(&str, &str); 2] = [
    ("SKEIN__ACCESS__QUIC_LISTEN", "127.0.0.1:0"),
    ("SKEIN__ACCESS__QUIC_TLS", r#"{ mode = "self_signed", dir = "quic" }"#),
];

/// A running `skein serve`.
pub struct Server {
    child: Child,
    /// HTTP and WebSocket.
    pub http: SocketAddr,
    /// The binary protocol over TCP.
    pub tcp: SocketAddr,
    /// The same over QUIC, if it was asked for with [`QUIC`].
    pub quic: Option<SocketAddr>,
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
        let (child, [http, tcp, quic]) = spawn(directory.path(), &environment);
        let (http, tcp) = (http.expect("http"), tcp.or(http).expect("http"));
        Self { child, http, tcp, quic, directory, environment }
    }

    /// SIGKILL, as a power cut would; then starts again on the same data, on other ports.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Starts again on the same data, on other ports.
    pub fn restart(&mut self) {
        let (child, [http, tcp, quic]) = spawn(self.directory.path(), &self.environment);
        let http = http.expect("http");
        (self.child, self.http, self.tcp, self.quic) = (child, http, tcp.unwrap_or(http), quic);
    }

    /// Ends it; what it kept stays.
    pub fn stop(&mut self) {
        self.kill();
    }

    /// The certificate of QUIC.
    pub fn quic_certificate(&self) -> PathBuf {
        self.directory.path().join("quic/cert.pem")
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

/// The process, and its addresses for HTTP, TCP and QUIC, as far as it has them: a service node has no clients.
fn spawn(directory: &Path, environment: &[(String, String)]) -> (Child, [Option<SocketAddr>; 3]) {
    let mut child = command(directory).envs(environment.iter().cloned()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = |key: &str| {
        let text = line.split_whitespace().find_map(|word| word.strip_prefix(key));
        text.map(|text| text.parse::<SocketAddr>().unwrap())
    };
    assert!(line.starts_with("SKEIN LISTENING "), "{line:?}");
    (child, ["http=", "tcp=", "quic="].map(address))
}
