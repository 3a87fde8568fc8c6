//! Signals over several nodes: handed to whichever node the receiver is on, replies to whichever node waits.

use serde_json::json;
use skein_testkit::{nats::NatsServer, postgres::PostgresServer};

use crate::{
    admin::{KEY, KEYS},
    cluster::{node, until, until_ready},
    http::{call, register, text_to},
    link::Link,
    signals::{REPLY, SEND},
};

#[test]
fn a_command_goes_to_a_device_on_another_node_and_its_reply_comes_back() {
    let (nats, database) = (NatsServer::start(), PostgresServer::shared().database());
    let url = database.url();
    let shared = [("SKEIN__STORE__ENGINE", "postgres"), ("SKEIN__STORE__POSTGRES__URL", url.as_str()), KEYS];
    let nodes = [node(&nats, "all", &shared), node(&nats, "all", &shared)];
    let access = [node(&nats, "access", &[]), node(&nats, "access", &[])];
    nodes.iter().chain(&access).for_each(until_ready);
    let people = ["ann", "bob", "cid", "dan"].map(|name| register(&nodes[0], name));
    let places = [&nodes[0], &nodes[1], &access[0], &access[1]];
    let mut links: Vec<Link> =
        places.iter().zip(&people).map(|(server, account)| Link::connect(server, account)).collect();
    let mut number = 0;
    for from in 0..4 {
        for to in (0..4).filter(|to| *to != from) {
            number += 1;
            call(
                places[from],
                &people[from].access,
                "MessageService/SendMessage",
                text_to(&people[to].user_id, number, "hi"),
            );
            let device = json!({"userId": people[to].user_id, "deviceId": links[to].welcome["deviceId"]});
            let command =
                json!({"device": device, "kind": "command", "text": format!("{from}{to}"), "expectsReplyMs": 20_000});
            // Until the nodes know of each other's people, nobody is there.
            let mut asked = 0;
            let mut id = String::new();
            until("a command", || {
                let there = json!({"userId": people[to].user_id, "kind": "acme.there"});
                let there = links[from].call(SEND, there);
                there.is_ok_and(|answer| answer["delivered"] == 1)
            });
            asked += links[from].request(SEND, command.clone());
            while id.is_empty() {
                let signal = links[to].passing("signal");
                if signal["text"] == format!("{from}{to}") {
                    id = signal["signalId"].as_str().unwrap().to_owned();
                }
            }
            let reply = json!({"signalId": id, "text": format!("{to}{from}")});
            assert_eq!(links[to].call(REPLY, reply).unwrap()["taken"], true, "{from} to {to}");
            assert_eq!(links[from].response(asked).unwrap()["reply"]["text"], format!("{to}{from}"));
        }
    }
    // Longer than other calls between nodes may take, and still answered.
    let answer =
        call(&access[0], KEY, "AdminService/SendSignal", json!({"userId": people[3].user_id, "kind": "acme.news"}));
    assert_eq!(answer["delivered"], 1);
}
