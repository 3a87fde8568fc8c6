//! What only QUIC does: connections that change networks, sessions that are taken up with the first flight, and datagrams from nobody.

use std::{net::UdpSocket, sync::Arc};

use quinn::{Connection, Endpoint, crypto::rustls::QuicClientConfig};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde_json::json;
use skein_client::{Address, Addresses, Client, ConnectOptions, Link, MemoryCache, Update, account};
use skein_proto::{
    codec::Codec,
    frame::encode_record,
    v1::{self, frame::Body},
};
use skein_testkit::nats::NatsServer;
use tokio::runtime::Runtime;

use crate::{
    admin::{self, KEYS},
    browser_session::Browser,
    cluster::{node, until, until_ready},
    http::{self, PATIENCE, call, register, text_to},
    server::{QUIC, Server},
    udp_relay::{Passes, UdpRelay},
    ways::Way,
    webhooks::WEAK,
};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn options(server: &Server) -> ConnectOptions {
    ConnectOptions {
        trusted_certificates: Some(server.quic_certificate()),
        timeout: PATIENCE,
        ..ConnectOptions::default()
    }
}

fn quic(server: &Server) -> Address {
    Way::Quic.address(server)
}

async fn client(server: &Server, name: &str, addresses: impl Into<Addresses>, options: &ConnectOptions) -> Client {
    let login = account::register(&quic(server), options, name, "a long password", "test").await.unwrap();
    Client::start(addresses, options.clone(), login, MemoryCache::default())
}

/// A number that the server counts.
fn counted(server: &Server, name: &str) -> u64 {
    let metrics = http::request(server.http, "GET", "/metrics", "", b"").1;
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

const OPENED: &str = "skein_connections_total{transport=\"quic\"}";
const MISBEHAVED: &str = "skein_refused_total{reason=\"misbehaved\"}";

fn has(client: &Client, wanted: &str) -> bool {
    client.with_timeline(|timeline| {
        let mut messages = timeline.conversations.values().flat_map(|conversation| conversation.messages.values());
        messages
            .any(|message| matches!(&message.content.body, Some(v1::content::Body::Text(text)) if text.text == wanted))
    })
}

#[test]
fn a_client_whose_address_changes_keeps_its_session() {
    let server = Way::server(&[]);
    let runtime = runtime();
    let (ann_options, bob_options) = (options(&server), options(&server));
    let ann = runtime.block_on(client(&server, "ann", quic(&server), &ann_options));
    let bob = runtime.block_on(client(&server, "bob", quic(&server), &bob_options));
    let mut updates = ann.updates();
    let say = |from: &Client, to: &Client, text: &str| {
        runtime.block_on(from.send_text_to(to.user_id(), text)).unwrap();
        until("being received", || has(to, text));
    };
    say(&ann, &bob, "before");
    say(&bob, &ann, "before, back");
    let (opened, before) = (counted(&server, OPENED), ann_options.network.local_addresses());
    for number in 0..3 {
        ann.network_changed().unwrap();
        // Whoever speaks first: the client finds its way out, or the server finds the client.
        if number % 2 == 0 {
            say(&ann, &bob, &format!("moved {number}"));
        }
        say(&bob, &ann, &format!("moved {number}, back"));
    }
    let after = ann_options.network.local_addresses();
    assert!(before.len() == 1 && after.len() == 1 && before != after, "{before:?} {after:?}");
    assert_eq!(counted(&server, OPENED), opened, "it is the same connection");
    while let Ok(update) = updates.try_recv() {
        assert!(!matches!(update, Update::Offline(_)), "nobody noticed");
    }
}

/// Opens a link with this hello; the welcome.
async fn greet(link: &mut Link, hello: &v1::Frame) -> v1::Welcome {
    if !link.has_said_hello() {
        link.queue(hello).unwrap();
        link.flush().await.unwrap();
    }
    let mut frames = Vec::new();
    tokio::time::timeout(PATIENCE, link.receive(&mut frames)).await.unwrap().unwrap();
    match frames.remove(0).body {
        Some(Body::Welcome(welcome)) => *welcome,
        other => panic!("no welcome: {other:?}"),
    }
}

fn hello(token: &str, resume: Option<&v1::Welcome>) -> v1::Frame {
    let resume = resume.map(|welcome| v1::Resume { session_id: welcome.session_id.clone(), ..Default::default() });
    let hello = v1::Hello { token: token.to_owned(), resume: resume.into(), ..Default::default() };
    v1::Frame { body: Some(hello.into()), ..Default::default() }
}

#[test]
fn a_session_is_taken_up_with_the_first_flight_and_with_the_second_where_that_is_unknown() {
    let mut server = Way::server(&[]);
    let (ann, runtime) = (register(&server, "ann"), runtime());
    let options = options(&server);
    let first = runtime.block_on(async {
        let mut link = Link::resume(&quic(&server), &options, Some(&hello(&ann.access, None))).await.unwrap();
        assert!(!link.has_said_hello(), "nobody has given a ticket yet");
        greet(&mut link, &hello(&ann.access, None)).await
    });
    let again = hello(&ann.access, Some(&first));
    runtime.block_on(async {
        // Each ticket is good for once, and each connection brings a new one; a link that ends before it has come has none for the next.
        let (mut at_once, mut tries) = (0, 0);
        while at_once < 3 {
            let mut link = Link::resume(&quic(&server), &options, Some(&again)).await.unwrap();
            at_once += usize::from(link.has_said_hello());
            tries += 1;
            assert!(tries < 20, "{at_once} of {tries} links were taken up with the first flight");
            let welcome = greet(&mut link, &again).await;
            assert!(welcome.resumed);
        }
    });
    server.kill_and_restart();
    runtime.block_on(async {
        let mut link = Link::resume(&quic(&server), &options, Some(&again)).await.unwrap();
        assert!(!link.has_said_hello(), "this server knows no ticket");
        assert!(!greet(&mut link, &again).await.resumed);
    });
}

/// A client without any of our code, which may say what it likes with its first flight.
struct Raw {
    endpoint: Endpoint,
}

impl Raw {
    fn new(server: &Server) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(server.quic_certificate()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut crypto = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        crypto.alpn_protocols = vec![b"skein".to_vec()];
        crypto.enable_early_data = true;
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let crypto = QuicClientConfig::try_from(crypto).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
        Self { endpoint }
    }

    async fn connect(&self, server: &Server) -> Connection {
        self.endpoint.connect(server.quic.unwrap(), "localhost").unwrap().await.unwrap()
    }
}

fn record(frame: &v1::Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(&mut bytes, &Codec::Binary.encode(frame));
    bytes
}

async fn next_frame(receive: &mut quinn::RecvStream) -> v1::Frame {
    let mut length = [0; 4];
    receive.read_exact(&mut length).await.unwrap();
    let mut payload = vec![0; u32::from_be_bytes(length) as usize];
    receive.read_exact(&mut payload).await.unwrap();
    Codec::Binary.decode(&payload).unwrap()
}

fn send_request(to: &str, text: &str) -> v1::Frame {
    let body = serde_json::to_vec(&text_to(to, 7, text)).unwrap();
    let send: v1::SendMessageRequest = Codec::Json.decode(&body).unwrap();
    let method = "MessageService/SendMessage".to_owned();
    let request = v1::Request { id: 9, method, body: Codec::Binary.encode(&send), ..Default::default() };
    v1::Frame { body: Some(request.into()), ..Default::default() }
}

/// A first flight that is never confirmed is what somebody sends who has a copy of it: the session may be taken up, nothing else happens; and a copy of the
/// copy does not even do that.
#[test]
fn a_first_flight_that_is_not_confirmed_does_nothing_but_take_up_a_session() {
    let server = Way::server(&[]);
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let runtime = runtime();
    let raw = runtime.block_on(async { Raw::new(&server) });
    let welcome = runtime.block_on(async {
        let connection = raw.connect(&server).await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&record(&hello(&ann.access, None))).await.unwrap();
        let Some(Body::Welcome(welcome)) = next_frame(&mut receive).await.body else { panic!("no welcome") };
        // With what comes after the handshake the client proves its address next time: it has come when these are answered.
        for _ in 0..3 {
            let ping = v1::Frame { body: Some(v1::Ping::default().into()), ..Default::default() };
            send.write_all(&record(&ping)).await.unwrap();
            while !matches!(next_frame(&mut receive).await.body, Some(Body::Pong(_))) {}
        }
        connection.close(0u8.into(), b"");
        *welcome
    });
    let opened = counted(&server, OPENED);
    let relay = UdpRelay::start(server.quic.unwrap(), Passes::FirstFlight);
    let connection = runtime.block_on(async {
        let connecting = raw.endpoint.connect(relay.address, "localhost").unwrap();
        let (connection, _) = connecting.into_0rtt().map_err(|_| "no ticket").unwrap();
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        let resuming = record(&hello(&ann.access, Some(&welcome)));
        send.write_all(&[resuming, record(&send_request(&bob.user_id, "twice?"))].concat()).await.unwrap();
        let Some(Body::Welcome(welcome)) = next_frame(&mut receive).await.body else { panic!("no welcome") };
        assert!(welcome.resumed, "a hello that takes up a session is answered at once");
        connection
    });
    assert_eq!(counted(&server, OPENED), opened + 1);
    let misbehaved = counted(&server, MISBEHAVED);
    // The same again, from elsewhere, while the session goes on over another connection.
    let mut link = Way::WebSocket.join(&server, &ann.access, None).unwrap();
    let copy = UdpSocket::bind("127.0.0.1:0").unwrap();
    let flight = relay.first_flight.lock().unwrap().clone();
    assert!(!flight.is_empty());
    connection.close(0u8.into(), b"");
    until("being given up", || counted(&server, "skein_connections{transport=\"quic\"}") == 0);
    until("being given up, too", || {
        // Again and again: as long as the first one is remembered, its copies are taken for its own.
        flight.iter().for_each(|datagram| drop(copy.send_to(datagram, server.quic.unwrap())));
        counted(&server, MISBEHAVED) > misbehaved
    });
    assert_eq!(counted(&server, OPENED), opened + 1, "a copy opens nothing");
    let entries = call(&server, &bob.access, "SyncService/PullUser", json!({}));
    assert!(entries["entries"].as_array().is_none_or(Vec::is_empty), "nothing was sent: {entries}");
    assert!(link.call("AccountService/GetMe", json!({})).is_ok());
}

#[test]
fn datagrams_from_nobody_and_handshakes_without_end_cost_nothing_for_long() {
    let server = Way::server(&[]);
    let ann = register(&server, "ann");
    let runtime = runtime();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..2_000_usize {
        let mut datagram = vec![0; random.usize(1..1_400)];
        random.fill(&mut datagram);
        if number % 2 == 0 {
            // Something like the first packet of a connection, of version 1.
            datagram.resize(1_200, 0);
            datagram[..6].copy_from_slice(&[0xc3, 0, 0, 0, 1, 8]);
        }
        let _ = socket.send_to(&datagram, server.quic.unwrap());
    }
    // Handshakes whose server is never heard: as many as are looked at, and more.
    let relay = UdpRelay::start(server.quic.unwrap(), Passes::Up);
    let raw = runtime.block_on(async { Raw::new(&server) });
    let _silent: Vec<_> = runtime
        .block_on(async { (0..400).map(|_| raw.endpoint.connect(relay.address, "localhost").unwrap()).collect() });
    until("having to prove their addresses", || counted(&server, "skein_quic_retries_total") > 0);
    // Somebody who is there proves it, and comes in.
    let mut peer = Way::Quic.join(&server, &ann.access, None).unwrap();
    assert!(peer.call("AccountService/GetMe", json!({})).is_ok());
    assert_eq!(counted(&server, OPENED), 1);
    until("being given up", || counted(&server, MISBEHAVED) >= 200);
    assert!(peer.call("AccountService/GetMe", json!({})).is_ok());
}

#[test]
fn an_address_has_so_many_connections_over_quic_too() {
    let exempt = ("SKEIN__ACCESS__LIMITS__EXEMPT", "[]");
    let server = Way::server(&[exempt, ("SKEIN__ACCESS__LIMITS__CONNECTIONS_PER_ADDRESS_MAX", "12")]);
    let ann = register(&server, "ann");
    let mut held = Vec::new();
    let refusal = loop {
        match Way::Quic.join(&server, &ann.access, None) {
            Ok(peer) => held.push(peer),
            Err(code) => break code,
        }
        assert!(held.len() < 13);
    };
    assert_eq!(refusal, "OVERLOADED");
    drop(held);
    until("there being room", || Way::Quic.join(&server, &ann.access, None).is_ok());
    assert!(counted(&server, "skein_refused_total{reason=\"connections\"}") > 0);
}

#[test]
fn where_udp_is_blocked_clients_come_another_way_and_remember_it() {
    let server = Way::server(&[]);
    let runtime = runtime();
    // A socket that never answers.
    let blocked = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent: Address = format!("quic://{}", blocked.local_addr().unwrap()).parse().unwrap();
    let (options, other) = (options(&server), Way::Tcp.address(&server));
    let addresses = Addresses::new(silent, [other.clone()]);
    let ann = runtime.block_on(client(&server, "ann", addresses, &options));
    let me = runtime.block_on(async { tokio::time::timeout(PATIENCE, ann.find_user("ann")).await });
    assert!(me.unwrap().is_ok());
    assert_eq!(ann.address(), Some(other));
}

#[test]
fn clients_over_quic_are_sent_to_nodes_that_name_it() {
    let nats = NatsServer::start();
    let service = node(&nats, "service", &[KEYS, WEAK]);
    let start = |name| {
        let advertise = ("SKEIN__ACCESS__ADVERTISE", r#"["quic://127.0.0.1:0", "tcp://127.0.0.1:0"]"#);
        let quick = ("SKEIN__ACCESS__DRAIN__WITHDRAW_MS", "200");
        let spread = ("SKEIN__ACCESS__DRAIN__SPREAD_MS", "500");
        let often = ("SKEIN__ACCESS__DISPATCH__PER_ADDRESS_PER_MINUTE", "0");
        let own = [advertise, quick, spread, often, ("SKEIN__ACCESS__NAME", name)];
        node(&nats, "access", &[&QUIC[..], &own].concat())
    };
    let (a, b) = (start("a"), start("b"));
    [&service, &a, &b].into_iter().for_each(until_ready);
    let runtime = runtime();
    // Each node has made its own certificate; in earnest they have one from an authority.
    let both = tempfile::NamedTempFile::new().unwrap();
    let pem = |server: &Server| std::fs::read(server.quic_certificate()).unwrap();
    std::fs::write(both.path(), [pem(&a), pem(&b)].concat()).unwrap();
    let options = ConnectOptions { trusted_certificates: Some(both.path().to_owned()), ..options(&a) };
    let ann = runtime.block_on(client(&a, "ann", quic(&a), &options));
    until("being connected", || ann.address() == Some(quic(&a)));
    let names_both = || {
        let (_, text) = http::request(a.http, "GET", "/v1/gateways", "", b"");
        text.contains(&quic(&a).to_string()) && text.contains(&quic(&b).to_string())
    };
    until("knowing both", names_both);
    let named = http::request(a.http, "GET", "/v1/gateways", "", b"").1;
    assert!(named.contains("\"GATEWAY_TRANSPORT_QUIC\""), "{named}");
    admin::call(&a, "AdminService/DrainNode", json!({"stay": true}));
    until("being elsewhere", || ann.address() == Some(quic(&b)));
    assert!(runtime.block_on(ann.find_user("ann")).is_ok());
}

#[test]
fn quic_without_a_certificate_is_told_and_doctor_looks_for_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let output = crate::server::command(directory.path()).args(["--quic", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("access.quic_tls"), "{said}");
    let server = Way::server(&[]);
    let doctor = |quic: std::net::SocketAddr| {
        let mut command = std::process::Command::new(crate::server::SKEIN);
        command.args(["doctor", "--server", &server.http.to_string(), "--data-dir"]).arg(server.data_dir());
        let output = command.env("SKEIN__ACCESS__QUIC_LISTEN", quic.to_string()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = doctor(server.quic.unwrap());
    assert!(said.contains("ok    quic: "), "{said}");
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let said = doctor(nobody.local_addr().unwrap());
    assert!(said.contains("WRONG quic: "), "{said}");
}

#[test]
fn sessions_are_for_pages_that_may_and_for_those_who_open_one() {
    let server = Way::server(&[("SKEIN__ACCESS__ALLOWED_ORIGINS", r#"["https://shop.example"]"#)]);
    let runtime = runtime();
    let own = format!("http://127.0.0.1:{}", server.quic.unwrap().port());
    runtime.block_on(async {
        let allowed =
            async |path: &str, origin: Option<&str>| Browser::connect(&server).await.ask(path, origin).await.0;
        assert!(allowed("/v1/webtransport", None).await, "who is no page");
        assert!(allowed("/v1/webtransport", Some("https://shop.example")).await);
        assert!(allowed("/v1/webtransport", Some(&own)).await);
        assert!(!allowed("/v1/webtransport", Some("https://evil.example")).await);
        assert!(!allowed("/link", None).await);
    });
    assert_eq!(counted(&server, "skein_refused_total{reason=\"origin\"}"), 1);
    // Nothing of these has become a link, which is counted. Now noise where the request should be, a stream of no session, and no stream at all.
    until("being counted", || counted(&server, MISBEHAVED) == 5);
    let before = 5;
    let silent = runtime.block_on(async {
        let noise = Browser::connect(&server).await;
        let (mut send, _receive) = noise.connection.open_bi().await.unwrap();
        send.write_all(&[0xff; 64]).await.unwrap();
        noise.connection.closed().await;
        let stray = Browser::connect(&server).await;
        let (granted, _send, _receive) = stray.ask("/v1/webtransport", None).await;
        let (mut stream, _answers) = stray.connection.open_bi().await.unwrap();
        stream.write_all(&[0x40, 0x41, 0x3c]).await.unwrap();
        assert!(granted);
        stray.connection.closed().await;
        Browser::connect(&server).await
    });
    until("being counted", || counted(&server, MISBEHAVED) >= before + 3);
    let closed = runtime.block_on(async { tokio::time::timeout(PATIENCE, silent.connection.closed()).await });
    assert!(closed.is_ok(), "who opens no session is closed");
    assert_eq!(counted(&server, "skein_connections_total{transport=\"webtransport\"}"), 0);
}
