//! The same server on PostgreSQL.

use serde_json::json;
use skein_testkit::postgres::{Database, PostgresServer};

use crate::{
    http::{call, direct, register, text_to},
    link::Link,
    server::Server,
};

/// A server on this database.
fn start(database: &Database) -> Server {
    Server::start_with(&[("SKEIN__STORE__ENGINE", "postgres"), ("SKEIN__STORE__POSTGRES__URL", &database.url())])
}

#[test]
fn what_was_acked_survives_sigkill_on_postgres() {
    let database = PostgresServer::shared().database();
    let mut server = start(&database);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut link = Link::connect(&server, &ann);
    for number in 0..200 {
        link.request("MessageService/SendMessage", text_to(&bob.user_id, number, "keep me"));
    }
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
    let pull = json!({"conversationId": direct(&ann, &bob), "limit": 200});
    let pulled = call(&server, &bob.access, "SyncService/PullConversation", pull);
    let seqs: Vec<_> = pulled["messages"].as_array().unwrap().iter().map(|message| message["seq"].clone()).collect();
    assert_eq!(seqs, (1..=200).map(|seq| json!(seq.to_string())).collect::<Vec<_>>());
}

#[test]
fn two_servers_on_one_database_know_the_same() {
    let database = PostgresServer::shared().database();
    let (one, other) = (start(&database), start(&database));
    let (ann, bob) = (register(&one, "ann"), register(&other, "bob"));
    call(&one, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "from one"));
    call(&other, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 2, "from the other"));
    let again = call(&other, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "from one"));
    assert_eq!((&again["duplicate"], &again["seq"]), (&json!(true), &json!("1")));
    for server in [&one, &other] {
        let history = json!({"conversationId": direct(&ann, &bob), "limit": 200});
        let history = call(server, &bob.access, "SyncService/ListHistory", history);
        assert_eq!(history["lastSeq"], "2");
    }
}

#[test]
fn a_server_without_its_database_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let output = crate::server::command(directory.path())
        .env("SKEIN__STORE__ENGINE", "postgres")
        .env("SKEIN__STORE__POSTGRES__URL", "host=/nowhere user=me password=hunter2")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("cannot connect to PostgreSQL"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
