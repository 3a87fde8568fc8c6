//! One suite for every way on which clients reach the server. To add a way: teach [`Way`] how to join on it, and expand the suite below for it.

use serde_json::json;
use skein_proto::v1::{self, frame::Body};

use crate::{
    http::{self, Account, register, text_to},
    pipe::Pipe,
    server::Server,
    ways::{Peer, Way, close_name},
};

fn two(server: &Server) -> (Account, Account) {
    (register(server, "ann"), register(server, "bob"))
}

fn calls_and_pushes(way: Way) {
    let server = Way::server(&[]);
    let (ann, bob) = two(&server);
    let mut receiver = way.join(&server, &bob.access, None).unwrap();
    let mut sender = way.join(&server, &ann.access, None).unwrap();
    assert_eq!(sender.call("AccountService/GetMe", json!({})).unwrap()["user"]["username"], "ann");
    for number in 1..=20 {
        // Some are longer than a packet; all of them are less than what may be without an ack.
        let text = format!("{number} {}", "x".repeat(if number % 10 == 0 { 25_000 } else { 10 }));
        assert_eq!(sender.send(&bob.user_id, number, &text), Ok(number));
        assert_eq!(receiver.text(), text);
    }
}

fn bad_calls_are_answered_with_codes(way: Way) {
    let server = Way::server(&[("SKEIN__ACCESS__LIMITS__REQUESTS_PER_USER_PER_MINUTE", "40")]);
    let (ann, bob) = two(&server);
    let mut peer = way.join(&server, &ann.access, None).unwrap();
    assert_eq!(peer.call("AccountService/Explode", json!({})), Err("UNKNOWN_METHOD".to_owned()));
    assert_eq!(peer.send(&bob.user_id, 1, &"x".repeat(40_000)), Err("TOO_LARGE".to_owned()));
    let mut asked = 0;
    let refusal = loop {
        match peer.call("AccountService/GetMe", json!({})) {
            Ok(_) => asked += 1,
            Err(code) => break code,
        }
    };
    assert_eq!(refusal, "RATE_LIMITED");
    assert!((4..=12).contains(&asked), "{asked}");
}

fn tokens_are_asked_for(way: Way) {
    let server = Way::server(&[]);
    let link = !matches!(way, Way::Events | Way::Poll);
    let refused = if link { "BAD_TOKEN" } else { "UNAUTHENTICATED" };
    assert_eq!(way.join(&server, "nonsense", None).err().as_deref(), Some(refused));
    let ann = register(&server, "ann");
    assert!(way.join(&server, &ann.access, None).is_ok());
    let forged = format!("{}x", ann.access);
    assert_eq!(way.join(&server, &forged, None).err().as_deref(), Some(refused));
}

fn sessions_go_on(way: Way) {
    let server = Way::server(&[]);
    let (ann, bob) = two(&server);
    let send = |number: u64| {
        http::call(
            &server,
            &ann.access,
            "MessageService/SendMessage",
            text_to(&bob.user_id, number, &number.to_string()),
        )
    };
    let mut peer = way.join(&server, &bob.access, None).unwrap();
    assert!(!peer.resumed);
    send(0);
    assert_eq!(peer.text(), "0");
    let seat = peer.drop_off();
    (1..=5).for_each(|number| drop(send(number)));
    let mut peer = way.join(&server, &bob.access, Some(&seat)).unwrap();
    assert!(peer.resumed);
    let texts: Vec<String> = (1..=5).map(|_| peer.text()).collect();
    assert_eq!(texts, ["1", "2", "3", "4", "5"]);
    // Somebody else's session is not.
    let seat = peer.drop_off();
    assert!(!way.join(&server, &ann.access, Some(&seat)).unwrap().resumed);
}

fn a_stop_says_goodbye(way: Way) {
    let mut server = Way::server(&[]);
    let ann = register(&server, "ann");
    let pid = rustix::process::Pid::from_raw(server.pid() as i32).unwrap();
    let mut peer = way.join(&server, &ann.access, None).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(peer.end(), "SHUTDOWN");
    drop(peer);
    assert!(server.wait().success());
}

/// Frames that break the rules are closed with their code, on links.
fn bad_frames_close_with_their_code(way: Way) {
    let server = Way::server(&[]);
    let ann = register(&server, "ann");
    let request = || v1::Request { id: 1, method: "AccountService/GetMe".to_owned(), ..Default::default() };
    let hello = |token: &str| v1::Hello { token: token.to_owned(), ..Default::default() };
    let closed = |bodies: Vec<Body>| {
        let mut pipe = Pipe::open(&server, way);
        bodies.into_iter().for_each(|body| pipe.say(body));
        loop {
            match pipe.next() {
                Some(Body::Close(close)) => return close_name(&close),
                Some(_) => {}
                None => return "none".to_owned(),
            }
        }
    };
    assert_eq!(closed(vec![request().into()]), "PROTOCOL_ERROR", "the first frame is a hello");
    assert_eq!(closed(vec![hello(&ann.access).into(), hello(&ann.access).into()]), "PROTOCOL_ERROR");
    let ack = v1::Push { link_seq: 9, ..Default::default() };
    assert_eq!(closed(vec![hello(&ann.access).into(), ack.into()]), "PROTOCOL_ERROR", "only servers push");
    // Nobody has room before it is known, and nobody has room without end.
    assert_eq!(closed(vec![hello(&"x".repeat(5_000)).into()]), "FRAME_TOO_LARGE");
    let long = v1::Request { body: vec![0; 300 * 1024].into(), ..request() };
    assert_eq!(closed(vec![hello(&ann.access).into(), long.into()]), "FRAME_TOO_LARGE");
    // The server lives on.
    assert!(way.join(&server, &ann.access, None).unwrap().call("AccountService/GetMe", json!({})).is_ok());
}

/// Who connects and says nothing is closed in time, and counted.
fn silence_is_not_waited_for(way: Way) {
    let server = Way::server(&[]);
    let mut pipe = Pipe::open(&server, way);
    let Some(Body::Close(close)) = pipe.next() else { panic!("no close") };
    assert_eq!(close_name(&close), "HELLO_TIMEOUT");
    let metrics = http::request(server.http, "GET", "/metrics", "", b"").1;
    assert!(metrics.contains("skein_refused_total{reason=\"misbehaved\"} 1"), "{metrics}");
}

/// A link over each transport is counted under its name.
#[test]
fn connections_are_counted_by_transport() {
    let server = Way::server(&[]);
    let ann = register(&server, "ann");
    let ways =
        [(Way::WebSocket, "websocket"), (Way::Tcp, "tcp"), (Way::Quic, "quic"), (Way::WebTransport, "webtransport")];
    let peers: Vec<Peer> = ways.iter().map(|(way, _)| way.join(&server, &ann.access, None).unwrap()).collect();
    let count = |name: &str, transport: &str| {
        let metrics = http::request(server.http, "GET", "/metrics", "", b"").1;
        let line = format!("{name}{{transport=\"{transport}\"}} ");
        metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse::<u64>().ok())
    };
    for (_, transport) in ways {
        assert_eq!(count("skein_connections", transport), Some(1), "{transport}");
    }
    drop(peers);
    for (_, transport) in ways {
        crate::cluster::until("being gone", || count("skein_connections", transport) == Some(0));
        assert_eq!(count("skein_connections_total", transport), Some(1), "{transport}");
    }
}

macro_rules! suite {
    ($name:ident, $way:expr, [$($test:ident),* $(,)?]) => {
        mod $name {
            use crate::ways::Way;
            $(
                #[test]
                fn $test() {
                    super::$test($way);
                }
            )*
        }
    };
}

macro_rules! link_suite {
    ($name:ident, $way:expr) => {
        suite!(
            $name,
            $way,
            [
                calls_and_pushes,
                bad_calls_are_answered_with_codes,
                tokens_are_asked_for,
                sessions_go_on,
                a_stop_says_goodbye,
                bad_frames_close_with_their_code,
                silence_is_not_waited_for,
            ]
        );
    };
}

link_suite!(websocket, Way::WebSocket);
link_suite!(tcp, Way::Tcp);
link_suite!(quic, Way::Quic);
link_suite!(web_transport, Way::WebTransport);
suite!(
    events,
    Way::Events,
    [calls_and_pushes, bad_calls_are_answered_with_codes, tokens_are_asked_for, sessions_go_on, a_stop_says_goodbye]
);
suite!(poll, Way::Poll, [calls_and_pushes, bad_calls_are_answered_with_codes, tokens_are_asked_for, sessions_go_on]);
