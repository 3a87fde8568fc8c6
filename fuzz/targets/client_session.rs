//! The client's session under any steps and any frames of a server: every request ends once, every push is taken once, nothing piles up.

use std::collections::BTreeSet;

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    session::{ClientEvent, ClientSession, decode_frame},
    v1::{self, CloseCode, frame::Body},
};

use super::input::Input;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut model = Model {
        session: ClientSession::new(v1::Hello { token: "token".to_owned(), ..Default::default() }),
        now_ms: 1_000,
        connected: false,
        greeted: false,
        known: None,
        received: 0,
        acked: 0,
        open: BTreeSet::new(),
        pushes: 0,
    };
    while !input.is_empty() {
        model.step(&mut input);
        model.drain();
    }
}

struct Model {
    session: ClientSession,
    now_ms: u64,
    connected: bool,
    /// The hello of this connection was seen.
    greeted: bool,
    /// The session that a hello would resume.
    known: Option<Bytes>,
    /// The highest link_seq that was taken.
    received: u64,
    /// The highest ack that was sent for this session.
    acked: u64,
    /// Requests without an answer.
    open: BTreeSet<u32>,
    /// Pushes that must come out as events.
    pushes: usize,
}

impl Model {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 9 {
            0 => {
                self.session.handle_connected(self.now_ms);
                (self.connected, self.greeted) = (true, false);
            }
            1 => {
                self.session.handle_disconnected();
                self.connected = false;
            }
            2 => {
                let id = self.session.request("A/B", Bytes::new());
                assert!(self.open.insert(id), "an id is given to one request at a time");
            }
            3 => {
                self.now_ms += u64::from(input.u16());
                self.session.handle_timeout(self.now_ms);
                self.connected = self.session.poll_timeout().is_some();
            }
            4 => self.wait(),
            5 => {
                let codec = if input.byte() & 1 == 0 { Codec::Binary } else { Codec::Json };
                let length = usize::from(input.byte());
                if let Ok(frame) = decode_frame(codec, input.take(length)) {
                    self.frame(frame);
                }
            }
            6 => {
                let link_seq = self.received.saturating_add(u64::from(input.byte() % 6)).saturating_sub(2);
                let push = v1::Push { link_seq, lagging: input.byte() & 1 == 1, ..Default::default() };
                self.frame(v1::Frame { body: Some(push.into()), ..Default::default() });
            }
            7 => {
                let resumed = input.byte() & 1 == 1;
                let welcome = v1::Welcome {
                    session_id: Bytes::copy_from_slice(input.take(2)),
                    resumed,
                    heartbeat_ms: u32::from(input.u16()),
                    ..Default::default()
                };
                self.frame(v1::Frame { body: Some(welcome.into()), ..Default::default() });
            }
            _ => {
                self.session.forget();
                (self.known, self.received, self.acked) = (None, 0, 0);
            }
        }
    }

    /// Sleeps until the session asks to be woken, as a driver does: it must not ask for the same moment again.
    fn wait(&mut self) {
        let Some(due_ms) = self.session.poll_timeout() else { return assert!(!self.connected) };
        self.now_ms = self.now_ms.max(due_ms);
        self.session.handle_timeout(self.now_ms);
        self.connected = self.session.poll_timeout().is_some();
        self.drain();
        assert!(self.session.poll_timeout().is_none_or(|next_ms| next_ms > self.now_ms), "it would be woken for ever");
    }

    fn frame(&mut self, frame: v1::Frame) {
        let ready = self.session.is_ready();
        let greeting = self.connected && !ready;
        let body = frame.body.clone();
        let handled = self.session.handle_frame(self.now_ms, frame);
        let expected = match &body {
            None | Some(Body::Pong(_) | Body::GoAway(_) | Body::Close(_)) => true,
            Some(Body::Welcome(_)) => greeting,
            Some(Body::Response(_) | Body::Push(_) | Body::RoomPush(_) | Body::Ping(_)) => ready,
            Some(Body::Hello(_) | Body::Request(_)) => false,
        };
        assert_eq!(handled, if expected { Ok(()) } else { Err(CloseCode::ProtocolError) });
        match body {
            Some(Body::Welcome(welcome)) if expected => {
                assert!(self.session.is_ready());
                self.known = Some(welcome.session_id).filter(|id| !id.is_empty());
                if !welcome.resumed {
                    (self.received, self.acked) = (0, 0);
                }
            }
            Some(Body::Push(push)) if expected && push.link_seq > self.received => {
                self.received = push.link_seq;
                self.pushes += 1;
            }
            _ => {}
        }
    }

    /// Takes everything that comes out.
    fn drain(&mut self) {
        let mut frames = 0;
        while let Some(frame) = self.session.poll_frame(self.now_ms) {
            frames += 1;
            assert!(self.connected, "nothing leaves without a connection");
            self.sent(&frame);
        }
        assert!(frames <= self.open.len() + 2, "one step makes few frames");
        while let Some(event) = self.session.poll_event() {
            self.take(event);
        }
        assert_eq!(self.pushes, 0, "a push was swallowed");
        assert_eq!(self.session.poll_timeout().is_some(), self.connected);
    }

    fn sent(&mut self, frame: &v1::Frame) {
        if frame.ack > 0 {
            assert!(self.acked <= frame.ack && frame.ack <= self.received, "acks what was taken");
            self.acked = frame.ack;
        }
        match &frame.body {
            Some(Body::Hello(hello)) => {
                assert!(!self.greeted && frame.ack == 0);
                self.greeted = true;
                let resume = hello.resume.as_option();
                assert_eq!(resume.map(|resume| &resume.session_id), self.known.as_ref());
                assert!(resume.is_none_or(|resume| resume.received_link_seq == self.received));
            }
            Some(Body::Request(request)) => assert!(self.open.contains(&request.id)),
            None | Some(Body::Ping(_) | Body::Pong(_)) => {}
            Some(other) => panic!("a client does not send {other:?}"),
        }
        assert!(self.greeted, "the hello is first");
    }

    fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Response { id, .. } => assert!(self.open.remove(&id), "answered twice, or never asked"),
            ClientEvent::Lost(ids) => {
                for id in ids {
                    assert!(self.open.remove(&id), "lost, and not asked");
                }
            }
            ClientEvent::Push { .. } => self.pushes -= 1,
            ClientEvent::Ready(_) | ClientEvent::Room(_) | ClientEvent::GoAway(_) | ClientEvent::Closed(..) => {}
        }
    }
}
