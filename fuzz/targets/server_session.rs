//! The server's session under any steps and any frames of a client, against the simplest model of what it promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    event::EncodedEvent,
    limits::{FRAME_BYTES_MAX, OUTBOX_BYTES_MAX},
    session::{Confirmed, Input as Asked, ServerSession, decode_client_frame, decode_frame},
    v1::{self, frame::Body},
};

use super::{input::Input, memory};

/// What a session may hold beside the events that it shares: its pushes, their places in queues, and what is to be confirmed.
const SESSION_BYTES_MAX: usize = 8 * FRAME_BYTES_MAX;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let codec = if input.byte() & 1 == 0 { Codec::Binary } else { Codec::Json };
    let mut model = Model::new(codec);
    while !input.is_empty() {
        model.step(&mut input);
        model.check();
    }
}

struct Model {
    codec: Codec,
    session: ServerSession,
    now_ms: u64,
    /// What was ever handed out, by link_seq: it never changes.
    history: BTreeMap<u64, Bytes>,
    /// The next link_seq on the present connection.
    next: u64,
    acked: u64,
    /// Something was dropped, so that link_seqs may be missing.
    lagging: bool,
    /// Events that ask to be confirmed, by seq, and are not yet.
    unconfirmed: BTreeSet<u64>,
    events: u64,
}

impl Model {
    fn new(codec: Codec) -> Self {
        Self {
            codec,
            session: ServerSession::new([7; 16], codec, 0),
            now_ms: 0,
            history: BTreeMap::new(),
            next: 1,
            acked: 0,
            lagging: false,
            unconfirmed: BTreeSet::new(),
            events: 0,
        }
    }

    fn pushed(&self) -> u64 {
        self.history.last_key_value().map_or(0, |(link_seq, _)| *link_seq)
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 9 {
            0 => self.push(usize::from(input.byte()), false),
            1 => {
                // Seldom one that is near the limit of a frame, or above it.
                let (size, kind) = (usize::from(input.byte()), input.byte());
                self.push(size * if kind < 16 { FRAME_BYTES_MAX / 250 } else { 40 }, kind & 1 == 1);
            }
            2 => self.poll(),
            3 => {
                let ack = self.near(input.byte());
                self.frame(v1::Frame { ack, ..Default::default() });
            }
            4 => {
                let length = usize::from(input.byte());
                if let Ok(frame) = decode_client_frame(self.codec, input.take(length)) {
                    self.frame(frame);
                }
            }
            5 => self.resume(input.byte()),
            6 => self.take_confirmed(),
            7 => {
                let link_seq = self.near(input.byte());
                self.session.acknowledge(link_seq);
                if link_seq <= self.pushed() {
                    self.note_ack(link_seq);
                }
            }
            _ => {
                self.now_ms += u64::from(input.u16());
                self.session.touch(self.now_ms);
                assert_eq!(self.session.last_received_ms(), self.now_ms);
            }
        }
    }

    /// A link_seq from a little below the last ack to a little above the last push.
    fn near(&self, byte: u8) -> u64 {
        match byte {
            255 => u64::MAX,
            254 => self.pushed() + 1,
            _ => self.acked.saturating_sub(2) + u64::from(byte) % (self.pushed() - self.acked + 5),
        }
    }

    fn push(&mut self, filler: usize, confirm_delivery: bool) {
        self.events += 1;
        let conversation_id = "x".repeat(filler);
        let options = v1::SendOptions { confirm_delivery, ..Default::default() };
        let message = v1::Message { conversation_id, seq: self.events, options: options.into(), ..Default::default() };
        let event = v1::MessageEvent { message: message.into(), ..Default::default() };
        let event = Arc::new(EncodedEvent::new(event));
        if confirm_delivery {
            self.unconfirmed.insert(self.events);
        }
        event.encoded(self.codec);
        memory::within(SESSION_BYTES_MAX, || self.session.push(event));
    }

    fn poll(&mut self) {
        let mut out = Vec::new();
        memory::within(SESSION_BYTES_MAX, || self.session.poll_frames(self.now_ms, usize::MAX, &mut out));
        assert!(!self.session.has_frames());
        for payload in out {
            assert!(payload.len() <= FRAME_BYTES_MAX, "a frame over the limit");
            let frame = decode_frame(self.codec, &payload).expect("what we send can be decoded");
            let Some(Body::Push(push)) = frame.body else { panic!("not a push") };
            assert!(push.link_seq >= self.next, "polled twice on one connection");
            assert!(push.link_seq == self.next || self.lagging || push.lagging, "a hole that nobody declared");
            self.next = push.link_seq + 1;
            self.lagging |= push.lagging;
            let first = self.history.entry(push.link_seq).or_insert_with(|| payload.clone());
            assert_eq!(first, &payload, "a link_seq names the same content for ever");
        }
        if let Some(oldest_ms) = self.session.oldest_unacked_ms() {
            assert!(oldest_ms <= self.now_ms);
        }
    }

    fn frame(&mut self, frame: v1::Frame) {
        let ack = frame.ack;
        let server_only = matches!(
            frame.body,
            Some(Body::Welcome(_) | Body::Response(_) | Body::Push(_) | Body::RoomPush(_) | Body::GoAway(_))
        );
        assert!(!server_only, "refused when it was decoded");
        let is_hello = matches!(frame.body, Some(Body::Hello(_)));
        let expected = match &frame.body {
            Some(Body::Request(request)) => Asked::Request(request.clone()),
            Some(Body::Ping(ping)) => Asked::Ping((**ping).clone()),
            Some(Body::Close(close)) => Asked::Close((**close).clone()),
            _ => Asked::Nothing,
        };
        match self.session.handle_frame(self.now_ms, frame) {
            Ok(asked) => {
                assert!(ack <= self.pushed() && !is_hello);
                assert_eq!(asked, expected);
            }
            Err(code) => {
                assert_eq!(code, v1::CloseCode::ProtocolError);
                assert!(ack > self.pushed() || is_hello);
            }
        }
        if ack <= self.pushed() {
            self.note_ack(ack);
        }
    }

    /// What is acked need not be sent again.
    fn note_ack(&mut self, link_seq: u64) {
        self.acked = self.acked.max(link_seq);
        self.next = self.next.max(link_seq + 1);
    }

    fn resume(&mut self, byte: u8) {
        let received = self.near(byte);
        let kept = (self.acked..=self.pushed()).contains(&received);
        assert_eq!(self.session.resume(received, self.now_ms), kept);
        if kept {
            (self.acked, self.next) = (received, received + 1);
        }
    }

    fn take_confirmed(&mut self) {
        for Confirmed { seq, .. } in self.session.take_confirmed() {
            assert!(self.unconfirmed.remove(&seq), "confirmed twice, or without being asked");
        }
    }

    fn check(&self) {
        // One event may be larger than the outbox when nothing else waits; small ones grow when they are framed.
        assert!(self.session.unacked_bytes() <= FRAME_BYTES_MAX.max(2 * OUTBOX_BYTES_MAX));
        assert_eq!(self.session.acked(), self.acked);
        if self.acked == self.pushed() && !self.session.has_frames() {
            let held = (self.session.unacked_bytes(), self.session.oldest_unacked_ms());
            assert_eq!(held, (0, None), "nothing is counted for nothing");
            assert!(!self.session.is_lagging());
        }
    }
}
