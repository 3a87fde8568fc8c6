//! Several servers on one database: what one of them has recorded is delivered and told by the others, whoever dies.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    admin::{self, ALL, Events, KEYS},
    engine::Engine,
    http::{PATIENCE, call, direct, register, text_to, uuid},
    link::Link,
    receiver::{Received, Receiver, ReceiverProcess, endpoint},
    server::Server,
    webhooks::{ENDPOINTS, MESSAGES, RETRIES, WEAK, of},
};

#[test]
fn a_stream_goes_on_at_its_cursor_on_another_node() {
    let engine = Engine::postgres();
    let mut nodes: Vec<_> = (0..3).map(|_| engine.start(&[KEYS, ALL, WEAK])).collect();
    let (ann, bob) = (register(&nodes[0], "ann"), register(&nodes[1], "bob"));
    let mut cursor = Events::open(&nodes[0], "").next()["cursor"].as_str().unwrap().to_owned();
    let mut seqs = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            let text = text_to(&bob.user_id, round * 10 + number, "hello");
            call(&nodes[number as usize % nodes.len()], &ann.access, "MessageService/SendMessage", text);
        }
        // The node that was read from is killed in the middle of its stream.
        let last = nodes.len() == 1;
        let mut stream = Events::open(&nodes[0], &format!("?after={cursor}&kinds=message.created"));
        for _ in 0..(if last { 30 - seqs.len() } else { 8 }) {
            let event = stream.event();
            cursor = event["cursor"].as_str().unwrap().to_owned();
            seqs.push(event["data"]["message"]["seq"].as_str().unwrap().parse::<u64>().unwrap());
        }
        if !last {
            nodes.remove(0);
        }
    }
    assert_eq!(seqs, (1..=30).collect::<Vec<_>>());
}

#[test]
fn a_stream_tells_what_happens_on_another_node() {
    let engine = Engine::postgres();
    let (one, other) = (engine.start(&[KEYS, ALL, WEAK]), engine.start(&[KEYS, ALL, WEAK]));
    let mut stream = Events::open(&other, "?kinds=user.created");
    assert_eq!(stream.next()["type"], "heartbeat");
    register(&one, "ann");
    assert_eq!(stream.event()["data"]["user"]["username"], "ann");
}

/// Sends through both nodes; one is killed for good, the other one delivers everything, also what was under way at the first one.
#[test]
fn the_other_node_delivers_what_a_dead_one_left() {
    let directory = tempfile::tempdir().unwrap();
    let mut receiver = ReceiverProcess::start(directory.path());
    let hook = endpoint(receiver.address, MESSAGES, "");
    let retries = "[100, 100, 200, 200, 500, 500, 1000, 1000, 2000, 2000, 2000, 2000]";
    let environment = [(ENDPOINTS, hook.as_str()), (RETRIES, retries), WEAK];
    let engine = Engine::postgres();
    let (mut dying, other) = (engine.start(&environment), engine.start(&environment));
    let ann = register(&other, "ann");
    let people: Vec<_> = (0..4).map(|number| register(&other, &format!("bob{number}"))).collect();
    for number in 0..60 {
        let server = if number % 2 == 0 { &dying } else { &other };
        let to = &people[number as usize % people.len()].user_id;
        call(server, &ann.access, "MessageService/SendMessage", text_to(to, number, "keep me"));
        if number == 30 {
            receiver.kill_and_restart();
        }
    }
    let mut link = Link::connect(&dying, &ann);
    for number in 100..160 {
        let to = &people[number as usize % people.len()].user_id;
        link.request("MessageService/SendMessage", text_to(to, number, "perhaps"));
    }
    dying.stop();
    let last_seq = |bob| {
        let history = json!({"conversationId": direct(&ann, bob), "limit": 1});
        let history = call(&other, &ann.access, "SyncService/ListHistory", history);
        history["lastSeq"].as_str().unwrap().parse::<u64>().unwrap()
    };
    // What was on its way into the database when the node died may still come in: whatever is there in the end has an event.
    let start = Instant::now();
    let (expected, received) = loop {
        let expected: BTreeMap<String, u64> = people.iter().map(|bob| (direct(&ann, bob), last_seq(bob))).collect();
        let received = receiver.received();
        let ids: BTreeSet<&str> = received.iter().map(|one| one.id.as_str()).collect();
        if ids.len() as u64 == expected.values().sum::<u64>() {
            break (expected, received);
        }
        assert!(start.elapsed() < 3 * PATIENCE, "{} came of {expected:?}", ids.len());
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(expected.values().sum::<u64>() >= 60, "what was acked is there");
    let mut by_id: HashMap<&str, &Received> = HashMap::new();
    for one in &received {
        assert_eq!(by_id.entry(&one.id).or_insert(one).body, one.body, "a repeat is the same event");
    }
    for (conversation, count) in &expected {
        let mut seen = 0;
        for one in of(&received, conversation) {
            assert!(one.seq() <= seen + 1, "{conversation}: {} after {seen}", one.seq());
            seen = seen.max(one.seq());
        }
        assert_eq!(seen, *count, "{conversation}");
    }
}

#[test]
fn a_mailing_is_finished_by_whoever_is_left() {
    let receiver = Receiver::start(|_| 200);
    let hook = endpoint(receiver.address, r#"["mailing.finished"]"#, "");
    let environment = [KEYS, WEAK, (ENDPOINTS, hook.as_str())];
    let engine = Engine::postgres();
    let mut nodes: Vec<_> = (0..3).map(|_| engine.start(&environment)).collect();
    let people: Vec<_> = (0..24).map(|number| register(&nodes[number % 3], &format!("person{number}"))).collect();
    let asked = json!({
        "clientMailingId": uuid(1), "target": {"everyone": true}, "perSecond": 16,
        "content": {"text": {"text": "the shop is open"}},
    });
    let made = admin::call(&nodes[0], "AdminService/SendNotification", asked.clone())["mailing"].clone();
    let get = |node: &Server| admin::call(node, "AdminService/GetMailing", json!({"mailingId": made["mailingId"]}));
    let accepted = |got: &serde_json::Value| -> u64 {
        got["mailing"]["report"]["accepted"].as_str().map_or(0, |count| count.parse().unwrap())
    };
    let start = Instant::now();
    while nodes.len() > 1 {
        // One after the other dies, each when some more have got it.
        let reached = 4 * (4 - nodes.len() as u64);
        while accepted(&get(&nodes[1])) < reached {
            assert!(start.elapsed() < 3 * PATIENCE, "{}", get(&nodes[1]));
        }
        nodes.remove(0);
        let again = admin::call(&nodes[0], "AdminService/SendNotification", asked.clone());
        assert_eq!((&again["mailing"]["mailingId"], &again["duplicate"]), (&made["mailingId"], &json!(true)));
    }
    let done = loop {
        let got = get(&nodes[0]);
        if got["mailing"]["state"] == "MAILING_STATE_FINISHED" {
            break got;
        }
        assert!(start.elapsed() < 3 * PATIENCE, "{got}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(done["mailing"]["report"], json!({"accepted": "24"}));
    let sender = done["mailing"]["senderId"].as_str().unwrap();
    for person in &people {
        let mut ids: [u64; 2] = [&person.user_id, sender].map(|id| id.parse().unwrap());
        ids.sort_unstable();
        let history = json!({"conversationId": format!("{}:{}", ids[0], ids[1]), "limit": 10});
        let history = call(&nodes[0], &person.access, "SyncService/ListHistory", history);
        assert_eq!(history["messages"].as_array().unwrap().len(), 1, "{history}");
    }
    receiver.wait(|received| received.iter().any(|one| one.kind() == "mailing.finished"));
}
