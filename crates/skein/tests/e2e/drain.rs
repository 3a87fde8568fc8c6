//! Nodes that are drained: their clients go to the others while messages flow.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use skein_client::{Client, ConnectOptions, MemoryCache, account};
use skein_testkit::nats::NatsServer;

use crate::{
    admin::{self, KEYS},
    cluster::{node, readiness, until, until_ready},
    http::{self, PATIENCE, call, refused, register},
    link::Link,
    server::Server,
    webhooks::WEAK,
};

/// Nodes say where they are; the port is the one that they got.
pub const ADVERTISE: (&str, &str) = ("SKEIN__ACCESS__ADVERTISE", r#"["http://127.0.0.1:0", "tcp://127.0.0.1:0"]"#);
pub const WITHDRAW: (&str, &str) = ("SKEIN__ACCESS__DRAIN__WITHDRAW_MS", "200");
pub const SPREAD: (&str, &str) = ("SKEIN__ACCESS__DRAIN__SPREAD_MS", "1500");

struct Cluster {
    _nats: NatsServer,
    _service: Server,
    access: Vec<Server>,
}

impl Cluster {
    /// A service node, and access nodes with these names that know of one another.
    fn start(names: &[&str]) -> Self {
        let nats = NatsServer::start();
        let service = node(&nats, "service", &[KEYS, WEAK]);
        let access: Vec<Server> = names
            .iter()
            .map(|name| node(&nats, "access", &[ADVERTISE, WITHDRAW, SPREAD, ("SKEIN__ACCESS__NAME", *name)]))
            .collect();
        let cluster = Self { _nats: nats, _service: service, access };
        cluster.until_whole();
        cluster
    }

    fn until_whole(&self) {
        for server in &self.access {
            until_ready(server);
            until("knowing everybody", || nodes(server).len() == self.access.len());
        }
    }
}

/// What a node knows of all: by name, its phase and its links.
pub fn nodes(server: &Server) -> HashMap<String, (String, u64)> {
    let answer = admin::call(server, "AdminService/ListNodes", json!({}));
    let text = |value: &Value| value.as_str().unwrap_or("0").to_owned();
    let nodes = answer["nodes"].as_array().unwrap().iter();
    nodes.map(|node| (text(&node["name"]), (text(&node["phase"]), text(&node["links"]).parse().unwrap()))).collect()
}

pub fn phase(server: &Server, name: &str) -> String {
    nodes(server).remove(name).map_or_else(|| "GONE".to_owned(), |(phase, _)| phase.replace("NODE_PHASE_", ""))
}

/// A client of this node.
pub async fn client(server: &Server, name: &str) -> Client {
    let (address, options) = (format!("http://{}", server.http).parse().unwrap(), ConnectOptions::default());
    let login = account::register(&address, &options, name, "a long password", "test").await.unwrap();
    Client::start(address, options, login, MemoryCache::default())
}

/// Sends to a user until it is told to stop; how many texts were acked.
async fn talk(client: Client, to: u64, stop: Arc<AtomicBool>) -> u64 {
    let mut acked = 0;
    while !stop.load(Ordering::Relaxed) {
        client.send_text_to(to, &acked.to_string()).await.expect("nobody notices a drain");
        acked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    acked
}

/// How many messages of the user a client has, and that each is there once and in its place.
fn received(client: &Client, from: u64) -> u64 {
    client.with_timeline(|timeline| {
        let messages = timeline.conversations.values().flat_map(|conversation| conversation.messages.values());
        let mut count = 0;
        for message in messages.filter(|message| message.sender_id == from) {
            let Some(skein_proto::v1::content::Body::Text(text)) = &message.content.body else { continue };
            assert_eq!(text.text, count.to_string(), "lost, doubled or out of order");
            count += 1;
        }
        count
    })
}

#[test]
fn nodes_are_drained_one_after_the_other_and_nobody_misses_anything() {
    let mut cluster = Cluster::start(&["a", "b", "c"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(runtime.block_on(client(&cluster.access[number % 3], &format!("user{number}"))));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let to = |number: usize| people[(number + 1) % people.len()].user_id();
    let talks: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(number, one)| runtime.spawn(talk(one.clone(), to(number), stop.clone())))
        .collect();
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        let other = (index + 1) % 3;
        if index == 1 {
            terminate(&cluster.access[index]);
        } else {
            let answer = admin::call(&cluster.access[other], "AdminService/DrainNode", json!({"node": name}));
            assert_ne!(answer["node"]["phase"], "NODE_PHASE_SERVING", "{answer}");
        }
        assert!(cluster.access[index].wait().success());
        until("being gone", || phase(&cluster.access[other], name) == "GONE");
        cluster.access[index].restart();
        cluster.until_whole();
    }
    stop.store(true, Ordering::Relaxed);
    let acked: Vec<u64> = talks.into_iter().map(|talk| runtime.block_on(talk).unwrap()).collect();
    assert!(acked.iter().all(|count| *count > 20), "{acked:?}");
    for (number, one) in people.iter().enumerate() {
        let from = (number + people.len() - 1) % people.len();
        until("everything having come", || received(one, people[from].user_id()) == acked[from]);
    }
    // Nobody went back to a node that sent them away before they had to: all are on those that were restarted before the last drain.
    let links = nodes(&cluster.access[0]);
    assert_eq!(links.values().map(|(_, links)| links).sum::<u64>(), 6, "{links:?}");
    assert_eq!(links["c"].1, 0, "{links:?}");
}

#[test]
fn clients_are_spread_over_the_other_nodes() {
    let cluster = Cluster::start(&["a", "b", "c"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let people: Vec<Client> =
        (0..30).map(|number| runtime.block_on(client(&cluster.access[0], &format!("user{number}")))).collect();
    until("being connected", || nodes(&cluster.access[1])["a"].1 == 30);
    let start = Instant::now();
    admin::call(&cluster.access[0], "AdminService/DrainNode", json!({"stay": true}));
    assert_eq!(readiness(&cluster.access[0]).0, 503);
    until("being empty", || phase(&cluster.access[1], "a") == "DRAINED");
    assert!(start.elapsed() < PATIENCE);
    until("being elsewhere", || {
        let known = nodes(&cluster.access[1]);
        known["b"].1 + known["c"].1 == 30
    });
    let known = nodes(&cluster.access[1]);
    // Clients race the nodes that they are named, so a node that is slow at the moment gets fewer; but not all go to one.
    assert!(known["b"].1 >= 1 && known["c"].1 >= 1, "{known:?}");
    // Called off, it serves again, and nobody has to come back.
    admin::call(&cluster.access[1], "AdminService/DrainNode", json!({"node": "a", "cancel": true}));
    until_ready(&cluster.access[0]);
    assert_eq!(phase(&cluster.access[1], "a"), "SERVING");
    drop(people);
}

#[test]
fn a_drain_can_be_called_off_and_cut_short() {
    let mut cluster = Cluster::start(&["a", "b"]);
    let ann = register(&cluster.access[0], "ann");
    // This client knows nothing of leaving.
    let mut link = Link::connect(&cluster.access[0], &ann);
    let order = json!({"spreadMs": 60_000});
    admin::call(&cluster.access[0], "AdminService/DrainNode", order);
    let go_away = loop {
        let frame = link.receive();
        if frame["goAway"].is_object() {
            break frame["goAway"].clone();
        }
    };
    let addresses = json!([format!("http://{}", cluster.access[1].http), format!("tcp://{}", cluster.access[1].tcp)]);
    assert_eq!(go_away["gateways"], addresses);
    assert!(go_away["afterMs"].as_u64().unwrap() > 10_000, "{go_away}");
    let (status, text) = readiness(&cluster.access[0]);
    assert!(status == 503 && text.contains("1 of 1 links are left"), "{text}");
    let metrics = || http::request(cluster.access[0].http, "GET", "/metrics", "", b"").1;
    until("being measured", || metrics().lines().any(|line| line == "skein_drain_phase 2"));
    // A new link is sent on.
    let mut other = Link::open(cluster.access[0].http);
    other.send(&json!({"hello": {"token": ann.access}}));
    assert_eq!(other.closed().0.as_deref(), Some("SHUTDOWN"));
    admin::call(&cluster.access[0], "AdminService/DrainNode", json!({"cancel": true}));
    until_ready(&cluster.access[0]);
    assert!(link.call("AccountService/GetMe", json!({})).is_ok(), "the link was kept");
    Link::connect(&cluster.access[0], &ann);
    // The first signal drains, the second ends it.
    terminate(&cluster.access[0]);
    until("being drained", || readiness(&cluster.access[0]).0 == 503);
    assert!(link.call("AccountService/GetMe", json!({})).is_ok(), "it still serves");
    let start = Instant::now();
    terminate(&cluster.access[0]);
    assert!(cluster.access[0].wait().success());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn draining_needs_a_server_key_and_a_node_that_exists() {
    let server = Server::start_with(&[KEYS, WEAK]);
    let ann = register(&server, "ann");
    for (token, code) in [("", "UNAUTHENTICATED"), (ann.access.as_str(), "UNAUTHENTICATED")] {
        assert_eq!(refused(&server, token, "AdminService/DrainNode", json!({})), code);
        assert_eq!(refused(&server, token, "AdminService/ListNodes", json!({})), code);
    }
    assert_eq!(refused(&server, admin::KEY, "AdminService/DrainNode", json!({"node": "nobody"})), "NOT_FOUND");
    assert_eq!(
        refused(&server, admin::KEY, "AdminService/DrainNode", json!({"spreadMs": 600_001})),
        "INVALID_ARGUMENT"
    );
    assert_eq!(refused(&server, admin::KEY, "AdminService/DrainNode", json!({"spread": 1})), "MALFORMED");
    assert_eq!(nodes(&server)["local"].0, "NODE_PHASE_SERVING");
    call(&server, &ann.access, "AccountService/GetMe", json!({}));
}

#[test]
fn a_node_without_others_stops_at_once_and_by_an_order_from_the_command_line() {
    let mut server = Server::start_with(&[KEYS, WEAK]);
    let ann = register(&server, "ann");
    let mut link = Link::connect(&server, &ann);
    let url = format!("http://{}", server.http);
    let drain = std::process::Command::new(crate::server::SKEIN)
        .args(["admin", "drain", "--url", &url, "--key", admin::KEY])
        .output()
        .unwrap();
    assert!(drain.status.success(), "{drain:?}");
    assert!(String::from_utf8_lossy(&drain.stdout).contains("local has ended"), "{drain:?}");
    assert_eq!(link.closed().0.as_deref(), Some("SHUTDOWN"));
    assert!(server.wait().success());
}

pub fn terminate(server: &Server) {
    let pid = rustix::process::Pid::from_raw(server.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}
