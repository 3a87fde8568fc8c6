//! The server's end of a link: numbers pushes, keeps what is not acked, bounds what waits for a slow reader.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::frame::{self, OVERHEAD_BYTES_MAX};
use crate::{
    codec::Codec,
    event::EncodedEvent,
    limits::{FRAME_BYTES_MAX, OUTBOX_BYTES_MAX, SIGNAL_STALE_MS},
    v1::{self, CloseCode, frame::Body},
};

/// Events are gathered into one push up to about this many bytes.
const PUSH_BYTES_MAX: usize = 16 * 1024;
/// An event above this size is not pushed; the client is told to pull.
const EVENT_BYTES_MAX: usize = FRAME_BYTES_MAX - OVERHEAD_BYTES_MAX;

/// What a client's frame asks of the connection.
#[derive(Debug, PartialEq)]
pub enum Input {
    /// Nothing more: an ack, a pong.
    Nothing,
    /// Run this operation and answer.
    Request(Box<v1::Request>),
    /// Answer with a pong.
    Ping(v1::Ping),
    /// The client is done.
    Close(v1::Close),
}

/// A message whose push was acked, and whose sender wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Where it is.
    pub conversation_id: String,
    /// Its place there.
    pub seq: u64,
    /// Who wants to know.
    pub sender_id: u64,
}

impl Confirmed {
    /// What is to be confirmed of an event, if anything is.
    fn of(event: &EncodedEvent) -> Option<Self> {
        let Some(v1::event::Body::Message(pushed)) = &event.event().body else { return None };
        let message = pushed.message.as_option()?;
        message.options.confirm_delivery.then(|| Self {
            conversation_id: message.conversation_id.clone(),
            seq: message.seq,
            sender_id: message.sender_id,
        })
    }
}

/// One session: it outlives its connection for the resume window. Holds nothing on the heap while everything is acked.
#[derive(Debug)]
pub struct ServerSession {
    session_id: [u8; 16],
    last_received_ms: u64,
    /// The last link_seq given out.
    pushed: u64,
    /// The last link_seq that the client acked.
    acked: u64,
    /// The link_seq of the last lagging mark.
    lagging_mark: u64,
    codec: Codec,
    outbox: Option<Box<Outbox>>,
}

/// Pushes that wait to be written, or written and not acked. Holds the events, which their receivers share, and no copy of a push: a session whose client
/// takes nothing costs little more than its numbers.
#[derive(Debug, Default)]
struct Outbox {
    queued: VecDeque<Arc<EncodedEvent>>,
    unacked: VecDeque<Sent>,
    /// How many of `unacked` were given to the present connection.
    written: usize,
    /// Bytes of the events in both queues.
    bytes: usize,
    /// Pushes were dropped and the client has not been told yet.
    tell_lagging: bool,
    /// Of acked pushes; until somebody takes it.
    confirmed: Vec<Confirmed>,
}

/// A push that has its number: the same events go out again under it after a resume.
#[derive(Debug)]
struct Sent {
    link_seq: u64,
    time_ms: u64,
    events: Vec<Arc<EncodedEvent>>,
}

/// Whether an event is of no use any more.
fn is_stale(event: &EncodedEvent, now_ms: u64) -> bool {
    event.passing_ms().is_some_and(|made_ms| made_ms + SIGNAL_STALE_MS < now_ms)
}

impl Outbox {
    /// Takes the events of one push off the queue: as many as fit, at least one. Signals go by themselves, so that they can be left out later.
    fn next_batch(&mut self, codec: Codec) -> Vec<Arc<EncodedEvent>> {
        let (mut count, mut bytes) = (0, 0);
        for event in &self.queued {
            let size = event.encoded(codec).len();
            let other =
                self.queued.front().is_some_and(|first| first.passing_ms().is_some() != event.passing_ms().is_some());
            if count > 0 && (other || bytes + size > PUSH_BYTES_MAX) {
                break;
            }
            (count, bytes) = (count + 1, bytes + size);
        }
        self.queued.drain(..count).collect()
    }

    /// Leaves out signals that have waited too long: a push of one that is too old becomes an empty one, because its number was given out.
    fn forget_stale(&mut self, codec: Codec, now_ms: u64) {
        for sent in &mut self.unacked {
            if sent.events.iter().any(|event| is_stale(event, now_ms)) {
                self.bytes -= bytes_of(&sent.events, codec);
                sent.events.clear();
            }
        }
        let bytes = &mut self.bytes;
        self.queued.retain(|event| {
            let stale = is_stale(event, now_ms);
            *bytes -= if stale { event.encoded(codec).len() } else { 0 };
            !stale
        });
    }

    fn is_idle(&self) -> bool {
        self.unacked.is_empty() && self.queued.is_empty() && !self.tell_lagging && self.confirmed.is_empty()
    }
}

fn bytes_of(events: &[Arc<EncodedEvent>], codec: Codec) -> usize {
    events.iter().map(|event| event.encoded(codec).len()).sum()
}

impl ServerSession {
    /// A session whose hello has just been accepted.
    pub fn new(session_id: [u8; 16], codec: Codec, now_ms: u64) -> Self {
        Self { session_id, last_received_ms: now_ms, pushed: 0, acked: 0, lagging_mark: 0, codec, outbox: None }
    }

    /// The secret with which the client resumes.
    pub fn session_id(&self) -> [u8; 16] {
        self.session_id
    }

    /// The encoding of this link's frames.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The last link_seq that the client acked.
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// Queues an event. Beyond `OUTBOX_BYTES_MAX` of unacked bytes everything that waits is dropped and the client will be told to pull:
    /// nothing durable is lost, it is in the timelines.
    pub fn push(&mut self, event: Arc<EncodedEvent>) {
        let bytes = event.encoded(self.codec).len();
        let outbox = self.outbox.get_or_insert_default();
        if outbox.tell_lagging {
            return;
        }
        if bytes > EVENT_BYTES_MAX || (outbox.bytes > 0 && outbox.bytes + bytes > OUTBOX_BYTES_MAX) {
            **outbox = Outbox { tell_lagging: true, ..Outbox::default() };
            return;
        }
        outbox.bytes += bytes;
        outbox.queued.push_back(event);
    }

    /// Pushes may have been lost before they came here: what waits is dropped, and the client will be told to pull.
    pub fn mark_lagging(&mut self) {
        **self.outbox.get_or_insert_default() = Outbox { tell_lagging: true, ..Outbox::default() };
    }

    /// Appends frames that the present connection has not been given yet, as payloads without transport framing: all of them, or as many as it takes to
    /// reach `bytes_max`.
    pub fn poll_frames(&mut self, now_ms: u64, bytes_max: usize, out: &mut Vec<Bytes>) {
        let mut bytes = 0;
        while bytes < bytes_max
            && let Some(payload) = self.next_frame(now_ms)
        {
            bytes += payload.len();
            out.push(payload);
        }
    }

    fn next_frame(&mut self, now_ms: u64) -> Option<Bytes> {
        let outbox = self.outbox.as_mut()?;
        if outbox.written == outbox.unacked.len() {
            let events = if std::mem::take(&mut outbox.tell_lagging) {
                self.lagging_mark = self.pushed + 1;
                Vec::new()
            } else if outbox.queued.is_empty() {
                return None;
            } else {
                outbox.next_batch(self.codec)
            };
            self.pushed += 1;
            outbox.unacked.push_back(Sent { link_seq: self.pushed, time_ms: now_ms, events });
        }
        let sent = outbox.unacked.get_mut(outbox.written)?;
        outbox.written += 1;
        sent.time_ms = now_ms;
        Some(frame::push(self.codec, sent.link_seq, &sent.events, sent.link_seq == self.lagging_mark))
    }

    /// Takes a client's frame; its ack is applied whatever else it carries.
    ///
    /// # Errors
    /// The code to close the link with: an ack of what was never pushed, a second hello, a frame that only servers send.
    pub fn handle_frame(&mut self, now_ms: u64, frame: v1::Frame) -> Result<Input, CloseCode> {
        self.last_received_ms = now_ms;
        if frame.ack > self.pushed {
            return Err(CloseCode::ProtocolError);
        }
        self.acknowledge(frame.ack);
        match frame.body {
            None | Some(Body::Pong(_)) => Ok(Input::Nothing),
            Some(Body::Request(request)) => Ok(Input::Request(request)),
            Some(Body::Ping(ping)) => Ok(Input::Ping(*ping)),
            Some(Body::Close(close)) => Ok(Input::Close(*close)),
            Some(
                Body::Hello(_)
                | Body::Welcome(_)
                | Body::Response(_)
                | Body::Push(_)
                | Body::GoAway(_)
                | Body::RoomPush(_),
            ) => Err(CloseCode::ProtocolError),
        }
    }

    /// Cumulative: every push up to `link_seq` was taken. Going back, or beyond what was pushed, changes nothing.
    pub fn acknowledge(&mut self, link_seq: u64) {
        if link_seq <= self.acked || link_seq > self.pushed {
            return;
        }
        self.acked = link_seq;
        let Some(outbox) = &mut self.outbox else { return };
        while let Some(sent) = outbox.unacked.pop_front_if(|sent| sent.link_seq <= link_seq) {
            outbox.bytes -= bytes_of(&sent.events, self.codec);
            outbox.written = outbox.written.saturating_sub(1);
            outbox.confirmed.extend(sent.events.iter().filter_map(|event| Confirmed::of(event)));
        }
        if outbox.is_idle() {
            self.outbox = None;
        }
    }

    /// What acks have confirmed since the last call.
    pub fn take_confirmed(&mut self) -> Vec<Confirmed> {
        let Some(outbox) = &mut self.outbox else { return Vec::new() };
        let confirmed = std::mem::take(&mut outbox.confirmed);
        if outbox.is_idle() {
            self.outbox = None;
        }
        confirmed
    }

    /// Moves the session to a new connection whose client took everything up to `received_link_seq`: the rest will be polled again. False when that
    /// cannot be: the client claims what was never pushed, or forgot what it acked. Then it needs a new session, and a pull. Signals older than
    /// `SIGNAL_STALE_MS` are left out.
    pub fn resume(&mut self, received_link_seq: u64, now_ms: u64) -> bool {
        if received_link_seq > self.pushed || received_link_seq < self.acked {
            return false;
        }
        self.acknowledge(received_link_seq);
        self.last_received_ms = now_ms;
        if let Some(outbox) = &mut self.outbox {
            outbox.forget_stale(self.codec, now_ms);
            outbox.written = 0;
        }
        true
    }

    /// Bytes that wait to be written or acked.
    pub fn unacked_bytes(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.bytes)
    }

    /// Whether pushes were dropped and the client has not acked being told so.
    pub fn is_lagging(&self) -> bool {
        self.lagging_mark > self.acked || self.outbox.as_ref().is_some_and(|outbox| outbox.tell_lagging)
    }

    /// Whether [`ServerSession::poll_frames`] would give anything.
    pub fn has_frames(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| {
            outbox.tell_lagging || !outbox.queued.is_empty() || outbox.written < outbox.unacked.len()
        })
    }

    /// Something came that is not a frame, such as a ping of the transport.
    pub fn touch(&mut self, now_ms: u64) {
        self.last_received_ms = now_ms;
    }

    /// When anything last came from the client.
    pub fn last_received_ms(&self) -> u64 {
        self.last_received_ms
    }

    /// When the oldest unacked push was last written.
    pub fn oldest_unacked_ms(&self) -> Option<u64> {
        self.outbox.as_ref()?.unacked.front().map(|sent| sent.time_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::decode_frame;

    fn event(bytes: usize) -> Arc<EncodedEvent> {
        let conversation_id = "x".repeat(bytes);
        Arc::new(EncodedEvent::new(v1::TimelineEvent { conversation_id, ..Default::default() }))
    }

    fn poll(session: &mut ServerSession) -> Vec<v1::Push> {
        let mut out = Vec::new();
        session.poll_frames(5, usize::MAX, &mut out);
        out.iter()
            .map(|payload| match decode_frame(session.codec, payload).unwrap().body {
                Some(Body::Push(push)) => *push,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn ack(session: &mut ServerSession, ack: u64) -> Result<Input, CloseCode> {
        session.handle_frame(9, v1::Frame { ack, ..Default::default() })
    }

    #[test]
    fn an_ack_confirms_what_asked_for_it() {
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        for (seq, confirm_delivery) in [(1, false), (2, true)] {
            let options = v1::SendOptions { confirm_delivery, ..Default::default() };
            let message = v1::Message { seq, sender_id: 7, options: options.into(), ..Default::default() };
            let pushed = v1::MessageEvent { message: message.into(), ..Default::default() };
            session.push(Arc::new(EncodedEvent::new(pushed)));
        }
        poll(&mut session);
        assert!(session.take_confirmed().is_empty(), "pushed is not acked");
        ack(&mut session, 1).unwrap();
        let confirmed = session.take_confirmed();
        assert_eq!(confirmed.iter().map(|one| (one.seq, one.sender_id)).collect::<Vec<_>>(), [(2, 7)]);
        assert!(session.take_confirmed().is_empty() && session.outbox.is_none());
    }

    #[test]
    fn an_idle_session_is_small_and_holds_nothing() {
        assert!(size_of::<ServerSession>() <= 80, "{}", size_of::<ServerSession>());
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        session.push(event(10));
        poll(&mut session);
        assert!(session.unacked_bytes() > 0);
        assert_eq!(ack(&mut session, 1), Ok(Input::Nothing));
        assert!(session.outbox.is_none());
        assert_eq!((session.unacked_bytes(), session.oldest_unacked_ms()), (0, None));
    }

    #[test]
    fn many_events_ride_on_one_push_and_large_ones_on_several() {
        let mut session = ServerSession::new([1; 16], Codec::Json, 0);
        (0..10).for_each(|_| session.push(event(100)));
        assert_eq!(poll(&mut session).iter().map(|push| push.events.len()).collect::<Vec<_>>(), [10]);
        ack(&mut session, 1).unwrap();
        (0..3).for_each(|_| session.push(event(20_000)));
        assert_eq!(poll(&mut session).len(), 3);
        assert!(poll(&mut session).is_empty(), "nothing is polled twice");
    }

    #[test]
    fn a_full_outbox_drops_pushes_and_says_so_once() {
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        (0..100).for_each(|_| session.push(event(1_000)));
        assert!(session.is_lagging());
        assert!(session.unacked_bytes() <= OUTBOX_BYTES_MAX);
        let pushes = poll(&mut session);
        assert_eq!((pushes.len(), pushes[0].lagging, pushes[0].link_seq), (1, true, 1));
        session.push(event(10));
        assert_eq!(poll(&mut session)[0].link_seq, 2, "what comes after the mark is pushed again");
        ack(&mut session, 2).unwrap();
        assert!(!session.is_lagging());
        session.push(event(FRAME_BYTES_MAX));
        assert!(poll(&mut session)[0].lagging, "an event over the frame limit is left to the pull");
    }

    #[test]
    fn a_mark_from_outside_is_told_like_an_overflow() {
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        session.mark_lagging();
        let pushes = poll(&mut session);
        assert_eq!((pushes.len(), pushes[0].lagging, pushes[0].link_seq), (1, true, 1));
        session.push(event(10));
        assert_eq!(poll(&mut session).len(), 1);
        ack(&mut session, 2).unwrap();
        assert!(session.outbox.is_none());
    }

    #[test]
    fn frames_come_a_few_at_a_time_and_cost_only_what_their_receivers_share() {
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        let shared = event(4_000);
        (0..10).for_each(|_| session.push(shared.clone()));
        let mut counts = Vec::new();
        while session.has_frames() {
            let mut out = Vec::new();
            session.poll_frames(5, 1, &mut out);
            counts.push(out.len());
        }
        assert_eq!(counts, [1, 1, 1], "three pushes of at most {PUSH_BYTES_MAX} bytes, one at a time");
        assert_eq!(Arc::strong_count(&shared), 11, "what is unacked is the event itself");
        assert!(session.resume(1, 6));
        assert_eq!(poll(&mut session).iter().map(|push| push.link_seq).collect::<Vec<_>>(), [2, 3]);
        ack(&mut session, 3).unwrap();
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn acks_are_cumulative_idempotent_and_never_ahead() {
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        for _ in 0..3 {
            session.push(event(10));
            poll(&mut session);
        }
        ack(&mut session, 2).unwrap();
        ack(&mut session, 2).unwrap();
        ack(&mut session, 1).unwrap();
        assert_eq!(ack(&mut session, 4), Err(CloseCode::ProtocolError));
        assert!(session.resume(2, 10));
        assert_eq!(poll(&mut session).iter().map(|push| push.link_seq).collect::<Vec<_>>(), [3]);
        assert!(!session.resume(1, 10), "what was acked is gone");
        assert!(!session.resume(9, 10), "what was never pushed cannot have come");
    }

    #[test]
    fn a_resumed_session_gets_no_stale_signals() {
        let signal = |time_ms| Arc::new(EncodedEvent::new(v1::Signal { time_ms, ..Default::default() }));
        let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
        session.push(event(10));
        session.push(signal(1_000));
        session.push(signal(1_001));
        session.push(event(10));
        assert_eq!(poll(&mut session).iter().map(|push| push.events.len()).collect::<Vec<_>>(), [1, 2, 1]);
        session.push(signal(5_000));
        session.push(signal(20_000));
        assert!(session.resume(0, 20_000));
        let pushes = poll(&mut session);
        let shape = |push: &v1::Push| (push.link_seq, push.events.len(), push.lagging);
        let expected = [(1, 1, false), (2, 0, false), (3, 1, false), (4, 1, false)];
        assert_eq!(pushes.iter().map(shape).collect::<Vec<_>>(), expected);
        let body = pushes[3].events[0].body.clone();
        assert!(matches!(body, Some(v1::event::Body::Signal(signal)) if signal.time_ms == 20_000));
        ack(&mut session, 4).unwrap();
        assert_eq!((session.unacked_bytes(), session.outbox.is_none()), (0, true));
    }

    #[test]
    fn frames_that_only_servers_send_are_violations() {
        let bodies: [Body; 6] = [
            v1::Hello::default().into(),
            v1::Welcome::default().into(),
            v1::Response::default().into(),
            v1::Push::default().into(),
            v1::GoAway::default().into(),
            v1::RoomPush::default().into(),
        ];
        for body in bodies {
            let mut session = ServerSession::new([1; 16], Codec::Binary, 0);
            let frame = v1::Frame { body: Some(body), ..Default::default() };
            assert_eq!(session.handle_frame(1, frame), Err(CloseCode::ProtocolError));
        }
    }
}
