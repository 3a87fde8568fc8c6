//! Power cuts: what was acked is there afterwards, once.

use std::io::Read;

use serde_json::json;

use crate::{
    http::{call, direct, refused, register, text_to},
    link::Link,
    server::{self, Server},
};

#[test]
fn what_was_acked_survives_sigkill_and_is_not_there_twice() {
    let mut server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut link = Link::connect(&server, &ann);
    for number in 0..200 {
        link.request("MessageService/SendMessage", text_to(&bob.user_id, number, "keep me"));
    }
    // Answers come as they finish; ids of requests count from one.
    let answers = (0..50).map(|_| link.receive()["response"].clone());
    let acked: Vec<_> = answers.map(|answer| (answer["id"].as_u64().unwrap() - 1, answer["json"].clone())).collect();
    server.kill_and_restart();
    for (number, first) in &acked {
        let again = text_to(&bob.user_id, *number, "keep me");
        let again = call(&server, &ann.access, "MessageService/SendMessage", again);
        assert_eq!((&again["messageId"], &again["seq"]), (&first["messageId"], &first["seq"]));
        assert_eq!(again["duplicate"], true, "an acked message was lost");
    }
    for number in 0..200 {
        call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "keep me"));
    }
    let pull = json!({"conversationId": acked[0].1["conversationId"], "limit": 200});
    let pulled = call(&server, &bob.access, "SyncService/PullConversation", pull);
    let seqs: Vec<_> = pulled["messages"].as_array().unwrap().iter().map(|message| message["seq"].clone()).collect();
    assert_eq!(seqs, (1..=200).map(|seq| json!(seq.to_string())).collect::<Vec<_>>());
    let entry = json!({"conversationId": acked[0].1["conversationId"]});
    assert_eq!(call(&server, &bob.access, "ConversationService/GetConversation", entry)["entry"]["unread"], "200");
}

#[test]
fn a_logged_out_device_stays_logged_out_after_a_crash() {
    let mut server = Server::start();
    let ann = register(&server, "ann");
    call(&server, &ann.access, "AccountService/LogOut", json!({}));
    server.kill_and_restart();
    assert_eq!(refused(&server, &ann.access, "AccountService/GetMe", json!({})), "TOKEN_REVOKED");
    let refresh = json!({"refreshToken": ann.refresh});
    assert!(
        ["TOKEN_REVOKED", "UNAUTHENTICATED"]
            .contains(&refused(&server, "", "AccountService/RefreshToken", refresh).as_str())
    );
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start();
    let mut second =
        server::command(server.data_dir().parent().unwrap()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    second.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(!second.wait().unwrap().success());
    assert!(text.contains("already"), "{text:?}");
    register(&server, "still_alive");
}

#[test]
fn a_full_disk_stops_acks_and_loses_nothing() {
    // Pages of 4 KiB: room for the schema and some messages.
    let server = Server::start_with(&[("SKEIN__SQLITE__DATABASE_PAGES_MAX", "160")]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let big = "x".repeat(8_000);
    let mut acked = 0;
    let code = loop {
        let body = text_to(&bob.user_id, acked, &big);
        match crate::http::try_call(&server, &ann.access, "MessageService/SendMessage", &body) {
            Ok(_) => acked += 1,
            Err((_, error)) => break crate::http::error_code(&error),
        }
        assert!(acked < 500, "the disk never filled");
    };
    assert_eq!(code, "STORE_FULL");
    assert!(acked > 5, "only {acked} were taken");
    assert_eq!(
        refused(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 900, &big)),
        "STORE_FULL"
    );
    let history = json!({"conversationId": direct(&ann, &bob), "limit": 200});
    let history = call(&server, &bob.access, "SyncService/ListHistory", history);
    assert_eq!(history["lastSeq"], acked.to_string(), "readers go on, with all that was acked");
}

#[test]
fn sigterm_says_goodbye_and_ends_well() {
    let mut server = Server::start();
    let ann = register(&server, "ann");
    let mut link = Link::connect(&server, &ann);
    let pid = rustix::process::Pid::from_raw(server.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (code, _) = link.closed();
    assert_eq!(code.as_deref(), Some("SHUTDOWN"));
    assert!(server.wait().success());
}
