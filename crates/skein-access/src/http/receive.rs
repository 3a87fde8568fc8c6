//! Receiving without a link: a stream of events, or polling. The same sessions, pushes, acks and resume.

use std::{
    convert::Infallible,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use skein_proto::{
    codec::Codec,
    session::{CloseRange, close_range, frame},
    v1::{self, CloseCode, ErrorCode},
};
use skein_service::{Caller, now_ms};
use tokio::time::Interval;

use super::{Http, failure, operation};
use crate::{
    confirm::confirm,
    hello::Greeted,
    registry::{Attachment, LiveSession, Registry, Turn},
    room::Shape,
};

/// Header that names a session.
const SESSION: &str = "skein-session";
/// Frames of live rooms in one piece of a stream, or one answer of a poll; what is more comes with the next.
const ROOM_FRAMES_MAX: usize = 64;
/// So many bytes of pushes make one piece of a stream, or one answer of a poll, complete; what is more comes with the next.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Longest wait of one poll.
const POLL_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// Cumulative: pushes up to here were taken.
    #[serde(default)]
    ack: u64,
    /// How long a poll waits for something.
    #[serde(default = "default_wait_ms")]
    wait_ms: u64,
}

fn default_wait_ms() -> u64 {
    30_000
}

/// Detaches when the response is done, or its reader gone.
struct Held {
    session: Arc<LiveSession>,
    epoch: u32,
    registry: Arc<Registry>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.registry.detach(&self.session, self.epoch, false);
    }
}

impl Held {
    /// The next frames; an error when the session is over.
    fn poll(&self, context: &mut Context<'_>, now_ms: u64) -> Poll<Result<Vec<Bytes>, CloseCode>> {
        let mut frames = Vec::new();
        match self.session.take_turn(self.epoch, now_ms, context.waker(), PIECE_BYTES_MAX, &mut frames) {
            Turn::Close(code) => return Poll::Ready(Err(code)),
            Turn::Frames { in_rooms: false } => {}
            Turn::Frames { in_rooms: true } => {
                let next = || self.session.next_room_frame(self.epoch, Shape::Json);
                frames.extend(std::iter::from_fn(next).take(ROOM_FRAMES_MAX).map(|frame| frame.bytes));
            }
        }
        if frames.is_empty() { Poll::Pending } else { Poll::Ready(Ok(frames)) }
    }
}

async fn authenticated(http: &Http, headers: &HeaderMap) -> Result<Caller, Response> {
    match operation::caller(&http.shared.gate, headers).await {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => Err(failure::response(
            StatusCode::UNAUTHORIZED,
            ErrorCode::Unauthenticated,
            "send authorization: Bearer <access token>",
        )),
        Err(error) => Err(failure::of(&error)),
    }
}

pub(super) fn session_id(headers: &HeaderMap) -> Option<Vec<u8>> {
    let text = headers.get(SESSION)?.to_str().ok()?;
    STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()
}

/// Opens or resumes the session that the request names.
async fn hold(http: &Http, headers: &HeaderMap, ack: u64) -> Result<(Held, v1::Welcome), Response> {
    let caller = authenticated(http, headers).await?;
    let mut hello = v1::Hello { client: "http".to_owned(), ..Default::default() };
    if let Some(id) = session_id(headers) {
        // A poll that names no ack goes on from the last one.
        let acked = http.shared.registry.find(&caller, &id).map_or(0, |session| session.lock().session.acked());
        let resume = v1::Resume { session_id: id.into(), received_link_seq: ack.max(acked), ..Default::default() };
        hello.resume = resume.into();
    }
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    hello.token = value.split_once(' ').map(|(_, token)| token.trim().to_owned()).unwrap_or_default();
    match http.shared.greet(&hello, Codec::Json, true).await {
        Greeted::Welcome(Attachment { session, epoch, .. }, welcome) => {
            confirm(&http.shared, &session);
            Ok((Held { session, epoch, registry: http.shared.registry.clone() }, welcome))
        }
        Greeted::Anonymous(_) => {
            Err(failure::response(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, "an access token is needed"))
        }
        Greeted::Refused(code, text) if close_range(code) == CloseRange::Resume => {
            Err(failure::response(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, &text))
        }
        Greeted::Refused(_, text) => {
            Err(failure::response(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, &text))
        }
    }
}

/// What a stream needs for its next piece.
struct Streaming {
    held: Held,
    keep_alive: Interval,
    event_stream: bool,
    ended: bool,
}

impl Streaming {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.ended {
            return None;
        }
        let turn = poll_fn(|context| self.held.poll(context, now_ms()));
        let piece = tokio::select! {
            biased;
            turn = turn => match turn {
                Ok(frames) => frames.iter().map(|payload| piece(payload, self.event_stream)).collect::<Vec<_>>().concat(),
                Err(code) => {
                    self.ended = true;
                    piece(&frame::close(Codec::Json, code, ""), self.event_stream)
                }
            },
            _ = self.keep_alive.tick() => if self.event_stream { b": \n\n".to_vec() } else { b"\n".to_vec() },
        };
        Some((Ok(Bytes::from(piece)), self))
    }
}

/// One frame in the stream.
fn piece(payload: &[u8], event_stream: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 16);
    if event_stream {
        out.extend_from_slice(b"data: ");
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(if event_stream { b"\n\n" } else { b"\n" });
    out
}

/// `GET /v1/events`: the frames of a link's server, one after the other.
pub(super) async fn events(
    State(http): State<Http>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let event_stream = accept.contains("text/event-stream");
    let (held, welcome) = hold(&http, &headers, parameters.ack).await?;
    let first = piece(&frame::welcome(Codec::Json, welcome), event_stream);
    let mut keep_alive = tokio::time::interval(Duration::from_millis(u64::from(http.shared.config.heartbeat_ms)));
    keep_alive.reset();
    let stop = http.stop.clone();
    let streaming = Streaming { held, keep_alive, event_stream, ended: false };
    let body = stream::once(async { Ok(Bytes::from(first)) })
        .chain(stream::unfold(streaming, Streaming::next))
        .take_until(async move {
            stop.cancelled().await;
            // Lets the goodbye through.
            tokio::time::sleep(Duration::from_millis(100)).await;
        });
    let content_type = if event_stream { "text/event-stream" } else { "application/x-ndjson" };
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], Body::from_stream(body))
        .into_response())
}

/// `GET /v1/poll`: everything that is not acked, at once when there is something, else as soon as there is.
pub(super) async fn poll(
    State(http): State<Http>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let (held, welcome) = hold(&http, &headers, parameters.ack).await?;
    let wait = Duration::from_millis(parameters.wait_ms).min(POLL_MAX);
    let turn = poll_fn(|context| held.poll(context, now_ms()));
    let frames = tokio::select! {
        biased;
        turn = turn => turn.map_err(over)?,
        () = tokio::time::sleep(wait) => Vec::new(),
        () = http.stop.cancelled() => Vec::new(),
    };
    let mut frames: Vec<Value> =
        frames.iter().filter_map(|payload| serde_json::from_slice::<Value>(payload).ok()).collect();
    let mut take = |kind: &str| -> Vec<Value> {
        frames.iter_mut().filter_map(|frame| frame.get_mut(kind)).map(Value::take).collect()
    };
    let answer = json!({
        "sessionId": STANDARD.encode(&welcome.session_id),
        "resumed": welcome.resumed,
        "userVersion": welcome.user_version.to_string(),
        "serverTimeMs": welcome.server_time_ms.to_string(),
        "pushes": take("push"),
        "roomPushes": take("roomPush"),
        "goAway": take("goAway").pop(),
    });
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], answer.to_string())
        .into_response())
}

/// What a poll answers when its session has ended: the error says whether a new token, a new log-in or just another poll helps.
fn over(code: CloseCode) -> Response {
    let (status, error) = match code {
        CloseCode::TokenExpired => (StatusCode::UNAUTHORIZED, ErrorCode::TokenExpired),
        CloseCode::TokenRevoked | CloseCode::Kicked => (StatusCode::UNAUTHORIZED, ErrorCode::TokenRevoked),
        CloseCode::AccountSuspended => (StatusCode::FORBIDDEN, ErrorCode::AccountSuspended),
        _ => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable),
    };
    failure::response(status, error, &format!("the session is over: {code:?}"))
}

/// `POST /v1/ack`: acks for a stream.
pub(super) async fn acknowledge(
    State(http): State<Http>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let caller = authenticated(&http, &headers).await?;
    let session = session_id(&headers).and_then(|id| http.shared.registry.find(&caller, &id));
    match session {
        Some(session) => {
            session.lock().session.acknowledge(parameters.ack);
            confirm(&http.shared, &session);
            Ok("{}".into_response())
        }
        None => Err(failure::response(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "there is no such session; its id goes into the header skein-session",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_polled_session_says_what_helps() {
        for (code, status) in [
            (CloseCode::TokenExpired, StatusCode::UNAUTHORIZED),
            (CloseCode::Kicked, StatusCode::UNAUTHORIZED),
            (CloseCode::AccountSuspended, StatusCode::FORBIDDEN),
            (CloseCode::Superseded, StatusCode::SERVICE_UNAVAILABLE),
            (CloseCode::Shutdown, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert_eq!(over(code).status(), status, "{code:?}");
        }
    }
}
