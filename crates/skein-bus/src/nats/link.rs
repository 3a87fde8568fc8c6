//! The connection to NATS: sending within bounds, and knowing what was lost.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Request, client::RequestErrorKind};
use bytes::Bytes;
use futures::FutureExt as _;
use metrics::{counter, gauge};
use tokio::sync::{mpsc, watch};

use super::{AtomicBool, AtomicU64, Node, Ordering};
use crate::{CallError, NatsConfig};

/// Packets that wait for the socket.
const OUTGOING_MAX: usize = 8_192;
/// Packets that wait for us, of each subscription; beyond it NATS's client drops them, which is noticed.
const INCOMING_MAX: usize = 16_384;
/// Events of the connection that wait for us.
pub(super) const EVENTS_MAX: usize = 64;
/// How long a publisher waits for room: an operation is never delayed by more.
const SEND_WAIT_MAX: Duration = Duration::from_millis(100);
/// After that nothing is tried for this long, in milliseconds, so that the wait is not paid by every operation.
const CONGESTED_MS: u64 = 1_000;
/// A server that does not answer two of these is left.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// Waits between two attempts to connect.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Before a loss is noticed it may have gone on for this long, in milliseconds.
pub(super) const UNNOTICED_MS: u64 = 10_000;
/// How long an attempt to connect may take.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Nothing was lost.
const NEVER: u64 = u64::MAX;

/// What happened to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Connected,
    Disconnected,
    /// We did not take packets as fast as they came.
    TooSlow,
}

/// What is known about the connection.
pub(super) struct Link {
    connected: watch::Sender<bool>,
    /// Since when packets of ours may have been lost, or [`NEVER`].
    lost_since_ms: AtomicU64,
    /// Until when sending is not tried.
    congested_until_ms: AtomicU64,
    /// When we last were cut off, and when we came back.
    pub(super) cut_off_ms: AtomicU64,
    pub(super) back_ms: AtomicU64,
    /// Packets for us were dropped.
    pub(super) too_slow: AtomicBool,
}

impl Link {
    pub(super) fn new(connected: watch::Sender<bool>) -> Self {
        Self {
            connected,
            lost_since_ms: AtomicU64::new(NEVER),
            congested_until_ms: AtomicU64::new(0),
            cut_off_ms: AtomicU64::new(0),
            back_ms: AtomicU64::new(0),
            too_slow: AtomicBool::new(false),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    pub(super) fn note_lost(&self, since_ms: u64) {
        self.lost_since_ms.fetch_min(since_ms, Ordering::Relaxed);
    }

    /// Since when something was lost, if it was; asked once for each loss.
    pub(super) fn take_lost(&self) -> Option<u64> {
        let since_ms = self.lost_since_ms.swap(NEVER, Ordering::Relaxed);
        (since_ms != NEVER).then_some(since_ms)
    }

    async fn until_disconnected(&self) {
        let mut connected = self.connected.subscribe();
        let _ = connected.wait_for(|connected| !*connected).await;
    }
}

/// How we connect, and who hears of it.
pub(super) fn options(
    config: &NatsConfig,
    events: mpsc::Sender<Happened>,
    connected: watch::Sender<bool>,
) -> ConnectOptions {
    let options = ConnectOptions::new()
        .name("skein")
        .no_echo()
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(CONNECT_MAX)
        .ping_interval(PING_INTERVAL)
        .client_capacity(OUTGOING_MAX)
        .subscription_capacity(INCOMING_MAX)
        .reconnect_delay_callback(|attempts| {
            let doubled = RECONNECT_MIN.saturating_mul(1 << attempts.min(10) as u32);
            doubled.min(RECONNECT_MAX)
        })
        .event_callback(move |event| {
            let happened = match event {
                Event::Connected => Some(Happened::Connected),
                Event::Disconnected | Event::Closed => Some(Happened::Disconnected),
                Event::SlowConsumer(_) => Some(Happened::TooSlow),
                Event::ServerError(error) => {
                    tracing::warn!(%error, "NATS complains");
                    None
                }
                Event::LameDuckMode | Event::Draining | Event::ClientError(_) => None,
            };
            match happened {
                Some(Happened::Connected) => drop(connected.send_replace(true)),
                Some(Happened::Disconnected) => drop(connected.send_replace(false)),
                _ => {}
            }
            if let Some(happened) = happened {
                // A full queue holds the same news already.
                let _ = events.try_send(happened);
            }
            async {}
        });
    credentials(config, options)
}

/// Who we are to the servers, and whom we trust.
pub(super) fn credentials(config: &NatsConfig, mut options: ConnectOptions) -> ConnectOptions {
    if !config.user.is_empty() {
        options = options.user_and_password(config.user.clone(), config.password.clone());
    }
    if !config.token.is_empty() {
        options = options.token(config.token.clone());
    }
    if let Some(path) = &config.ca_file {
        options = options.add_root_certificates(path.clone());
    }
    options
}

impl Node {
    /// Hands a packet to NATS if that can be done soon. What cannot be sent is counted, and its receivers will be told to pull.
    pub(super) async fn send(&self, subject: String, payload: Bytes) -> bool {
        let sent = self.try_send(subject, payload).await;
        if sent {
            counter!("skein_bus_sent_total").increment(1);
        } else {
            self.note_unsent();
        }
        sent
    }

    /// Counts a packet that will not be sent; its receivers will be told to pull.
    pub(super) fn note_unsent(&self) {
        counter!("skein_bus_unsent_total").increment(1);
        self.link.note_lost(self.now_ms().saturating_sub(CONGESTED_MS));
    }

    async fn try_send(&self, subject: String, payload: Bytes) -> bool {
        if !self.link.is_connected() || self.now_ms() < self.link.congested_until_ms.load(Ordering::Relaxed) {
            return false;
        }
        if let Some(result) = self.client.publish(subject.clone(), payload.clone()).now_or_never() {
            return result.is_ok();
        }
        match tokio::time::timeout(SEND_WAIT_MAX, self.client.publish(subject, payload)).await {
            Ok(result) => result.is_ok(),
            Err(_) => {
                self.link.congested_until_ms.store(self.now_ms() + CONGESTED_MS, Ordering::Relaxed);
                tracing::warn!("NATS takes packets too slowly; for a moment nothing is sent, receivers will pull");
                false
            }
        }
    }

    /// Asks and waits for the answer, at most this long, and not beyond the end of the connection.
    pub(super) async fn request(&self, subject: String, payload: Bytes, wait: Duration) -> Result<Bytes, CallError> {
        if !self.link.is_connected() {
            return Err(CallError::Nobody);
        }
        let request = Request::new().payload(payload).timeout(Some(wait));
        let answer = tokio::select! {
            biased;
            // Unconstrained: the first poll hands it over, so that requests leave in the order made.
            answer = tokio::task::unconstrained(self.client.send_request(subject, request)) => answer,
            () = self.link.until_disconnected() => return Err(CallError::Unanswered),
            // The library's own limit counts from when there was room to send.
            () = tokio::time::sleep(wait) => return Err(CallError::Unanswered),
        };
        match answer {
            Ok(message) => Ok(message.payload),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Err(CallError::Nobody),
            Err(_) => Err(CallError::Unanswered),
        }
    }

    /// Keeps the books when the connection comes and goes. True: it came back, or came.
    pub(super) fn note(&self, happened: Happened) -> bool {
        let now_ms = self.now_ms();
        match happened {
            Happened::TooSlow => {
                counter!("skein_bus_overflows_total").increment(1);
                self.link.too_slow.store(true, Ordering::Relaxed);
            }
            Happened::Disconnected => {
                tracing::warn!("NATS is lost: sends go on, other nodes are told by pulls until it is back");
                gauge!("skein_bus_connected").set(0.0);
                counter!("skein_bus_disconnects_total").increment(1);
                self.link.cut_off_ms.store(now_ms.saturating_sub(UNNOTICED_MS), Ordering::Relaxed);
                self.link.note_lost(now_ms.saturating_sub(UNNOTICED_MS));
            }
            Happened::Connected => {
                tracing::info!("connected to NATS");
                gauge!("skein_bus_connected").set(1.0);
                counter!("skein_bus_connects_total").increment(1);
                self.link.congested_until_ms.store(0, Ordering::Relaxed);
                self.link.back_ms.store(now_ms, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// Since when we may have missed what others said about themselves.
    pub(super) fn blind_since_ms(&self) -> u64 {
        let now_ms = self.now_ms();
        let back_ms = self.link.back_ms.load(Ordering::Relaxed);
        let recently = back_ms + UNNOTICED_MS > now_ms;
        if recently { self.link.cut_off_ms.load(Ordering::Relaxed) } else { now_ms }
    }
}

/// Waits until what was given to the client is written.
pub(super) async fn flushed(client: &Client) {
    let _ = tokio::time::timeout(CONNECT_MAX, client.flush()).await;
}
