//! A client and a server session, joined by a connection that breaks where it is told to.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use crate::{
    codec::Codec,
    event::EncodedEvent,
    session::{ClientEvent, ClientSession, Input, ServerSession, client, decode_frame, frame},
    v1::{self, frame::Body},
};

pub(super) const HEARTBEAT_MS: u64 = 1_000;
/// Events of one [`Pair::script`].
pub(super) const SCRIPT_EVENTS: u64 = 20;

/// What goes wrong, and under which conditions.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// After how many delivered frames the first connection is cut, then the second, and so on.
    pub cuts: VecDeque<usize>,
    /// Frames to the client are delivered before frames to the server.
    pub client_first: bool,
    /// The server forgets the session at each cut, as after the resume window.
    pub forget: bool,
    pub codec: Codec,
    /// Makes each event larger, in bytes.
    pub filler: usize,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self { cuts: VecDeque::new(), client_first: false, forget: false, codec: Codec::Binary, filler: 0 }
    }
}

/// Both ends, the frames in flight, and what the person at each end has seen.
pub(super) struct Pair {
    pub now_ms: u64,
    pub client: ClientSession,
    pub server: Option<ServerSession>,
    pub sessions: u8,
    to_server: VecDeque<Bytes>,
    to_client: VecDeque<Bytes>,
    pub connected: bool,
    /// The server has seen the hello of the present connection.
    attached: bool,
    faults: Faults,
    /// Frames that may still be delivered before the connection is cut.
    budget: usize,
    pub delivered: usize,
    /// The last version there is; a pull finds everything up to it.
    latest: u64,
    /// The versions that were pushed, in the order they came.
    pub seen: Vec<u64>,
    /// What the pulls asked for would have found.
    pub pulled_to: u64,
    pub pulls: usize,
    pub answered: Vec<u32>,
    pub lost: Vec<u32>,
}

impl Pair {
    pub(super) fn new(mut faults: Faults) -> Self {
        let budget = faults.cuts.pop_front().unwrap_or(usize::MAX);
        Self {
            now_ms: 1_000,
            client: ClientSession::new(v1::Hello { token: "token".to_owned(), ..Default::default() }),
            server: None,
            sessions: 0,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            connected: false,
            attached: false,
            faults,
            budget,
            delivered: 0,
            latest: 0,
            seen: Vec::new(),
            pulled_to: 0,
            pulls: 0,
            answered: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Connects, talks in both directions, reconnects when cut, and lets timers run until all is quiet.
    pub(super) fn script(faults: Faults) -> Self {
        let mut pair = Self::new(faults);
        pair.connect();
        let mut asked = Vec::new();
        for version in 1..=SCRIPT_EVENTS {
            pair.push(version);
            if version % 3 == 0 {
                asked.push(pair.client.request("A/B", Bytes::from_static(b"{}")));
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
        while !pair.connected {
            pair.connect();
            pair.advance(10 * HEARTBEAT_MS);
        }
        asked.retain(|id| !pair.answered.contains(id) && !pair.lost.contains(id));
        assert!(asked.is_empty(), "requests {asked:?} neither answered nor reported lost");
        pair
    }

    pub(super) fn connect(&mut self) {
        self.connected = true;
        self.client.handle_connected(self.now_ms);
        self.settle();
    }

    pub(super) fn cut(&mut self) {
        self.connected = false;
        self.attached = false;
        self.to_server.clear();
        self.to_client.clear();
        self.client.handle_disconnected();
        if self.faults.forget {
            self.server = None;
        }
        self.observe();
    }

    pub(super) fn push(&mut self, version: u64) {
        self.latest = version;
        let conversation_id = "x".repeat(self.faults.filler);
        if let Some(server) = &mut self.server {
            let event = v1::TimelineEvent { version, conversation_id, ..Default::default() };
            server.push(Arc::new(EncodedEvent::new(event)));
        }
        self.settle();
    }

    /// Lets time pass in steps, so that timers fire in order.
    pub(super) fn advance(&mut self, by_ms: u64) {
        let end = self.now_ms + by_ms;
        while let Some(due) = self.client.poll_timeout().filter(|due| *due <= end) {
            self.now_ms = due.max(self.now_ms);
            self.client.handle_timeout(self.now_ms);
            self.settle();
        }
        self.now_ms = end;
    }

    /// Delivers frames until nothing is in flight, or the budget is used up: then the connection is cut.
    pub(super) fn settle(&mut self) {
        while self.connected {
            self.observe();
            while let Some(frame) = self.client.poll_frame(self.now_ms) {
                self.to_server.push_back(self.faults.codec.encode(&frame));
            }
            if let Some(server) = self.server.as_mut().filter(|_| self.attached) {
                let mut out = Vec::new();
                server.poll_frames(self.now_ms, usize::MAX, &mut out);
                self.to_client.extend(out);
            }
            if self.to_server.is_empty() && self.to_client.is_empty() {
                return;
            }
            if self.budget == 0 {
                self.budget = self.faults.cuts.pop_front().unwrap_or(usize::MAX);
                self.cut();
                return;
            }
            self.budget -= 1;
            self.delivered += 1;
            self.deliver_one();
        }
        self.observe();
    }

    fn deliver_one(&mut self) {
        let to_client = self.to_server.is_empty() || (self.faults.client_first && !self.to_client.is_empty());
        let queue = if to_client { &mut self.to_client } else { &mut self.to_server };
        let payload = queue.pop_front().expect("something is in flight");
        let frame = decode_frame(self.faults.codec, &payload).unwrap();
        if to_client {
            self.client.handle_frame(self.now_ms, frame).unwrap();
        } else {
            self.serve(frame);
        }
    }

    /// What the access layer does with a frame.
    fn serve(&mut self, frame: v1::Frame) {
        let codec = self.faults.codec;
        if let Some(Body::Hello(hello)) = &frame.body {
            return self.greet(hello);
        }
        let Some(server) = &mut self.server else { panic!("{frame:?} before hello") };
        match server.handle_frame(self.now_ms, frame).unwrap() {
            Input::Request(request) => {
                self.to_client.push_back(frame::response(codec, request.id, &Ok(request.body.clone())));
            }
            Input::Ping(ping) => self.to_client.push_back(frame::pong(codec, &ping, self.now_ms, 0)),
            Input::Nothing | Input::Close(_) => {}
        }
    }

    fn greet(&mut self, hello: &v1::Hello) {
        let codec = self.faults.codec;
        let resumed = match (&mut self.server, hello.resume.as_option()) {
            (Some(server), Some(resume)) => {
                resume.session_id[..] == server.session_id() && server.resume(resume.received_link_seq, self.now_ms)
            }
            _ => false,
        };
        if !resumed {
            self.sessions += 1;
            self.server = Some(ServerSession::new([self.sessions; 16], codec, self.now_ms));
        }
        let welcome = v1::Welcome {
            session_id: Bytes::copy_from_slice(&[self.sessions; 16]),
            resumed,
            heartbeat_ms: HEARTBEAT_MS as u32,
            ..Default::default()
        };
        self.attached = true;
        self.to_client.push_back(frame::welcome(codec, welcome));
    }

    /// What the application does with an event.
    pub(super) fn observe(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Push { events, lagging } => {
                    for event in events {
                        let Some(v1::event::Body::Timeline(timeline)) = event.body else { panic!("{event:?}") };
                        self.seen.push(timeline.version);
                    }
                    if lagging {
                        self.pull();
                    }
                }
                ClientEvent::Ready(welcome) if welcome.resumed => {}
                ClientEvent::Ready(_) => self.pull(),
                ClientEvent::Response { id, result } => {
                    assert_eq!(result, Ok(Bytes::from_static(b"{}")));
                    self.answered.push(id);
                }
                ClientEvent::Lost(ids) => self.lost.extend(ids),
                ClientEvent::GoAway(_) | ClientEvent::Room(_) | ClientEvent::Closed(..) => {}
            }
        }
    }

    fn pull(&mut self) {
        self.pulls += 1;
        self.pulled_to = self.latest;
    }
}
