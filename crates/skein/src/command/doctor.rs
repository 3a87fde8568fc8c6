//! `skein doctor`: says whether configuration, data directory and server are well, and what to do when not.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use skein_store_postgres::PostgresStore;
use skein_store_sqlite::{OpenError, SqliteStore};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use super::Outcome;
use crate::config::{Config, StoreEngine};

/// Longest answer of a health check that is looked at, in bytes.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Smallest packet that a QUIC server answers.
const QUIC_PACKET_BYTES: usize = 1_200;
/// Its beginning: a long header with a version that is reserved for this, and ids of the connection with 8 and 0 bytes.
const QUIC_QUESTION: [u8; 15] = [0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
/// How long an answer may take, and how often it is asked for: datagrams are lost now and then.
const QUIC_WAIT: Duration = Duration::from_millis(500);
const QUIC_TRIES: u32 = 4;

/// Exits with 1 when something is wrong.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration file (TOML), as for `serve`
    #[arg(long, env = "SKEIN_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything durable lives, as for `serve`
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Address of the server, host:port [default: the configured one]
    #[arg(long)]
    server: Option<String>,
}

/// One line per check.
pub async fn run(args: Args) -> Outcome {
    let mut config = Config::load(args.config.as_deref())?;
    println!("ok    configuration");
    if let Some(data_dir) = args.data_dir {
        config.data_dir = data_dir;
    }
    let server = args.server.unwrap_or_else(|| config.access.listen.clone());
    let mut checks = vec![
        check_store(&config).await,
        ("open files", check_files()),
        ("server", check_server(&server, config.access.tls.is_on()).await),
    ];
    if let Some(quic) = &config.access.quic_listen {
        checks.push(("quic", check_quic(quic).await));
    }
    let mut wrong = 0;
    for (name, result) in checks {
        match result {
            Ok(text) => println!("ok    {name}: {text}"),
            Err(text) => {
                wrong += 1;
                println!("WRONG {name}: {text}");
            }
        }
    }
    if wrong == 0 { Ok(()) } else { Err(format!("{wrong} check(s) failed").into()) }
}

async fn check_store(config: &Config) -> (&'static str, Result<String, String>) {
    match config.store.engine {
        StoreEngine::Sqlite => ("data directory", check_data(config).await),
        StoreEngine::Postgres => {
            let found = PostgresStore::check(&config.store.postgres).await;
            ("database", found.map_err(|error| error.to_string()))
        }
    }
}

async fn check_data(config: &Config) -> Result<String, String> {
    let path: &Path = &config.data_dir;
    if !path.exists() {
        return Ok(format!("{} does not exist yet; the first start makes it", path.display()));
    }
    match SqliteStore::open(path, config.sqlite.clone()) {
        Ok(store) => {
            store.close();
            Ok(format!("{} opens, no server is using it", path.display()))
        }
        Err(OpenError::AlreadyRunning { .. }) => Ok(format!("{} is in use by a running server", path.display())),
        Err(error) => Err(error.to_string()),
    }
}

fn check_files() -> Result<String, String> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    if limit < 4_096 {
        return Err(format!("only {limit} files may be open, so about as many connections; raise it with ulimit -n"));
    }
    Ok(format!("{limit} may be open, about as many connections"))
}

async fn check_server(server: &str, tls: bool) -> Result<String, String> {
    let address =
        server.to_socket_addrs().map_err(|error| format!("{server}: {error}"))?.next().ok_or("no such address")?;
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("nothing answers at {server} ({error}); start it with: skein serve"))?;
    if tls {
        return Ok(format!("{server} accepts connections (TLS; health not asked)"));
    }
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await.map_err(|error| error.to_string())?;
    let answer = String::from_utf8_lossy(&answer);
    if answer.starts_with("HTTP/1.1 200") {
        Ok(format!("{server} is ready"))
    } else {
        Err(format!("{server} is not ready: {}", reason(&answer)))
    }
}

/// Asks for a version of QUIC that there is not: a server says then which ones there are, and looks at nothing else.
async fn check_quic(listen: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{listen}: {error}");
    let mut address = tokio::net::lookup_host(listen).await.map_err(failed)?.next().ok_or("no such address")?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await.map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    let mut question = vec![0; QUIC_PACKET_BYTES];
    question[..QUIC_QUESTION.len()].copy_from_slice(&QUIC_QUESTION);
    for _ in 0..QUIC_TRIES {
        socket.send(&question).await.map_err(failed)?;
        let mut answer = [0; QUIC_PACKET_BYTES];
        let received = tokio::time::timeout(QUIC_WAIT, socket.recv(&mut answer)).await;
        // A long header with version 0 lists versions.
        if matches!(received, Ok(Ok(5..))) && answer[0] & 0x80 != 0 && answer[1..5] == [0; 4] {
            return Ok(format!("{listen} answers over UDP"));
        }
    }
    Err(format!(
        "nothing answers over UDP at {listen}; is it open in the firewall, and the server started with access.quic_listen?"
    ))
}

/// Why a server says that it is not ready: the text in the error, else the status.
fn reason(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let error: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let status = answer.lines().next().unwrap_or_default();
    error["message"].as_str().unwrap_or(status).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_ready_says_why() {
        let error = "HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{\"code\":\"unavailable\",\"message\":\"the node is being drained\"}";
        assert_eq!(reason(error), "the node is being drained");
        assert_eq!(reason("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>"), "HTTP/1.1 502 Bad Gateway");
    }
}
