//! Two sessions against each other under a virtual clock, with the connection cut at every point.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{ClientEvent, ClientSession, Input, ServerSession, client, decode_frame, frame};
use crate::{
    codec::Codec,
    event::EncodedEvent,
    limits,
    v1::{self, CloseCode, frame::Body},
};

const CODEC: Codec = Codec::Binary;
const HEARTBEAT_MS: u64 = 1_000;

/// Both ends, the frames in flight, and what the person at each end has seen.
struct Pair {
    now_ms: u64,
    client: ClientSession,
    server: Option<ServerSession>,
    sessions: u8,
    to_server: VecDeque<v1::Frame>,
    to_client: VecDeque<Bytes>,
    connected: bool,
    /// The server has seen the hello of the present connection.
    attached: bool,
    /// Frames that may still be delivered before the connection is cut.
    budget: usize,
    seen: Vec<u64>,
    pulls: usize,
    answered: Vec<u32>,
    lost: Vec<u32>,
}

impl Pair {
    fn new(budget: usize) -> Self {
        Self {
            now_ms: 1_000,
            client: ClientSession::new(v1::Hello { token: "token".to_owned(), ..Default::default() }),
            server: None,
            sessions: 0,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            connected: false,
            attached: false,
            budget,
            seen: Vec::new(),
            pulls: 0,
            answered: Vec::new(),
            lost: Vec::new(),
        }
    }

    fn connect(&mut self) {
        self.connected = true;
        self.client.handle_connected(self.now_ms);
        self.settle();
    }

    fn cut(&mut self) {
        self.connected = false;
        self.attached = false;
        self.to_server.clear();
        self.to_client.clear();
        self.client.handle_disconnected();
        self.observe();
    }

    fn push(&mut self, version: u64) {
        let event = v1::TimelineEvent { version, ..Default::default() };
        if let Some(server) = &mut self.server {
            server.push(Arc::new(EncodedEvent::new(event)));
        }
        self.settle();
    }

    /// Lets time pass in steps, so that timers fire in order.
    fn advance(&mut self, by_ms: u64) {
        let end = self.now_ms + by_ms;
        while let Some(due) = self.client.poll_timeout().filter(|due| *due <= end) {
            self.now_ms = due.max(self.now_ms);
            self.client.handle_timeout(self.now_ms);
            self.settle();
        }
        self.now_ms = end;
    }

    /// Delivers frames until nothing is in flight, or the budget is used up: then the connection is cut.
    fn settle(&mut self) {
        while self.connected {
            self.observe();
            while let Some(frame) = self.client.poll_frame(self.now_ms) {
                self.to_server.push_back(frame);
            }
            if let Some(server) = self.server.as_mut().filter(|_| self.attached) {
                let mut out = Vec::new();
                server.poll_frames(self.now_ms, &mut out);
                self.to_client.extend(out);
            }
            if self.to_server.is_empty() && self.to_client.is_empty() {
                return;
            }
            if self.budget == 0 {
                self.budget = usize::MAX;
                self.cut();
                return;
            }
            self.budget -= 1;
            if let Some(frame) = self.to_server.pop_front() {
                self.serve(frame);
            } else if let Some(payload) = self.to_client.pop_front() {
                let frame = decode_frame(CODEC, &payload).unwrap();
                self.client.handle_frame(self.now_ms, frame).unwrap();
            }
        }
        self.observe();
    }

    /// What the access layer does with a frame.
    fn serve(&mut self, frame: v1::Frame) {
        if let Some(Body::Hello(hello)) = &frame.body {
            let resumed = match (&mut self.server, hello.resume.as_option()) {
                (Some(server), Some(resume)) => {
                    resume.session_id[..] == server.session_id() && server.resume(resume.received_link_seq, self.now_ms)
                }
                _ => false,
            };
            if !resumed {
                self.sessions += 1;
                self.server = Some(ServerSession::new([self.sessions; 16], CODEC, self.now_ms));
            }
            let welcome = v1::Welcome {
                session_id: Bytes::copy_from_slice(&[self.sessions; 16]),
                resumed,
                heartbeat_ms: HEARTBEAT_MS as u32,
                ..Default::default()
            };
            self.attached = true;
            self.to_client.push_back(frame::welcome(CODEC, welcome));
            return;
        }
        let Some(server) = &mut self.server else { panic!("{frame:?} before hello") };
        match server.handle_frame(self.now_ms, frame).unwrap() {
            Input::Request(request) => {
                self.to_client.push_back(frame::response(CODEC, request.id, &Ok(request.body.clone())));
            }
            Input::Ping(ping) => self.to_client.push_back(frame::pong(CODEC, &ping, self.now_ms)),
            Input::Nothing | Input::Close(_) => {}
        }
    }

    fn observe(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Push { events, lagging } => {
                    self.pulls += usize::from(lagging);
                    for event in events {
                        let Some(v1::event::Body::Timeline(timeline)) = event.body else { panic!("{event:?}") };
                        self.seen.push(timeline.version);
                    }
                }
                ClientEvent::Ready(welcome) => self.pulls += usize::from(!welcome.resumed),
                ClientEvent::Response { id, result } => {
                    assert!(result.is_ok());
                    self.answered.push(id);
                }
                ClientEvent::Lost(ids) => self.lost.extend(ids),
                ClientEvent::GoAway(_) | ClientEvent::Closed(..) => {}
            }
        }
    }
}

/// Connects, talks in both directions, reconnects when cut, and lets timers run.
fn script(budget: usize) -> Pair {
    let mut pair = Pair::new(budget);
    pair.connect();
    let mut asked = Vec::new();
    for version in 1..=20 {
        pair.push(version);
        if version % 3 == 0 {
            asked.push(pair.client.request("A/B", Bytes::from("x")));
            pair.settle();
        }
        if version % 5 == 0 {
            pair.advance(client::ACK_DELAY_MS);
        }
        if !pair.connected && version % 2 == 0 {
            pair.connect();
        }
    }
    pair.advance(10 * HEARTBEAT_MS);
    if !pair.connected {
        pair.connect();
        pair.advance(10 * HEARTBEAT_MS);
    }
    let finished: Vec<u32> =
        asked.into_iter().filter(|id| !pair.answered.contains(id) && !pair.lost.contains(id)).collect();
    assert!(finished.is_empty(), "requests {finished:?} neither answered nor reported lost");
    pair
}

#[test]
fn whenever_the_connection_is_cut_each_event_comes_once_and_in_order() {
    let whole = script(usize::MAX);
    assert_eq!(whole.seen, (1..=20).collect::<Vec<_>>());
    for budget in 0..200 {
        let pair = script(budget);
        assert!(pair.connected, "heartbeats keep the link alive");
        assert!(pair.seen.windows(2).all(|two| two[0] < two[1]), "cut after {budget} frames: {:?}", pair.seen);
        let fresh_session = pair.sessions > 1 || budget < 2;
        if fresh_session {
            // Cut before the first welcome arrived: what was pushed before is found by the pull that a new session asks for.
            assert!(pair.pulls >= 1);
        } else {
            assert_eq!(pair.seen, whole.seen, "cut after {budget} frames");
            assert_eq!(pair.pulls, 1, "a resumed session needs no pull");
        }
        let server = pair.server.unwrap();
        assert_eq!(server.unacked_bytes(), 0, "cut after {budget} frames: everything is acked in the end");
    }
}

#[test]
fn a_session_that_the_server_forgot_starts_afresh_and_pulls() {
    let mut pair = script(usize::MAX);
    pair.cut();
    pair.server = None;
    pair.connect();
    assert_eq!(pair.pulls, 2);
    pair.push(21);
    assert_eq!(pair.seen.last(), Some(&21));
}

#[test]
fn a_slow_client_is_told_to_pull_and_goes_on() {
    let mut pair = Pair::new(usize::MAX);
    pair.connect();
    pair.connected = false;
    let text = "x".repeat(limits::OUTBOX_BYTES_MAX / 4);
    for version in 1..=8 {
        let event = v1::TimelineEvent { version, conversation_id: text.clone(), ..Default::default() };
        pair.server.as_mut().unwrap().push(Arc::new(EncodedEvent::new(event)));
    }
    pair.connected = true;
    pair.settle();
    assert_eq!((pair.pulls, pair.seen.len()), (2, 0));
    pair.push(9);
    assert_eq!(pair.seen, [9]);
}

#[test]
fn a_silent_server_is_given_up_and_a_quiet_one_is_asked() {
    let mut pair = Pair::new(usize::MAX);
    pair.connect();
    pair.advance(10 * HEARTBEAT_MS);
    assert!(pair.client.is_ready(), "pings are answered");
    pair.connected = false;
    let asked = pair.client.request("A/B", Bytes::new());
    pair.advance(3 * HEARTBEAT_MS);
    assert!(!pair.client.is_ready());
    assert_eq!(pair.lost, [asked]);
}

#[test]
fn requests_made_before_the_welcome_follow_it_and_those_without_a_connection_are_lost() {
    let mut pair = Pair::new(usize::MAX);
    let early = pair.client.request("A/B", Bytes::new());
    pair.observe();
    assert_eq!(pair.lost, [early]);
    pair.client.handle_connected(pair.now_ms);
    let waiting = pair.client.request("A/B", Bytes::new());
    pair.connected = true;
    pair.settle();
    assert_eq!(pair.answered, [waiting]);
}

#[test]
fn a_client_refuses_what_servers_must_not_send() {
    let mut pair = Pair::new(usize::MAX);
    pair.connect();
    for body in
        [Body::from(v1::Hello::default()), Body::from(v1::Welcome::default()), Body::from(v1::Request::default())]
    {
        let frame = v1::Frame { body: Some(body), ..Default::default() };
        assert_eq!(pair.client.handle_frame(1, frame), Err(CloseCode::ProtocolError));
    }
}
