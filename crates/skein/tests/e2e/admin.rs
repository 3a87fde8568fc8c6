//! What business systems do with a server key: the stream of events, and mailings.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    engine::Engine,
    http::{self, PATIENCE, error_code, register, text_to, try_call, uuid},
    link::Link,
    server::Server,
    webhooks::WEAK,
};

/// A server key.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The configuration of that key.
pub const KEYS: (&str, &str) =
    ("SKEIN__ADMIN__KEYS", r#"[{ name = "shop", key = "0123456789abcdef0123456789abcdef" }]"#);
/// Every kind is kept for streams.
pub const ALL: (&str, &str) = ("SKEIN__ADMIN__EVENT_KINDS", r#"["*"]"#);

crate::on_both_engines!(
    a_stream_goes_on_at_its_cursor_after_a_crash,
    a_stream_is_live_and_says_that_it_lives,
    server_sent_events_carry_their_ids,
    a_report_tells_what_a_device_has,
    a_mailing_to_everyone_survives_kills_and_reaches_each_once,
);

/// Calls an operation of business systems that must succeed.
pub fn call(server: &Server, method: &str, body: Value) -> Value {
    http::call(server, KEY, method, body)
}

/// An open stream of events.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Begins at what the query says.
    pub fn open(server: &Server, query: &str) -> Self {
        let request =
            format!("GET /v1/admin/events{query} HTTP/1.1\r\nhost: skein\r\nauthorization: Bearer {KEY}\r\n\r\n");
        let mut stream = http::open(server.http, request.as_bytes());
        let (status, head) = http::head(&mut stream);
        assert_eq!(status, 200, "{head}");
        assert!(head.contains("application/x-ndjson"), "{head}");
        Self(stream)
    }

    /// The next line of the stream, without the lines of the chunked encoding.
    pub fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }

    /// The next event that is no heartbeat.
    pub fn event(&mut self) -> Value {
        loop {
            let line = self.next();
            if line["type"] != "heartbeat" {
                return line;
            }
        }
    }
}

fn a_stream_goes_on_at_its_cursor_after_a_crash(engine: &Engine) {
    let mut server = engine.start(&[KEYS, ALL, WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut cursor = {
        let mut stream = Events::open(&server, "");
        stream.next()["cursor"].as_str().unwrap().to_owned()
    };
    let mut seqs = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            let text = text_to(&bob.user_id, round * 10 + number, "hello");
            http::call(&server, &ann.access, "MessageService/SendMessage", text);
        }
        if round == 1 {
            server.kill_and_restart();
        }
        // Stops in the middle, and goes on from there the next time.
        let mut stream = Events::open(&server, &format!("?after={cursor}&kinds=message.created"));
        for _ in 0..(if round == 2 { 14 } else { 8 }) {
            let event = stream.event();
            assert_eq!(event["type"], "message.created");
            assert!(event["id"].as_str().unwrap().starts_with("evt_"));
            cursor = event["cursor"].as_str().unwrap().to_owned();
            seqs.push(event["data"]["message"]["seq"].as_str().unwrap().parse::<u64>().unwrap());
        }
    }
    assert_eq!(seqs, (1..=30).collect::<Vec<_>>());
}

fn a_stream_is_live_and_says_that_it_lives(engine: &Engine) {
    let server = engine.start(&[KEYS, ALL, WEAK, ("SKEIN__ACCESS__HEARTBEAT_MS", "200")]);
    let mut stream = Events::open(&server, "?kinds=user.created");
    let first = stream.next();
    assert_eq!(stream.next()["type"], "heartbeat");
    register(&server, "ann");
    let event = stream.event();
    assert_eq!((&event["type"], &event["data"]["user"]["username"]), (&json!("user.created"), &json!("ann")));
    // Others were passed over: the cursor of a heartbeat says so.
    let number = |line: &Value| line["cursor"].as_str().unwrap().parse::<u64>().unwrap();
    let start = Instant::now();
    while number(&stream.next()) <= number(&event) {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(number(&event) > number(&first));
}

fn server_sent_events_carry_their_ids(engine: &Engine) {
    let server = engine.start(&[KEYS, ALL, WEAK]);
    register(&server, "ann");
    let request = format!(
        "GET /v1/admin/events?after=0 HTTP/1.1\r\nhost: skein\r\nauthorization: Bearer {KEY}\r\naccept: text/event-stream\r\nlast-event-id: 1\r\n\r\n"
    );
    let mut stream = http::open(server.http, request.as_bytes());
    let (status, head) = http::head(&mut stream);
    assert!(status == 200 && head.contains("text/event-stream"), "{head}");
    let mut lines = Vec::new();
    while !lines.iter().any(|line: &String| line.starts_with("data: ")) {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        lines.push(line.trim().to_owned());
    }
    assert!(lines.contains(&"id: 2".to_owned()), "the last event id wins: {lines:?}");
    assert!(lines.contains(&"event: device.logged_in".to_owned()), "{lines:?}");
}

#[test]
fn nobody_gets_in_without_the_key() {
    let closed = Server::start_with(&[WEAK]);
    let ann = register(&closed, "ann");
    let (status, body) =
        http::request(closed.http, "GET", "/v1/admin/events", &format!("authorization: Bearer {KEY}\r\n"), b"");
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, error_code(&error).as_str()), (403, "FORBIDDEN"));
    assert!(error["message"].as_str().unwrap().contains("admin.keys"), "it says what to do: {error}");
    let server = Server::start_with(&[KEYS, WEAK]);
    let ben = register(&server, "ben");
    for (at, token, code) in [
        (&closed, KEY, "FORBIDDEN"),
        (&closed, ann.access.as_str(), "FORBIDDEN"),
        (&server, "", "UNAUTHENTICATED"),
        (&server, ben.access.as_str(), "UNAUTHENTICATED"),
        (&server, &KEY[1..], "UNAUTHENTICATED"),
    ] {
        for method in ["AdminService/ListMailings", "AdminService/SendAsUser"] {
            assert_eq!(http::refused(at, token, method, json!({})), code, "{method}");
        }
    }
    let mut link = Link::connect(&server, &ben);
    let refused = link.call("AdminService/ListMailings", json!({})).unwrap_err();
    assert!(refused.to_string().contains("FORBIDDEN"), "{refused}");
    assert!(try_call(&server, KEY, "AccountService/GetMe", &json!({})).is_err(), "a server key is no user");
    // Events are not kept, and that is said too.
    let (status, body) =
        http::request(server.http, "GET", "/v1/admin/events", &format!("authorization: Bearer {KEY}\r\n"), b"");
    assert!(status == 403 && body.contains("admin.event_kinds"), "{body}");
}

fn a_report_tells_what_a_device_has(engine: &Engine) {
    let server = engine.start(&[KEYS, WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut link = Link::connect(&server, &bob);
    let asked = json!({
        "clientMailingId": uuid(1), "senderId": ann.user_id, "target": {"userId": bob.user_id},
        "content": {"text": {"text": "paid"}},
    });
    let id = call(&server, "AdminService/SendAsUser", asked)["mailing"]["mailingId"].clone();
    let pushed = link.receive();
    let message = &pushed["push"]["events"][0]["message"]["message"];
    assert_eq!(message["senderId"], ann.user_id, "{pushed}");
    let report = || call(&server, "AdminService/GetMailing", json!({"mailingId": id}))["mailing"]["report"].clone();
    assert_eq!(report()["delivered"], json!(null), "pushed is not delivered");
    link.send(&json!({"ack": pushed["push"]["linkSeq"]}));
    let start = Instant::now();
    while report() != json!({"accepted": "1", "delivered": "1"}) {
        assert!(start.elapsed() < PATIENCE, "{}", report());
    }
    let receivers = call(&server, "AdminService/ListReceivers", json!({"mailingId": id}));
    assert_eq!(receivers["receivers"][0]["delivered"], json!(true), "{receivers}");
}

fn a_mailing_to_everyone_survives_kills_and_reaches_each_once(engine: &Engine) {
    let mut server = engine.start(&[KEYS, ALL, WEAK]);
    let people: Vec<_> = (0..40).map(|number| register(&server, &format!("person{number}"))).collect();
    let asked = json!({
        "clientMailingId": uuid(1), "target": {"everyone": true}, "perSecond": 60,
        "content": {"text": {"text": "the shop is open"}},
    });
    let first = call(&server, "AdminService/SendNotification", asked.clone());
    let id = first["mailing"]["mailingId"].clone();
    let start = Instant::now();
    let done = loop {
        std::thread::sleep(Duration::from_millis(120));
        let got = call(&server, "AdminService/GetMailing", json!({"mailingId": id}))["mailing"].clone();
        if got["state"] == "MAILING_STATE_FINISHED" {
            break got;
        }
        assert!(start.elapsed() < PATIENCE, "{got}");
        server.kill_and_restart();
        let again = call(&server, "AdminService/SendNotification", asked.clone());
        assert_eq!((&again["mailing"]["mailingId"], &again["duplicate"]), (&id, &json!(true)));
    };
    assert_eq!(done["report"], json!({"accepted": "40"}));
    let sender = done["senderId"].as_str().unwrap();
    for person in &people {
        let mut ids: [u64; 2] = [&person.user_id, sender].map(|id| id.parse().unwrap());
        ids.sort_unstable();
        let history = json!({"conversationId": format!("{}:{}", ids[0], ids[1]), "limit": 10});
        let history = http::call(&server, &person.access, "SyncService/ListHistory", history);
        assert_eq!(history["messages"].as_array().unwrap().len(), 1, "{history}");
    }
    let listed = call(&server, "AdminService/ListMailings", json!({}));
    assert_eq!(
        (&listed["mailings"][0]["key"], &listed["mailings"][0]["clientMailingId"]),
        (&json!("shop"), &json!(uuid(1)))
    );
}
