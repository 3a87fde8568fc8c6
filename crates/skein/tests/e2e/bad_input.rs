//! What must not be taken: each gets a coded answer, and the server lives on.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    http::{PATIENCE, call, error_code, refused, register, request, text_to, uuid},
    link::Link,
    server::Server,
};

const JSON: &str = "content-type: application/json\r\n";

fn closed_with(prepare: impl FnOnce(&Server) -> Link, act: impl FnOnce(&mut Link), code: &str, status: u16) {
    let server = Server::start();
    let mut link = prepare(&server);
    act(&mut link);
    let (named, websocket) = link.closed();
    assert_eq!(websocket, Some(status), "{named:?}");
    if !code.is_empty() {
        assert_eq!(named.as_deref(), Some(code));
    }
    register(&server, "alive");
}

fn welcomed(server: &Server) -> Link {
    let ann = register(server, "ann");
    Link::connect(server, &ann)
}

fn opened(server: &Server) -> Link {
    Link::open(server.http)
}

#[test]
fn frames_that_break_the_websocket_rules_close_with_its_codes() {
    // Text, final, not masked.
    closed_with(welcomed, |link| link.send_bytes(&[0x81, 2, b'{', b'}']), "", 1002);
    // A continuation of nothing.
    closed_with(welcomed, |link| link.send_raw(0x80, b"{}"), "", 1002);
    // A second beginning inside a fragmented message.
    closed_with(
        welcomed,
        |link| {
            link.send_raw(0x01, b"{");
            link.send_raw(0x81, b"}");
        },
        "",
        1002,
    );
    // A reserved bit; a reserved opcode; a fragmented ping.
    closed_with(welcomed, |link| link.send_raw(0xc1, b"{}"), "", 1002);
    closed_with(welcomed, |link| link.send_raw(0x83, b"{}"), "", 1002);
    closed_with(welcomed, |link| link.send_raw(0x09, b""), "", 1002);
    // Text that is not UTF-8.
    closed_with(welcomed, |link| link.send_raw(0x81, &[0xff, 0xfe]), "", 1007);
    // A declared length beyond the limit; nothing of it ever comes.
    let huge = [0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4];
    closed_with(welcomed, move |link| link.send_bytes(&huge), "", 1009);
}

#[test]
fn frames_that_break_our_rules_close_with_ours() {
    let request = json!({"request": {"id": 1, "method": "AccountService/GetMe", "json": {}}});
    closed_with(opened, |link| link.send(&request), "PROTOCOL_ERROR", 4202);
    closed_with(opened, |link| link.send_raw(0x81, b"not json"), "PROTOCOL_ERROR", 4202);
    closed_with(opened, |link| link.send(&json!({"hello": {"token": "nonsense"}})), "BAD_TOKEN", 4200);
    closed_with(welcomed, |link| link.send(&json!({"hello": {}})), "PROTOCOL_ERROR", 4202);
    closed_with(welcomed, |link| link.send(&json!({"ack": "99"})), "PROTOCOL_ERROR", 4202);
    closed_with(welcomed, |link| link.send_raw(0x82, b"binary"), "PROTOCOL_ERROR", 4202);
}

#[test]
fn bad_requests_are_answered_and_the_link_lives() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let eve = register(&server, "eve");
    let mut link = Link::connect(&server, &eve);
    let between_others = call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "private"));
    let conversation = &between_others["conversationId"];
    let message = json!({"conversationId": conversation, "messageId": between_others["messageId"]});
    let mut edit = message.clone();
    edit["content"] = json!({"text": {"text": "mine now"}});
    let say = |content: Value| json!({"userId": ann.user_id, "clientMessageId": uuid(1), "content": content});
    let into = json!({"conversationId": conversation, "clientMessageId": uuid(2), "content": {"text": {"text": "hi"}}});
    for (method, body, code) in [
        ("MessageService/Explode", json!({}), "UNKNOWN_METHOD"),
        ("", json!({}), "UNKNOWN_METHOD"),
        ("MessageService/SendMessage", json!({"userID": "1"}), "MALFORMED"),
        ("MessageService/SendMessage", json!({"userId": {}}), "MALFORMED"),
        ("MessageService/SendMessage", json!({"userId": ann.user_id, "clientMessageId": "1"}), "INVALID_ARGUMENT"),
        ("MessageService/SendMessage", say(json!({})), "INVALID_ARGUMENT"),
        ("MessageService/SendMessage", say(json!({"text": {"text": ""}})), "INVALID_ARGUMENT"),
        ("MessageService/SendMessage", say(json!({"text": {"text": "x".repeat(40_000)}})), "TOO_LARGE"),
        ("MessageService/SendMessage", say(json!({"text": {"text": "x"}, "extra": "[]"})), "INVALID_ARGUMENT"),
        ("MessageService/SendMessage", say(json!({"system": {"kind": "group_created"}})), "FORBIDDEN"),
        ("MessageService/SendMessage", text_to("4611686018427387904", 1, "x"), "NOT_FOUND"),
        ("MessageService/SendMessage", into, "NOT_A_MEMBER"),
        ("SyncService/ListHistory", json!({"conversationId": conversation}), "NOT_A_MEMBER"),
        ("SyncService/PullConversation", json!({"conversationId": "g77"}), "NOT_A_MEMBER"),
        ("SyncService/PullConversation", json!({"conversationId": "nonsense"}), "INVALID_ARGUMENT"),
        ("MessageService/EditMessage", edit, "NOT_A_MEMBER"),
        ("MessageService/RecallMessage", message, "NOT_A_MEMBER"),
    ] {
        let shown: String = body.to_string().chars().take(80).collect();
        assert_eq!(link.call(method, body), Err(code.to_owned()), "{method} {shown}");
    }
    link.call("AccountService/GetMe", json!({})).unwrap();
    assert_eq!(call(&server, &ann.access, "SyncService/PullUser", json!({}))["entries"].as_array().unwrap().len(), 1);
}

#[test]
fn messages_that_do_not_exist_or_are_of_others_are_not_changed() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let sent = call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "mine"));
    let named = |id: Value| json!({"conversationId": sent["conversationId"], "messageId": id});
    assert_eq!(refused(&server, &ann.access, "MessageService/RecallMessage", named(json!("12345"))), "NOT_FOUND");
    assert_eq!(
        refused(&server, &bob.access, "MessageService/RecallMessage", named(sent["messageId"].clone())),
        "NOT_SENDER"
    );
    call(&server, &ann.access, "MessageService/RecallMessage", named(sent["messageId"].clone()));
    let mut edit = named(sent["messageId"].clone());
    edit["content"] = json!({"text": {"text": "back again"}});
    assert_eq!(refused(&server, &ann.access, "MessageService/EditMessage", edit), "MESSAGE_GONE");
}

#[test]
fn a_client_clock_decades_off_changes_no_order() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    for (number, time) in [(1, 1_u64), (2, 99_999_999_999_999), (3, 5)] {
        let mut body = text_to(&bob.user_id, number, "tick");
        // A version 7 UUID from the far future or from 1970.
        body["clientMessageId"] = format!("{:08x}-0000-7000-8000-{number:012x}", time % 0xffff_ffff).into();
        body["clientTimeMs"] = time.into();
        assert_eq!(call(&server, &ann.access, "MessageService/SendMessage", body)["seq"], number.to_string());
    }
}

#[test]
fn http_refuses_with_codes() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let path = "/skein.v1.AccountService/GetMe";
    let code = |(status, text): (u16, String)| {
        (status, error_code(&serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text:?}"))))
    };
    assert_eq!(code(request(server.http, "POST", path, JSON, b"{}")), (401, "UNAUTHENTICATED".to_owned()));
    let bad = format!("{JSON}authorization: Bearer nonsense\r\n");
    assert_eq!(code(request(server.http, "POST", path, &bad, b"{}")), (401, "UNAUTHENTICATED".to_owned()));
    let forged = format!("{JSON}authorization: Bearer {}x\r\n", ann.access);
    assert_eq!(code(request(server.http, "POST", path, &forged, b"{}")), (401, "UNAUTHENTICATED".to_owned()));
    let good = format!("{JSON}authorization: Bearer {}\r\n", ann.access);
    assert_eq!(code(request(server.http, "POST", path, &good, b"{nope")), (400, "MALFORMED".to_owned()));
    assert_eq!(code(request(server.http, "POST", path, &good, b"\xff\xfe")), (400, "MALFORMED".to_owned()));
    let unknown = code(request(server.http, "POST", "/skein.v1.AccountService/Explode", &good, b"{}"));
    assert_eq!(unknown.1, "UNKNOWN_METHOD");
    for path in ["/nothing", "/nothing/here", "/nothing/here/at/all"] {
        assert_eq!(code(request(server.http, "GET", path, "", b"")), (404, "NOT_FOUND".to_owned()));
    }
    let large = vec![b' '; 300 * 1024];
    assert_eq!(code(request(server.http, "POST", path, &good, &large)), (413, "TOO_LARGE".to_owned()));
    call(&server, &ann.access, "AccountService/GetMe", json!({}));
}

#[test]
fn tcp_refuses_a_false_length_and_noise_and_keeps_serving_others() {
    let server = Server::start();
    for bytes in [&b"\xff\xff\xff\xff"[..], b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x02\xff\xff"] {
        let mut stream = TcpStream::connect(server.tcp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut rest = Vec::new();
        // A close frame, then the end: never a hang.
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{bytes:?}"),
        }
    }
    register(&server, "alive");
}
