//! Attacks: what one address does must not take anything from the others, and is counted.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::net::TcpSocket;

use crate::{
    cluster::until,
    http::{self, Account, PATIENCE, error_code, register, try_call},
    link::Link,
    server::Server,
    webhooks::WEAK,
};

/// Addresses of this machine are limited as all others are.
const NOBODY_EXEMPT: (&str, &str) = ("SKEIN__ACCESS__LIMITS__EXEMPT", "[]");
const QUICK_HEADERS: (&str, &str) = ("SKEIN__ACCESS__LIMITS__HEADER_TIMEOUT_MS", "500");
const QUICK_REQUESTS: (&str, &str) = ("SKEIN__ACCESS__LIMITS__REQUEST_TIMEOUT_MS", "1000");

/// Connects from an address of its own.
fn connect_from(last: u8, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes until the server ends the connection.
fn rest(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn refused(server: &Server, reason: &str) -> u64 {
    let metrics = http::request(server.http, "GET", "/metrics", "", b"").1;
    let name = format!("skein_refused_total{{reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

/// Round trips of a link while something goes on, slowest last.
fn round_trips(link: &mut Link, count: usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let start = Instant::now();
            link.call("AccountService/GetMe", json!({})).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

#[test]
fn slow_and_silent_requests_are_ended() {
    let server = Server::start_with(&[NOBODY_EXEMPT, QUICK_HEADERS, QUICK_REQUESTS]);
    let begin = |bytes: &[u8]| {
        let mut stream = connect_from(2, server.http);
        stream.write_all(bytes).unwrap();
        stream
    };
    let silent = begin(b"");
    let header = begin(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-a");
    let body = begin(
        b"POST /skein.v1.AccountService/LogIn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    );
    let garbage = begin(b"\x16\x03\x01\x00 what is this\r\n\r\n");
    for stream in [&silent, &header] {
        rest(stream);
    }
    assert!(rest(&body).starts_with("HTTP/1.1 408"));
    rest(&garbage);
    assert_eq!(refused(&server, "request_timeout"), 1);
    until("being counted", || refused(&server, "misbehaved") >= 2);
}

#[test]
fn nobody_gets_room_before_it_is_known() {
    let server = Server::start_with(&[WEAK]);
    let ann = register(&server, "ann");
    let mut link = Link::open(server.http);
    // A hello in a frame of 5,000 bytes, of which only the head comes.
    link.send_bytes(&[0x81, 0x80 | 126, 0x13, 0x88, 1, 2, 3, 4]);
    assert_eq!(link.closed().0.as_deref(), Some("FRAME_TOO_LARGE"));
    let mut tcp = connect_from(1, server.tcp);
    tcp.write_all(&5_000_u32.to_be_bytes()).unwrap();
    rest(&tcp);
    // Somebody who is known has it.
    let mut link = Link::connect(&server, &ann);
    let long = json!({"userId": ann.user_id, "clientMessageId": http::uuid(1), "content": {"text": {"text": "x".repeat(20_000)}}});
    assert!(link.call("MessageService/SendMessage", long).is_ok());
}

#[test]
fn an_address_has_so_many_connections_and_is_blocked_when_it_goes_on() {
    let max = ("SKEIN__ACCESS__LIMITS__CONNECTIONS_PER_ADDRESS_MAX", "20");
    let until_blocked = ("SKEIN__ACCESS__LIMITS__REFUSALS_UNTIL_BLOCKED", "30");
    let server = Server::start_with(&[NOBODY_EXEMPT, max, until_blocked]);
    let held: Vec<TcpStream> = (0..20).map(|_| connect_from(2, server.http)).collect();
    for _ in 0..40 {
        assert_eq!(rest(&connect_from(2, server.http)), "");
    }
    until("being counted", || refused(&server, "connections") == 30 && refused(&server, "blocked") == 10);
    drop(held);
    assert_eq!(rest(&connect_from(2, server.http)), "", "also when there would be room again");
    let ann = register(&server, "ann");
    assert!(try_call(&server, &ann.access, "AccountService/GetMe", &json!({})).is_ok(), "others are not concerned");
}

#[test]
fn requests_are_limited_by_user_on_every_transport() {
    let server = Server::start_with(&[("SKEIN__ACCESS__LIMITS__REQUESTS_PER_USER_PER_MINUTE", "40")]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut link = Link::connect(&server, &ann);
    (0..10).for_each(|_| assert!(link.call("AccountService/GetMe", json!({})).is_ok()));
    assert_eq!(link.call("AccountService/GetMe", json!({})), Err("RATE_LIMITED".to_owned()));
    let (status, error) = try_call(&server, &ann.access, "AccountService/GetMe", &json!({})).unwrap_err();
    assert_eq!((status, error_code(&error).as_str()), (429, "RATE_LIMITED"));
    let detail = &error["details"][0]["debug"];
    assert!(detail["retryable"] == true && detail["retryAfterMs"].as_u64().unwrap() <= 1_500, "{detail}");
    assert!(try_call(&server, &bob.access, "AccountService/GetMe", &json!({})).is_ok());
    assert!(refused(&server, "user_rate") >= 2);
}

#[test]
fn a_user_has_so_many_sessions() {
    let server = Server::start_with(&[("SKEIN__ACCESS__LIMITS__SESSIONS_PER_USER_MAX", "3")]);
    let ann = register(&server, "ann");
    let mut links: Vec<Link> = (0..3).map(|_| Link::connect(&server, &ann)).collect();
    let mut fourth = Link::open(server.http);
    fourth.send(&json!({"hello": {"token": ann.access}}));
    assert_eq!(fourth.closed().0.as_deref(), Some("OVERLOADED"));
    // One that is resumed is not one more.
    let resume = json!({"sessionId": links[0].welcome["sessionId"], "receivedLinkSeq": 0});
    assert_eq!(Link::hello(&server, json!({"token": ann.access, "resume": resume})).welcome["resumed"], true);
    links[1].send(&json!({"close": {}}));
    links[1].closed();
    until("there being room", || {
        let mut link = Link::open(server.http);
        link.send(&json!({"hello": {"token": ann.access}}));
        link.receive()["welcome"].is_object()
    });
}

#[test]
fn others_go_on_under_attack_and_memory_stays_bounded() {
    let server = Server::start_with(&[NOBODY_EXEMPT, WEAK]);
    let ann: Account = register(&server, "ann");
    let mut link = Link::connect(&server, &ann);
    round_trips(&mut link, 50);
    let before = round_trips(&mut link, 300);
    // Half of them say nothing, half begin a request; all from other addresses.
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    };
    let idle = resident();
    let attackers: Vec<TcpStream> = (0..1_000_usize)
        .map(|number| {
            let mut stream = connect_from(10 + (number % 50) as u8, server.http);
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET /link HTTP/1.1\r\nhost: x\r\nx-");
            }
            stream
        })
        .collect();
    let during = round_trips(&mut link, 300);
    let each = resident().saturating_sub(idle) / attackers.len() as u64;
    let p99 = |times: &[Duration]| times[times.len() * 99 / 100];
    println!("p99 {:?} before, {:?} during; {each} bytes per attacker", p99(&before), p99(&during));
    assert!(each <= 4_096, "{each} bytes for each connection that has said nothing yet");
    assert!(p99(&during) < p99(&before) * 10 + Duration::from_millis(500), "{:?} {:?}", p99(&before), p99(&during));
}

#[test]
fn pages_of_other_origins_are_refused_unless_they_are_allowed() {
    let server = Server::start_with(&[("SKEIN__ACCESS__ALLOWED_ORIGINS", r#"["https://shop.example"]"#)]);
    let own = format!("http://{}", server.http);
    let ask = |method: &str, path: &str, origin: &str| {
        let (host, origin) = (server.http, format!("origin: {origin}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{origin}content-length: 0\r\n\r\n"
        );
        let mut stream = http::open(server.http, request.as_bytes());
        http::head(&mut stream)
    };
    for origin in [own.as_str(), "https://shop.example"] {
        let (status, head) = ask("OPTIONS", "/skein.v1.AccountService/GetMe", origin);
        assert!(status == 204 && head.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{head}");
    }
    for path in ["/skein.v1.AccountService/GetMe", "/link", "/v1/poll"] {
        let (status, head) = ask("GET", path, "https://evil.example");
        assert!(status == 403 && !head.contains("access-control-allow-origin"), "{path}: {head}");
    }
    assert_eq!(refused(&server, "origin"), 3);
}

#[test]
fn proxies_are_believed_from_their_networks_only() {
    let server = Server::start_with(&[
        ("SKEIN__ACCESS__PROXY_PROTOCOL_FROM", r#"["127.0.0.3"]"#),
        ("SKEIN__ACCESS__FORWARDED_FROM", r#"["127.0.0.1"]"#),
        ("SKEIN__ACCESS__LIMITS__REQUESTS_PER_ADDRESS_PER_MINUTE", "4"),
    ]);
    let ask = |last: u8, before: &str, headers: &str| {
        let mut stream = connect_from(last, server.http);
        let request = format!("{before}GET /v1/gateways HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(request.as_bytes());
        rest(&stream).get(9..12).unwrap_or("none").to_owned()
    };
    let from = |source: &str| format!("PROXY TCP4 {source} 192.0.2.9 1000 80\r\n");
    assert_eq!(ask(3, "", ""), "none", "a proxy has to say whom it speaks for");
    assert_eq!(ask(3, &from("192.0.2.1"), ""), "200");
    assert_eq!(ask(3, &from("192.0.2.1"), ""), "429", "the limit of whom it speaks for");
    assert_eq!(ask(3, &from("192.0.2.2"), ""), "200");
    assert_eq!(ask(2, &from("192.0.2.3"), ""), "400", "nobody else may say it");
    let forwarded = |source: &str| format!("x-forwarded-for: 6.6.6.6, {source}\r\n");
    assert_eq!(ask(1, "", &forwarded("192.0.2.4")), "200");
    assert_eq!(ask(1, "", &forwarded("192.0.2.4")), "429");
    assert_eq!(ask(2, "", &forwarded("192.0.2.4")), "200", "this one is not believed, and exempt itself");
}

#[test]
fn proxies_may_write_the_standard_header() {
    let server = Server::start_with(&[
        ("SKEIN__ACCESS__FORWARDED_FROM", r#"["127.0.0.1"]"#),
        ("SKEIN__ACCESS__FORWARDED_HEADER", "forwarded"),
        ("SKEIN__ACCESS__LIMITS__REQUESTS_PER_ADDRESS_PER_MINUTE", "4"),
    ]);
    let ask = |last: u8, headers: &str| {
        let mut stream = connect_from(last, server.http);
        let request = format!("GET /v1/gateways HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(request.as_bytes());
        rest(&stream).get(9..12).unwrap_or("none").to_owned()
    };
    let from = |port: u16| format!("forwarded: for=6.6.6.6;proto=https, for=\"[2001:db8::17]:{port}\";by=_door\r\n");
    assert_eq!(ask(1, &from(4711)), "200");
    assert_eq!(ask(1, &from(4712)), "429", "the limit of whom it speaks for");
    assert_eq!(ask(1, "forwarded: for=192.0.2.4\r\nx-forwarded-for: 192.0.2.5\r\n"), "200");
    assert_eq!(
        ask(1, "forwarded: for=192.0.2.4\r\nx-forwarded-for: 192.0.2.6\r\n"),
        "429",
        "the other one is a client's"
    );
    assert_eq!(ask(1, "forwarded: for=_hidden\r\n"), "200", "the proxy itself, which is exempt");
    assert_eq!(ask(2, &from(4713)), "200", "this one is not believed, and exempt itself");
}

#[test]
fn a_conversation_takes_so_much_from_everybody() {
    let server = Server::start_with(&[WEAK, ("SKEIN__SERVICE__MESSAGES_PER_CONVERSATION_PER_MINUTE", "1")]);
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| register(&server, name));
    let group = json!({"name": "all", "userIds": [bob.user_id], "clientGroupId": http::uuid(99)});
    let group = http::call(&server, &ann.access, "GroupService/CreateGroup", group)["group"]["conversationId"].clone();
    let text = |number: u64| json!({"conversationId": group, "clientMessageId": http::uuid(number), "content": {"text": {"text": "hi"}}});
    // Who may not write there takes nothing from those who may.
    for number in 0..10 {
        let refused = http::refused(&server, &cid.access, "MessageService/SendMessage", text(number));
        assert_eq!(refused, "NOT_A_MEMBER");
    }
    let mut link = Link::connect(&server, &bob);
    link.call("MessageService/SendMessage", text(12)).unwrap();
    assert_eq!(link.call("MessageService/SendMessage", text(13)), Err("RATE_LIMITED".to_owned()));
    let (status, error) = try_call(&server, &ann.access, "MessageService/SendMessage", &text(14)).unwrap_err();
    assert_eq!((status, error_code(&error).as_str()), (429, "RATE_LIMITED"));
    let wait_ms = error["details"][0]["debug"]["retryAfterMs"].as_u64();
    assert!(wait_ms.is_some_and(|wait_ms| (1..=60_000).contains(&wait_ms)), "{error}");
    // Forwarding is sending; other conversations are not concerned, and signals are counted by themselves.
    let history =
        http::call(&server, &ann.access, "SyncService/ListHistory", json!({"conversationId": group, "limit": 10}));
    let message =
        history["messages"].as_array().unwrap().iter().find(|message| message["content"]["text"].is_object()).unwrap();
    let forward = |to: &serde_json::Value, number: u64| {
        json!({"fromConversationId": group, "messageIds": [message["messageId"]],
        "toConversationIds": [to], "clientMessageId": http::uuid(number)})
    };
    assert_eq!(link.call("MessageService/ForwardMessages", forward(&group, 20)), Err("RATE_LIMITED".to_owned()));
    link.call("MessageService/ForwardMessages", forward(&json!(http::direct(&ann, &bob)), 21)).unwrap();
    let signal = json!({"conversationId": group, "kind": "acme.poke"});
    link.call("SignalService/SendSignal", signal.clone()).unwrap();
    assert_eq!(link.call("SignalService/SendSignal", signal), Err("RATE_LIMITED".to_owned()));
    assert_eq!(refused(&server, "conversation_rate"), 4);
}
