//! The client against a server that this file plays by hand: what it does when connections, answers and tokens are lost.

// A server that fails is a test that fails.
#![allow(clippy::unwrap_used)]

use bytes::BytesMut;
use skein_client::{Address, Client, ClientError, ConnectOptions, MemoryCache, Update, account::Login};
use skein_proto::{
    codec::Codec,
    frame::{decode_record, encode_record},
    limits::FRAME_BYTES_MAX,
    session::decode_frame,
    v1::{self, CloseCode, ErrorCode, frame::Body},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Far enough away that nothing is refreshed on its account.
const NEVER_MS: u64 = 1 << 50;

struct Server(TcpListener);

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> String {
        format!("tcp://{}", self.0.local_addr().unwrap())
    }

    fn client(&self) -> Client {
        let address: Address = self.address().parse().unwrap();
        let user = v1::User { user_id: 1, ..Default::default() };
        Client::start(
            address,
            ConnectOptions::default(),
            Login { user, tokens: tokens("first") },
            MemoryCache::default(),
        )
    }

    /// The next connection, with its hello.
    async fn accept(&self) -> (Peer, v1::Hello) {
        let (stream, _) = self.0.accept().await.unwrap();
        let mut peer = Peer { stream, input: BytesMut::new() };
        match peer.receive().await.body {
            Some(Body::Hello(hello)) => (peer, *hello),
            other => panic!("no hello but {other:?}"),
        }
    }

    async fn welcome(&self, resumed: bool) -> (Peer, v1::Hello) {
        let (mut peer, hello) = self.accept().await;
        let welcome = v1::Welcome { session_id: vec![7; 16].into(), resumed, user_id: 1, ..Default::default() };
        peer.send(welcome.into()).await;
        (peer, hello)
    }
}

struct Peer {
    stream: TcpStream,
    input: BytesMut,
}

impl Peer {
    async fn receive(&mut self) -> v1::Frame {
        loop {
            if let Some(record) = decode_record(&mut self.input, FRAME_BYTES_MAX).unwrap() {
                return decode_frame(Codec::Binary, &record).unwrap();
            }
            assert!(self.stream.read_buf(&mut self.input).await.unwrap() > 0, "the client hung up");
        }
    }

    async fn send(&mut self, body: Body) {
        let mut out = Vec::new();
        encode_record(&mut out, &Codec::Binary.encode(&v1::Frame { body: Some(body), ..Default::default() }));
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next request of this method; pulls are answered with nothing meanwhile.
    async fn asked(&mut self, method: &str) -> v1::Request {
        loop {
            let Some(Body::Request(request)) = self.receive().await.body else { continue };
            if request.method == method {
                return *request;
            }
            assert_eq!(request.method, "SyncService/PullUser");
            self.answer(request.id, &v1::PullUserResponse::default()).await;
        }
    }

    async fn asked_to_send(&mut self) -> (u32, v1::SendMessageRequest) {
        let request = self.asked("MessageService/SendMessage").await;
        (request.id, Codec::Binary.decode(&request.body).unwrap())
    }

    async fn answer<A: skein_proto::codec::Body>(&mut self, id: u32, answer: &A) {
        let body = Codec::Binary.encode(answer);
        self.send(v1::Response { id, body, ..Default::default() }.into()).await;
    }

    async fn close(&mut self, code: CloseCode) {
        self.send(v1::Close { code: code.into(), text: "because".to_owned(), ..Default::default() }.into()).await;
    }
}

fn tokens(name: &str) -> v1::Tokens {
    v1::Tokens {
        access_token: name.to_owned(),
        refresh_token: format!("{name} refresh"),
        access_expires_ms: NEVER_MS,
        ..Default::default()
    }
}

fn sent(seq: u64) -> v1::SendMessageResponse {
    v1::SendMessageResponse { message_id: 100 + seq, conversation_id: "1:2".to_owned(), seq, ..Default::default() }
}

#[tokio::test]
async fn what_was_not_answered_is_asked_again_with_the_same_id_on_a_resumed_session() {
    let server = Server::start().await;
    let client = server.client();
    let sending = tokio::spawn({
        let client = client.clone();
        async move { client.send_text("1:2", "once").await }
    });
    let (mut peer, hello) = server.welcome(false).await;
    assert!(!hello.resume.is_set());
    let (_, first) = peer.asked_to_send().await;
    drop(peer);

    let (mut peer, hello) = server.welcome(true).await;
    assert_eq!(hello.resume.session_id, vec![7; 16]);
    let (id, second) = peer.asked_to_send().await;
    assert_eq!(first, second);
    peer.answer(id, &sent(1)).await;
    assert_eq!(sending.await.unwrap().unwrap().seq, 1);
}

#[tokio::test]
async fn what_is_sent_while_offline_leaves_in_order() {
    let server = Server::start().await;
    let client = server.client();
    let (peer, _) = server.welcome(false).await;
    drop(peer);
    let sending = tokio::spawn(async move {
        for text in ["one", "two"] {
            client.send_text("1:2", text).await.unwrap();
        }
    });
    let (mut peer, _) = server.welcome(true).await;
    for (seq, text) in [(1, "one"), (2, "two")] {
        let (id, request) = peer.asked_to_send().await;
        assert_eq!(request.content, skein_client::client::text_content(text).into());
        peer.answer(id, &sent(seq)).await;
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn what_the_server_cannot_take_just_then_is_repeated_and_other_refusals_are_not() {
    let server = Server::start().await;
    let client = server.client();
    let sending = tokio::spawn({
        let client = client.clone();
        async move { (client.send_text("1:2", "a").await, client.send_text("1:2", "b").await) }
    });
    let (mut peer, _) = server.welcome(false).await;
    for (code, retryable) in [(ErrorCode::Overloaded, true), (ErrorCode::Overloaded, true), (ErrorCode::Blocked, false)]
    {
        let (id, _) = peer.asked_to_send().await;
        let error = v1::Error { code: code.into(), retryable, ..Default::default() };
        peer.send(v1::Response { id, error: error.into(), ..Default::default() }.into()).await;
    }
    let (id, _) = peer.asked_to_send().await;
    peer.answer(id, &sent(1)).await;
    let (first, second) = sending.await.unwrap();
    assert_eq!(first.unwrap_err().code(), Some(ErrorCode::Blocked));
    assert_eq!(second.unwrap().seq, 1);
}

#[tokio::test]
async fn a_client_that_was_thrown_out_stays_out() {
    let server = Server::start().await;
    let client = server.client();
    let mut updates = client.updates();
    let (mut peer, _) = server.welcome(false).await;
    peer.close(CloseCode::Kicked).await;
    loop {
        if let Update::Closed(code, _) = updates.recv().await.unwrap() {
            assert_eq!(code, CloseCode::Kicked);
            break;
        }
    }
    let refused = client.send_text("1:2", "hello?").await;
    assert!(matches!(refused, Err(ClientError::Closed(CloseCode::Kicked, _))), "{refused:?}");
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_and_the_session_goes_on() {
    let server = Server::start().await;
    let client = server.client();
    let (mut peer, hello) = server.welcome(false).await;
    assert_eq!(hello.token, "first");
    peer.close(CloseCode::TokenExpired).await;

    let (mut anonymous, hello) = server.welcome(false).await;
    assert_eq!(hello.token, "");
    let request = anonymous.asked("AccountService/RefreshToken").await;
    let asked: v1::RefreshTokenRequest = Codec::Binary.decode(&request.body).unwrap();
    assert_eq!(asked.refresh_token, "first refresh");
    let answer = v1::RefreshTokenResponse { tokens: tokens("second").into(), ..Default::default() };
    anonymous.answer(request.id, &answer).await;

    let (_peer, hello) = server.welcome(true).await;
    assert_eq!(hello.token, "second");
    assert!(hello.resume.is_set());
    assert_eq!(client.tokens().refresh_token, "second refresh");
}

#[tokio::test]
async fn a_hole_in_the_pushes_is_pulled() {
    let server = Server::start().await;
    let client = server.client();
    let mut updates = client.updates();
    let (mut peer, _) = server.welcome(false).await;
    let request = peer.asked("SyncService/PullUser").await;
    let entry =
        v1::ConversationEntry { conversation_id: "1:2".to_owned(), version: 1, member: true, ..Default::default() };
    let page = v1::PullUserResponse { entries: vec![entry], version: 1, ..Default::default() };
    peer.answer(request.id, &page).await;
    while !matches!(updates.recv().await.unwrap(), Update::Pulled) {}

    let message = |seq| v1::Message {
        message_id: seq,
        conversation_id: "1:2".to_owned(),
        seq,
        version: seq,
        sender_id: 2,
        ..Default::default()
    };
    let event = v1::MessageEvent { message: message(2).into(), ..Default::default() };
    let event = v1::Event { body: Some(event.into()), ..Default::default() };
    peer.send(v1::Push { link_seq: 1, events: vec![event], ..Default::default() }.into()).await;
    let request = peer.asked("SyncService/PullConversation").await;
    let page =
        v1::PullConversationResponse { messages: vec![message(1), message(2)], version: 2, ..Default::default() };
    peer.answer(request.id, &page).await;
    while !matches!(updates.recv().await.unwrap(), Update::Pulled) {}
    let seqs: Vec<u64> =
        client.with_timeline(|timeline| timeline.conversations["1:2"].messages.keys().copied().collect());
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test]
async fn who_is_sent_away_goes_where_the_server_says_and_asks_again_there() {
    let (server, other) = (Server::start().await, Server::start().await);
    let client = server.client();
    let (mut peer, _) = server.welcome(false).await;
    let sending = tokio::spawn({
        let client = client.clone();
        async move { client.send_text("1:2", "once").await }
    });
    let (_, first) = peer.asked_to_send().await;
    let gateways = vec!["http://127.0.0.1:1".to_owned(), other.address()];
    peer.send(v1::GoAway { gateways, after_ms: 100, ..Default::default() }.into()).await;
    let (mut peer, hello) = other.welcome(false).await;
    assert!(hello.resume.is_set(), "the new node ends the session at the old one");
    let (id, again) = peer.asked_to_send().await;
    assert_eq!(first.client_message_id, again.client_message_id);
    peer.answer(id, &sent(1)).await;
    assert_eq!(sending.await.unwrap().unwrap().seq, 1);
}

#[tokio::test]
async fn a_server_that_is_going_away_is_not_the_first_to_be_asked_again() {
    let (server, other) = (Server::start().await, Server::start().await);
    let _client = server.client();
    let (mut peer, _) = server.welcome(false).await;
    peer.send(v1::GoAway { gateways: vec![other.address()], after_ms: 60_000, ..Default::default() }.into()).await;
    peer.close(CloseCode::Shutdown).await;
    let (_, hello) = other.welcome(false).await;
    assert!(hello.resume.is_set());
}
