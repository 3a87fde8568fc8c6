//! From the embedded store to PostgreSQL: everything comes along, and the server goes on.

use std::{
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Instant,
};

use serde_json::{Value, json};
use skein_testkit::postgres::{Database, PostgresServer};

use crate::{
    admin::{ALL, Events, KEYS},
    http::{PATIENCE, call, direct, register, text_to, uuid},
    receiver::{Received, Receiver, endpoint},
    server::{SKEIN, Server},
    webhooks::{ENDPOINTS, MESSAGES, RETRIES, WEAK},
};

fn migrate(server: &Server, database: &Database) -> Output {
    let mut command = Command::new(SKEIN);
    command.args(["admin", "migrate", "--from"]).arg(server.data_dir()).args(["--to", &database.url()]);
    command.output().unwrap()
}

#[test]
fn a_data_directory_moves_to_postgres() {
    let mut old = Server::start();
    let (ann, bob) = (register(&old, "ann"), register(&old, "bob"));
    for number in 0..30 {
        call(&old, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "bring me along"));
    }
    let group = json!({"name": "team", "userIds": [bob.user_id], "clientGroupId": uuid(1)});
    let group = call(&old, &ann.access, "GroupService/CreateGroup", group);
    let world = |server: &Server| {
        let history = json!({"conversationId": direct(&ann, &bob), "limit": 200});
        let world = call(server, &bob.access, "SyncService/PullUser", json!({}));
        (call(server, &bob.access, "SyncService/ListHistory", history), world)
    };
    let before = world(&old);
    let database = PostgresServer::shared().database();
    let refused = migrate(&old, &database);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("already running"));
    old.stop();
    let moved = migrate(&old, &database);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    assert!(String::from_utf8_lossy(&moved.stdout).contains("Everything is there and equal"));
    let again = migrate(&old, &database);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("other data"));

    let environment = [("SKEIN__STORE__ENGINE", "postgres"), ("SKEIN__STORE__POSTGRES__URL", &database.url())];
    let new = Server::start_with(&environment);
    assert_eq!(world(&new), before, "with the tokens of old");
    let repeated = call(&new, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 7, "bring me along"));
    assert_eq!((&repeated["duplicate"], &repeated["seq"]), (&json!(true), &json!("8")));
    let next = call(&new, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 30, "and on"));
    assert_eq!(next["seq"], "31");
    let other = json!({"name": "other", "userIds": [bob.user_id], "clientGroupId": uuid(2)});
    let other = call(&new, &ann.access, "GroupService/CreateGroup", other);
    assert_ne!(other["group"]["conversationId"], group["group"]["conversationId"]);
}

/// Events of messages from a cursor on, as many as named; without what is not the same at every reading.
fn told(server: &Server, after: &str, count: usize) -> Vec<Value> {
    let mut stream = Events::open(server, &format!("?after={after}&kinds=message.*"));
    (0..count).map(|_| stream.event()).collect()
}

#[test]
fn events_webhooks_and_mailings_move_too() {
    let status = Arc::new(AtomicU16::new(500));
    let answer = status.clone();
    let receiver = Receiver::start(move |_| answer.load(Ordering::Relaxed));
    let hook = endpoint(receiver.address, MESSAGES, "");
    let retries = "[1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 60000]";
    let mut environment = vec![KEYS, ALL, WEAK, (ENDPOINTS, hook.as_str()), (RETRIES, retries)];
    let mut old = Server::start_with(&environment);
    let (ann, bob) = (register(&old, "ann"), register(&old, "bob"));
    for number in 0..5 {
        call(&old, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "tell them"));
    }
    let asked = json!({
        "clientMailingId": uuid(1), "senderId": ann.user_id, "target": {"userId": bob.user_id},
        "content": {"text": {"text": "paid"}},
    });
    let mailing = crate::admin::call(&old, "AdminService/SendAsUser", asked.clone())["mailing"]["mailingId"].clone();
    let before = told(&old, "0", 6);
    let state = |server: &Server| {
        let got = crate::admin::call(server, "AdminService/GetMailing", json!({"mailingId": mailing}));
        got["mailing"]["state"].clone()
    };
    let start = Instant::now();
    while state(&old) != "MAILING_STATE_FINISHED" {
        assert!(start.elapsed() < PATIENCE);
    }
    let failed = receiver.wait(|received| !received.is_empty());
    old.stop();
    let database = PostgresServer::shared().database();
    let moved = migrate(&old, &database);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let printed = String::from_utf8_lossy(&moved.stdout).into_owned();
    for table in ["events", "consumers", "lanes", "mailings", "mailing_receivers", "secrets"] {
        let line = printed.lines().find(|line| line.split_whitespace().next() == Some(table));
        let rows = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        assert!(rows.is_some_and(|rows| rows > 0), "{table} did not come along: {printed}");
    }

    let url = database.url();
    environment.extend([("SKEIN__STORE__ENGINE", "postgres"), ("SKEIN__STORE__POSTGRES__URL", &url)]);
    status.store(200, Ordering::Relaxed);
    let new = Server::start_with(&environment);
    assert_eq!(told(&new, "0", 6), before, "the same cursors, ids and bodies");
    let sent = call(&new, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 9, "and on"));
    let cursor = before[5]["cursor"].as_str().unwrap();
    assert_eq!(told(&new, cursor, 1)[0]["data"]["message"]["messageId"], sent["messageId"], "a cursor of old goes on");
    let taken = receiver.wait(|received| received.iter().filter(|one| one.seq() == 7).count() > 0);
    let taken: Vec<Received> = taken.into_iter().skip(taken_before(&failed)).collect();
    let mut seqs: Vec<u64> = taken.iter().map(Received::seq).collect();
    seqs.dedup();
    assert_eq!(seqs, (1..=7).collect::<Vec<_>>(), "what was not delivered is delivered, in order");
    assert_eq!(taken[0].id, failed[0].id, "with the id of old");
    let again = crate::admin::call(&new, "AdminService/SendAsUser", asked);
    assert_eq!((&again["mailing"]["mailingId"], &again["duplicate"]), (&mailing, &json!(true)));
    assert_eq!(state(&new), "MAILING_STATE_FINISHED");
}

/// All that failed so far was about the first message.
fn taken_before(failed: &[Received]) -> usize {
    assert!(failed.iter().all(|one| one.seq() == 1));
    failed.len()
}
