//! The same operations and pushes over every transport.

use std::io::{BufRead, Read, Write};

use serde_json::{Value, json};
use skein_proto::{codec::Codec, v1};

use crate::{
    http::{self, Account, call, register, request, text_to},
    server::Server,
};

/// Reads one length-prefixed frame.
pub fn record(stream: &mut impl Read) -> v1::Frame {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut payload = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut payload).unwrap();
    Codec::Binary.decode(&payload).unwrap()
}

pub fn write_record(stream: &mut impl Write, frame: &v1::Frame) {
    let payload = Codec::Binary.encode(frame);
    let mut bytes = (payload.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(&payload);
    stream.write_all(&bytes).unwrap();
}

pub fn hello(account: &Account) -> v1::Frame {
    v1::Frame {
        body: Some(v1::Hello { token: account.access.clone(), ..Default::default() }.into()),
        ..Default::default()
    }
}

fn send_request(account: &Account) -> v1::Frame {
    let body = serde_json::to_vec(&text_to(&account.user_id, 7, "over tcp")).unwrap();
    let send: v1::SendMessageRequest = Codec::Json.decode(&body).unwrap();
    let request = v1::Request {
        id: 9,
        method: "MessageService/SendMessage".to_owned(),
        body: Codec::Binary.encode(&send),
        ..Default::default()
    };
    v1::Frame { body: Some(request.into()), ..Default::default() }
}

#[test]
fn tcp_carries_hello_request_response_and_push() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut receiver = http::open(server.tcp, &[]);
    write_record(receiver.get_mut(), &hello(&bob));
    assert!(matches!(record(&mut receiver).body, Some(v1::frame::Body::Welcome(_))));
    let mut sender = http::open(server.tcp, &[]);
    // Hello and a request in one write, cut at an odd place.
    let mut bytes = Vec::new();
    write_record(&mut bytes, &hello(&ann));
    write_record(&mut bytes, &send_request(&bob));
    let (early, late) = bytes.split_at(bytes.len() - 11);
    sender.get_mut().write_all(early).unwrap();
    assert!(matches!(record(&mut sender).body, Some(v1::frame::Body::Welcome(_))));
    sender.get_mut().write_all(late).unwrap();
    let Some(v1::frame::Body::Response(response)) = record(&mut sender).body else { panic!("no response") };
    let answer: v1::SendMessageResponse = Codec::Binary.decode(&response.body).unwrap();
    assert_eq!((response.id, answer.seq), (9, 1));
    let Some(v1::frame::Body::Push(push)) = record(&mut receiver).body else { panic!("no push") };
    assert_eq!((push.link_seq, push.events.len()), (1, 1));
}

#[test]
fn more_requests_than_may_be_in_flight_are_all_answered_in_the_order_they_were_sent() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut sender = http::open(server.tcp, &[]);
    let mut bytes = Vec::new();
    write_record(&mut bytes, &hello(&ann));
    for number in 1..=700 {
        let mut frame = send_request(&bob);
        let Some(v1::frame::Body::Request(request)) = &mut frame.body else { panic!("no request") };
        let body = serde_json::to_vec(&text_to(&bob.user_id, number, "one of many")).unwrap();
        let send: v1::SendMessageRequest = Codec::Json.decode(&body).unwrap();
        (request.id, request.body) = (number as u32, Codec::Binary.encode(&send));
        write_record(&mut bytes, &frame);
    }
    sender.get_mut().write_all(&bytes).unwrap();
    assert!(matches!(record(&mut sender).body, Some(v1::frame::Body::Welcome(_))));
    for _ in 1..=700 {
        let Some(v1::frame::Body::Response(response)) = record(&mut sender).body else { panic!("no response") };
        let answer: v1::SendMessageResponse = Codec::Binary.decode(&response.body).unwrap();
        assert_eq!(answer.seq, u64::from(response.id));
    }
}

#[test]
fn an_event_stream_and_long_polling_give_the_same_pushes() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let bearer = format!("authorization: Bearer {}\r\n", bob.access);
    let get = format!("GET /v1/events HTTP/1.1\r\nhost: skein\r\naccept: text/event-stream\r\n{bearer}\r\n");
    let mut stream = http::open(server.http, get.as_bytes());
    let (status, head) = http::head(&mut stream);
    assert_eq!(status, 200, "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");

    let (status, first) = request(server.http, "GET", "/v1/poll?wait_ms=0", &bearer, b"");
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(status, 200, "{first}");
    let session = first["sessionId"].as_str().unwrap().to_owned();
    call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "everywhere"));

    let mut line = String::new();
    while !line.contains("everywhere") {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream ended");
    }
    let headers = format!("{bearer}skein-session: {session}\r\n");
    let poll = |query: &str| -> Value {
        let (status, text) = request(server.http, "GET", &format!("/v1/poll?{query}"), &headers, b"");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let pushed = poll("wait_ms=10000");
    assert!(pushed.to_string().contains("everywhere"), "{pushed}");
    // Not acked: it comes again. Acked: it does not.
    let again = poll("wait_ms=10000");
    assert!(again.to_string().contains("everywhere"), "{again}");
    let link_seq = again["pushes"].as_array().unwrap().last().unwrap()["linkSeq"].as_str().unwrap().to_owned();
    let none = poll(&format!("wait_ms=0&ack={link_seq}"));
    assert!(!none.to_string().contains("everywhere"), "{none}");
}

#[test]
fn connect_answers_in_binary_and_grpc_web_too() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let bearer = format!("authorization: Bearer {}\r\n", ann.access);
    let path = "/skein.v1.AccountService/GetMe";
    let mut stream = http::open(
        server.http,
        format!("POST {path} HTTP/1.1\r\nhost: skein\r\nconnection: close\r\ncontent-type: application/proto\r\ncontent-length: 0\r\n{bearer}\r\n")
            .as_bytes(),
    );
    let (status, head) = http::head(&mut stream);
    assert_eq!(status, 200, "{head}");
    let answer: v1::GetMeResponse = Codec::Binary.decode(&http::read_body(&mut stream, &head)).unwrap();
    assert_eq!(answer.user.username, "ann");

    let post = format!(
        "POST {path} HTTP/1.1\r\nhost: skein\r\nconnection: close\r\ncontent-type: application/grpc-web+proto\r\n\
         content-length: 5\r\n{bearer}\r\n\0\0\0\0\0"
    );
    let mut stream = http::open(server.http, post.as_bytes());
    let (status, head) = http::head(&mut stream);
    assert_eq!(status, 200, "{head}");
    let body = http::read_body(&mut stream, &head);
    // A flag, a length, the message; then the trailers in a frame of their own.
    let length = u32::from_be_bytes([body[1], body[2], body[3], body[4]]) as usize;
    let answer: v1::GetMeResponse = Codec::Binary.decode(&body[5..5 + length]).unwrap();
    assert_eq!(answer.user.username, "ann");
    assert!(String::from_utf8_lossy(&body[5 + length..]).contains("grpc-status: 0"));
}

#[test]
fn health_and_metrics_are_there() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let _link = crate::link::Link::connect(&server, &ann);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(request(server.http, "GET", path, "", b"").0, 200, "{path}");
    }
    let (status, metrics) = request(server.http, "GET", "/metrics", "", b"");
    assert_eq!(status, 200);
    assert!(metrics.contains("skein_connections"), "{metrics}");
    assert!(!metrics.contains(&ann.access));
}

#[test]
fn tls_serves_a_certificate_made_for_development() {
    let server = Server::start_with(&[("SKEIN__ACCESS__TLS", r#"{ mode = "self_signed", dir = "tls" }"#)]);
    let pem = server.data_dir().parent().unwrap().join("tls/cert.pem");
    assert!(std::fs::read_to_string(pem).unwrap().contains("BEGIN CERTIFICATE"));
    // A plain request on a TLS port gets no HTTP answer, and the server lives on.
    let mut stream = http::open(server.http, b"GET /healthz HTTP/1.1\r\nhost: skein\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn anybody_may_open_an_anonymous_link_to_register() {
    let server = Server::start();
    let mut link = crate::link::Link::hello(&server, json!({}));
    assert!(link.welcome["userId"].is_null());
    let answer =
        link.call("AccountService/Register", json!({"username": "ann", "password": "a long password"})).unwrap();
    let ann = Account::from_answer(&answer);
    assert_eq!(link.call("AccountService/GetMe", json!({})), Err("UNAUTHENTICATED".to_owned()));
    crate::link::Link::connect(&server, &ann);
}
