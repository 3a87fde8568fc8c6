//! Metrics of the access layer, by name. They go to the `metrics` facade and come out at `/metrics`.

use std::{sync::LazyLock, time::Duration};

use metrics::{Counter, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use skein_proto::v1::{self, CloseCode};

use crate::{cluster::Phase, framing::Framing};

// Looked up once: these are counted with every frame. First used long after the recorder is in place.
static FRAMES_RECEIVED: LazyLock<Counter> = LazyLock::new(|| counter!("skein_frames_received_total"));
static ROOM_FRAMES: LazyLock<Counter> = LazyLock::new(|| counter!("skein_room_frames_total"));
static ROOM_MESSAGES: LazyLock<Counter> = LazyLock::new(|| counter!("skein_room_deliveries_total"));
static PUSHES_SENT: LazyLock<Counter> = LazyLock::new(|| counter!("skein_pushes_sent_total"));

/// What is counted without labels, and so is there, as zero, from the start: a rate needs a value before the first event.
const COUNTERS: &[(&str, &str)] = &[
    ("skein_frames_received_total", "Frames that clients sent."),
    ("skein_pushes_sent_total", "Frames with pushes that were handed to links."),
    ("skein_write_stalls_total", "Peers that stopped taking bytes."),
    ("skein_deliveries_total", "Events that were put into sessions."),
    ("skein_room_frames_total", "Frames of live rooms that were handed to links."),
    ("skein_room_deliveries_total", "Messages in them."),
    ("skein_room_lost_total", "Messages of live rooms that members were told they do not get."),
    ("skein_presence_told_total", "Looks of people that watchers were told."),
    ("skein_presence_coalesced_total", "Changes of a look that were told with a later one, because too many came."),
    (
        "skein_quic_retries_total",
        "QUIC handshakes whose client had to prove its address first, because many were under way.",
    ),
    ("skein_pull_hints_total", "Sessions that were told to pull, because pushes may have been lost on their way."),
];

/// Says what each metric is.
pub(crate) fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(*name, *text);
        counter!(*name).increment(0);
    }
    describe_counter!("skein_connections_total", "Connections that were opened, by transport.");
    describe_gauge!("skein_connections", "Connections that are open, by transport.");
    for transport in Framing::TRANSPORTS {
        counter!("skein_connections_total", "transport" => transport).increment(0);
        gauge!("skein_connections", "transport" => transport).set(0.0);
    }
    describe_gauge!("skein_sessions", "Sessions, with a connection (attached) and without one (detached).");
    describe_counter!("skein_link_closes_total", "Links that the server closed, by close code.");
    describe_counter!("skein_requests_total", "Operations that were answered, by method and code.");
    describe_counter!(
        "skein_refused_total",
        "Connections, sessions and requests that were refused because of a limit, by reason."
    );
    describe_gauge!(
        "skein_drain_phase",
        "How far the drain of this node is: 0 serving, 1 withdrawn, 2 leaving, 3 closing, 4 drained."
    );
    describe_gauge!("skein_rooms", "Live rooms that sessions of this node are in.");
    describe_gauge!("skein_room_members", "Their members that are connected here.");
    describe_gauge!("skein_presence_watched", "People whom sessions of this node watch.");
    gauge!("skein_presence_watched").set(0.0);
    describe_gauge!("skein_links", "Links of this node, as others are told.");
    describe_histogram!("skein_request_seconds", "Time until an operation was answered, by method.");
}

/// A link's client sent a frame.
pub(crate) fn frame_received() {
    FRAMES_RECEIVED.increment(1);
}

/// Pushes were handed to a link, each with one or more events.
pub(crate) fn pushes_sent(count: usize) {
    if count > 0 {
        PUSHES_SENT.increment(count as u64);
    }
}

/// A frame of a live room was handed to a member, with so many messages.
pub(crate) fn room_frame(messages: u64) {
    ROOM_FRAMES.increment(1);
    ROOM_MESSAGES.increment(messages);
}

/// A member of a live room was told that so many messages are lost for it.
pub(crate) fn room_lost(messages: u64) {
    counter!("skein_room_lost_total").increment(messages);
}

/// Live rooms with members on this node, and these.
pub(crate) fn rooms(rooms: usize, members: u64) {
    gauge!("skein_rooms").set(rooms as f64);
    gauge!("skein_room_members").set(members as f64);
}

/// So many looks of people were pushed to a watcher.
pub(crate) fn presence_told(looks: usize) {
    counter!("skein_presence_told_total").increment(looks as u64);
}

/// A look has changed again before its watcher was told.
pub(crate) fn presence_coalesced() {
    counter!("skein_presence_coalesced_total").increment(1);
}

/// So many people are watched by sessions of this node.
pub(crate) fn presence_watched(people: usize) {
    gauge!("skein_presence_watched").set(people as f64);
}

/// A link's peer stopped taking bytes.
pub(crate) fn write_stalled() {
    counter!("skein_write_stalls_total").increment(1);
}

/// A connection of this transport was opened.
pub(crate) fn connection_opened(transport: &'static str) {
    gauge!("skein_connections", "transport" => transport).increment(1);
    counter!("skein_connections_total", "transport" => transport).increment(1);
}

/// It is gone.
pub(crate) fn connection_closed(transport: &'static str) {
    gauge!("skein_connections", "transport" => transport).decrement(1);
}

/// The server closed a link.
pub(crate) fn link_closed(code: CloseCode) {
    counter!("skein_link_closes_total", "code" => format!("{code:?}")).increment(1);
}

/// An operation was answered.
pub(crate) fn request(method: &str, error: Option<&v1::Error>, took: Duration) {
    let code =
        error.map_or_else(|| "OK".to_owned(), |error| format!("{:?}", error.code.as_known().unwrap_or_default()));
    // Only names of the schema become labels: a peer cannot make series up.
    let method = method.strip_prefix("skein.v1.").unwrap_or(method).to_owned();
    counter!("skein_requests_total", "method" => method.clone(), "code" => code).increment(1);
    histogram!("skein_request_seconds", "method" => method).record(took.as_secs_f64());
}

/// Events were put into sessions.
pub(crate) fn delivered(sessions: u64) {
    counter!("skein_deliveries_total").increment(sessions);
}

/// Sessions were told to pull, because pushes may have been lost on the way here.
pub(crate) fn told_to_pull(sessions: u64) {
    counter!("skein_pull_hints_total").increment(sessions);
}

/// Sessions that are alive, with and without a connection.
pub(crate) fn sessions(attached: usize, detached: usize) {
    gauge!("skein_sessions", "state" => "attached").set(attached as f64);
    gauge!("skein_sessions", "state" => "detached").set(detached as f64);
}

/// How far the drain of this node is, and how many links it has.
pub(crate) fn drain(phase: Phase, links: u64) {
    gauge!("skein_drain_phase").set(f64::from(phase as u8));
    gauge!("skein_links").set(links as f64);
}

/// Something was refused because of a limit.
pub(crate) fn refused(reason: &'static str) {
    counter!("skein_refused_total", "reason" => reason).increment(1);
}

/// A QUIC client has to prove its address before its handshake is looked at.
pub(crate) fn quic_retried() {
    counter!("skein_quic_retries_total").increment(1);
}
