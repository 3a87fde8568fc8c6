//! A private NATS server for tests: on a free port, without storage; it ends with its guard.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// Where Debian puts it, beside the path.
const PLACES: &[&str] = &["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];
/// What is missing, and what to do.
const MISSING: &str = "nats-server is not installed; on Debian and Ubuntu: apt-get install nats-server";
/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(20);

/// A running server.
#[derive(Debug)]
pub struct NatsServer {
    child: Option<Child>,
    port: u16,
    options: Vec<String>,
}

impl NatsServer {
    /// Starts on a free port.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further options of the command line.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start.
    pub fn start_with(options: &[&str]) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { child: None, port, options };
        server.restart();
        server
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// SIGKILL: nobody is told.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGINT: it says goodbye and ends.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// SIGSTOP or SIGCONT: it hangs, or goes on.
    ///
    /// # Panics
    /// When there is no `kill`.
    pub fn pause(&self, paused: bool) {
        let Some(child) = &self.child else { return };
        let signal = if paused { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Starts again on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let mut child = Command::new(binary())
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect(MISSING);
        let output = child.stderr.take().expect("it is piped");
        self.child = Some(child);
        let (ready, is_ready) = mpsc::sync_channel(1);
        // Reads on to the end, so that the server never waits for its log.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.contains("Server is ready") {
                    let _ = ready.try_send(());
                }
            }
        });
        assert!(is_ready.recv_timeout(START_MAX).is_ok(), "nats-server does not start on port {}", self.port);
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn binary() -> PathBuf {
    let places = PLACES.iter().map(PathBuf::from);
    places.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("nats-server"))
}
