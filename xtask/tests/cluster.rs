//! `cargo xtask cluster` as somebody uses it: it comes up, people on different nodes talk, Ctrl-C leaves nothing behind.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long a test waits for anything before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster as a script sees it.
struct Cluster {
    child: Child,
    /// Addresses of the nodes, by role.
    nodes: Vec<(String, String)>,
    directory: PathBuf,
    /// Everything that it prints after the line for scripts.
    printed: mpsc::Receiver<String>,
}

impl Cluster {
    fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["cluster", "--binary"]).arg(skein()).args(options).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (line, printed) = mpsc::channel();
        std::thread::spawn(move || while lines.next().is_some_and(|text| line.send(text).is_ok()) {});
        let ready = loop {
            let text = printed.recv_timeout(PATIENCE).expect("it says that it is ready");
            if let Some(values) = text.strip_prefix("SKEIN CLUSTER READY ") {
                break values.to_owned();
            }
        };
        let values = ready.split(' ').map(|pair| pair.split_once('=').unwrap());
        let (mut nodes, mut others) = (Vec::new(), HashMap::new());
        for (name, value) in values {
            match name {
                "all" | "access" | "service" => nodes.push((name.to_owned(), value.to_owned())),
                _ => drop(others.insert(name, value)),
            }
        }
        assert!(others["nats"].starts_with("nats://"), "{ready}");
        Self { child, nodes, directory: PathBuf::from(others["directory"]), printed }
    }

    /// Asks it to end as a terminal does, and waits.
    fn interrupt(&mut self) {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(asked.unwrap().success());
        let mut status = None;
        until("the end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{status:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server of the same build: wherever the target directory is, it lies beside this repository's automation. `cargo test --workspace` has built it.
fn skein() -> PathBuf {
    let skein = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("skein");
    if !skein.is_file() {
        let built = Command::new(env!("CARGO")).args(["build", "--bin", "skein"]).status();
        assert!(built.unwrap().success(), "the server is not built");
    }
    skein
}

/// Waits until something is as it should be.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} never came about");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn request(address: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.0\r\nhost: skein\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.lines().next().unwrap().contains(" 200 "), "{path}: {answer}");
    body.to_owned()
}

fn call(address: &str, token: &str, method: &str, body: &Value) -> Value {
    let headers = format!("authorization: Bearer {token}\r\n");
    let headers = if token.is_empty() { "" } else { &headers };
    let answer = request(address, "POST", &format!("/skein.v1.{method}"), headers, &body.to_string());
    serde_json::from_str(&answer).unwrap()
}

/// The id of somebody new, and a token.
fn register(address: &str, name: &str) -> (String, String) {
    let answer =
        call(address, "", "AccountService/Register", &json!({"username": name, "password": "a long password"}));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer["user"]["userId"]), text(&answer["tokens"]["accessToken"]))
}

/// Somebody on one node writes to somebody on another, who is told at once.
fn talk(from: &str, to: &str) {
    let ((_, ann), (bob_id, bob)) = (register(from, "ann"), register(to, "bob"));
    let poll = |headers: &str, wait_ms: u64| -> Value {
        let path = format!("/v1/poll?wait_ms={wait_ms}");
        let headers = format!("authorization: Bearer {bob}\r\n{headers}");
        serde_json::from_str(&request(to, "GET", &path, &headers, "")).unwrap()
    };
    let session = poll("", 0)["sessionId"].as_str().unwrap().to_owned();
    let text = json!({"userId": bob_id, "clientMessageId": "01890a5d-ac96-774b-bcce-000000000001",
        "content": {"text": {"text": "across"}}});
    call(from, &ann, "MessageService/SendMessage", &text);
    // What was sent before the other node knew where bob is comes as a hint to pull.
    let start = Instant::now();
    loop {
        let pushed = poll(&format!("skein-session: {session}\r\n"), 5_000).to_string();
        if pushed.contains("across") || pushed.contains("\"lagging\":true") {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{pushed}");
    }
}

/// Processes that have something to do with the directory: in their command line, or as the directory in which they run.
fn processes_of(directory: &Path) -> Vec<String> {
    let name = directory.to_str().unwrap();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let is_inside = fs::read_link(process.path().join("cwd")).is_ok_and(|path| path.starts_with(directory));
        if is_inside || line.contains(name) {
            found.push(line);
        }
    }
    found
}

#[test]
fn people_on_different_nodes_talk_and_an_interrupt_leaves_nothing_behind() {
    let mut cluster = Cluster::start(&[]);
    let roles: Vec<&str> = cluster.nodes.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(roles, ["all", "all", "all"]);
    // Three nodes, NATS, PostgreSQL and the shell that keeps it, at least.
    assert!(processes_of(&cluster.directory).len() >= 6, "{:?}", processes_of(&cluster.directory));
    talk(&cluster.nodes[0].1, &cluster.nodes[2].1);
    cluster.interrupt();
    assert_eq!(processes_of(&cluster.directory), Vec::<String>::new());
    assert!(!cluster.directory.exists(), "{}", cluster.directory.display());
    let printed: Vec<String> = cluster.printed.try_iter().collect();
    for shown in [format!("http://{}/metrics", cluster.nodes[2].1), "psql 'host=".to_owned(), "Ctrl-C".to_owned()] {
        assert!(printed.iter().any(|line| line.contains(&shown)), "{shown} is not shown in {printed:#?}");
    }
}

#[test]
fn a_killed_cluster_leaves_nothing_behind_either() {
    let mut cluster = Cluster::start(&["--split"]);
    let roles: Vec<&str> = cluster.nodes.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(roles, ["service", "service", "access", "access"]);
    talk(&cluster.nodes[2].1, &cluster.nodes[3].1);
    cluster.child.kill().unwrap();
    cluster.child.wait().unwrap();
    until("nothing left", || processes_of(&cluster.directory).is_empty() && !cluster.directory.exists());
}
