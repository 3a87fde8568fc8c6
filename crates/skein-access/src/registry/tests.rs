//! What the sweep decides, and whose a session is.

use skein_bus::local::LocalBus;
use skein_proto::v1;

use super::*;

const SILENCE_MAX_MS: u64 = 2 * HEARTBEAT_MS as u64;
const WINDOW_MS: u64 = 60_000;

fn session(receive_only: bool) -> LiveSession {
    let caller = Caller {
        user: UserId(7),
        device_id: "phone".into(),
        platform: v1::Platform::default(),
        generation: 1,
        expires_ms: 1_000_000,
    };
    LiveSession::new(caller, ServerSession::new([3; 16], Codec::Binary, 0), receive_only)
}

/// What the connection finds after the sweep at this time.
fn close_at(session: &LiveSession, now_ms: u64) -> Option<CloseCode> {
    session.lock().judge(now_ms, WINDOW_MS);
    match session.take_turn(0, now_ms, Waker::noop(), usize::MAX, &mut Vec::new()) {
        Turn::Close(code) => Some(code),
        Turn::Frames { .. } => None,
    }
}

#[test]
fn silence_ends_a_link_but_not_a_stream_that_cannot_speak() {
    assert_eq!(close_at(&session(false), SILENCE_MAX_MS), None);
    assert_eq!(close_at(&session(false), SILENCE_MAX_MS + 1), Some(CloseCode::HeartbeatMissed));
    assert_eq!(close_at(&session(true), SILENCE_MAX_MS + 1), None);
}

#[test]
fn the_token_ends_a_link_unless_it_is_renewed() {
    assert_eq!(close_at(&session(true), 1_000_000), Some(CloseCode::TokenExpired));
    let renewed = session(true);
    renewed.renew(2_000_000);
    assert_eq!(close_at(&renewed, 1_000_000), None);
}

#[test]
fn a_peer_that_takes_nothing_is_a_slow_consumer() {
    let stalled = session(false);
    stalled.lock().stalled_ms = 5;
    assert_eq!(close_at(&stalled, 10_005), None);
    assert_eq!(close_at(&stalled, 10_006), Some(CloseCode::SlowConsumer));
}

#[test]
fn the_first_reason_to_close_is_the_one_that_is_told() {
    let kicked = session(false);
    kicked.close(CloseCode::Kicked);
    assert_eq!(close_at(&kicked, 2_000_000), Some(CloseCode::Kicked));
}

#[test]
fn a_detached_session_is_kept_for_the_window_unless_it_was_closed() {
    let lost = session(false);
    (lost.lock().attached, lost.lock().detached_ms) = (false, 100);
    assert!(matches!(lost.lock().judge(100 + WINDOW_MS, WINDOW_MS), Verdict::Detached));
    assert!(matches!(lost.lock().judge(101 + WINDOW_MS, WINDOW_MS), Verdict::Gone));
    lost.close(CloseCode::TokenRevoked);
    assert!(matches!(lost.lock().judge(101, WINDOW_MS), Verdict::Gone));
}

#[test]
fn an_earlier_connection_is_superseded() {
    let session = session(false);
    session.lock().epoch += 1;
    let turn = session.take_turn(0, 1, Waker::noop(), usize::MAX, &mut Vec::new());
    assert!(matches!(turn, Turn::Close(CloseCode::Superseded)));
}

#[test]
fn a_session_belongs_to_one_device_and_one_codec() {
    let session = session(false);
    let mut other = session.caller.clone();
    assert!(session.is(&[3; 16], &other, Codec::Binary));
    assert!(!session.is(&[3; 16], &other, Codec::Json));
    assert!(!session.is(&[4; 16], &other, Codec::Binary));
    other.device_id = "laptop".into();
    assert!(!session.is(&[3; 16], &other, Codec::Binary));
}

#[test]
fn links_are_counted_once_however_often_they_are_replaced() {
    let (bus, _) = LocalBus::new();
    let registry = Registry::new(Arc::new(bus));
    let caller = session(false).caller.clone();
    let attach = |resume| registry.attach(caller.clone(), Codec::Binary, resume, false, [3; 16]);
    let first = attach(None);
    let second = attach(Some((&[3; 16][..], 0)));
    assert!(second.resumed);
    assert_eq!(registry.links(), 1, "the second took the place of the first");
    registry.detach(&first.session, first.epoch, false);
    assert_eq!(registry.links(), 1, "the first was gone already");
    registry.detach(&second.session, second.epoch, false);
    assert_eq!(registry.links(), 0);
    let third = attach(Some((&[3; 16][..], 0)));
    assert!(third.resumed);
    assert_eq!(registry.links(), 1);
    registry.detach(&third.session, third.epoch, true);
    assert_eq!(registry.links(), 0);
}
