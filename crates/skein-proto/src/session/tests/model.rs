//! The server session under any sequence of inputs, against the simplest model of what it promises.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use proptest::prelude::*;

use crate::{
    codec::Codec,
    event::EncodedEvent,
    limits::{FRAME_BYTES_MAX, OUTBOX_BYTES_MAX},
    session::{ServerSession, decode_frame},
    v1::{self, CloseCode, frame::Body},
};

#[derive(Clone, Debug)]
enum Step {
    /// Queue an event with this many bytes of filler.
    Push(usize),
    Poll,
    /// Ack this share of what was pushed; above 100 % it is a violation.
    Ack(u64),
    /// A new connection, whose client took this share.
    Resume(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..3_000).prop_map(Step::Push),
        1 => (60_000_usize..FRAME_BYTES_MAX + 2).prop_map(Step::Push),
        4 => Just(Step::Poll),
        2 => (0_u64..120).prop_map(Step::Ack),
        1 => (0_u64..120).prop_map(Step::Resume),
    ]
}

/// What was ever handed out, by link_seq: it never changes.
#[derive(Default)]
struct Model {
    history: BTreeMap<u64, Bytes>,
    /// The next link_seq on the present connection.
    next: u64,
    acked: u64,
    lagging: bool,
}

impl Model {
    fn pushed(&self) -> u64 {
        self.history.last_key_value().map_or(0, |(link_seq, _)| *link_seq)
    }

    fn take(&mut self, codec: Codec, payload: &Bytes) {
        assert!(payload.len() <= FRAME_BYTES_MAX);
        let Some(Body::Push(push)) = decode_frame(codec, payload).unwrap().body else { panic!("not a push") };
        assert!(push.link_seq >= self.next, "not polled twice on one connection");
        // A hole is left only by an overflow, which dropped unacked pushes before a new connection could have them.
        assert!(push.link_seq == self.next || self.lagging || push.lagging, "{} after {}", push.link_seq, self.next);
        self.next = push.link_seq + 1;
        self.lagging |= push.lagging;
        let first = self.history.entry(push.link_seq).or_insert_with(|| payload.clone());
        assert_eq!(first, payload, "a link_seq names the same content for ever");
    }
}

fn event(number: usize, filler: usize) -> Arc<EncodedEvent> {
    let event = v1::TimelineEvent { version: number as u64, conversation_id: "x".repeat(filler), ..Default::default() };
    Arc::new(EncodedEvent::new(event))
}

fn check(session: &ServerSession, model: &Model) {
    // One event may be larger than the outbox when nothing else waits.
    assert!(session.unacked_bytes() <= FRAME_BYTES_MAX.max(2 * OUTBOX_BYTES_MAX));
    assert_eq!(session.acked(), model.acked);
    if model.acked == model.pushed() && !session.has_frames() {
        assert_eq!((session.unacked_bytes(), session.oldest_unacked_ms()), (0, None), "nothing is counted for nothing");
        assert!(!session.is_lagging());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_inputs_keep_the_promises(steps in prop::collection::vec(step(), 1..60), json in any::<bool>()) {
        let codec = if json { Codec::Json } else { Codec::Binary };
        let mut session = ServerSession::new([1; 16], codec, 0);
        let mut model = Model { next: 1, ..Model::default() };
        for (number, step) in steps.into_iter().enumerate() {
            let now_ms = number as u64;
            match step {
                Step::Push(filler) => session.push(event(number, filler)),
                Step::Poll => {
                    let mut out = Vec::new();
                    session.poll_frames(now_ms, usize::MAX, &mut out);
                    out.iter().for_each(|payload| model.take(codec, payload));
                    prop_assert!(!session.has_frames());
                }
                Step::Ack(share) => {
                    let ack = (model.pushed() * share).div_ceil(100);
                    let result = session.handle_frame(now_ms, v1::Frame { ack, ..Default::default() });
                    if ack > model.pushed() {
                        prop_assert_eq!(result, Err(CloseCode::ProtocolError));
                    } else {
                        prop_assert!(result.is_ok());
                        model.acked = model.acked.max(ack);
                        // What is acked need not be sent again.
                        model.next = model.next.max(ack + 1);
                    }
                }
                Step::Resume(share) => {
                    let received = (model.pushed() * share).div_ceil(100);
                    let kept = (model.acked..=model.pushed()).contains(&received);
                    prop_assert_eq!(session.resume(received, now_ms), kept);
                    if kept {
                        (model.acked, model.next) = (received, received + 1);
                    }
                }
            }
            check(&session, &model);
        }
    }
}
