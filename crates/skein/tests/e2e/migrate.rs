//! From the embedded store to PostgreSQL: everything comes along, and the server goes on.

use std::process::{Command, Output};

use serde_json::json;
use skein_testkit::postgres::{Database, PostgresServer};

use crate::{
    http::{call, direct, register, text_to, uuid},
    server::{SKEIN, Server},
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
