//! What deploy/ says about the server is true: its dashboard and its alerts name figures that a running server really gives.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use skein_testkit::nats::NatsServer;

use crate::{
    http::{self, PATIENCE, call, register, text_to},
    link::Link,
    server::Server,
};

/// A node of a cluster with a webhook, so that all layers have something to say.
fn node(nats: &NatsServer) -> Server {
    let urls = format!("[\"{}\"]", nats.url());
    // Nobody listens there: what is tried is counted all the same.
    let webhook =
        r#"[{ name = "shop", url = "http://127.0.0.1:9/", secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] }]"#;
    Server::start_with(&[
        ("SKEIN__BUS__ENGINE", "nats"),
        ("SKEIN__BUS__NATS__URLS", &urls),
        ("SKEIN__WEBHOOKS__ENDPOINTS", webhook),
    ])
}

/// A message that is pushed, and a link that the server closes.
fn live(server: &Server) {
    let (ann, bob) = (register(server, "ann"), register(server, "bob"));
    let mut link = Link::connect(server, &bob);
    call(server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, "counted"));
    link.pushed_message();
    call(server, &bob.access, "AccountService/RevokeDevice", json!({"deviceId": bob.device_id}));
    link.closed();
}

/// The names of all series.
fn exported(server: &Server) -> BTreeSet<String> {
    let (status, text) = http::request(server.http, "GET", "/metrics", "", b"");
    assert_eq!(status, 200);
    let series = text.lines().filter(|line| !line.starts_with('#'));
    series.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// Everything in a text that reads like a figure of ours.
fn figures(text: &str, found: &mut BTreeSet<String>) {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let ours = words.filter(|word| ["skein_", "process_"].iter().any(|prefix| word.starts_with(prefix)));
    found.extend(ours.map(str::to_owned));
}

/// All texts of a document.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => figures(text, found),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn dashboard_and_alerts_name_figures_that_the_server_gives() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let read = |name: &str| fs::read_to_string(deploy.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (mut shown, mut watched) = (BTreeSet::new(), BTreeSet::new());
    texts(&serde_json::from_str(&read("grafana/skein.json")).unwrap(), &mut shown);
    figures(&read("prometheus/alerts.yml"), &mut watched);
    // A dashboard or a file of rules that is read wrongly would name nothing, and nothing would be missing.
    assert!(shown.len() > 20 && watched.len() > 10, "{shown:?} {watched:?}");

    let nats = NatsServer::start();
    let server = node(&nats);
    live(&server);
    let start = Instant::now();
    loop {
        let exported = exported(&server);
        let missing: Vec<_> = shown.union(&watched).filter(|name| !exported.contains(*name)).collect();
        if missing.is_empty() {
            return;
        }
        // Some follow what they count by a moment.
        assert!(start.elapsed() < PATIENCE, "deploy/ names figures that the server does not give: {missing:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn nothing_has_to_happen_before_a_figure_without_labels_is_there() {
    let nats = NatsServer::start();
    let server = node(&nats);
    let exported = exported(&server);
    for name in
        ["skein_write_stalls_total", "skein_pull_hints_total", "skein_bus_unsent_total", "skein_webhook_dead_total"]
    {
        assert!(exported.contains(name), "{name} is not in {exported:?}");
    }
}
