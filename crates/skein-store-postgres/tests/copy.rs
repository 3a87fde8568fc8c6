//! A copy into an empty database: interrupted, continued, verified, and closed to servers until then.

use skein_store::copy::{Digest, TABLES, Table, Value};
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
