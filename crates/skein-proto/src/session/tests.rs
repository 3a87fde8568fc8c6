//! Two sessions against each other under a virtual clock, with the connection cut at every point.

use std::sync::Arc;

use bytes::Bytes;

use self::pair::{Faults, HEARTBEAT_MS, Pair, SCRIPT_EVENTS};
use crate::{
    codec::Codec,
    event::EncodedEvent,
    limits,
    v1::{self, CloseCode, frame::Body},
};

mod model;
mod pair;

/// What must hold however the connection broke: every event came, at most once and in order, or a pull was asked for after it.
fn check(pair: &Pair, name: &str) {
    assert!(pair.connected && pair.client.is_ready(), "{name}: heartbeats keep the link alive");
    assert!(pair.seen.windows(2).all(|two| two[0] < two[1]), "{name}: {:?}", pair.seen);
    let missing: Vec<u64> =
        (pair.pulled_to + 1..=SCRIPT_EVENTS).filter(|version| !pair.seen.contains(version)).collect();
    assert!(missing.is_empty(), "{name}: {missing:?} neither pushed nor pulled");
    let unacked = pair.server.as_ref().map(|server| (server.unacked_bytes(), server.is_lagging()));
    assert_eq!(unacked, Some((0, false)), "{name}: everything is acked in the end");
}

/// Every combination of conditions, without a cut.
fn conditions() -> Vec<Faults> {
    let mut all = Vec::new();
    for client_first in [false, true] {
        for forget in [false, true] {
            for codec in [Codec::Binary, Codec::Json] {
                for filler in [0, limits::OUTBOX_BYTES_MAX / 3] {
                    all.push(Faults { client_first, forget, codec, filler, ..Faults::none() });
                }
            }
        }
    }
    all
}

#[test]
fn wherever_the_connection_is_cut_nothing_is_lost_silently_or_comes_twice() {
    for faults in conditions() {
        let whole = Pair::script(faults.clone());
        check(&whole, "whole");
        assert!(whole.delivered > 30, "the script is long enough to be worth cutting");
        let mut overflows = 0;
        for cut in 0..=whole.delivered {
            let faults = Faults { cuts: [cut].into(), ..faults.clone() };
            let name = format!("{faults:?}");
            let pair = Pair::script(faults.clone());
            check(&pair, &name);
            overflows += usize::from(pair.sessions == 1 && pair.pulls > 1);
            // Once the first welcome has come, a resume loses nothing and needs no pull.
            if !faults.forget && faults.filler == 0 && pair.sessions == 1 && cut > 1 {
                assert_eq!((&pair.seen, pair.pulls), (&whole.seen, 1), "{name}");
            }
        }
        let expected = faults.filler > 0 && !faults.forget;
        assert!(overflows > 0 || !expected, "large events overflow the outbox of a session that waits to be resumed");
    }
}

#[test]
fn a_connection_cut_again_while_it_resumes_is_no_different() {
    for client_first in [false, true] {
        for forget in [false, true] {
            for first in 0..50 {
                for second in 0..6 {
                    let cuts = [first, second, second / 2].into();
                    let faults = Faults { cuts, client_first, forget, ..Faults::none() };
                    check(&Pair::script(faults.clone()), &format!("{faults:?}"));
                }
            }
        }
    }
}

#[test]
fn a_session_that_the_server_forgot_starts_afresh_and_pulls() {
    let mut pair = Pair::script(Faults::none());
    pair.cut();
    pair.server = None;
    pair.connect();
    assert_eq!(pair.pulls, 2);
    pair.push(21);
    assert_eq!(pair.seen.last(), Some(&21));
}

#[test]
fn a_slow_client_is_told_to_pull_and_goes_on() {
    let mut pair = Pair::new(Faults::none());
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
    let mut pair = Pair::new(Faults::none());
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
    let mut pair = Pair::new(Faults::none());
    let early = pair.client.request("A/B", Bytes::from_static(b"{}"));
    pair.observe();
    assert_eq!(pair.lost, [early]);
    pair.client.handle_connected(pair.now_ms);
    let waiting = pair.client.request("A/B", Bytes::from_static(b"{}"));
    pair.connected = true;
    pair.settle();
    assert_eq!(pair.answered, [waiting]);
}

#[test]
fn a_client_refuses_what_servers_must_not_send() {
    let mut pair = Pair::new(Faults::none());
    pair.connect();
    for body in
        [Body::from(v1::Hello::default()), Body::from(v1::Welcome::default()), Body::from(v1::Request::default())]
    {
        let frame = v1::Frame { body: Some(body), ..Default::default() };
        assert_eq!(pair.client.handle_frame(1, frame), Err(CloseCode::ProtocolError));
    }
}
