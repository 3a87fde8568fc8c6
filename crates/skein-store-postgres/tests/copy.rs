//! A copy into an empty database: interrupted, continued, verified, and closed to servers until then.

use skein_proto::{id::UserId, outbox::KindSet, v1};
use skein_store::{
    account::{AccountStore as _, UserRow},
    copy::{Digest, TABLES, Table, Value},
    mailing::MailingStore as _,
    outbox::{ClaimLanes, OutboxStore as _},
};
use skein_store_postgres::{DatabaseUrl, OpenError, PostgresConfig, PostgresImport, PostgresStore};
use skein_testkit::postgres::PostgresServer;

fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).expect("the table is one of them")
}

/// A row of settings.
fn setting(user: i64) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    vec![Value::Integer(user), text("key"), Value::Integer(7), text("value")]
}

#[tokio::test]
async fn an_interrupted_copy_goes_on_and_keeps_servers_out() {
    let database = PostgresServer::shared().database();
    let config = PostgresConfig { url: DatabaseUrl::from(database.url()), ..PostgresConfig::default() };
    let mut copy = PostgresImport::open(&config, 1).await.unwrap();
    let settings = table("settings");
    copy.append(settings, &[setting(1), setting(2)]).await.unwrap();
    assert!(copy.append(settings, &[setting(3), setting(2)]).await.is_err(), "a batch is whole or not there");
    drop(copy);
    assert!(matches!(PostgresStore::open(config.clone()).await, Err(OpenError::HalfCopied)));
    assert!(matches!(PostgresImport::open(&config, 2).await, Err(OpenError::Foreign)), "another source");
    let mut copy = PostgresImport::open(&config, 1).await.unwrap();
    assert_eq!((copy.copied(settings).await.unwrap(), copy.copied(table("users")).await.unwrap()), (2, 0));
    copy.append(settings, &[setting(3)]).await.unwrap();
    let mut expected = Digest::default();
    (1..=3).for_each(|user| expected.add(&setting(user)));
    assert_eq!(copy.digest(settings).await.unwrap(), expected);
    copy.finish().await.unwrap();
    drop(copy);
    PostgresStore::open(config.clone()).await.unwrap().close().await;
    assert!(matches!(PostgresImport::open(&config, 1).await, Err(OpenError::Foreign)), "it is in use now");
}

fn integers(numbers: &[i64]) -> Vec<Value> {
    numbers.iter().copied().map(Value::Integer).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Rows as the first engine has them: two events left of four, one of them undelivered and under lease.
fn rows_of_the_outbox() -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let event =
        |position: i64, time_ms: i64| [integers(&[position, 77, 36, time_ms]), vec![Value::Blob(Vec::new())]].concat();
    let lane = [vec![text("hook")], integers(&[77, 3, 2, 9_000]), vec![text("somebody who is gone")]].concat();
    let dead =
        [vec![text("hook")], event(1, 1_000), vec![Value::Integer(10), text("500"), Value::Integer(5_000)]].concat();
    let mailing = [
        vec![Value::Integer(5), text("shop:1"), Value::Integer(2), Value::Integer(1), Value::Blob(Vec::new())],
        integers(&[9, 1, 1, 0]),
        vec![Value::Null, Value::Integer(2_000)],
    ];
    vec![
        ("events", vec![event(3, 3_000), event(4, 4_000)]),
        ("events_trimmed", vec![integers(&[2])]),
        ("consumers", vec![vec![text("hook"), Value::Integer(1), text(""), Value::Integer(4)]]),
        ("lanes", vec![lane]),
        ("dead_events", vec![dead]),
        ("mailings", vec![mailing.concat()]),
        ("mailing_users", vec![integers(&[5, 8]), integers(&[5, 9])]),
        ("mailing_receivers", vec![integers(&[5, 8, 1, 1, 0]), integers(&[5, 9, 0, 0, 3])]),
    ]
}

#[tokio::test]
async fn events_consumers_and_mailings_come_along_and_go_on() {
    let database = PostgresServer::shared().database();
    let config = PostgresConfig { url: DatabaseUrl::from(database.url()), ..PostgresConfig::default() };
    let mut copy = PostgresImport::open(&config, 1).await.unwrap();
    for (name, rows) in rows_of_the_outbox() {
        copy.append(table(name), &rows).await.unwrap();
        let mut expected = Digest::default();
        rows.iter().for_each(|row| expected.add(row));
        assert_eq!(copy.digest(table(name)).await.unwrap(), expected, "{name}");
    }
    copy.finish().await.unwrap();
    let store = PostgresStore::open(config).await.unwrap();
    let bounds = store.lookup_event_bounds().await.unwrap();
    assert_eq!((bounds.trimmed, bounds.last), (2, 4));
    store.set_recorded_kinds(KindSet::all());
    let user = v1::User { user_id: 1, username: "ann".to_owned(), ..Default::default() };
    store.create_user(UserRow { user, password_hash: String::new(), external_id: String::new() }).await.unwrap();
    let events = store.list_events(2, KindSet::all(), 10).await.unwrap().events;
    assert_eq!(
        events.iter().map(|event| (event.position, event.time_ms > 4_000)).collect::<Vec<_>>(),
        [(3, false), (4, false), (5, true)]
    );
    let claim = ClaimLanes {
        consumer: "hook".to_owned(),
        kinds: KindSet::all(),
        holder: "heir".to_owned(),
        lanes_max: 10,
        fresh_max: 0,
        events_max: 10,
        now_ms: 1,
        until_ms: 2,
    };
    let claimed = store.claim_lanes(claim).await.unwrap();
    assert_eq!((claimed.lanes.len(), claimed.cursor), (1, 4), "the lease of the old server ended with it");
    assert_eq!((claimed.lanes[0].attempts, claimed.lanes[0].events.as_slice()), (2, &events[..2]));
    assert_eq!(store.list_dead_events("hook", 0, 10).await.unwrap()[0].attempts, 10);
    let mailing = store.lookup_mailing(5).await.unwrap().expect("it came along");
    assert_eq!(mailing.report.as_option().map(|report| (report.accepted, report.failed)), Some((1, 1)));
    assert_eq!(store.list_receivers(5, UserId(0), 10, true).await.unwrap().len(), 1);
    assert_eq!(store.create_mailing(v1::Mailing::default()).await.unwrap().0.mailing_id, 6, "ids go on");
    store.close().await;
}
