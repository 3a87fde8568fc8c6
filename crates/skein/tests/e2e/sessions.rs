//! A session outlives its connection: nothing lost, nothing twice.

use serde_json::{Value, json};

use crate::{
    http::{call, register, text_to},
    link::Link,
    server::Server,
};

#[test]
fn a_dropped_session_resumes_with_what_it_missed() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let send = |number| {
        call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, &number.to_string()));
    };
    let mut link = Link::connect(&server, &bob);
    let session = link.welcome["sessionId"].clone();
    send(0);
    let (received, _) = link.push();
    drop(link);
    (1..=5).for_each(send);
    let resume = json!({"sessionId": session, "receivedLinkSeq": received});
    let mut link = Link::hello(&server, json!({"token": bob.access, "resume": resume}));
    assert_eq!((&link.welcome["resumed"], &link.welcome["sessionId"]), (&json!(true), &session));
    let mut texts = Vec::new();
    while texts.len() < 5 {
        for event in link.push().1 {
            if let Some(text) = event["message"]["message"]["content"]["text"]["text"].as_str() {
                texts.push(text.to_owned());
            }
        }
    }
    assert_eq!(texts, ["1", "2", "3", "4", "5"]);
}

#[test]
fn what_was_not_acked_is_pushed_again_and_what_was_is_not() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let send = |number| {
        call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, &number.to_string()));
    };
    let mut link = Link::connect(&server, &bob);
    let session = link.welcome["sessionId"].clone();
    send(0);
    let (first, _) = link.push();
    send(1);
    link.push();
    drop(link);
    let resume = json!({"sessionId": session, "receivedLinkSeq": first});
    let mut link = Link::hello(&server, json!({"token": bob.access, "resume": resume}));
    assert_eq!(link.welcome["resumed"], true);
    assert_eq!(link.pushed_message()["content"]["text"]["text"], "1");
}

#[test]
fn a_session_of_another_user_or_an_unknown_one_is_not_resumed() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let link = Link::connect(&server, &bob);
    let session = link.welcome["sessionId"].clone();
    let stolen = json!({"token": ann.access, "resume": {"sessionId": session, "receivedLinkSeq": 0}});
    let stolen = Link::hello(&server, stolen);
    assert!(stolen.welcome["resumed"].is_null());
    assert_ne!(stolen.welcome["sessionId"], session);
    let unknown =
        json!({"token": bob.access, "resume": {"sessionId": "AAAAAAAAAAAAAAAAAAAAAA==", "receivedLinkSeq": 7}});
    assert!(Link::hello(&server, unknown).welcome["resumed"].is_null());
}

#[test]
fn resuming_on_a_second_connection_closes_the_first() {
    let server = Server::start();
    let bob = register(&server, "bob");
    let mut old = Link::connect(&server, &bob);
    let resume = json!({"sessionId": old.welcome["sessionId"], "receivedLinkSeq": 0});
    let new = Link::hello(&server, json!({"token": bob.access, "resume": resume}));
    assert_eq!(new.welcome["resumed"], true);
    assert_eq!(old.closed().0.as_deref(), Some("SUPERSEDED"));
}

#[test]
fn a_slow_reader_is_told_to_pull() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut slow = Link::connect(&server, &bob);
    let mut fast = Link::connect(&server, &ann);
    let text = "x".repeat(8_000);
    // Nothing is acked, so the outbox bound is met however much the kernel buffers.
    for number in 0..40 {
        fast.call("MessageService/SendMessage", text_to(&bob.user_id, number, &text)).unwrap();
    }
    loop {
        let frame = slow.receive();
        if frame["push"]["lagging"] == true {
            break;
        }
    }
    let pulled = slow.call("SyncService/PullUser", json!({})).unwrap();
    assert_eq!(pulled["entries"][0]["unread"], "40");
}

#[test]
fn a_heartbeat_is_agreed_on_and_who_misses_two_is_gone() {
    let server =
        Server::start_with(&[("SKEIN__ACCESS__HEARTBEAT_MS", "500"), ("SKEIN__ACCESS__HEARTBEAT_MAX_MS", "60000")]);
    let ann = register(&server, "ann");
    let heartbeat = |hello: Value| {
        let link = Link::hello(&server, hello);
        link.welcome["heartbeatMs"].as_u64().unwrap()
    };
    assert_eq!(heartbeat(json!({"token": ann.access})), 500);
    assert_eq!(heartbeat(json!({"token": ann.access, "background": true})), 2_000);
    assert_eq!(heartbeat(json!({"token": ann.access, "heartbeatMs": 20_000})), 20_000);
    assert_eq!(heartbeat(json!({"token": ann.access, "heartbeatMs": 90_000})), 60_000);
    let mut silent = Link::connect(&server, &ann);
    let mut patient = Link::connect(&server, &ann);
    patient.send(&json!({"ping": {"timeMs": "1", "heartbeatMs": 90_000}}));
    assert_eq!(patient.receive()["pong"]["heartbeatMs"], 60_000);
    assert_eq!(silent.closed().0.as_deref(), Some("HEARTBEAT_MISSED"));
    assert!(patient.call("AccountService/GetMe", json!({})).is_ok(), "it said that it would be silent for longer");
}
