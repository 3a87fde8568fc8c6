//! Several nodes over NATS: what one accepts arrives on the others, and what breaks between them loses nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skein_testkit::{
    nats::NatsServer,
    postgres::{Database, PostgresServer},
};

use crate::{
    admin::{self, ALL, Events, KEY, KEYS},
    http::{self, Account, PATIENCE, call, direct, error_code, refused, register, text_to, try_call},
    link::Link,
    server::Server,
};

/// One service node with the store, two access nodes, and NATS between them.
struct Cluster {
    nats: NatsServer,
    service: Server,
    a: Server,
    b: Server,
}

/// A node of this role.
pub fn node(nats: &NatsServer, role: &str, more: &[(&str, &str)]) -> Server {
    let urls = format!("[\"{}\"]", nats.url());
    let mut environment =
        vec![("SKEIN__BUS__ENGINE", "nats"), ("SKEIN__BUS__NATS__URLS", urls.as_str()), ("SKEIN__ROLE", role)];
    environment.extend_from_slice(more);
    Server::start_with(&environment)
}

/// Three nodes with everything over one database, and one without it; all of them ready.
pub struct ThreeNodes {
    pub nats: NatsServer,
    pub database: Database,
    pub access: Server,
    pub nodes: [Server; 3],
}

impl ThreeNodes {
    /// `everywhere` is configured on all of them, `with_store` besides on the three, which are called a, b and c.
    pub fn start(everywhere: &[(&str, &str)], with_store: &[(&str, &str)]) -> Self {
        let (nats, database) = (NatsServer::start(), PostgresServer::shared().database());
        let url = database.url();
        let store = [("SKEIN__STORE__ENGINE", "postgres"), ("SKEIN__STORE__POSTGRES__URL", url.as_str())];
        let shared = [&store, everywhere, with_store].concat();
        let nodes = ["a", "b", "c"].map(|name| {
            let named = [shared.as_slice(), &[("SKEIN__ACCESS__NAME", name)]].concat();
            node(&nats, "all", &named)
        });
        let access = node(&nats, "access", everywhere);
        nodes.iter().chain([&access]).for_each(until_ready);
        Self { nats, database, access, nodes }
    }
}

impl Cluster {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(service: &[(&str, &str)]) -> Self {
        let nats = NatsServer::start();
        let service = node(&nats, "service", service);
        let (a, b) = (node(&nats, "access", &[]), node(&nats, "access", &[]));
        for server in [&service, &a, &b] {
            until_ready(server);
        }
        Self { nats, service, a, b }
    }
}

/// Waits until something is as it should be.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} never came about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Status and text of the readiness.
pub fn readiness(server: &Server) -> (u16, String) {
    http::request(server.http, "GET", "/readyz", "", b"")
}

/// Waits until the node can serve.
pub fn until_ready(server: &Server) {
    until("readiness", || readiness(server) == (200, "ready\n".to_owned()));
}

/// Waits until a message with this text is pushed to the link.
fn until_pushed(link: &mut Link, wanted: &str) {
    loop {
        if link.pushed_message()["content"]["text"]["text"] == wanted {
            return;
        }
    }
}

/// Waits until a push says to pull.
fn told_to_pull(link: &mut Link) {
    loop {
        if link.receive()["push"]["lagging"] == true {
            return;
        }
    }
}

/// Waits until the user is known to be connected with this many devices, wherever one asks.
fn until_online(server: &Server, account: &Account, count: usize) {
    until("being online", || {
        let devices = call(server, &account.access, "AccountService/ListDevices", json!({}));
        devices["devices"].as_array().unwrap().iter().filter(|device| device["online"] == true).count() == count
    });
}

fn log_in(server: &Server, name: &str) -> Account {
    let body = json!({"username": name, "password": "a long password", "device": {"platform": "PLATFORM_WEB"}});
    Account::from_answer(&call(server, "", "AccountService/LogIn", body))
}

fn texts(pulled: &Value) -> Vec<String> {
    let messages = pulled["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"]["text"]["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_sent_on_one_node_arrives_on_the_other() {
    let cluster = Cluster::start();
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    let (mut ann_link, mut bob_link) = (Link::connect(&cluster.a, &ann), Link::connect(&cluster.b, &bob));
    until_online(&cluster.a, &bob, 1);
    until_online(&cluster.b, &ann, 1);
    for number in 0..20 {
        ann_link.call("MessageService/SendMessage", text_to(&bob.user_id, number, &number.to_string())).unwrap();
    }
    for number in 0..20 {
        assert_eq!(bob_link.pushed_message()["content"]["text"]["text"], number.to_string());
    }
    let read = json!({"conversationId": direct(&ann, &bob), "seq": "20"});
    bob_link.call("ReceiptService/MarkRead", read).unwrap();
    loop {
        let events = ann_link.push().1;
        if let Some(cursor) = events.iter().map(|event| &event["cursor"]).find(|cursor| cursor["readSeq"] == "20") {
            assert_eq!(cursor["userId"], bob.user_id);
            break;
        }
    }
}

#[test]
fn members_are_told_wherever_they_are() {
    let cluster = Cluster::start();
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    let mut bob_link = Link::connect(&cluster.b, &bob);
    until_online(&cluster.a, &bob, 1);
    let group = json!({"name": "all of us", "userIds": [bob.user_id], "clientGroupId": http::uuid(9)});
    let group = call(&cluster.a, &ann.access, "GroupService/CreateGroup", group)["group"].clone();
    let conversation = bob_link.pushed_message()["conversationId"].clone();
    assert_eq!(conversation, group["conversationId"]);
    let remove = json!({"conversationId": conversation, "userIds": [bob.user_id]});
    call(&cluster.a, &ann.access, "GroupService/RemoveMembers", remove);
    bob_link.push();
    let pull = json!({"conversationId": conversation, "limit": 10});
    assert_eq!(refused(&cluster.b, &bob.access, "SyncService/PullConversation", pull), "NOT_A_MEMBER");
}

#[test]
fn remote_logout_closes_the_link_on_another_node_within_a_second() {
    let cluster = Cluster::start();
    let ann = register(&cluster.a, "ann");
    let phone = log_in(&cluster.b, "ann");
    let mut link = Link::connect(&cluster.b, &phone);
    let mut own = Link::connect(&cluster.a, &ann);
    until_online(&cluster.a, &ann, 2);
    let start = Instant::now();
    own.call("AccountService/RevokeDevice", json!({"deviceId": phone.device_id})).unwrap();
    assert_eq!(link.closed().0.as_deref(), Some("TOKEN_REVOKED"));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(refused(&cluster.b, &phone.access, "AccountService/GetMe", json!({})), "TOKEN_REVOKED");
    until_online(&cluster.b, &ann, 1);
}

#[test]
fn a_login_kicks_the_older_device_on_another_node() {
    let cluster = Cluster::start_with(&[("SKEIN__SERVICE__LOGIN_WEB", "kick_older")]);
    register(&cluster.a, "ann");
    let older = log_in(&cluster.a, "ann");
    let mut link = Link::connect(&cluster.a, &older);
    let newer = log_in(&cluster.b, "ann");
    assert_eq!(link.closed().0.as_deref(), Some("KICKED"));
    Link::connect(&cluster.b, &newer);
}

#[test]
fn a_session_moves_to_another_node_by_a_pull() {
    let cluster = Cluster::start();
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    let mut old = Link::connect(&cluster.a, &bob);
    until_online(&cluster.b, &bob, 1);
    let send = |number: u64| {
        let text = text_to(&bob.user_id, number, &number.to_string());
        call(&cluster.a, &ann.access, "MessageService/SendMessage", text);
    };
    send(0);
    until_pushed(&mut old, "0");
    let resume = json!({"sessionId": old.welcome["sessionId"], "receivedLinkSeq": 0});
    let mut new = Link::hello(&cluster.b, json!({"token": bob.access, "resume": resume}));
    assert!(new.welcome["resumed"].is_null(), "this node does not know the session");
    assert_eq!(old.closed().0.as_deref(), Some("SUPERSEDED"), "as on one node");
    let pull = json!({"conversationId": direct(&ann, &bob), "limit": 10});
    assert_eq!(texts(&new.call("SyncService/PullConversation", pull).unwrap()), ["0"]);
    until_online(&cluster.a, &bob, 1);
    send(1);
    until_pushed(&mut new, "1");
}

#[test]
fn when_an_access_node_is_killed_its_clients_go_on_at_the_other() {
    let mut cluster = Cluster::start();
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    let mut link = Link::connect(&cluster.b, &bob);
    until_online(&cluster.a, &bob, 1);
    let session = link.welcome["sessionId"].clone();
    let send = |server: &Server, number: u64| {
        let text = text_to(&bob.user_id, number, &number.to_string());
        call(server, &ann.access, "MessageService/SendMessage", text);
    };
    send(&cluster.a, 0);
    until_pushed(&mut link, "0");
    cluster.b.kill();
    send(&cluster.a, 1);
    let resume = json!({"sessionId": session, "receivedLinkSeq": 1});
    let mut link = Link::hello(&cluster.a, json!({"token": bob.access, "resume": resume}));
    assert!(link.welcome["resumed"].is_null());
    let pull = json!({"conversationId": direct(&ann, &bob), "limit": 10});
    assert_eq!(texts(&link.call("SyncService/PullConversation", pull).unwrap()), ["0", "1"]);
    // Right after connecting, before everybody knows where: it is pushed, or there is a hint to pull.
    send(&cluster.a, 2);
    loop {
        let push = link.receive()["push"].clone();
        let event = &push["events"][0]["message"]["message"];
        if push["lagging"] == true || event["content"]["text"]["text"] == "2" {
            break;
        }
    }
    until_online(&cluster.a, &bob, 1);
    send(&cluster.a, 3);
    until_pushed(&mut link, "3");
}

#[test]
fn without_a_service_node_clients_are_told_to_try_again() {
    let mut cluster = Cluster::start();
    let ann = register(&cluster.a, "ann");
    let mut link = Link::connect(&cluster.a, &ann);
    cluster.service.kill();
    let (status, error) = try_call(&cluster.a, &ann.access, "AccountService/GetMe", &json!({})).unwrap_err();
    assert_eq!((status, error_code(&error).as_str()), (503, "UNAVAILABLE"));
    assert_eq!(link.call("AccountService/GetMe", json!({})), Err("UNAVAILABLE".to_owned()), "the link stays");
    assert_eq!(readiness(&cluster.a).0, 503);
    cluster.service.restart();
    until_ready(&cluster.a);
    assert!(link.call("AccountService/GetMe", json!({})).is_ok());
}

#[test]
fn without_nats_an_access_node_says_so_and_comes_back() {
    let mut cluster = Cluster::start();
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    let mut link = Link::connect(&cluster.b, &bob);
    until_online(&cluster.a, &bob, 1);
    cluster.nats.kill();
    until("not being ready", || readiness(&cluster.a).0 == 503);
    let text = text_to(&bob.user_id, 0, "again");
    let (status, error) = try_call(&cluster.a, &ann.access, "MessageService/SendMessage", &text).unwrap_err();
    assert_eq!((status, error_code(&error).as_str()), (503, "UNAVAILABLE"));
    cluster.nats.restart();
    told_to_pull(&mut link);
    until_ready(&cluster.a);
    until_ready(&cluster.b);
    until_online(&cluster.a, &bob, 1);
    call(&cluster.a, &ann.access, "MessageService/SendMessage", text);
    until_pushed(&mut link, "again");
}

#[test]
fn a_node_with_a_store_serves_without_nats() {
    let mut nats = NatsServer::start();
    let server = node(&nats, "all", &[]);
    until_ready(&server);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut link = Link::connect(&server, &bob);
    nats.kill();
    until("saying so", || readiness(&server).1.contains("the bus is down"));
    assert_eq!(readiness(&server).0, 200);
    for number in 0..50 {
        let text = text_to(&bob.user_id, number, &number.to_string());
        call(&server, &ann.access, "MessageService/SendMessage", text);
        until_pushed(&mut link, &number.to_string());
    }
    until("a metric that says so", || {
        http::request(server.http, "GET", "/metrics", "", b"").1.contains("skein_bus_connected 0")
    });
    nats.restart();
    told_to_pull(&mut link);
    until_ready(&server);
}

#[test]
fn business_systems_are_served_by_access_nodes() {
    let mut cluster = Cluster::start_with(&[KEYS, ALL]);
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    // What is wrong is said by the service node.
    assert_eq!(refused(&cluster.a, &KEY[1..], "AdminService/ListMailings", json!({})), "UNAUTHENTICATED");
    assert_eq!(refused(&cluster.a, &ann.access, "AdminService/SendAsUser", json!({})), "UNAUTHENTICATED");
    let key = format!("authorization: Bearer {KEY}\r\n");
    let (status, body) = http::request(cluster.a.http, "GET", "/v1/admin/events?kinds=nothing", &key, b"");
    assert!(status == 400 && body.contains("nothing"), "{status} {body}");
    // The stream is live, beyond the time after which an idle one asks again.
    let mut stream = Events::open(&cluster.a, "?kinds=message.created");
    stream.next();
    let mut link = Link::connect(&cluster.b, &bob);
    until_online(&cluster.a, &bob, 1);
    for round in 0..2 {
        let asked = json!({
            "clientMailingId": http::uuid(round), "senderId": ann.user_id, "target": {"userId": bob.user_id},
            "content": {"text": {"text": round.to_string()}},
        });
        let id = admin::call(&cluster.a, "AdminService/SendAsUser", asked)["mailing"]["mailingId"].clone();
        until_pushed(&mut link, &round.to_string());
        let event = stream.event();
        assert_eq!(event["data"]["message"]["content"]["text"]["text"], round.to_string(), "{event}");
        until("being carried out", || {
            let got = admin::call(&cluster.b, "AdminService/GetMailing", json!({"mailingId": id}));
            got["mailing"]["state"] == "MAILING_STATE_FINISHED"
        });
        if round == 0 {
            // The stream outlives the service node, and misses nothing.
            cluster.service.kill_and_restart();
            until_ready(&cluster.a);
            until_ready(&cluster.b);
            until_online(&cluster.a, &bob, 1);
        }
    }
}

#[test]
fn a_stream_through_an_access_node_carries_more_than_fits_into_one_call() {
    let cluster = Cluster::start_with(&[KEYS, ALL]);
    let (ann, bob) = (register(&cluster.a, "ann"), register(&cluster.b, "bob"));
    let text = "x".repeat(32 * 1024);
    for number in 0..60 {
        call(&cluster.a, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, &text));
    }
    let mut stream = Events::open(&cluster.b, "?after=0&kinds=message.created");
    for seq in 1..=60 {
        let message = stream.event()["data"]["message"].clone();
        assert_eq!((&message["seq"], &message["content"]["text"]["text"]), (&json!(seq.to_string()), &json!(text)));
    }
}

#[test]
fn a_role_needs_a_bus() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::server::command(directory.path());
    let output = command.env("SKEIN__ROLE", "access").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("bus.engine"), "{output:?}");
}

#[test]
fn nodes_that_share_a_database_are_one_server() {
    let ThreeNodes { nats: _nats, database: _database, access, mut nodes } = ThreeNodes::start(&[], &[]);
    let names = ["ann", "bob", "cid"];
    let people: Vec<Account> = names.iter().zip(&nodes).map(|(name, node)| register(node, name)).collect();
    let mut links: Vec<Link> = people.iter().zip(&nodes).map(|(person, node)| Link::connect(node, person)).collect();
    let dan = register(&access, "dan");
    let mut dan_link = Link::connect(&access, &dan);
    for node in nodes.iter().chain([&access]) {
        people.iter().chain([&dan]).for_each(|person| until_online(node, person, 1));
    }
    let members: Vec<_> = people.iter().chain([&dan]).map(|person| person.user_id.clone()).collect();
    let group = json!({"name": "team", "userIds": members, "clientGroupId": http::uuid(7)});
    let group = call(&nodes[0], &people[0].access, "GroupService/CreateGroup", group)["group"].clone();
    for (number, sender) in [0, 1, 2, 0, 1, 2].into_iter().enumerate() {
        let text = json!({"conversationId": group["conversationId"], "clientMessageId": http::uuid(100 + number as u64),
            "content": {"text": {"text": number.to_string()}}});
        links[sender].call("MessageService/SendMessage", text).unwrap();
        for (index, link) in links.iter_mut().enumerate().filter(|(index, _)| *index != sender) {
            assert_eq!(next_text(link), number.to_string(), "of {index}");
        }
        assert_eq!(next_text(&mut dan_link), number.to_string());
    }
    // One dies: the calls of the access node go to another, and who was there comes back elsewhere.
    nodes[2].kill();
    let mut cid = Link::connect(&nodes[0], &people[2]);
    until_online(&nodes[1], &people[2], 1);
    let text = |number| text_to(&people[2].user_id, number, "welcome back");
    until("being served", || try_call(&access, &dan.access, "MessageService/SendMessage", &text(200)).is_ok());
    until_pushed(&mut cid, "welcome back");
}

/// The next pushed text, past lines of the system.
fn next_text(link: &mut Link) -> String {
    loop {
        if let Some(text) = link.pushed_message()["content"]["text"]["text"].as_str() {
            return text.to_owned();
        }
    }
}
