//! The client's end of a link: says hello or resumes, numbers requests, takes each push once and acks it, keeps the link alive.
//!
//! It does not decide when to reconnect; the SDK does, by the range of the close code.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
};

use bytes::Bytes;

use super::{close_code::received_code, pace::Pace};
use crate::v1::{self, CloseCode, frame::Body};

/// An ack waits this long for a frame to ride on, in milliseconds.
pub const ACK_DELAY_MS: u64 = 20;
/// This many pushes are acked at once, without waiting.
pub const ACK_PUSHES_MAX: u64 = 16;
/// How long the server may take to answer the hello, in milliseconds.
pub const WELCOME_TIMEOUT_MS: u64 = 10_000;
/// A link is dead when nothing came for this many heartbeats.
const SILENT_HEARTBEATS_MAX: u64 = 2;

/// What the application has to know.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// The link works. `resumed` false: pull the user timeline.
    Ready(Box<v1::Welcome>),
    /// The answer to a request.
    Response {
        /// As [`ClientSession::request`] returned it.
        id: u32,
        /// The body in the encoding of the link, or why not.
        result: Result<Bytes, Box<v1::Error>>,
    },
    /// Events, each once and in order. With `lagging`, pushes were dropped: pull the user timeline.
    Push {
        /// What happened.
        events: Vec<v1::Event>,
        /// Some of it is missing here.
        lagging: bool,
    },
    /// What happened in a live room that was joined on this link.
    Room(Box<v1::RoomPush>),
    /// The server asks to reconnect, to one of the gateways or the same address, within `after_ms`.
    GoAway(Box<v1::GoAway>),
    /// The server closed the link and said why.
    Closed(CloseCode, String),
    /// The connection is gone; these requests were not answered. Repeat them once connected: operations are idempotent by their client ids.
    Lost(Vec<u32>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Disconnected,
    /// Hello is out; requests wait.
    Greeting,
    Ready,
}

/// One client session, over any number of connections.
#[derive(Debug)]
pub struct ClientSession {
    hello: v1::Hello,
    state: State,
    /// What a resume needs: the session id; `received` says from where.
    session_id: Option<Bytes>,
    received: u64,
    acked: u64,
    next_id: u32,
    unanswered: BTreeSet<u32>,
    /// Requests made before the welcome.
    waiting: Vec<v1::Frame>,
    outgoing: VecDeque<v1::Frame>,
    events: VecDeque<ClientEvent>,
    heartbeat_ms: u64,
    /// What the server asks for by itself.
    base_heartbeat_ms: u64,
    pace: Pace,
    /// A ping after a silence of a whole interval was not answered yet.
    silence_tested: bool,
    last_sent_ms: u64,
    last_received_ms: u64,
    ack_due_ms: Option<u64>,
}

impl ClientSession {
    /// A session that will say this hello; the field `resume` is filled in by the session itself.
    pub fn new(hello: v1::Hello) -> Self {
        Self {
            hello,
            state: State::Disconnected,
            session_id: None,
            received: 0,
            acked: 0,
            next_id: 1,
            unanswered: BTreeSet::new(),
            waiting: Vec::new(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            heartbeat_ms: u64::from(crate::limits::HEARTBEAT_MS),
            base_heartbeat_ms: u64::from(crate::limits::HEARTBEAT_MS),
            pace: Pace::new(),
            silence_tested: false,
            last_sent_ms: 0,
            last_received_ms: 0,
            ack_due_ms: None,
        }
    }

    /// Uses another access token from the next hello on.
    pub fn set_token(&mut self, token: String) {
        self.hello.token = token;
    }

    /// Forgets the session: the next hello starts a new one.
    pub fn forget(&mut self) {
        self.session_id = None;
        self.received = 0;
        self.acked = 0;
    }

    /// A connection is there: says hello, with a resume when there is something to resume.
    pub fn handle_connected(&mut self, now_ms: u64) {
        self.handle_disconnected();
        self.state = State::Greeting;
        self.last_received_ms = now_ms;
        self.silence_tested = false;
        let hello = self.next_hello();
        self.outgoing.push_back(hello);
    }

    /// The hello that the next connection begins with, when there is a session to resume: for a transport that carries it with its own handshake. Somebody may
    /// send a copy of it then, which changes nothing.
    pub fn resuming_hello(&mut self) -> Option<v1::Frame> {
        (self.state == State::Disconnected && self.session_id.is_some()).then(|| self.next_hello())
    }

    fn next_hello(&mut self) -> v1::Frame {
        self.hello.heartbeat_ms = self.pace.wish_ms(self.base_heartbeat_ms);
        let mut hello = self.hello.clone();
        if let Some(session_id) = &self.session_id {
            let resume =
                v1::Resume { session_id: session_id.clone(), received_link_seq: self.received, ..Default::default() };
            hello.resume = resume.into();
        }
        v1::Frame { body: Some(hello.into()), ..Default::default() }
    }

    /// The connection is gone. Unanswered requests are reported, nothing is sent any more.
    pub fn handle_disconnected(&mut self) {
        if self.state == State::Disconnected {
            return;
        }
        self.state = State::Disconnected;
        self.outgoing.clear();
        self.waiting.clear();
        self.ack_due_ms = None;
        let lost = mem::take(&mut self.unanswered).into_iter().collect();
        self.events.push_back(ClientEvent::Lost(lost));
    }

    /// Makes a request; it leaves with the next poll, or after the welcome.
    pub fn request(&mut self, method: &str, body: Bytes) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        let request = v1::Request { id, method: method.to_owned(), body, ..Default::default() };
        let frame = v1::Frame { body: Some(request.into()), ..Default::default() };
        self.unanswered.insert(id);
        match self.state {
            State::Ready => self.outgoing.push_back(frame),
            State::Greeting => self.waiting.push(frame),
            State::Disconnected => {
                self.unanswered.remove(&id);
                self.events.push_back(ClientEvent::Lost(vec![id]));
            }
        }
        id
    }

    /// Takes a frame of the server.
    ///
    /// # Errors
    /// `PROTOCOL_ERROR` when the server sends what it must not; drop the connection.
    pub fn handle_frame(&mut self, now_ms: u64, frame: v1::Frame) -> Result<(), CloseCode> {
        self.last_received_ms = now_ms;
        let Some(body) = frame.body else { return Ok(()) };
        match (self.state, body) {
            (State::Greeting, Body::Welcome(welcome)) => self.welcomed(*welcome),
            (State::Ready, Body::Response(response)) => self.answered(*response),
            (State::Ready, Body::Push(push)) => self.pushed(now_ms, *push),
            (State::Ready, Body::RoomPush(push)) => self.events.push_back(ClientEvent::Room(push)),
            (State::Ready, Body::Ping(ping)) => {
                let pong = v1::Pong { time_ms: ping.time_ms, ..Default::default() };
                self.outgoing.push_back(v1::Frame { body: Some(pong.into()), ..Default::default() });
            }
            (State::Ready, Body::Pong(pong)) => self.ponged(now_ms, &pong),
            (_, Body::Pong(_)) => {}
            (_, Body::GoAway(go_away)) => self.events.push_back(ClientEvent::GoAway(go_away)),
            (_, Body::Close(close)) => {
                self.events.push_back(ClientEvent::Closed(received_code(close.code), close.text));
            }
            _ => return Err(CloseCode::ProtocolError),
        }
        Ok(())
    }

    fn welcomed(&mut self, welcome: v1::Welcome) {
        self.state = State::Ready;
        if !welcome.resumed {
            self.received = 0;
            self.acked = 0;
        }
        self.session_id = (!welcome.session_id.is_empty()).then(|| welcome.session_id.clone());
        if welcome.heartbeat_ms > 0 {
            self.heartbeat_ms = u64::from(welcome.heartbeat_ms);
            if self.hello.heartbeat_ms == 0 {
                self.base_heartbeat_ms = self.heartbeat_ms;
            }
        }
        self.outgoing.extend(self.waiting.drain(..));
        self.events.push_back(ClientEvent::Ready(Box::new(welcome)));
    }

    /// A silence was survived, or a wish for another heartbeat answered.
    fn ponged(&mut self, now_ms: u64, pong: &v1::Pong) {
        let wish_ms = self.pace.wish_ms(self.base_heartbeat_ms);
        if self.silence_tested {
            self.silence_tested = false;
            if self.pace.held() {
                let heartbeat_ms = self.pace.wish_ms(self.base_heartbeat_ms);
                let ping = v1::Ping { time_ms: now_ms, heartbeat_ms, ..Default::default() };
                self.outgoing.push_back(v1::Frame { body: Some(ping.into()), ..Default::default() });
            }
        } else if wish_ms > 0 && u64::from(wish_ms) != self.heartbeat_ms {
            if pong.heartbeat_ms < wish_ms {
                self.pace.refused();
            }
            if pong.heartbeat_ms > 0 {
                self.heartbeat_ms = u64::from(pong.heartbeat_ms);
            }
        }
    }

    fn answered(&mut self, response: v1::Response) {
        if !self.unanswered.remove(&response.id) {
            return;
        }
        let result = match response.error.into_option() {
            Some(error) => Err(Box::new(error)),
            None if response.json.is_empty() => Ok(response.body),
            None => Ok(response.json.into()),
        };
        self.events.push_back(ClientEvent::Response { id: response.id, result });
    }

    fn pushed(&mut self, now_ms: u64, push: v1::Push) {
        if push.link_seq <= self.received {
            // Taken before the connection was lost, and its ack was lost with it.
            self.ack_due_ms = Some(now_ms);
            return;
        }
        // A hole that the server did not declare cannot happen; if it does, a pull heals it.
        let lagging = push.lagging || push.link_seq != self.received + 1;
        self.received = push.link_seq;
        let due = if self.received - self.acked >= ACK_PUSHES_MAX { now_ms } else { now_ms + ACK_DELAY_MS };
        self.ack_due_ms = Some(self.ack_due_ms.map_or(due, |earlier| earlier.min(due)));
        self.events.push_back(ClientEvent::Push { events: push.events, lagging });
    }

    /// Time has passed: sends an ack or a heartbeat that is due, gives up a silent connection.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        if self.state == State::Disconnected {
            return;
        }
        if self.dead_ms() <= now_ms {
            if self.silence_tested {
                self.pace.lost();
            }
            self.handle_disconnected();
            return;
        }
        if self.ack_due_ms.is_some_and(|due| due <= now_ms) {
            self.ack_due_ms = None;
            self.acked = self.received;
            self.outgoing.push_back(v1::Frame { ack: self.received, ..Default::default() });
        } else if self.state == State::Ready && self.last_sent_ms + self.heartbeat_ms <= now_ms {
            self.last_sent_ms = now_ms;
            self.silence_tested = true;
            let ping = v1::Ping { time_ms: now_ms, ..Default::default() };
            self.outgoing.push_back(v1::Frame { body: Some(ping.into()), ..Default::default() });
        }
    }

    /// The next frame to write; the ack rides on whatever leaves.
    pub fn poll_frame(&mut self, now_ms: u64) -> Option<v1::Frame> {
        let mut frame = self.outgoing.pop_front()?;
        self.last_sent_ms = now_ms;
        if self.state == State::Ready && (self.received > self.acked || self.ack_due_ms.is_some()) {
            frame.ack = self.received;
            self.acked = self.received;
            self.ack_due_ms = None;
        }
        Some(frame)
    }

    /// The next thing to know.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// When to call [`ClientSession::handle_timeout`] at the latest; `None` while disconnected.
    pub fn poll_timeout(&self) -> Option<u64> {
        let heartbeat = match self.state {
            State::Disconnected => return None,
            State::Greeting => u64::MAX,
            State::Ready => self.last_sent_ms + self.heartbeat_ms,
        };
        Some(self.dead_ms().min(heartbeat).min(self.ack_due_ms.unwrap_or(u64::MAX)))
    }

    /// Whether requests leave at once.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// When the silence has lasted too long.
    fn dead_ms(&self) -> u64 {
        let patience =
            if self.state == State::Ready { self.heartbeat_ms * SILENT_HEARTBEATS_MAX } else { WELCOME_TIMEOUT_MS };
        self.last_received_ms + patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pings that leave now, by the heartbeat that they ask for.
    fn pings(session: &mut ClientSession, now_ms: u64) -> Vec<u32> {
        let frames = std::iter::from_fn(|| session.poll_frame(now_ms));
        frames
            .filter_map(|frame| if let Some(Body::Ping(ping)) = frame.body { Some(ping.heartbeat_ms) } else { None })
            .collect()
    }

    fn receive(session: &mut ClientSession, now_ms: u64, body: Body) {
        session.handle_frame(now_ms, v1::Frame { body: Some(body), ..Default::default() }).unwrap();
    }

    fn pong(session: &mut ClientSession, now_ms: u64, heartbeat_ms: u32) {
        receive(session, now_ms, v1::Pong { heartbeat_ms, ..Default::default() }.into());
    }

    fn ready() -> ClientSession {
        let mut session = ClientSession::new(v1::Hello::default());
        session.handle_connected(0);
        session.poll_frame(0);
        receive(&mut session, 0, v1::Welcome { heartbeat_ms: 1_000, ..Default::default() }.into());
        session
    }

    #[test]
    fn a_longer_heartbeat_is_asked_for_after_three_silences_and_given_up_when_a_link_dies_in_one() {
        let mut session = ready();
        for number in 1..=3 {
            session.handle_timeout(number * 1_000);
            assert_eq!(pings(&mut session, number * 1_000), [0]);
            pong(&mut session, number * 1_000, 0);
        }
        assert_eq!(pings(&mut session, 3_000), [1_500]);
        pong(&mut session, 3_000, 1_500);
        assert_eq!(session.poll_timeout(), Some(4_500));
        session.handle_timeout(4_500);
        assert_eq!(pings(&mut session, 4_500), [0]);
        session.handle_timeout(6_000);
        assert_eq!(session.poll_timeout(), None, "silent for two of the new ones");
        session.handle_connected(6_000);
        let Some(Body::Hello(hello)) = session.poll_frame(6_000).unwrap().body else { panic!("no hello") };
        assert_eq!(hello.heartbeat_ms, 0);
    }

    #[test]
    fn what_the_server_does_not_allow_is_not_asked_for_again() {
        let mut session = ready();
        let mut wishes = 0;
        for number in 1..=12 {
            let now_ms = number * 1_000;
            session.handle_timeout(now_ms);
            while let [wish] = pings(&mut session, now_ms)[..] {
                wishes += u32::from(wish > 0);
                pong(&mut session, now_ms, wish.min(1_000));
            }
        }
        assert_eq!(wishes, 1);
    }
}
