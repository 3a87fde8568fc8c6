//! A receiver of webhooks of the tests' own: a thread, or a process that can be killed. It checks signatures with its own code.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::PATIENCE;

/// The secret of every endpoint in the tests.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Tells the process of a receiver where its files are; other processes of this test do nothing.
const DIRECTORY: &str = "SKEIN_TEST_RECEIVER";

/// A request whose signature is right.
#[derive(Clone, Debug)]
pub struct Received {
    pub id: String,
    pub body: Value,
    pub at: Instant,
}

impl Received {
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }
    pub fn conversation(&self) -> &str {
        self.body["data"]["message"]["conversationId"].as_str().unwrap_or_default()
    }
    pub fn seq(&self) -> u64 {
        self.body["data"]["message"]["seq"].as_str().map_or(0, |seq| seq.parse().unwrap())
    }
}

/// HMAC as RFC 2104 writes it.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// Reads one request; `None` when the connection ends.
fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
    let mut body = vec![0; header("content-length").parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(timestamp.parse().unwrap()) < 60, "the timestamp is that of the attempt");
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &body].concat();
    let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &signed)));
    assert_eq!(header("webhook-signature"), expected, "the signature is wrong");
    let body: Value = serde_json::from_slice(&body).unwrap();
    if !body["type"].is_null() {
        assert_eq!(body["id"], id.as_str());
    }
    Some(Received { id, body, at: Instant::now() })
}

/// Serves until the process ends; each request is answered with the status and the body that `answer` decides.
fn serve(listener: TcpListener, answer: impl Fn(Received) -> (u16, String) + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    for stream in listener.incoming() {
        let (Ok(stream), answer) = (stream, answer.clone()) else { continue };
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            while let Some(received) = read(&mut stream) {
                let (status, body) = answer(received);
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} Whatever\r\nlocation: /elsewhere\r\ncontent-length: {length}\r\n\r\n{body}"
                );
                if stream.get_mut().write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
        });
    }
}

/// A receiver in a thread.
pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Answers with the status that `answer` decides.
    pub fn start(answer: impl Fn(&Received) -> u16 + Send + Sync + 'static) -> Self {
        Self::start_with(move |received| (answer(received), "ok".to_owned()))
    }

    /// Answers what `answer` decides.
    pub fn start_with(answer: impl Fn(&Received) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        std::thread::spawn(move || {
            serve(listener, move |request| {
                let status = answer(&request);
                kept.lock().unwrap().push(request);
                status
            });
        });
        Self { address, received }
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// What has come, as soon as it is enough.
    pub fn wait(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let start = Instant::now();
        loop {
            let received = self.received();
            if enough(&received) {
                return received;
            }
            assert!(start.elapsed() < PATIENCE, "only this came: {received:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The value of `SKEIN__WEBHOOKS__ENDPOINTS` for one endpoint.
pub fn endpoint(address: SocketAddr, kinds: &str, more: &str) -> String {
    format!(
        r#"[{{ name = "hook", url = "http://{address}/hook?x=1", secrets = ["{SECRET}"], kinds = {kinds}{more} }}]"#
    )
}

/// A receiver in a process of its own; what it took is in a file.
pub struct ReceiverProcess {
    child: Child,
    pub address: SocketAddr,
    directory: PathBuf,
}

impl ReceiverProcess {
    pub fn start(directory: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { child: spawn(directory, address), address, directory: directory.to_owned() }
    }

    /// SIGKILL, and the same again on the same port.
    pub fn kill_and_restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = spawn(&self.directory, self.address);
    }

    /// What it wrote down before it answered.
    pub fn received(&self) -> Vec<Received> {
        let Ok(file) = File::open(self.directory.join("received")) else { return Vec::new() };
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let bodies = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        bodies.map(|body| Received { id: body["id"].as_str().unwrap().to_owned(), body, at: Instant::now() }).collect()
    }
}

impl Drop for ReceiverProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &Path, address: SocketAddr) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "receiver::the_process_of_a_receiver", "--nocapture"])
        .env(DIRECTORY, directory)
        .env("SKEIN_TEST_RECEIVER_ADDRESS", address.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("RECEIVING")), "the receiver did not start");
    child
}

/// What the process of a receiver runs; in the process of the tests it does nothing.
#[test]
fn the_process_of_a_receiver() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let listener = TcpListener::bind(std::env::var("SKEIN_TEST_RECEIVER_ADDRESS").unwrap()).unwrap();
    let file = PathBuf::from(directory).join("received");
    let file = Mutex::new(OpenOptions::new().create(true).append(true).open(file).unwrap());
    println!("\nRECEIVING");
    serve(listener, move |received| {
        // A line begins on its own, so that a half of one, written before a kill, spoils nothing.
        let line = format!("\n{}\n", json!(received.body));
        file.lock().unwrap().write_all(line.as_bytes()).unwrap();
        (204, String::new())
    });
}
