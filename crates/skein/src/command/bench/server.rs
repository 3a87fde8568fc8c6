//! A server process of our own: started, measured, killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use skein_client::{Address, ConnectOptions, account::Login};
use tempfile::TempDir;

use super::people;
use crate::command::Error;

/// Ticks of /proc per second; fixed by the kernel's interface.
const TICKS_PER_SECOND: u64 = 100;

/// Files that a process needs besides its connections.
const FILES_SPARE: u64 = 64;

/// What carries the frames of a measurement; WebSocket by default.
#[derive(clap::Args)]
pub struct Wire {
    /// Encrypted connections
    #[arg(long)]
    tls: bool,
    /// Raw TCP instead of WebSocket
    #[arg(long)]
    tcp: bool,
    /// QUIC instead of WebSocket; it is encrypted
    #[arg(long, conflicts_with_all = ["tls", "tcp"])]
    quic: bool,
}

impl Wire {
    /// A server that listens for it, with these variables of the configuration.
    pub fn start(&self, mut environment: Vec<(&'static str, String)>) -> Result<Server, Error> {
        if self.quic {
            environment.push(("SKEIN__ACCESS__QUIC_LISTEN", "127.0.0.1:0".to_owned()));
        }
        Server::start_with(self.is_encrypted(), new_host_key(), environment)
    }

    /// Where clients connect to it.
    pub fn address(&self, server: &Server) -> Result<Address, Error> {
        if self.quic { server.quic_address() } else { server.address(self.tcp) }
    }

    pub fn is_encrypted(&self) -> bool {
        self.tls || self.quic
    }
}

/// A running `skein serve` in a private directory.
pub struct Server {
    child: Child,
    directory: TempDir,
    /// Key for minting tokens, known to this process only.
    host_key: String,
    http: SocketAddr,
    tcp: SocketAddr,
    quic: Option<SocketAddr>,
    tls: bool,
    /// Variables of its configuration.
    environment: Vec<(&'static str, String)>,
}

impl Server {
    /// Starts on free ports.
    pub fn start(tls: bool) -> Result<Self, Error> {
        Self::start_with(tls, new_host_key(), Vec::new())
    }

    /// The same with this key and variables of the configuration.
    pub fn start_with(tls: bool, host_key: String, environment: Vec<(&'static str, String)>) -> Result<Self, Error> {
        let directory = TempDir::with_prefix("skein-bench-")?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (child, http, tcp, quic) = spawn(directory.path(), &host_key, any, any, tls, &environment)?;
        Ok(Self { child, directory, host_key, http, tcp, quic, tls, environment })
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGSTOP or SIGCONT: it hangs, or goes on.
    pub fn pause(&self, paused: bool) -> Result<(), Error> {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, if paused { Signal::STOP } else { Signal::CONT })?)
    }

    /// Starts again on the same data and the same ports.
    pub fn restart(&mut self) -> Result<(), Error> {
        (self.child, self.http, self.tcp, self.quic) =
            spawn(self.directory.path(), &self.host_key, self.http, self.tcp, self.tls, &self.environment)?;
        Ok(())
    }

    /// Where it listens for HTTP and WebSocket.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where clients connect.
    pub fn address(&self, over_tcp: bool) -> Result<Address, Error> {
        let scheme = match (over_tcp, self.tls) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "tcp",
            (true, true) => "tls",
        };
        let socket = if over_tcp { self.tcp } else { self.http };
        Ok(format!("{scheme}://{socket}").parse()?)
    }

    /// Where clients connect over QUIC.
    fn quic_address(&self) -> Result<Address, Error> {
        let quic = self.quic.ok_or("the server was started without QUIC")?;
        Ok(format!("quic://{quic}").parse()?)
    }

    /// How clients connect: they trust the certificate that this server made.
    pub fn options(&self) -> ConnectOptions {
        let trusted = self.tls.then(|| self.directory.path().join("data/tls/cert.pem"));
        ConnectOptions { trusted_certificates: trusted, timeout: Duration::from_secs(60), ..ConnectOptions::default() }
    }

    /// Logs this many people in.
    pub async fn log_in(&self, count: usize) -> Result<Vec<Login>, Error> {
        people::log_in(&self.address(true)?, &self.options(), &self.host_key, 0..count).await
    }

    /// The key with which it trusts tokens.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The directory of the data, for measuring the disk.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> Result<u64, Error> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
        Ok(kib * 1_024)
    }

    /// CPU time used so far.
    pub fn cpu(&self) -> Result<Duration, Error> {
        cpu_of(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Connections that a process may have here: one file each, and some for everything else.
pub fn connections_max() -> usize {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(FILES_SPARE)).unwrap_or(usize::MAX)
}

/// An error when a process cannot have this many of what is named.
pub fn check_connections(count: usize, what: &str) -> Result<(), Error> {
    let max = connections_max();
    if count > max {
        return Err(
            format!("{count} {what} need more files than a process may open here, which is enough for {max}").into()
        );
    }
    Ok(())
}

/// A key that nobody else knows.
pub fn new_host_key() -> String {
    format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..))
}

/// CPU time that a process has used; `self` is this one.
pub fn cpu_of(process: &str) -> Result<Duration, Error> {
    ticks_of(process, &[11, 12])
}

/// The same, with that of its children that have ended.
pub fn cpu_with_ended_children(process: u32) -> Result<Duration, Error> {
    ticks_of(&process.to_string(), &[11, 12, 13, 14])
}

/// The sum of these fields of its status, counted from the one after its name.
fn ticks_of(process: &str, wanted: &[usize]) -> Result<Duration, Error> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name may hold spaces; the fields are counted from the parenthesis that ends it.
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no stat")?.1.split_whitespace().collect();
    let mut ticks = 0;
    for field in wanted {
        ticks += fields.get(*field).ok_or("no stat")?.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn spawn(
    directory: &Path,
    host_key: &str,
    http: SocketAddr,
    tcp: SocketAddr,
    tls: bool,
    environment: &[(&'static str, String)],
) -> Result<(Child, SocketAddr, SocketAddr, Option<SocketAddr>), Error> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["serve", "--listen", &http.to_string(), "--tcp", &tcp.to_string(), "--data-dir"])
        .arg(directory.join("data"))
        .env("SKEIN__SERVICE__HOST_KEY", host_key)
        // Nobody is cut off while thousands of others are still connecting.
        .env("SKEIN__ACCESS__HEARTBEAT_MS", "600000")
        // The few users and conversations of a measurement do the work of many.
        .env("SKEIN__ACCESS__LIMITS__REQUESTS_PER_USER_PER_MINUTE", "0")
        .env("SKEIN__ACCESS__LIMITS__SESSIONS_PER_USER_MAX", "0")
        .env("SKEIN__SERVICE__MESSAGES_PER_CONVERSATION_PER_MINUTE", "0")
        .env("SKEIN_LOG", "error")
        .envs(environment.iter().cloned())
        .current_dir(directory)
        .stdout(Stdio::piped());
    if tls {
        command.arg("--tls-self-signed");
    }
    let mut child = command.spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let find = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse().ok());
    match find("http=") {
        // A service node has no clients, and no address for their protocol.
        Some(http) => Ok((child, http, find("tcp=").unwrap_or(http), find("quic="))),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err(format!("the server did not start; it said {line:?}").into())
        }
    }
}
