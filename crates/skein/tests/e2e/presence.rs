//! Presence: who is shown as there, to whom, and that a short drop shows nowhere; online time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    admin::{KEY, KEYS},
    cluster::until,
    drain::client,
    http::{self, Account, PATIENCE, call, refused, register, text_to},
    link::Link,
    rooms::number,
    server::Server,
};

const WATCH: &str = "PresenceService/WatchPresence";
const GET: &str = "PresenceService/GetPresence";
/// Long enough for a slow machine to resume within, short enough to wait for.
const GRACE: (&str, &str) = ("SKEIN__ACCESS__PRESENCE_GRACE_MS", "4000");

/// The state of a presence, without its prefix; unspecified is empty.
pub fn state(presence: &Value) -> String {
    presence["state"].as_str().unwrap_or_default().trim_start_matches("PRESENCE_STATE_").to_owned()
}

/// Waits until what is pushed says that this person looks like this.
pub fn until_seen(link: &mut Link, user_id: &str, wanted: &str) -> Value {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "{user_id} never looks {wanted}");
        let event = link.passing("presence");
        for presence in event["presences"].as_array().unwrap() {
            if presence["userId"] == user_id && state(presence) == wanted {
                return presence.clone();
            }
        }
    }
}

/// What somebody sees of somebody.
pub fn look(server: &Server, watcher: &Account, user: &Account) -> Value {
    let answer = call(server, &watcher.access, GET, json!({"userIds": [user.user_id]}));
    answer["presences"][0].clone()
}

pub fn watch(link: &mut Link, user: &Account) -> Value {
    link.call(WATCH, json!({"userIds": [user.user_id]})).unwrap()["presences"][0].clone()
}

#[test]
fn watchers_are_told_who_comes_and_who_is_gone_for_good() {
    let server = Server::start_with(&[GRACE]);
    let (ann, bob, cid) = (register(&server, "ann"), register(&server, "bob"), register(&server, "cid"));
    let mut a = Link::connect(&server, &ann);
    let first = watch(&mut a, &bob);
    assert_eq!((state(&first), number(&first["lastSeenMs"])), ("OFFLINE".to_owned(), 0));
    let b = Link::connect(&server, &bob);
    let there = until_seen(&mut a, &bob.user_id, "ONLINE");
    assert!(there["devices"].is_array(), "{there}");
    assert_eq!(state(&look(&server, &ann, &bob)), "ONLINE");

    // A short drop, resumed within the grace, is pushed to nobody. Cid drops at the same time, and is gone when all is over.
    watch(&mut a, &cid);
    let c = Link::connect(&server, &cid);
    until_seen(&mut a, &cid.user_id, "ONLINE");
    let session = b.welcome["sessionId"].clone();
    drop(b);
    drop(c);
    let resume = json!({"sessionId": session, "receivedLinkSeq": 0});
    let b = Link::hello(&server, json!({"token": bob.access, "resume": resume}));
    assert_eq!(b.welcome["resumed"], true);
    let mut gone = false;
    while !gone {
        let event = a.passing("presence");
        for presence in event["presences"].as_array().unwrap() {
            assert!(presence["userId"] != bob.user_id.as_str() || state(presence) == "ONLINE", "flickers: {event}");
            gone |= presence["userId"] == cid.user_id.as_str() && state(presence) == "OFFLINE";
        }
    }

    let left = Instant::now();
    drop(b);
    let gone = until_seen(&mut a, &bob.user_id, "OFFLINE");
    assert!(left.elapsed() >= Duration::from_millis(3_900), "the grace was not kept: {:?}", left.elapsed());
    // When it was is told a moment later by the store.
    until("a last time", || number(&look(&server, &ann, &bob)["lastSeenMs"]) > 0);
    assert!(gone["devices"].is_null());

    let mut other = Link::connect(&server, &ann);
    watch(&mut other, &bob);
    a.call("PresenceService/UnwatchPresence", json!({"all": true})).unwrap();
    a.passed("presence");
    let _b = Link::connect(&server, &bob);
    until_seen(&mut other, &bob.user_id, "ONLINE");
    assert!(a.passed("presence").is_empty(), "nobody is watched any more");
}

#[test]
fn people_choose_how_they_look_and_who_sees_it() {
    let server = Server::start_with(&[GRACE]);
    let (ann, bob, eve) = (register(&server, "ann"), register(&server, "bob"), register(&server, "eve"));
    let (mut a, _b) = (Link::connect(&server, &ann), Link::connect(&server, &bob));
    watch(&mut a, &bob);
    until_seen(&mut a, &bob.user_id, "ONLINE");
    let set = |account: &Account, body: Value| call(&server, &account.access, "PresenceService/SetPresence", body);
    set(&bob, json!({"state": "PRESENCE_STATE_BUSY", "text": "at lunch"}));
    assert_eq!(until_seen(&mut a, &bob.user_id, "BUSY")["text"], "at lunch");
    set(&bob, json!({"state": "PRESENCE_STATE_INVISIBLE"}));
    let gone = until_seen(&mut a, &bob.user_id, "OFFLINE");
    assert!(gone["text"].is_null() && gone["devices"].is_null(), "{gone}");
    assert!(number(&gone["lastSeenMs"]) > 0);
    assert_eq!(state(&look(&server, &bob, &bob)), "INVISIBLE", "oneself sees it");
    let poke = json!({"userId": bob.user_id, "kind": "acme.poke"});
    let answer = call(&server, &ann.access, "SignalService/SendSignal", poke.clone());
    assert_eq!(number(&answer["delivered"]), 0, "a count would tell that he is there");
    set(&bob, json!({"state": "PRESENCE_STATE_ONLINE"}));
    until_seen(&mut a, &bob.user_id, "ONLINE");
    assert_eq!(number(&call(&server, &ann.access, "SignalService/SendSignal", poke)["delivered"]), 1);

    let allow = |key: &str, value: &str| {
        call(&server, &bob.access, "AccountService/PutSetting", json!({"key": key, "value": value}));
    };
    allow("presence.visible", "contacts");
    until_seen(&mut a, &bob.user_id, "");
    call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "hello"));
    assert_eq!(state(&look(&server, &ann, &bob)), "ONLINE", "they talk to each other");
    assert_eq!(state(&look(&server, &eve, &bob)), "");
    allow("presence.visible", "");
    call(&server, &bob.access, "AccountService/SetBlocked", json!({"userId": ann.user_id, "blocked": true}));
    assert_eq!(state(&look(&server, &ann, &bob)), "");
    assert_eq!(state(&look(&server, &eve, &bob)), "ONLINE");
}

#[test]
fn what_cannot_be_watched_is_refused_with_a_code() {
    let server = Server::start();
    let ann = register(&server, "ann");
    let no = |method: &str, body: Value| refused(&server, &ann.access, method, body);
    assert_eq!(no(WATCH, json!({"userIds": [ann.user_id]})), "SESSION_NEEDED");
    let many: Vec<String> = (1..=501).map(|id: u64| id.to_string()).collect();
    assert_eq!(no(GET, json!({"userIds": many})), "TOO_LARGE");
    assert_eq!(no(GET, json!({"userIds": ["0"]})), "INVALID_ARGUMENT");
    let mut link = Link::connect(&server, &ann);
    link.call(WATCH, json!({"userIds": many[..500]})).unwrap();
    link.call(WATCH, json!({"userIds": many[..500]})).unwrap();
    assert_eq!(link.call(WATCH, json!({"userIds": ["501"]})), Err("LIMIT_REACHED".to_owned()));
    let wrong = [
        json!({"state": "PRESENCE_STATE_OFFLINE"}),
        json!({"state": 99}),
        json!({"text": "x".repeat(65)}),
        json!({"text": "a\nb"}),
        json!({"untilMs": "1"}),
    ];
    for body in wrong {
        assert_eq!(no("PresenceService/SetPresence", body.clone()), "INVALID_ARGUMENT", "{body}");
    }
    for key in ["presence.visible", "presence.last_seen"] {
        let setting = json!({"key": key, "value": "friends"});
        assert_eq!(no("AccountService/PutSetting", setting), "INVALID_ARGUMENT");
    }
    for days in
        [json!({"fromDay": "5", "toDay": "4"}), json!({"fromDay": "0", "toDay": "366"}), json!({"fromDay": "-1"})]
    {
        assert_eq!(no("PresenceService/GetMyOnlineTime", days.clone()), "INVALID_ARGUMENT", "{days}");
    }
}

#[test]
fn signals_and_presence_are_measured() {
    let server = Server::start_with(&[GRACE]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut a = Link::connect(&server, &ann);
    watch(&mut a, &bob);
    let mut b = Link::connect(&server, &bob);
    until_seen(&mut a, &bob.user_id, "ONLINE");
    let figure = |name: &str| {
        let metrics = http::request(server.http, "GET", "/metrics", "", b"").1;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.map_or(0, |value| value.parse::<u64>().unwrap())
    };
    until("a figure", || figure("skein_presence_watched") == 1);
    assert!(figure("skein_presence_told_total") >= 1);
    let poke = json!({"userId": bob.user_id, "kind": "acme.poke"});
    a.call("SignalService/SendSignal", poke.clone()).unwrap();
    b.passing("signal");
    assert_eq!(figure(r#"skein_signals_total{target="user"}"#), 1);
    assert_eq!(figure("skein_signal_deliveries_total"), 1);
    // More than one person may send.
    let last = (0..30).map(|_| a.request("SignalService/SendSignal", poke.clone())).last();
    // They may be answered in another order.
    let (mut answered, mut refused) = (0, 0);
    while answered < 30 {
        let response = a.receive()["response"].take();
        assert!(number(&response["id"]) <= last.unwrap());
        answered += usize::from(!response.is_null());
        refused += usize::from(!response["error"].is_null());
    }
    assert!(refused > 0);
    assert_eq!(figure(r#"skein_refused_total{reason="signal_rate"}"#), refused as u64);
    a.call("PresenceService/UnwatchPresence", json!({"all": true})).unwrap();
    until("nobody being watched", || figure("skein_presence_watched") == 0);
}

#[test]
fn the_sdk_asks_how_long_one_was_here() {
    let server = Server::start_with(&[GRACE]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ann = runtime.block_on(client(&server, "ann"));
    let days = |from_day, to_day| runtime.block_on(ann.online_time(from_day, to_day));
    until("the first beat", || days(0, 0).unwrap().iter().any(|day| day.online_ms > 0));
    let today = days(0, 0).unwrap().remove(0);
    assert!(today.user_id == ann.user_id() && today.first_seen_ms < today.last_seen_ms, "{today:?}");
    assert!(days(today.day + 2, today.day + 3).unwrap().is_empty());
    let refused = days(0, 366).unwrap_err();
    assert_eq!(refused.code(), Some(skein_proto::v1::ErrorCode::InvalidArgument));
}

#[test]
fn online_time_survives_a_kill() {
    let mut server = Server::start_with(&[KEYS, GRACE]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let link = Link::connect(&server, &ann);
    let mine = |server: &Server| {
        let days = call(server, &ann.access, "PresenceService/GetMyOnlineTime", json!({}))["days"].clone();
        days.as_array().into_iter().flatten().map(|day| number(&day["onlineMs"])).sum::<u64>()
    };
    let total = |server: &Server, users: Value| {
        let answer = call(server, KEY, "AdminService/ListOnlineTime", json!({"userIds": users}));
        (number(&answer["totals"][0]["activeUsers"]), answer["days"].as_array().map_or(0, Vec::len))
    };
    until("somebody who is active", || total(&server, json!([])).0 == 1);
    // The node says every ten seconds that it lives: so much is certain of who is online just now.
    until("the first beat", || mine(&server) > 0);
    let before = mine(&server);
    server.kill_and_restart();
    drop(link);
    let after = mine(&server);
    assert!(after >= before, "{after} of {before} ms are left");
    assert_eq!(mine(&server), after, "nobody is online any more");
    let ids = json!([ann.user_id, bob.user_id]);
    assert_eq!(total(&server, ids), (1, 1));
}
