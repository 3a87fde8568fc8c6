//! One node of Skein.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use super::{Failure, program::Program, stop::Stop};

/// What a server says first, before its address.
const LISTENING: &str = "SKEIN LISTENING http=";
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A running node.
pub struct Node {
    pub program: Program,
    pub role: &'static str,
    pub address: SocketAddr,
}

impl Node {
    /// Starts it. Its log is in the directory, and its data, if it keeps any beside the database.
    pub fn start(
        skein: &Path,
        number: usize,
        role: &'static str,
        listen: &str,
        environment: Vec<(&'static str, String)>,
        directory: &Path,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let log = directory.join(format!("node{number}.log"));
        let mut program =
            Program::new(format!("node {number}"), skein.to_owned(), log, |program| listening(program).is_some());
        let data = directory.join(format!("node{number}")).display().to_string();
        let arguments = |listen: &str| {
            ["serve", "--role", role, "--listen", listen, "--data-dir", &data].map(str::to_owned).to_vec()
        };
        program.arguments = arguments(listen);
        program.environment = environment;
        program.start(stop)?;
        let address = listening(&program).ok_or("a node has no address")?;
        // If it has to be started again, clients look for it where it was.
        program.arguments = arguments(&address.to_string());
        Ok(Self { program, role, address })
    }

    pub fn name(&self) -> &str {
        &self.program.name
    }

    pub fn log_tail(&self) -> String {
        self.program.log_tail()
    }

    /// Whether it serves, has the bus, and knows this many other nodes.
    pub fn is_ready(&self, others: usize) -> bool {
        let ready = self.get("/readyz").is_some_and(|answer| answer.ends_with("\r\n\r\nready\n"));
        let known = format!("\nskein_bus_nodes {others}\n");
        ready && self.get("/metrics").is_some_and(|answer| answer.contains(&known))
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER_MAX).ok()?;
        stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(answer)
    }
}

/// The address that it announced.
fn listening(program: &Program) -> Option<SocketAddr> {
    let said = program.said();
    let line = said.lines().find_map(|line| line.strip_prefix(LISTENING))?;
    line.split_whitespace().next()?.parse().ok()
}
