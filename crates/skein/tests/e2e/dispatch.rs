//! Where clients are told to connect.

use serde_json::{Value, json};
use skein_client::{Address, Client, ConnectOptions, MemoryCache, account};
use skein_testkit::nats::NatsServer;

use crate::{
    admin::{self, KEYS},
    cluster::{node, until, until_ready},
    drain::ADVERTISE,
    http::{self, call, error_code, try_call},
    server::Server,
    webhooks::WEAK,
};

fn gateways(server: &Server, query: &str) -> (u16, Value) {
    let (status, text) = http::request(server.http, "GET", &format!("/v1/gateways{query}"), "", b"");
    (status, serde_json::from_str(&text).unwrap())
}

/// The addresses that are named, by their ports.
fn ports(answer: &Value, scheme: &str) -> Vec<u16> {
    let named = answer["gateways"].as_array().into_iter().flatten();
    let addresses = named.filter_map(|gateway| gateway["address"].as_str());
    addresses
        .filter(|address| address.starts_with(scheme))
        .map(|address| address.rsplit(':').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn a_node_without_advertised_addresses_names_none_and_is_not_asked_too_often() {
    let fallback = ("SKEIN__ACCESS__DISPATCH__FALLBACK", r#"["https://elsewhere.example"]"#);
    let server = Server::start_with(&[("SKEIN__ACCESS__DISPATCH__PER_ADDRESS_PER_MINUTE", "8"), fallback]);
    let (status, answer) = gateways(&server, "");
    assert_eq!(status, 200);
    assert_eq!((&answer["gateways"], &answer["fallback"]), (&Value::Null, &json!(["https://elsewhere.example"])));
    assert_eq!((&answer["validityS"], &answer["heartbeatMs"]), (&json!(300), &json!(30_000)));
    let same = call(&server, "", "DispatchService/ResolveGateways", json!({"region": "eu"}));
    assert_eq!(same, answer);
    let (status, error) = try_call(&server, "", "DispatchService/ResolveGateways", &json!({})).unwrap_err();
    assert_eq!((status, error_code(&error).as_str()), (429, "RATE_LIMITED"));
    assert!(error["details"][0]["debug"]["retryAfterMs"].as_u64().unwrap() <= 7_500, "{error}");
    assert_eq!(gateways(&server, "").0, 429);
}

#[test]
fn clients_are_sent_to_near_nodes_that_serve() {
    let nats = NatsServer::start();
    let service = node(&nats, "service", &[KEYS, WEAK]);
    let start = |name, region| {
        let often = ("SKEIN__ACCESS__DISPATCH__PER_ADDRESS_PER_MINUTE", "0");
        node(&nats, "access", &[ADVERTISE, often, ("SKEIN__ACCESS__NAME", name), ("SKEIN__ACCESS__REGION", region)])
    };
    let (near, far) = (start("near", "cn"), start("far", "eu"));
    [&service, &near, &far].into_iter().for_each(until_ready);
    let both = |server: &Server, query: &str| ports(&gateways(server, query).1, "http");
    until("knowing both", || both(&far, "?region=cn") == [near.http.port(), far.http.port()]);
    assert_eq!(both(&far, "?region=eu"), [far.http.port(), near.http.port()]);
    assert_eq!(ports(&gateways(&far, "?region=cn").1, "tcp"), [near.tcp.port(), far.tcp.port()]);
    // One client knows nobody who is there, but somebody to ask.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let address = format!("http://{}", far.http).parse().unwrap();
        let options = ConnectOptions { region: "cn".to_owned(), dispatch: vec![address], ..ConnectOptions::default() };
        let login = account::register(&options.dispatch[0], &options, "ann", "a long password", "test").await.unwrap();
        let nobody: Address = "http://127.0.0.1:1".parse().unwrap();
        let client = Client::start(nobody, options, login, MemoryCache::default());
        assert!(client.find_user("ann").await.is_ok());
        assert_eq!(client.address().unwrap().port, near.http.port());
    });
    // What is being drained is not named any more, at once.
    admin::call(&far, "AdminService/DrainNode", json!({"node": "near", "stay": true}));
    assert_eq!(both(&far, "?region=cn"), [far.http.port()]);
    // Nor what cannot serve.
    drop(service);
    until("not being named", || both(&far, "").is_empty());
}
