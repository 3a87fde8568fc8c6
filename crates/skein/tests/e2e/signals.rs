//! Signals: who gets them, who may send them, replies, and that nothing of them is kept.

use serde_json::{Value, json};

use crate::{
    admin::{KEY, KEYS},
    http::{Account, call, direct, refused, register, text_to},
    link::Link,
    rooms::join,
    server::Server,
};

pub const SEND: &str = "SignalService/SendSignal";
pub const REPLY: &str = "SignalService/ReplySignal";

/// Another device of somebody.
pub fn log_in(server: &Server, name: &str) -> Account {
    let body = json!({"username": name, "password": "a long password"});
    Account::from_answer(&call(server, "", "AccountService/LogIn", body))
}

fn delivered(answer: &Value) -> u64 {
    answer["delivered"].as_u64().unwrap_or_default()
}

#[test]
fn signals_reach_those_who_are_connected_and_nobody_else() {
    let server = Server::start_with(&[KEYS]);
    let (ann, bob, eve) = (register(&server, "ann"), register(&server, "bob"), register(&server, "eve"));
    let tablet = log_in(&server, "ann");
    let [mut a, mut a2, mut b, mut e] = [&ann, &tablet, &bob, &eve].map(|account| Link::connect(&server, account));
    let pair = direct(&ann, &bob);

    a.call(SEND, json!({"conversationId": pair, "kind": "typing"})).unwrap();
    let typing = b.passing("signal");
    assert_eq!((&typing["kind"], &typing["senderId"]), (&json!("typing"), &json!(ann.user_id)));
    assert_eq!(typing["conversationId"], pair.as_str());
    let answer = a.call(SEND, json!({"conversationId": pair, "kind": "acme.cursor", "text": "{\"x\":1}"})).unwrap();
    assert_eq!(delivered(&answer), 2, "the other one, and the own tablet: {answer}");
    assert_eq!(b.passing("signal")["text"], "{\"x\":1}");
    assert_eq!(a2.passing("signal")["kind"], "acme.cursor", "of typing, the own devices are not told");
    let answer = a.call(SEND, json!({"userId": ann.user_id, "kind": "acme.handover"})).unwrap();
    assert_eq!(delivered(&answer), 1);
    assert_eq!(a2.passing("signal")["senderDeviceId"], a.welcome["deviceId"]);
    let device = json!({"userId": ann.user_id, "deviceId": a2.welcome["deviceId"]});
    let answer = a.call(SEND, json!({"device": device, "kind": "acme.ring", "data": "AAEC"})).unwrap();
    assert_eq!((delivered(&answer), &a2.passing("signal")["data"]), (1, &json!("AAEC")));
    let answer = call(&server, KEY, "AdminService/SendSignal", json!({"userId": bob.user_id, "kind": "acme.news"}));
    assert_eq!((delivered(&answer), &b.passing("signal")["kind"]), (1, &json!("acme.news")));
    for link in [&mut a, &mut e] {
        assert!(link.passed("signal").is_empty(), "whoever sends it, or is not meant, gets nothing");
    }
    assert_eq!(delivered(&a.call(SEND, json!({"userId": eve.user_id, "kind": "acme.poke"})).unwrap()), 1);
    assert_eq!(e.passing("signal")["kind"], "acme.poke", "anybody may write to anybody");

    // To a room it is a message like others.
    let mut seen = join(&mut b, "lobby");
    join(&mut a, "lobby");
    assert!(delivered(&a.call(SEND, json!({"roomId": "lobby", "kind": "wave", "text": "hi"})).unwrap()) >= 1);
    seen.until_text(&mut b, "hi");
}

#[test]
fn nothing_of_a_signal_waits_for_those_who_are_away() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut a = Link::connect(&server, &ann);
    let to_bob = json!({"userId": bob.user_id, "kind": "acme.poke"});
    assert_eq!(delivered(&a.call(SEND, to_bob.clone()).unwrap()), 0, "nobody is there");
    let b = Link::connect(&server, &bob);
    let session = b.welcome["sessionId"].clone();
    drop(b);
    // Whoever was there a moment ago may be polling. After that, nothing is kept.
    let start = std::time::Instant::now();
    let mut last = 1;
    while last > 0 {
        assert!(start.elapsed() < crate::http::PATIENCE, "a session without a connection is handed signals");
        last = match a.call(SEND, to_bob.clone()) {
            Ok(answer) => delivered(&answer),
            Err(code) => {
                assert_eq!(code, "RATE_LIMITED");
                1
            }
        };
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    assert_eq!(
        a.call(SEND, json!({"userId": bob.user_id, "kind": "acme.late"})).map(|answer| delivered(&answer)),
        Ok(0)
    );
    let resume = json!({"sessionId": session, "receivedLinkSeq": 0});
    let mut b = Link::hello(&server, json!({"token": bob.access, "resume": resume}));
    assert_eq!(b.welcome["resumed"], true);
    let came = b.passed("signal");
    assert!(came.iter().all(|signal| signal["kind"] != "acme.late"), "{came:?}");
    let pulled = call(&server, &bob.access, "SyncService/PullUser", json!({}));
    assert!(pulled["entries"].is_null(), "a signal is in no timeline: {pulled}");
}

#[test]
fn commands_are_answered_once_by_those_who_were_asked() {
    let server = Server::start_with(&[KEYS]);
    let (ann, bob, eve) = (register(&server, "ann"), register(&server, "bob"), register(&server, "eve"));
    let [mut a, mut b, mut e] = [&ann, &bob, &eve].map(|account| Link::connect(&server, account));
    let device = json!({"userId": bob.user_id, "deviceId": b.welcome["deviceId"]});
    let command = json!({"device": device, "kind": "command", "text": "{}", "expectsReplyMs": 20_000});
    assert_eq!(a.call(SEND, command.clone()), Err("FORBIDDEN".to_owned()), "they do not talk to each other");
    call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "hello"));

    let asked = a.request(SEND, command.clone());
    let signal = b.passing("signal");
    assert_eq!((&signal["kind"], &signal["replyWithinMs"]), (&json!("command"), &json!(20_000)));
    let id = signal["signalId"].clone();
    let stranger = e.call(REPLY, json!({"signalId": id, "text": "mine"})).unwrap();
    assert!(!stranger["taken"].as_bool().unwrap_or_default(), "nobody has asked her");
    assert_eq!(b.call(REPLY, json!({"signalId": id, "text": "done"})).unwrap()["taken"], true);
    let reply = a.response(asked).unwrap()["reply"].take();
    assert_eq!((&reply["text"], &reply["userId"]), (&json!("done"), &json!(bob.user_id)));
    assert_eq!(reply["deviceId"], b.welcome["deviceId"]);
    let late = b.call(REPLY, json!({"signalId": id, "text": "again"})).unwrap();
    assert!(!late["taken"].as_bool().unwrap_or_default());

    let short = json!({"device": device, "kind": "command", "expectsReplyMs": 1});
    assert_eq!(a.call(SEND, short), Err("TIMEOUT".to_owned()));
    let nobody =
        json!({"device": {"userId": bob.user_id, "deviceId": "none"}, "kind": "command", "expectsReplyMs": 20_000});
    assert_eq!(a.call(SEND, nobody), Err("UNAVAILABLE".to_owned()));
    // Over HTTP, by the host application.
    let host = std::thread::scope(|scope| {
        let asked = scope.spawn(|| call(&server, KEY, "AdminService/SendSignal", command.clone()));
        let id = loop {
            let signal = b.passing("signal");
            if signal["replyWithinMs"] == 20_000 {
                break signal["signalId"].clone();
            }
        };
        b.call(REPLY, json!({"signalId": id, "text": "yes"})).unwrap();
        asked.join().unwrap()
    });
    assert_eq!(host["reply"]["text"], "yes");
}

#[test]
fn what_may_not_be_sent_is_refused_with_a_code() {
    let server = Server::start();
    let (ann, bob, eve) = (register(&server, "ann"), register(&server, "bob"), register(&server, "eve"));
    let group = json!({"name": "g", "userIds": [bob.user_id]});
    let group = call(&server, &ann.access, "GroupService/CreateGroup", group)["group"]["conversationId"].clone();
    let no = |account: &Account, body: Value| refused(&server, &account.access, SEND, body);
    assert_eq!(no(&eve, json!({"conversationId": group, "kind": "typing"})), "NOT_A_MEMBER");
    assert_eq!(no(&eve, json!({"conversationId": direct(&ann, &bob), "kind": "typing"})), "NOT_A_MEMBER");
    assert_eq!(no(&ann, json!({"userId": "999999", "kind": "x"})), "NOT_FOUND");
    let wrong = [
        json!({"kind": "typing"}),
        json!({"userId": "0", "kind": "x"}),
        json!({"userId": ann.user_id}),
        json!({"userId": ann.user_id, "kind": "Typing"}),
        json!({"userId": ann.user_id, "kind": "打字"}),
        json!({"userId": ann.user_id, "kind": "x".repeat(65)}),
        json!({"userId": ann.user_id, "kind": "x", "expectsReplyMs": 30_001}),
        json!({"device": {"userId": ann.user_id}, "kind": "x"}),
        json!({"conversationId": "no", "kind": "x"}),
        json!({"roomId": "lobby", "kind": "x", "expectsReplyMs": 5}),
    ];
    for body in wrong {
        assert_eq!(no(&ann, body.clone()), "INVALID_ARGUMENT", "{body}");
    }
    assert_eq!(no(&ann, json!({"userId": ann.user_id, "kind": "x", "text": "x".repeat(4_097)})), "TOO_LARGE");
    assert_eq!(no(&ann, json!({"roomId": "lobby", "kind": "x"})), "SESSION_NEEDED");
    for id in ["", "x", "0000000000000000-0"] {
        assert_eq!(refused(&server, &ann.access, REPLY, json!({"signalId": id})), "INVALID_ARGUMENT");
    }
    let elsewhere = json!({"signalId": format!("00000000000000ff-{:032x}", 7)});
    assert!(call(&server, &ann.access, REPLY, elsewhere)["taken"].as_bool().is_none_or(|taken| !taken));
    call(&server, &bob.access, "AccountService/SetBlocked", json!({"userId": ann.user_id, "blocked": true}));
    assert_eq!(no(&ann, json!({"userId": bob.user_id, "kind": "x"})), "BLOCKED");
    assert_eq!(no(&ann, json!({"conversationId": direct(&ann, &bob), "kind": "typing"})), "BLOCKED");
    // One may write every three seconds, and poke five times a second.
    let typing = json!({"conversationId": group, "kind": "typing"});
    call(&server, &ann.access, SEND, typing.clone());
    let again = (0..10).map(|_| crate::http::try_call(&server, &ann.access, SEND, &typing)).find_map(Result::err);
    assert_eq!(crate::http::error_code(&again.expect("ten at once are too many").1), "RATE_LIMITED");
    let poke = json!({"userId": ann.user_id, "kind": "acme.poke"});
    let tries = 0..100;
    let limited = tries.map(|_| crate::http::try_call(&server, &ann.access, SEND, &poke)).find_map(Result::err);
    let (_, error) = limited.expect("a hundred at once are too many");
    assert_eq!(crate::http::error_code(&error), "RATE_LIMITED");
    assert!(error["details"][0]["debug"]["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{error}");
}

#[test]
fn large_groups_have_no_typing() {
    let server = Server::start_with(&[("SKEIN__SQLITE__LARGE_GROUP_MEMBERS", "2")]);
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| register(&server, name));
    let group = json!({"name": "g", "userIds": [bob.user_id, eve.user_id]});
    let group = call(&server, &ann.access, "GroupService/CreateGroup", group)["group"]["conversationId"].clone();
    assert_eq!(
        refused(&server, &ann.access, SEND, json!({"conversationId": group, "kind": "typing"})),
        "LIMIT_REACHED"
    );
}
