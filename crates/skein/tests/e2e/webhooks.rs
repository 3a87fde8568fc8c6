//! Webhooks against a real receiver: signed, in order, and nothing lost whoever is killed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    admin::KEYS,
    engine::Engine,
    http::{Account, PATIENCE, call, direct, error_code, register, text_to, try_call, uuid},
    link::Link,
    receiver::{Received, Receiver, ReceiverProcess, SECRET, endpoint},
    server::Server,
};

pub const ENDPOINTS: &str = "SKEIN__WEBHOOKS__ENDPOINTS";
pub const RETRIES: &str = "SKEIN__WEBHOOKS__RETRY_MS";
pub const MESSAGES: &str = r#"["message.created"]"#;
/// Makes registering quick.
pub const WEAK: (&str, &str) = ("SKEIN__SERVICE__PASSWORD_MEMORY_KIB", "8");

crate::on_both_engines!(
    every_kind_of_change_arrives_signed_and_in_order,
    kills_lose_nothing_and_repeats_carry_the_same_id,
    a_failing_conversation_keeps_the_table_and_holds_up_nobody,
    gone_switches_off_and_on_again_goes_on,
    the_dead_are_listed_and_their_conversation_goes_on,
    batches_carry_many_and_what_fails_goes_alone,
    without_an_endpoint_nothing_is_recorded,
);

pub fn of(received: &[Received], conversation: &str) -> Vec<Received> {
    received.iter().filter(|one| one.conversation() == conversation).cloned().collect()
}

fn every_kind_of_change_arrives_signed_and_in_order(engine: &Engine) {
    let receiver = Receiver::start(|_| 200);
    let server = engine.start(&[(ENDPOINTS, &endpoint(receiver.address, r#"["*"]"#, "")), WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let sent = call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "one"));
    let message = json!({"conversationId": sent["conversationId"], "messageId": sent["messageId"]});
    let mut edit = message.clone();
    edit["content"] = json!({"text": {"text": "two"}});
    call(&server, &ann.access, "MessageService/EditMessage", edit);
    call(&server, &ann.access, "MessageService/RecallMessage", message);
    call(&server, &bob.access, "ReceiptService/MarkRead", json!({"conversationId": sent["conversationId"], "seq": 1}));
    let group = call(&server, &ann.access, "GroupService/CreateGroup", json!({"name": "g", "userIds": [bob.user_id]}));
    let group = &group["group"]["conversationId"];
    call(&server, &ann.access, "GroupService/RenameGroup", json!({"conversationId": group, "name": "h"}));
    call(&server, &bob.access, "GroupService/LeaveGroup", json!({"conversationId": group}));
    call(&server, &bob.access, "AccountService/UpdateProfile", json!({"displayName": "Bob"}));
    call(&server, &bob.access, "AccountService/SetBlocked", json!({"userId": ann.user_id, "blocked": true}));
    call(&server, &bob.access, "AccountService/LogOut", json!({}));
    let received = receiver.wait(|received| received.len() >= 15);
    let kinds = |lane: &dyn Fn(&Received) -> bool| -> Vec<String> {
        received.iter().filter(|one| lane(one)).map(|one| one.kind().to_owned()).collect()
    };
    let text = |one: &Received| one.body.to_string();
    let in_pair = kinds(&|one| one.kind().starts_with("message.") || one.kind().starts_with("receipt."));
    assert_eq!(in_pair, ["message.created", "message.edited", "message.recalled", "receipt.read"]);
    let in_group = kinds(&|one| one.kind().starts_with("group."));
    assert_eq!(in_group, ["group.created", "group.renamed", "group.member_left"]);
    let is_bobs = |one: &Received| one.kind().starts_with("user.") || one.kind().starts_with("device.");
    let of_bob = kinds(&|one| is_bobs(one) && text(one).contains(&bob.user_id));
    assert_eq!(of_bob, ["user.created", "device.logged_in", "user.updated", "user.blocked", "device.logged_out"]);
    let ids: BTreeSet<&str> = received.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), received.len(), "each once while all goes well");
    assert!(received.iter().all(|one| !text(one).contains("password")), "no secret leaves the server");
}

/// Sends to several people, kills this or that meanwhile, and counts what came in the end.
fn kills_lose_nothing_and_repeats_carry_the_same_id(engine: &Engine) {
    let directory = tempfile::tempdir().unwrap();
    let mut receiver = ReceiverProcess::start(directory.path());
    let retries = "[100, 100, 200, 200, 500, 500, 1000, 1000, 2000]";
    let mut server = engine.start(&[(ENDPOINTS, &endpoint(receiver.address, MESSAGES, "")), (RETRIES, retries), WEAK]);
    let ann = register(&server, "ann");
    let people: Vec<_> = (0..4).map(|number| register(&server, &format!("bob{number}"))).collect();
    let seed = std::process::id();
    for round in 0..12_u64 {
        for (at, bob) in people.iter().enumerate() {
            for number in 0..5 {
                let number = (round * 10 + number) * 10 + at as u64;
                call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "keep me"));
            }
        }
        // Some more, of which nobody knows how far they are when the server dies.
        let mut link = Link::connect(&server, &ann);
        for number in 0..40 {
            let to = &people[number as usize % people.len()].user_id;
            link.request("MessageService/SendMessage", text_to(to, 10_000 + round * 100 + number, "perhaps"));
        }
        std::thread::sleep(Duration::from_millis(u64::from(seed) * (round + 7) % 40));
        match (u64::from(seed) + round) % 3 {
            0 => server.kill_and_restart(),
            1 => receiver.kill_and_restart(),
            _ => {
                server.kill_and_restart();
                receiver.kill_and_restart();
            }
        }
    }
    // Ends what is still on its way in.
    server.kill_and_restart();
    // What is in the conversations is the truth: there is an event for each message, and for nothing else.
    let last_seq = |bob: &Account| {
        let history = json!({"conversationId": direct(&ann, bob), "limit": 1});
        let history = call(&server, &bob.access, "SyncService/ListHistory", history);
        history["lastSeq"].as_str().unwrap().parse().unwrap()
    };
    let expected: BTreeMap<String, u64> = people.iter().map(|bob| (direct(&ann, bob), last_seq(bob))).collect();
    assert!(expected.values().all(|count| *count >= 60), "what was acked is there: {expected:?}");
    let all: u64 = expected.values().sum();
    let start = Instant::now();
    let received = loop {
        let received = receiver.received();
        let ids: BTreeSet<&str> = received.iter().map(|one| one.id.as_str()).collect();
        if ids.len() as u64 >= all {
            break received;
        }
        assert!(start.elapsed() < 3 * PATIENCE, "{} of {all} came, with seed {seed}", ids.len());
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut by_id: HashMap<&str, &Received> = HashMap::new();
    for one in &received {
        let first = by_id.entry(&one.id).or_insert(one);
        assert_eq!(first.body, one.body, "a repeat is the same event");
    }
    assert_eq!(by_id.len() as u64, all);
    for (conversation, count) in &expected {
        let mut seen = 0;
        for one in of(&received, conversation) {
            // Repeats go back, nothing ever skips ahead.
            assert!(one.seq() <= seen + 1, "{conversation}: {} after {seen}, with seed {seed}", one.seq());
            seen = seen.max(one.seq());
        }
        assert_eq!(seen, *count, "{conversation}");
    }
    eprintln!("{all} events, {} deliveries, seed {seed}", received.len());
}

fn a_failing_conversation_keeps_the_table_and_holds_up_nobody(engine: &Engine) {
    let failures = Arc::new(AtomicUsize::new(0));
    let (counted, poison) = (failures.clone(), "poison");
    let receiver = Receiver::start(move |one| {
        let poisoned = one.body.to_string().contains(poison);
        // A redirect is a failure as any other.
        if poisoned && counted.fetch_add(1, Ordering::Relaxed) < 3 {
            [500, 302, 429][counted.load(Ordering::Relaxed) % 3]
        } else {
            200
        }
    });
    let table = [800_u64, 1_200, 2_000];
    let server =
        engine.start(&[(ENDPOINTS, &endpoint(receiver.address, MESSAGES, "")), (RETRIES, &format!("{table:?}")), WEAK]);
    let (ann, bob, cid) = (register(&server, "ann"), register(&server, "bob"), register(&server, "cid"));
    let send =
        |to: &str, number, text| call(&server, &ann.access, "MessageService/SendMessage", text_to(to, number, text));
    send(&bob.user_id, 1, poison);
    send(&bob.user_id, 2, "waits behind it");
    for number in 10..20 {
        send(&cid.user_id, number, "goes on");
    }
    let received = receiver.wait(|received| received.len() >= 15);
    let with_bob = of(&received, &direct(&ann, &bob));
    assert_eq!(with_bob.iter().map(Received::seq).collect::<Vec<_>>(), [1, 1, 1, 1, 2]);
    assert!(with_bob[..4].iter().all(|one| one.id == with_bob[0].id));
    for (two, pause) in with_bob.windows(2).zip(table) {
        let waited = two[1].at - two[0].at;
        let most = Duration::from_millis(pause + pause / 5 + 3_000);
        assert!((Duration::from_millis(pause)..most).contains(&waited), "{waited:?} instead of {pause} ms");
    }
    let others = of(&received, &direct(&ann, &cid));
    assert_eq!(others.len(), 10);
    assert!(others[9].at < with_bob[3].at, "the others did not wait");
}

fn gone_switches_off_and_on_again_goes_on(engine: &Engine) {
    let status = Arc::new(AtomicU16::new(410));
    let answer = status.clone();
    let receiver = Receiver::start(move |_| answer.load(Ordering::Relaxed));
    let mut server = engine.start(&[(ENDPOINTS, &endpoint(receiver.address, MESSAGES, "")), KEYS, WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "one"));
    let hook =
        |server: &Server| crate::admin::call(server, "AdminService/ListWebhooks", json!({}))["webhooks"][0].clone();
    let start = Instant::now();
    while hook(&server)["disabledReason"] != "answered 410" {
        assert!(start.elapsed() < PATIENCE, "{}", hook(&server));
    }
    call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 2, "two"));
    server.kill_and_restart();
    assert_eq!(hook(&server)["enabled"], json!(null), "it stays off");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.received().len(), 1);
    status.store(200, Ordering::Relaxed);
    crate::admin::call(&server, "AdminService/SetWebhook", json!({"name": "hook", "enabled": true}));
    let received = receiver.wait(|received| received.len() >= 3);
    assert_eq!(received.iter().map(Received::seq).collect::<Vec<_>>(), [1, 1, 2]);
}

fn the_dead_are_listed_and_their_conversation_goes_on(engine: &Engine) {
    let receiver = Receiver::start(|one| if one.body.to_string().contains("poison") { 500 } else { 200 });
    let server =
        engine.start(&[(ENDPOINTS, &endpoint(receiver.address, MESSAGES, "")), (RETRIES, "[20, 20]"), KEYS, WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    for (number, text) in [(1, "poison"), (2, "fine")] {
        call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, text));
    }
    let received = receiver.wait(|received| received.len() >= 4);
    assert_eq!(received.iter().map(Received::seq).collect::<Vec<_>>(), [1, 1, 1, 2], "three attempts, then the next");
    let dead = crate::admin::call(&server, "AdminService/ListDeadEvents", json!({"webhook": "hook"}));
    let events = dead["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["attempts"]), (1, &json!(3)));
    assert_eq!(events[0]["eventId"], received[0].id.as_str());
    assert_eq!(events[0]["error"], "answered 500");
}

fn batches_carry_many_and_what_fails_goes_alone(engine: &Engine) {
    let receiver = Receiver::start(|one| if one.body.to_string().contains("poison") { 500 } else { 200 });
    let config = endpoint(receiver.address, MESSAGES, ", batch_max = 10, concurrency = 1");
    let server = engine.start(&[(ENDPOINTS, &config), (RETRIES, "[50, 50, 60000]"), WEAK]);
    let ann = register(&server, "ann");
    let people: Vec<_> = (0..6).map(|number| register(&server, &format!("bob{number}"))).collect();
    for (at, bob) in people.iter().enumerate() {
        let text = if at == 3 { "poison" } else { "fine" };
        call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, at as u64, text));
    }
    let taken = |received: &[Received]| -> BTreeSet<String> {
        let good = received.iter().filter(|one| !one.body.to_string().contains("poison"));
        good.flat_map(|one| one.body["data"].as_array().unwrap().clone()).map(|event| event["id"].to_string()).collect()
    };
    let received = receiver.wait(|received| taken(received).len() == 5);
    assert!(received.iter().all(|one| one.kind() == "batch"));
}

fn without_an_endpoint_nothing_is_recorded(engine: &Engine) {
    let server = engine.start(&[KEYS, WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    call(
        &server,
        &ann.access,
        "MessageService/SendMessage",
        json!({"userId": bob.user_id, "clientMessageId": uuid(1), "content": {"text": {"text": "x"}}}),
    );
    let hooks = crate::admin::call(&server, "AdminService/ListWebhooks", json!({}));
    assert_eq!(hooks, json!({}));
}

/// The configuration of a before-hook.
fn before(address: std::net::SocketAddr, silence: &str) -> String {
    format!(
        r#"{{ url = "http://{address}/hook?x=1", secrets = ["{SECRET}"], timeout_ms = 400, silence = "{silence}" }}"#
    )
}

#[test]
fn a_before_hook_refuses_and_changes() {
    let receiver = Receiver::start_with(|asked| {
        let text = asked.body["content"]["text"]["text"].as_str().unwrap();
        let answer = match text {
            "rude" => json!({"refuse": true, "text": "be kind"}),
            "phone" => json!({"content": {"text": {"text": "***"}}}),
            "broken" => json!({"content": {"text": {"text": ""}}}),
            _ => json!({}),
        };
        (200, answer.to_string())
    });
    let server = Server::start_with(&[("SKEIN__WEBHOOKS__BEFORE_MESSAGE", &before(receiver.address, "refuse")), WEAK]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let send = |number, text| {
        let body = text_to(&bob.user_id, number, text);
        try_call(&server, &ann.access, "MessageService/SendMessage", &body).map_err(|(_, error)| error)
    };
    let sent = send(1, "fine").unwrap();
    let refused = send(2, "rude").unwrap_err();
    assert_eq!((error_code(&refused).as_str(), &refused["message"]), ("FORBIDDEN", &json!("be kind")));
    send(3, "phone").unwrap();
    assert_eq!(error_code(&send(4, "broken").unwrap_err()), "INVALID_ARGUMENT");
    let edit = json!({
        "conversationId": sent["conversationId"], "messageId": sent["messageId"], "content": {"text": {"text": "rude"}},
    });
    assert_eq!(refused_code(&server, &ann, "MessageService/EditMessage", edit), "FORBIDDEN");
    let history = json!({"conversationId": direct(&ann, &bob), "limit": 10});
    let history = call(&server, &bob.access, "SyncService/ListHistory", history);
    let texts: Vec<_> =
        history["messages"].as_array().unwrap().iter().map(|one| &one["content"]["text"]["text"]).collect();
    assert!(texts.len() == 2 && texts.contains(&&json!("fine")) && texts.contains(&&json!("***")), "{history}");
    let asked = receiver.received();
    assert_eq!(asked[0].body["senderId"], ann.user_id.as_str());
    assert_eq!(asked[0].body["conversationId"], direct(&ann, &bob));
}

fn refused_code(server: &Server, account: &Account, method: &str, body: serde_json::Value) -> String {
    crate::http::refused(server, &account.access, method, body)
}

#[test]
fn a_silent_before_hook_passes_or_refuses_in_time() {
    let receiver = Receiver::start_with(|_| {
        std::thread::sleep(Duration::from_secs(10));
        (200, "{}".to_owned())
    });
    for (silence, passes) in [("pass", true), ("refuse", false)] {
        let hook = before(receiver.address, silence);
        let server = Server::start_with(&[("SKEIN__WEBHOOKS__BEFORE_MESSAGE", &hook), WEAK]);
        let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
        let start = Instant::now();
        let sent = try_call(&server, &ann.access, "MessageService/SendMessage", &text_to(&bob.user_id, 1, "hello"));
        assert!((400..8_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        match sent {
            Ok(_) => assert!(passes),
            Err((_, error)) => assert!(!passes && error_code(&error) == "UNAVAILABLE", "{error}"),
        }
    }
}
