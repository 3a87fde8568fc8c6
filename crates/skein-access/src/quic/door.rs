//! Taking QUIC connections: whose they are, their handshake, and their only stream. What a datagram says of its sender is believed when it is proven, so
//! nothing is counted for an address before that, and only so many unproven handshakes are looked at.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use quinn::{Connecting, Connection, Endpoint, Incoming, VarInt, ZeroRttAccepted, crypto::rustls::HandshakeData};
use skein_proto::{limits::HELLO_TIMEOUT_MS, v1::CloseCode};
use skein_service::now_ms;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{early, socket::ALPN_H3, stream::QuicStream, web_transport};
use crate::{
    connection,
    framing::{Carrier, Framing},
    hello::{Shared, close_text},
    limit::Place,
    measure,
};

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Handshakes of unproven addresses at once; whoever comes then has to prove its address first, which costs it a round trip and us nothing.
const UNPROVEN_MAX: usize = 256;

/// What takes the connections of one socket.
#[derive(Clone)]
pub(crate) struct Door {
    endpoint: Endpoint,
    shared: Arc<Shared>,
    stop: CancellationToken,
    connections: TaskTracker,
    unproven: Arc<Semaphore>,
}

/// What is known of where a connection comes from.
enum Origin {
    /// It has its place.
    Proven(Place),
    /// The address may be somebody else's. Held to be counted.
    Unproven { _permit: OwnedSemaphorePermit },
}

/// Why there is no link.
enum Failure {
    /// The handshake did not come to its end, or no stream was opened in time.
    NoLink,
    /// The address has too many connections, or is blocked; counted already.
    TurnedAway,
}

impl Door {
    pub(crate) fn new(
        endpoint: Endpoint,
        shared: Arc<Shared>,
        stop: CancellationToken,
        connections: TaskTracker,
    ) -> Self {
        Self { endpoint, shared, stop, connections, unproven: Arc::new(Semaphore::new(UNPROVEN_MAX)) }
    }

    /// Runs until the server stops; who comes later is refused at once.
    pub(crate) async fn accept(self) {
        while let Some(Some(incoming)) = self.stop.run_until_cancelled(self.endpoint.accept()).await {
            self.take(incoming);
        }
        self.endpoint.set_server_config(None);
    }

    fn take(&self, incoming: Incoming) {
        let address = incoming.remote_address().ip().to_canonical();
        let origin = if incoming.remote_address_validated() {
            let Ok(place) = self.shared.guard.admit(address, now_ms()) else { return incoming.refuse() };
            Origin::Proven(place)
        } else if self.shared.guard.is_blocked(address, now_ms()) {
            return incoming.refuse();
        } else if let Ok(permit) = self.unproven.clone().try_acquire_owned() {
            Origin::Unproven { _permit: permit }
        } else {
            measure::quic_retried();
            // Fails for those whose address is proven, who are not here.
            let _ = incoming.retry();
            return;
        };
        match incoming.accept() {
            Ok(connecting) => {
                self.connections.spawn(self.clone().shake_hands(connecting, address, origin));
            }
            Err(error) => {
                tracing::debug!(%error, "a QUIC handshake that cannot begin");
                self.misbehaved(&origin);
            }
        }
    }

    /// In a task of its own: that of a link is smaller.
    async fn shake_hands(self, connecting: Connecting, address: IpAddr, mut origin: Origin) {
        // For a server this always works: it may send before the client has confirmed.
        let Ok((connection, confirmed)) = connecting.into_0rtt() else { return };
        let opening = self.open(&connection, confirmed, address, &mut origin);
        let Some(opened) = self.stop.run_until_cancelled(opening).await else {
            return close(&connection, CloseCode::Shutdown);
        };
        match (opened, &origin) {
            (Ok((stream, early)), Origin::Proven(place)) => {
                let carrier = if is_browser(&connection) { Carrier::WebTransport } else { Carrier::Quic };
                let framing = Framing::record(carrier);
                self.connections.spawn(connection::run(stream, framing, early, place.clone(), self.shared.clone()));
            }
            (Err(Failure::TurnedAway), _) => close(&connection, CloseCode::Overloaded),
            _ => {
                tracing::debug!(%address, reason = ?connection.close_reason(), "a QUIC connection without a link");
                close(&connection, CloseCode::HelloTimeout);
                self.misbehaved(&origin);
            }
        }
    }

    /// The connection's stream, and what has come of it. The origin is proven then.
    async fn open(
        &self,
        connection: &Connection,
        confirmed: ZeroRttAccepted,
        address: IpAddr,
        origin: &mut Origin,
    ) -> Result<(QuicStream, Bytes), Failure> {
        let mut confirmed = early::confirmation(connection.clone(), confirmed);
        let mut request = None;
        if let Origin::Proven(_) = origin {
            let first = timeout(HANDSHAKE_MAX, async {
                tokio::select! {
                    confirmed = &mut confirmed => Err(confirmed),
                    streams = connection.accept_bi() => Ok(streams),
                }
            });
            match first.await {
                // What a browser says early has to wait until it is confirmed.
                Ok(Ok(Ok(streams))) if is_browser(connection) => {
                    if !timeout(HANDSHAKE_MAX, confirmed).await.unwrap_or(false) {
                        return Err(Failure::NoLink);
                    }
                    request = Some(streams);
                }
                Ok(Ok(Ok((send, receive)))) => {
                    return early::admit(send, receive, confirmed, HANDSHAKE_MAX).await.ok_or(Failure::NoLink);
                }
                Ok(Err(true)) => {}
                _ => return Err(Failure::NoLink),
            }
        } else {
            if !timeout(HANDSHAKE_MAX, confirmed).await.unwrap_or(false) {
                return Err(Failure::NoLink);
            }
            let place = self.shared.guard.admit(address, now_ms()).map_err(|_| Failure::TurnedAway)?;
            // Lets the next unproven one be looked at.
            *origin = Origin::Proven(place);
        }
        if is_browser(connection) {
            let accepted = web_transport::accept(connection, request, &self.shared.config).await;
            let (send, receive, session) = accepted.ok_or(Failure::NoLink)?;
            return Ok((QuicStream::of_session(send, receive, session), Bytes::new()));
        }
        let first = timeout(Duration::from_millis(HELLO_TIMEOUT_MS), connection.accept_bi());
        let Ok(Ok((send, receive))) = first.await else { return Err(Failure::NoLink) };
        Ok((QuicStream::new(send, receive, None), Bytes::new()))
    }

    /// Counts against the address, if it is known whose it is.
    fn misbehaved(&self, origin: &Origin) {
        match origin {
            Origin::Proven(place) => self.shared.guard.misbehaved(place, now_ms()),
            Origin::Unproven { .. } => measure::refused("misbehaved"),
        }
    }
}

/// Whether it speaks HTTP/3.
fn is_browser(connection: &Connection) -> bool {
    let agreed = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    agreed.and_then(|agreed| agreed.protocol).is_some_and(|protocol| protocol == ALPN_H3)
}

fn close(connection: &Connection, code: CloseCode) {
    connection.close(VarInt::from_u32(code as i32 as u32), close_text(code).as_bytes());
}
