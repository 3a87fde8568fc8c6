//! Events of business systems in a JetStream stream, read in the words of NATS, so that no code under test checks itself.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use skein_testkit::nats::NatsServer;

use crate::{
    http::{PATIENCE, call, register, text_to},
    server::Server,
};

/// A request to JetStream's own interface, over a connection of its own.
fn ask(nats: &NatsServer, subject: &str, body: &Value) -> Value {
    let mut stream = TcpStream::connect(nats.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.to_string();
    let packets = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB answers 1\r\nPUB $JS.API.{subject} answers {}\r\n{body}\r\n",
        body.len()
    );
    stream.write_all(packets.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "NATS closed the connection");
        if let Some(rest) = line.strip_prefix("MSG answers 1 ") {
            let mut payload = vec![0; rest.trim().rsplit(' ').next().unwrap().parse().unwrap()];
            stream.read_exact(&mut payload).unwrap();
            return serde_json::from_slice(&payload).unwrap();
        }
        assert!(!line.starts_with("-ERR"), "{line}");
    }
}

/// What the stream has, once it has this many: subject, id by which it tells repeats, and event.
fn stored(nats: &NatsServer, count: u64) -> Vec<(String, String, Value)> {
    let start = Instant::now();
    loop {
        let info = ask(nats, "STREAM.INFO.skein_events", &json!({}));
        if info["state"]["messages"].as_u64() >= Some(count) {
            assert_eq!(info["state"]["messages"], count, "something was stored twice: {info}");
            break;
        }
        assert!(start.elapsed() < PATIENCE * 2, "not {count} events: {info}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    (1..=count)
        .map(|seq| {
            let message = &ask(nats, "STREAM.MSG.GET.skein_events", &json!({"seq": seq}))["message"];
            let text = |key: &str| {
                String::from_utf8(STANDARD.decode(message[key].as_str().unwrap_or_default()).unwrap()).unwrap()
            };
            let headers = text("hdrs");
            let id = headers.lines().find_map(|line| line.strip_prefix("Nats-Msg-Id: ")).unwrap().to_owned();
            (message["subject"].as_str().unwrap().to_owned(), id, serde_json::from_str(&text("data")).unwrap())
        })
        .collect()
}

#[test]
fn every_event_is_in_the_stream_once_and_in_order_though_both_ends_die() {
    let directory = tempfile::tempdir().unwrap();
    let mut nats = NatsServer::start_with(&["-js", "-sd", directory.path().to_str().unwrap()]);
    let urls = format!("[\"{}\"]", nats.url());
    let mut server = Server::start_with(&[
        ("SKEIN__BUS__NATS__URLS", &urls),
        ("SKEIN__BUS__NATS__EVENTS__KINDS", "[\"message.created\", \"user.*\"]"),
    ]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let say = |server: &Server, number| {
        call(server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "for the shop"));
    };
    (0..10).for_each(|number| say(&server, number));
    stored(&nats, 12);
    nats.kill();
    (10..20).for_each(|number| say(&server, number));
    server.kill_and_restart();
    (20..30).for_each(|number| say(&server, number));
    nats.restart();

    let events = stored(&nats, 32);
    let seqs: Vec<u64> = events
        .iter()
        .filter(|(subject, ..)| subject == "skein.events.message.created")
        .map(|(_, _, event)| event["data"]["message"]["seq"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(seqs, (1..=30).collect::<Vec<_>>());
    let people = events.iter().filter(|(subject, ..)| subject == "skein.events.user.created").count();
    assert_eq!(people, 2);
    for (subject, id, event) in &events {
        assert_eq!(event["id"], id.as_str());
        assert_eq!(*subject, format!("skein.events.{}", event["type"].as_str().unwrap()));
    }
}

#[test]
fn a_stream_that_cannot_be_is_refused_at_the_start() {
    for (name, value, said) in [
        ("SKEIN__BUS__NATS__EVENTS__KINDS", "[\"message.exploded\"]", "bus.nats.events.kinds"),
        ("SKEIN__BUS__NATS__EVENTS__STREAM", "no spaces", "bus.nats.events.stream"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let output = crate::server::command(directory.path())
            .env("SKEIN__BUS__NATS__EVENTS__KINDS", "[\"*\"]")
            .env(name, value)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}
