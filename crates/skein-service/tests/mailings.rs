//! Mailings and the stream of events, as a business system asks for them.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use skein_bus::local::LocalBus;
use skein_proto::{
    codec::Codec,
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet},
    v1::{self, ErrorCode, UserState},
};
use skein_service::{AdminConfig, ServerKey, Service, ServiceConfig, admin::KeyConfig};
use skein_store::{
    account::{AccountStore as _, UserRow},
    group::GroupStore as _,
    mailing::{AdvanceMailing, MailingStore as _},
    receipt::ReceiptStore as _,
    sync::{HistoryFrom, SyncStore as _},
};
use skein_store_sqlite::{SqliteConfig, SqliteStore};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ANN: u64 = 1;
const USERS: std::ops::RangeInclusive<u64> = 1..=40;
/// How long a test waits for anything before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    service: Arc<Service>,
    store: Arc<SqliteStore>,
    key: ServerKey,
    _directory: tempfile::TempDir,
}

impl World {
    /// With users, of whom the second blocks the first and the third is suspended.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(directory.path(), SqliteConfig::default()).unwrap());
        for id in USERS {
            let state = if id == 3 { UserState::Suspended } else { UserState::Active };
            let user =
                v1::User { user_id: id, username: format!("user{id}"), state: state.into(), ..Default::default() };
            store
                .create_user(UserRow { user, password_hash: String::new(), external_id: String::new() })
                .await
                .unwrap();
        }
        store.set_blocked(UserId(2), UserId(ANN), true).await.unwrap();
        let (bus, mut deliveries) = LocalBus::new();
        tokio::spawn(async move { while deliveries.recv().await.is_some() {} });
        let admin = AdminConfig {
            keys: vec![KeyConfig { name: "shop".to_owned(), key: KEY.to_owned() }],
            event_kinds: vec!["mailing.*".to_owned(), "message.*".to_owned()],
            mailing_per_second: 10_000,
            ..AdminConfig::default()
        };
        let (rules, bus) = (ServiceConfig::default(), Arc::new(bus));
        let service = Service::start_with(store.clone(), bus, rules, admin, KindSet::EMPTY).await.unwrap();
        let key = service.authenticate_server(Some(KEY)).unwrap();
        Self { service, store, key, _directory: directory }
    }

    async fn call(&self, method: &str, request: Value) -> Result<Value, ErrorCode> {
        let body = serde_json::to_vec(&request).unwrap();
        match self.service.dispatch_server(&self.key, method, Codec::Json, &body).await {
            Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
            Err(error) => Err(error.code.as_known().unwrap()),
        }
    }

    /// Runs a worker until the mailing has ended.
    async fn finished(&self, mailing_id: &Value) -> Value {
        let worker = tokio::spawn(self.service.clone().carry_mailings());
        let ended = async {
            loop {
                let got = self.call("AdminService/GetMailing", json!({"mailingId": mailing_id})).await.unwrap();
                if got["mailing"]["state"] == "MAILING_STATE_FINISHED" {
                    return got["mailing"].clone();
                }
                tokio::task::yield_now().await;
            }
        };
        let mailing = tokio::time::timeout(PATIENCE, ended).await.unwrap();
        worker.abort();
        mailing
    }

    async fn texts(&self, user: u64, conversation: ConversationId) -> usize {
        let history = self.store.list_history(UserId(user), conversation, HistoryFrom::After(0), 100).await;
        history.map_or(0, |history| history.messages.iter().filter(|message| message.sender_id != 0).count())
    }
}

fn uuid(number: u64) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
}

fn mailing(number: u64, target: Value) -> Value {
    json!({"clientMailingId": uuid(number), "senderId": ANN, "target": target, "content": {"text": {"text": "paid"}}})
}

#[tokio::test]
async fn everyone_gets_it_once_and_the_report_says_so() {
    let world = World::new().await;
    let asked = mailing(1, json!({"everyone": true}));
    let first = world.call("AdminService/SendAsUser", asked.clone()).await.unwrap();
    let id = &first["mailing"]["mailingId"];
    assert_eq!(first["mailing"]["report"]["pending"], "38", "all but the sender and the suspended one: {first}");
    let done = world.finished(id).await;
    assert_eq!(done["report"], json!({"accepted": "37", "failed": "1"}));
    assert_eq!(done["key"], "shop", "who asked for it is kept");
    let again = world.call("AdminService/SendAsUser", asked).await.unwrap();
    assert_eq!((&again["mailing"]["mailingId"], &again["duplicate"]), (id, &json!(true)));
    for user in 4..=40 {
        let pair = ConversationId::direct(UserId(ANN), UserId(user));
        assert_eq!(world.texts(user, pair).await, 1, "user {user}");
    }
    let failed = json!({"mailingId": id, "failedOnly": true});
    let failed = world.call("AdminService/ListReceivers", failed).await.unwrap();
    assert_eq!(failed["receivers"], json!([{"userId": "2", "failure": "BLOCKED"}]));
    let pair = ConversationId::direct(UserId(ANN), UserId(7));
    world.store.set_read(UserId(7), pair, 1, 1).await.unwrap();
    let got = world.call("AdminService/GetMailing", json!({"mailingId": id})).await.unwrap();
    assert_eq!(got["mailing"]["report"], json!({"accepted": "37", "delivered": "1", "read": "1", "failed": "1"}));
}

#[tokio::test]
async fn a_worker_that_dies_at_any_step_sends_nothing_twice_and_forgets_nobody() {
    let world = World::new().await;
    let first = world.call("AdminService/SendAsUser", mailing(1, json!({"everyone": true}))).await.unwrap();
    for steps in 0..60 {
        // Dropped at some await of its own: whatever it had not stored is done again.
        let worker = world.service.clone().carry_mailings();
        let _ = tokio::time::timeout(Duration::from_micros(200 * steps), worker).await;
    }
    // The lease of the last one may still run: a restart of the process ends it, here the test asks after its end.
    let id = first["mailing"]["mailingId"].as_str().unwrap().parse().unwrap();
    let now_ms = skein_service::now_ms() + 31_000;
    if let Ok(claimed) = world.store.claim_mailing("test", now_ms, now_ms).await.unwrap() {
        let release = AdvanceMailing {
            mailing_id: id,
            holder: "test".to_owned(),
            outcomes: Vec::new(),
            cursor: claimed.cursor,
            finished: false,
            due_ms: 0,
            now_ms,
        };
        assert!(world.store.advance_mailing(release).await.unwrap());
    }
    let done = world.finished(&first["mailing"]["mailingId"]).await;
    assert_eq!(done["report"], json!({"accepted": "37", "failed": "1"}));
    for user in 4..=40 {
        let pair = ConversationId::direct(UserId(ANN), UserId(user));
        assert_eq!(world.texts(user, pair).await, 1, "user {user}");
    }
}

#[tokio::test]
async fn groups_get_one_message_as_a_user_and_one_each_as_a_notification() {
    let world = World::new().await;
    let members: Vec<UserId> = [4, 5, 6].map(UserId).to_vec();
    let (group, _) = world.store.create_group(UserId(ANN), "g", &members, "", 1).await.unwrap();
    let target = json!({"conversationId": group.to_string()});
    let as_user = world.call("AdminService/SendAsUser", mailing(1, target.clone())).await.unwrap();
    let done = world.finished(&as_user["mailing"]["mailingId"]).await;
    assert_eq!(done["report"]["accepted"], "1");
    assert_eq!(world.texts(5, group).await, 1);
    let notification = json!({"clientMailingId": uuid(2), "target": target, "content": {"text": {"text": "paid"}}});
    let sent = world.call("AdminService/SendNotification", notification).await.unwrap();
    let done = world.finished(&sent["mailing"]["mailingId"]).await;
    assert_eq!(done["report"]["accepted"], "4", "each member, {done}");
    let notifier: u64 = done["senderId"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.texts(5, ConversationId::direct(UserId(notifier), UserId(5))).await, 1);
    assert_eq!(world.texts(5, group).await, 1, "nothing more in the group");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::new().await;
    let to_ann = json!({"userId": ANN});
    let with = |field: &str, value: Value| {
        let mut request = mailing(1, to_ann.clone());
        request[field] = value;
        request
    };
    for (request, code) in [
        (with("senderId", json!(999)), ErrorCode::NotFound),
        (with("senderId", json!(3)), ErrorCode::AccountSuspended),
        (with("target", json!({})), ErrorCode::InvalidArgument),
        (with("target", json!({"userId": 999})), ErrorCode::NotFound),
        (with("target", json!({"users": {}})), ErrorCode::InvalidArgument),
        (with("target", json!({"conversationId": "g99"})), ErrorCode::NotAMember),
        (with("content", json!({"system": {"kind": "renamed"}})), ErrorCode::Forbidden),
        (with("content", json!({})), ErrorCode::InvalidArgument),
        (with("clientMailingId", json!("x")), ErrorCode::InvalidArgument),
    ] {
        assert_eq!(world.call("AdminService/SendAsUser", request.clone()).await, Err(code), "{request}");
    }
    assert_eq!(world.call("AdminService/GetMailing", json!({"mailingId": 1})).await, Err(ErrorCode::NotFound));
    assert_eq!(world.call("AdminService/CancelMailing", json!({"mailingId": 1})).await, Err(ErrorCode::NotFound));
    assert_eq!(world.call("AccountService/GetMe", json!({})).await, Err(ErrorCode::Unauthenticated), "no user");
}

#[tokio::test]
async fn streams_begin_where_they_are_told() {
    let world = World::new().await;
    let (now, kinds) = world.service.open_events(None, &[]).await.unwrap();
    let sent = world.call("AdminService/SendAsUser", mailing(1, json!({"userId": 9}))).await.unwrap();
    world.finished(&sent["mailing"]["mailingId"]).await;
    let page = world.service.next_events(now, kinds).await.unwrap();
    let seen: Vec<_> = page.lines.iter().map(|line| line.kind).collect();
    assert_eq!(seen, [EventKind::MessageCreated, EventKind::MailingFinished]);
    let payload: Value = serde_json::from_str(&page.lines[1].payload).unwrap();
    assert_eq!(payload["data"]["mailing"]["report"]["accepted"], "1");
    let only = ["mailing.*".to_owned()];
    let (start, kinds) = world.service.open_events(Some(0), &only).await.unwrap();
    assert_eq!(world.service.next_events(start, kinds).await.unwrap().lines.len(), 1);
    for (after, kind) in [(Some(0), "user.created"), (Some(0), "nonsense"), (Some(u64::MAX), "message.created")] {
        let refused = world.service.open_events(after, &[kind.to_owned()]).await.unwrap_err();
        assert_eq!(refused.code.as_known(), Some(ErrorCode::InvalidArgument), "{kind}");
    }
}
