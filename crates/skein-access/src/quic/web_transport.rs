//! Browsers over QUIC: the little of HTTP/3 that opens a WebTransport session, whose first stream then is a link like any other.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header};
use quinn::{Connection, RecvStream, SendStream};
use skein_proto::{limits::HELLO_TIMEOUT_MS, v1};
use tokio::{io::AsyncReadExt as _, time::timeout};
use web_transport_proto::{ConnectRequest, ConnectResponse, Frame, Settings, VarInt};

use super::certificate::ShortLived;
use crate::{config::AccessConfig, http::is_allowed, measure};

/// The path of sessions.
const PATH: &str = "/v1/webtransport";
/// Most bytes of the request that are read.
const REQUEST_BYTES_MAX: u64 = 8 * 1024;

/// What browsers have to know.
pub(crate) struct WebTransport {
    port: u16,
    short_lived: Option<Arc<ShortLived>>,
}

impl WebTransport {
    pub(super) fn new(port: u16, short_lived: Option<Arc<ShortLived>>) -> Self {
        Self { port, short_lived }
    }

    /// What they are told.
    pub(crate) fn offer(&self, now_ms: u64) -> v1::WebTransport {
        let hash = self.short_lived.as_ref().and_then(|short_lived| short_lived.hash(now_ms));
        let certificate_hashes = hash.map(|hash| hash.to_vec().into()).into_iter().collect();
        v1::WebTransport { port: self.port.into(), certificate_hashes, ..Default::default() }
    }
}

/// What has to stay open beside the session's stream.
pub(crate) struct Session {
    _control: SendStream,
    _request: Streams,
}

/// Both halves of a stream.
type Streams = (SendStream, RecvStream);

/// The stream of the session that a browser opens, in time. `None` when it does not, or may not. `request`: that of its request, if it was taken already.
pub(super) async fn accept(
    connection: &Connection,
    request: Option<Streams>,
    config: &AccessConfig,
) -> Option<(SendStream, RecvStream, Session)> {
    timeout(Duration::from_millis(HELLO_TIMEOUT_MS), open(connection, request, config)).await.ok()?
}

async fn open(
    connection: &Connection,
    request: Option<Streams>,
    config: &AccessConfig,
) -> Option<(SendStream, RecvStream, Session)> {
    let mut control = connection.open_uni().await.ok()?;
    let mut settings = Settings::default();
    settings.enable_webtransport(1);
    settings.write(&mut control).await.ok()?;
    // What the browser says of its own settings and tables changes nothing here, and is left unread in its streams.
    let (mut send, mut receive) = match request {
        Some(streams) => streams,
        None => connection.accept_bi().await.ok()?,
    };
    let request = ConnectRequest::read(&mut (&mut receive).take(REQUEST_BYTES_MAX)).await.ok()?;
    let status = judge(&request, config);
    ConnectResponse::new(status).write(&mut send).await.ok()?;
    if status != StatusCode::OK {
        let _ = send.finish();
        // Lets the answer through; the peer ends the connection then.
        connection.closed().await;
        return None;
    }
    let session: u64 = receive.id().into();
    let (stream_send, mut stream_receive) = connection.accept_bi().await.ok()?;
    let kind = VarInt::read(&mut stream_receive).await.ok()?;
    let of = VarInt::read(&mut stream_receive).await.ok()?;
    if Frame(kind) != Frame::WEBTRANSPORT || of.into_inner() != session {
        return None;
    }
    let session = Session { _control: control, _request: (send, receive) };
    Some((stream_send, stream_receive, session))
}

/// Whether this page may have a session.
fn judge(request: &ConnectRequest, config: &AccessConfig) -> StatusCode {
    if request.url.path() != PATH {
        return StatusCode::NOT_FOUND;
    }
    let authority = HeaderValue::from_str(request.url.authority()).ok();
    match request.headers.get(header::ORIGIN) {
        Some(origin) if !is_allowed(origin, authority.as_ref(), &config.allowed_origins) => {
            measure::refused("origin");
            StatusCode::FORBIDDEN
        }
        _ => StatusCode::OK,
    }
}
