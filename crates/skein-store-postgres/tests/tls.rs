//! TLS to the database: a certificate that is good, and those that are not.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use skein_store_postgres::{PostgresConfig, PostgresStore};
use skein_testkit::postgres::PostgresServer;

/// Writes a certificate for this address, signed by itself, and its key as PostgreSQL wants it.
fn certify(directory: &Path, name: &str, address: &str) -> PathBuf {
    let made = rcgen::generate_simple_self_signed([address.to_owned()]).unwrap();
    let (certificate, key) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let owner = fs::metadata(directory).unwrap();
    chown(&key, Some(owner.uid()), Some(owner.gid())).unwrap();
    certificate
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_encrypted_and_the_certificate_verified() {
    // An address that nobody else has, for the usual port.
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let address = format!("127.{}.{b}.{}", a.max(1), c.max(1));
    let listen = format!("listen_addresses={address}");
    let server = PostgresServer::start(&["-c", "fsync=off", "-c", &listen]);
    let database = server.database();
    let good = certify(server.directory(), "good", &address);
    let other = certify(server.directory(), "other", &address);
    let directory = server.directory().display();
    for set in [
        format!("ALTER SYSTEM SET ssl_cert_file = '{directory}/good.pem'"),
        format!("ALTER SYSTEM SET ssl_key_file = '{directory}/good.key'"),
        "ALTER SYSTEM SET ssl = on".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        database.run(&set);
    }
    let name = database.run("SELECT current_database()");
    let config = |mode: &str, ca_file: Option<PathBuf>| PostgresConfig {
        url: format!("postgresql://skein@{address}:5432/{name}{mode}").into(),
        ca_file,
        ..PostgresConfig::default()
    };
    let encrypted = || {
        let sql = "SELECT bool_and(s.ssl), count(*) > 0 FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                   WHERE a.application_name = 'skein'";
        database.run(sql)
    };
    // The reload is not instant.
    let start = std::time::Instant::now();
    let store = loop {
        match PostgresStore::open(config("", Some(good.clone()))).await {
            Ok(store) => break store,
            Err(error) if start.elapsed().as_secs() > 20 => panic!("{error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(encrypted(), "t|t");
    store.close().await;
    let empty = server.directory().join("empty.pem");
    fs::write(&empty, "nothing").unwrap();
    for (mode, ca_file, said) in [
        ("?sslmode=require", None, "certificate"),
        ("", Some(other), "certificate"),
        ("", Some(empty), "empty.pem"),
        ("", Some(server.directory().join("missing.pem")), "missing.pem"),
    ] {
        let error = PostgresStore::open(config(mode, ca_file)).await.unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
    // Whoever asks for nothing gets what it was before.
    PostgresStore::open(config("", None)).await.unwrap().close().await;
}
