//! Live rooms: on every transport, with everything that may not be said, and whatever breaks: who does not get something is told so.

use std::{
    io::BufRead,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use skein_proto::{
    codec::Codec,
    v1::{self, frame::Body},
};

use crate::{
    admin::{KEY, KEYS},
    cluster::until,
    http::{self, Account, PATIENCE, call, error_code, refused, register, request, try_call},
    link::Link,
    server::Server,
    transports::{hello, record, write_record},
};

/// Where somebody stands in a room, by the pushes that came: each is checked against the one before.
#[derive(Default)]
pub struct Follower {
    pub epoch: u64,
    pub offset: u64,
    pub texts: Vec<String>,
    pub lost: u64,
    pub sampled: u64,
    pub online: u64,
    pub likes: u64,
}

/// A number of the JSON mapping; absent is 0.
pub fn number(value: &Value) -> u64 {
    value.as_str().map_or_else(|| value.as_u64().unwrap_or(0), |text| text.parse().unwrap())
}

impl Follower {
    pub fn joined(answer: &Value) -> Self {
        Self { epoch: number(&answer["epoch"]), offset: number(&answer["offset"]), ..Self::default() }
    }

    pub fn take(&mut self, push: &Value) {
        let (epoch, first, lost) = (number(&push["epoch"]), number(&push["firstOffset"]), number(&push["lost"]));
        if epoch == self.epoch {
            assert_eq!(self.offset + lost, first, "something is missing, and nobody said so: {push}");
        }
        let messages = push["messages"].as_array().cloned().unwrap_or_default();
        let sampled = number(&push["sampled"]);
        (self.epoch, self.offset) = (epoch, first + messages.len() as u64 + sampled);
        (self.lost, self.sampled) = (self.lost + lost, self.sampled + sampled);
        let mut last = 0;
        for message in messages {
            let offset = number(&message["offset"]);
            assert!(offset > last && offset >= first && offset < self.offset, "out of order: {push}");
            last = offset;
            self.texts.push(message["text"].as_str().unwrap_or_default().to_owned());
        }
        if push.get("onlineCount").is_some() {
            self.online = number(&push["onlineCount"]);
        }
        for counter in push["counters"].as_array().into_iter().flatten() {
            let value = number(&counter["value"]);
            if counter["name"] == "likes" {
                assert!(value >= self.likes, "a counter went back: {push}");
                self.likes = value;
            }
        }
    }

    /// Takes what comes until this holds.
    pub fn until(&mut self, link: &mut Link, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "it never came: {:?} of {}", self.texts, self.offset);
            let push = link.room_push();
            self.take(&push);
        }
    }

    pub fn until_text(&mut self, link: &mut Link, text: &str) {
        self.until(link, |follower| follower.texts.iter().any(|known| known == text));
    }
}

pub fn join(link: &mut Link, room: &str) -> Follower {
    let answer = link.call("RoomService/JoinRoom", json!({"roomId": room})).unwrap();
    Follower::joined(&answer)
}

pub fn say(link: &mut Link, room: &str, text: &str) -> Value {
    link.call("RoomService/SendToRoom", json!({"roomId": room, "text": text})).unwrap()
}

/// A server where one person may talk as much as they like.
fn talkative() -> Server {
    Server::start_with(&[
        ("SKEIN__SERVICE__ROOMS__USER_MESSAGES_PER_S", "100000"),
        ("SKEIN__SERVICE__ROOMS__USER_MESSAGES_BURST", "100000"),
        ("SKEIN__SERVICE__ROOMS__MESSAGES_PER_S", "100000"),
    ])
}

#[test]
fn what_is_said_reaches_everybody_who_is_there_in_one_order() {
    let server = talkative();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let (mut a, mut b) = (Link::connect(&server, &ann), Link::connect(&server, &bob));
    let (mut ann_sees, mut bob_sees) = (join(&mut a, "lobby"), join(&mut b, "lobby"));
    for count in 0..50 {
        say(&mut a, "lobby", &format!("a{count}"));
        say(&mut b, "lobby", &format!("b{count}"));
    }
    ann_sees.until(&mut a, |seen| seen.texts.len() == 100);
    bob_sees.until(&mut b, |seen| seen.texts.len() == 100);
    assert_eq!(ann_sees.texts, bob_sees.texts);
    assert_eq!((ann_sees.lost, ann_sees.sampled), (0, 0));
    // Both are counted, and what both add is one sum.
    a.call("RoomService/CountInRoom", json!({"roomId": "lobby", "counter": "likes", "delta": 5})).unwrap();
    b.call("RoomService/CountInRoom", json!({"roomId": "lobby", "counter": "likes", "delta": 7})).unwrap();
    ann_sees.until(&mut a, |seen| seen.online == 2 && seen.likes == 12);
    let seen = call(&server, &ann.access, "RoomService/GetRoom", json!({"roomId": "lobby"}));
    assert_eq!((number(&seen["onlineCount"]), number(&seen["counters"][0]["value"])), (2, 12));
    // Who leaves hears nothing more; whoever comes late gets the last words.
    b.call("RoomService/LeaveRoom", json!({"roomId": "lobby"})).unwrap();
    say(&mut a, "lobby", "without bob");
    ann_sees.until(&mut a, |seen| seen.online == 1);
    let late = b.call("RoomService/JoinRoom", json!({"roomId": "lobby", "replayMax": 2})).unwrap();
    let recent: Vec<_> = late["recent"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(recent, ["b49", "without bob"]);
}

#[test]
fn every_transport_carries_a_room() {
    let server = talkative();
    let (ann, bob, eve, joe) =
        (register(&server, "ann"), register(&server, "bob"), register(&server, "eve"), register(&server, "joe"));
    // TCP, in protobuf.
    let mut tcp = http::open(server.tcp, &[]);
    write_record(tcp.get_mut(), &hello(&bob));
    assert!(matches!(record(&mut tcp).body, Some(Body::Welcome(_))));
    let body = Codec::Binary.encode(&v1::JoinRoomRequest { room_id: "r".to_owned(), ..Default::default() });
    let joining = v1::Request { id: 1, method: "RoomService/JoinRoom".to_owned(), body, ..Default::default() };
    write_record(tcp.get_mut(), &v1::Frame { body: Some(joining.into()), ..Default::default() });
    assert!(matches!(record(&mut tcp).body, Some(Body::Response(response)) if response.error.as_option().is_none()));
    // A stream of events, and a poll; both join over HTTP.
    let bearer = |account: &Account| format!("authorization: Bearer {}\r\n", account.access);
    let get = format!("GET /v1/events HTTP/1.1\r\nhost: skein\r\n{}\r\n", bearer(&eve));
    let mut stream = http::open(server.http, get.as_bytes());
    assert_eq!(http::head(&mut stream).0, 200);
    let mut welcome = String::new();
    while !welcome.contains("sessionId") {
        welcome.clear();
        stream.read_line(&mut welcome).unwrap();
    }
    let welcome: Value = serde_json::from_str(&welcome).unwrap();
    let eve_session = welcome["welcome"]["sessionId"].as_str().unwrap().to_owned();
    let (_, first) = request(server.http, "GET", "/v1/poll?wait_ms=0", &bearer(&joe), b"");
    let first: Value = serde_json::from_str(&first).unwrap();
    let joe_session = first["sessionId"].as_str().unwrap().to_owned();
    let join_over_http = |account: &Account, session: &str| {
        let headers = format!("{}skein-session: {session}\r\ncontent-type: application/json\r\n", bearer(account));
        request(server.http, "POST", "/skein.v1.RoomService/JoinRoom", &headers, b"{\"roomId\":\"r\"}")
    };
    for (account, session) in [(&eve, &eve_session), (&joe, &joe_session)] {
        let (status, answer) = join_over_http(account, session);
        assert_eq!(status, 200, "{answer}");
    }
    // Somebody else's session is nobody's.
    let (status, answer) = join_over_http(&eve, &joe_session);
    assert_eq!((status, error_code(&serde_json::from_str(&answer).unwrap()).as_str()), (400, "SESSION_NEEDED"));
    // A WebSocket, in JSON, which talks.
    let mut link = Link::connect(&server, &ann);
    let mut seen = join(&mut link, "r");
    say(&mut link, "r", "to all of you");
    seen.until_text(&mut link, "to all of you");
    loop {
        let Some(Body::RoomPush(push)) = record(&mut tcp).body else { panic!("something else") };
        if push.messages.iter().any(|message| message.text == "to all of you") {
            break;
        }
    }
    let mut line = String::new();
    while !line.contains("to all of you") {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream ended");
    }
    let headers = format!("{}skein-session: {joe_session}\r\n", bearer(&joe));
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE);
        let (status, text) = request(server.http, "GET", "/v1/poll?wait_ms=5000", &headers, b"");
        assert_eq!(status, 200, "{text}");
        let polled: Value = serde_json::from_str(&text).unwrap();
        if polled["roomPushes"].to_string().contains("to all of you") {
            break;
        }
    }
}

#[test]
fn what_may_not_be_said_has_a_code() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let mut link = Link::connect(&server, &ann);
    let error =
        |link: &mut Link, method: &str, body: Value| link.call(&format!("RoomService/{method}"), body).unwrap_err();
    for wrong in ["", "a b", "a/b", "房间", &"x".repeat(65)] {
        assert_eq!(error(&mut link, "JoinRoom", json!({"roomId": wrong})), "INVALID_ARGUMENT");
    }
    assert_eq!(error(&mut link, "SendToRoom", json!({"roomId": "r", "text": "x"})), "NOT_IN_ROOM");
    assert_eq!(error(&mut link, "CountInRoom", json!({"roomId": "r", "counter": "likes", "delta": 1})), "NOT_IN_ROOM");
    join(&mut link, "r");
    for (request, code) in [
        (json!({"roomId": "r"}), "INVALID_ARGUMENT"),
        (json!({"roomId": "r", "text": "x".repeat(4_097)}), "TOO_LARGE"),
        (json!({"roomId": "r", "text": "x", "kind": "k".repeat(33)}), "TOO_LARGE"),
        (json!({"roomId": "r", "text": "x", "clientMessageId": "i".repeat(65)}), "TOO_LARGE"),
        (json!({"roomId": "r", "text": "x", "priority": 9}), "INVALID_ARGUMENT"),
    ] {
        assert_eq!(error(&mut link, "SendToRoom", request.clone()), code, "{request}");
    }
    for (counter, delta) in [("", 1), ("likes", 0), ("likes", 1_001), (&*"x".repeat(33), 1)] {
        let request = json!({"roomId": "r", "counter": counter, "delta": delta});
        assert_eq!(error(&mut link, "CountInRoom", request), "INVALID_ARGUMENT");
    }
    // More than one may say; it is told when to go on.
    let flood = (0..100).find_map(|_| link.call("RoomService/SendToRoom", json!({"roomId": "r", "text": "x"})).err());
    assert_eq!(flood.as_deref(), Some("RATE_LIMITED"));
    // As many rooms as may be, and one more.
    for room in 1..32 {
        join(&mut link, &format!("r{room}"));
    }
    assert_eq!(error(&mut link, "JoinRoom", json!({"roomId": "r32"})), "LIMIT_REACHED");
    join(&mut link, "r1");
    link.call("RoomService/LeaveRoom", json!({"roomId": "r1"})).unwrap();
    join(&mut link, "r32");
    // Without a token; without a session.
    assert_eq!(refused(&server, "", "RoomService/JoinRoom", json!({"roomId": "r"})), "UNAUTHENTICATED");
    let (status, answer) = try_call(&server, &ann.access, "RoomService/JoinRoom", &json!({"roomId": "r"})).unwrap_err();
    assert_eq!((status, error_code(&answer).as_str()), (400, "SESSION_NEEDED"));
    assert_eq!(
        refused(&server, &ann.access, "RoomService/SendToRoom", json!({"roomId": "r", "text": "x"})),
        "SESSION_NEEDED"
    );
}

/// Waits for an answer; takes what comes of the room before it.
fn answered(link: &mut Link, seen: &mut Follower) {
    loop {
        let frame = link.receive();
        if frame["roomPush"].is_object() {
            seen.take(&frame["roomPush"]);
            continue;
        }
        assert!(frame["response"].is_object() && frame["response"]["error"].is_null(), "{frame}");
        return;
    }
}

#[test]
fn a_member_that_reads_nothing_for_a_while_is_told_exactly_what_it_lost() {
    let server = talkative();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let (mut a, mut b) = (Link::connect(&server, &ann), Link::connect(&server, &bob));
    let (mut ann_sees, mut bob_sees) = (join(&mut a, "r"), join(&mut b, "r"));
    let start = ann_sees.offset;
    // Each round fills a tick, of which 32 KiB go out: together more than the socket and the ring take.
    let text = "x".repeat(4_000);
    for _ in 0..24 {
        for _ in 0..50 {
            a.request("RoomService/SendToRoom", json!({"roomId": "r", "text": text}));
        }
        for _ in 0..50 {
            answered(&mut a, &mut ann_sees);
        }
    }
    say(&mut a, "r", "the end");
    ann_sees.until_text(&mut a, "the end");
    bob_sees.until_text(&mut b, "the end");
    assert!(bob_sees.lost > 0, "nothing was lost, so nothing was tested");
    for seen in [&ann_sees, &bob_sees] {
        assert_eq!(seen.texts.len() as u64 + seen.lost + seen.sampled, seen.offset - start);
    }
}

#[test]
fn a_dropped_connection_leaves_the_count_and_goes_on_where_it_was() {
    let server = talkative();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut a = Link::connect(&server, &ann);
    let mut ann_sees = join(&mut a, "r");
    let mut b = Link::connect(&server, &bob);
    let session = b.welcome["sessionId"].clone();
    let mut bob_sees = join(&mut b, "r");
    say(&mut a, "r", "one");
    bob_sees.until_text(&mut b, "one");
    ann_sees.until(&mut a, |seen| seen.online == 2);
    drop(b);
    ann_sees.until(&mut a, |seen| seen.online == 1);
    for text in ["two", "three"] {
        say(&mut a, "r", text);
    }
    let resume = json!({"token": bob.access, "resume": {"sessionId": session, "receivedLinkSeq": "0"}});
    let mut b = Link::hello(&server, resume);
    assert_eq!(b.welcome["resumed"], true);
    bob_sees.until_text(&mut b, "three");
    assert_eq!((bob_sees.texts.len(), bob_sees.lost), (3, 0));
    ann_sees.until(&mut a, |seen| seen.online == 2);
    // A new session says where it was.
    drop(b);
    say(&mut a, "r", "four");
    ann_sees.until_text(&mut a, "four");
    let mut b = Link::connect(&server, &bob);
    let place = json!({"roomId": "r", "epoch": bob_sees.epoch.to_string(), "offset": bob_sees.offset.to_string()});
    let answer = b.call("RoomService/JoinRoom", place).unwrap();
    assert_eq!((&answer["recent"][0]["text"], number(&answer["lost"])), (&json!("four"), 0));
}

#[test]
fn a_room_without_anybody_is_gone() {
    let server = Server::start_with(&[("SKEIN__SERVICE__ROOMS__LINGER_S", "0")]);
    let ann = register(&server, "ann");
    let mut link = Link::connect(&server, &ann);
    let first = join(&mut link, "r");
    link.call("RoomService/CountInRoom", json!({"roomId": "r", "counter": "likes", "delta": 3})).unwrap();
    link.call("RoomService/LeaveRoom", json!({"roomId": "r"})).unwrap();
    let start = Instant::now();
    let look = || call(&server, &ann.access, "RoomService/GetRoom", json!({"roomId": "r"}));
    while look()["counters"].is_array() {
        assert!(start.elapsed() < PATIENCE, "the room stays");
        std::thread::sleep(Duration::from_millis(50));
    }
    let again = join(&mut link, "r");
    assert!(again.epoch > first.epoch);
}

#[test]
fn the_host_application_sees_speaks_and_closes() {
    let server = Server::start_with(&[KEYS]);
    let ann = register(&server, "ann");
    let mut link = Link::connect(&server, &ann);
    let mut seen = join(&mut link, "r");
    join(&mut link, "empty");
    link.call("RoomService/LeaveRoom", json!({"roomId": "empty"})).unwrap();
    seen.until(&mut link, |seen| seen.online == 1);
    // The report of a moment may still count who has left the other one.
    until("the busiest room first", || {
        let listed = call(&server, KEY, "AdminService/ListRooms", json!({}));
        (&listed["rooms"][0]["roomId"], number(&listed["rooms"][0]["onlineCount"])) == (&json!("r"), 1)
    });
    call(&server, KEY, "AdminService/SendToRoom", json!({"roomId": "r", "text": "welcome"}));
    seen.until_text(&mut link, "welcome");
    assert_eq!(refused(&server, KEY, "AdminService/SendToRoom", json!({"roomId": "none", "text": "x"})), "NOT_FOUND");
    assert_eq!(refused(&server, &ann.access, "AdminService/CloseRoom", json!({"roomId": "r"})), "UNAUTHENTICATED");
    assert_eq!(refused(&server, KEY, "AdminService/ListRooms", json!({"limit": 1_001})), "INVALID_ARGUMENT");
    assert_eq!(call(&server, KEY, "AdminService/CloseRoom", json!({"roomId": "r"}))["closed"], true);
    while link.room_push()["closed"] != true {}
    assert_eq!(link.call("RoomService/SendToRoom", json!({"roomId": "r", "text": "x"})), Err("NOT_IN_ROOM".to_owned()));
}
