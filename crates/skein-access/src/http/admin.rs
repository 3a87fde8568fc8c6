//! For business systems: who they are, and the stream of events.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};
use serde::Deserialize;
use skein_proto::{
    outbox::KindSet,
    v1::{self, ErrorCode},
};
use skein_service::{
    Gate, ServerKey,
    admin::{EventLine, EventLines},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Interval},
};

use super::{Http, failure};

/// Pause before a stream asks the store again that did not answer.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub(super) struct Parameters {
    /// The cursor of the last event that was taken; 0 is before the oldest, none is after the newest.
    after: Option<u64>,
    /// Kinds, separated by commas; all that are kept when there are none.
    #[serde(default)]
    kinds: String,
}

/// Whose server key the request carries.
pub(super) async fn server_key(gate: &Gate, headers: &HeaderMap) -> Result<ServerKey, v1::Error> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = value.and_then(|value| value.split_once(' '));
    let key = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    gate.authenticate_server(key).await
}

/// What an open stream needs for its next piece. It reads on only when its reader takes what was read before.
struct Streaming {
    gate: Gate,
    cursor: u64,
    kinds: KindSet,
    event_stream: bool,
    lines: VecDeque<EventLine>,
    /// The question for more that is under way: a heartbeat in between does not withdraw it.
    asked: Option<BoxFuture<'static, Result<EventLines, v1::Error>>>,
    keep_alive: Interval,
    _place: OwnedSemaphorePermit,
}

impl Streaming {
    async fn next(mut self) -> (Result<Bytes, Infallible>, Self) {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return (Ok(piece(&line, self.event_stream)), self);
            }
            let (gate, cursor, kinds) = (self.gate.clone(), self.cursor, self.kinds);
            let asked = self.asked.get_or_insert_with(|| Box::pin(ask(gate, cursor, kinds)));
            tokio::select! {
                biased;
                page = asked => {
                    self.asked = None;
                    if let Ok(page) = page {
                        self.cursor = page.next;
                        self.lines = page.lines.into();
                        if !self.lines.is_empty() {
                            self.keep_alive.reset();
                        }
                    }
                }
                _ = self.keep_alive.tick() => return (Ok(heartbeat(self.cursor, self.event_stream)), self),
            }
        }
    }
}

/// The next events. Whoever has failed is left alone for a moment.
async fn ask(gate: Gate, cursor: u64, kinds: KindSet) -> Result<EventLines, v1::Error> {
    let page = gate.next_events(cursor, kinds).await;
    if page.is_err() {
        tokio::time::sleep(PAUSE).await;
    }
    page
}

/// One event in the stream.
fn piece(line: &EventLine, event_stream: bool) -> Bytes {
    let EventLine { cursor, kind, payload } = line;
    let with_cursor = format!(r#"{{"cursor":"{cursor}",{}"#, &payload[1..]);
    let text = match event_stream {
        true => format!("id: {cursor}\nevent: {kind}\ndata: {with_cursor}\n\n"),
        false => with_cursor + "\n",
    };
    Bytes::from(text)
}

/// Says that the stream lives, and up to where nothing else was wanted.
fn heartbeat(cursor: u64, event_stream: bool) -> Bytes {
    // An event without data is not dispatched, but its id is kept.
    let text = match event_stream {
        true => format!("id: {cursor}\n\n"),
        false => format!("{{\"cursor\":\"{cursor}\",\"type\":\"heartbeat\"}}\n"),
    };
    Bytes::from(text)
}

/// `GET /v1/admin/events`: what happens, as it happens, from a cursor on.
pub(super) async fn events(
    State(http): State<Http>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let gate = http.shared.gate.clone();
    let key = server_key(&gate, &headers).await.map_err(|error| failure::of(&error))?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let event_stream = text(header::ACCEPT).unwrap_or_default().contains("text/event-stream");
    // A browser's EventSource says where it was when it comes back.
    let resumed = text(header::HeaderName::from_static("last-event-id")).and_then(|id| id.trim().parse().ok());
    let kinds: Vec<String> = parameters.kinds.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
    let (cursor, kinds) =
        gate.open_events(resumed.or(parameters.after), &kinds).await.map_err(|error| failure::of(&error))?;
    let Ok(place) = http.event_streams.clone().try_acquire_owned() else {
        return Err(failure::of(&v1::Error {
            code: ErrorCode::Overloaded.into(),
            text: "as many streams are open as admin.event_streams_max allows".to_owned(),
            retryable: true,
            ..Default::default()
        }));
    };
    tracing::info!(key = &*key.name, cursor, "a stream of events begins");
    let period = Duration::from_millis(u64::from(http.shared.config.heartbeat_ms.max(1)));
    let keep_alive = tokio::time::interval_at(Instant::now() + period, period);
    let streaming =
        Streaming { gate, cursor, kinds, event_stream, lines: VecDeque::new(), asked: None, keep_alive, _place: place };
    // The first piece comes at once, so that the reader knows that it is connected, and from where.
    let body = stream::once(async move { Ok(heartbeat(cursor, event_stream)) })
        .chain(stream::unfold(streaming, |streaming| async { Some(streaming.next().await) }))
        .take_until(http.stop.clone().cancelled_owned());
    let content_type = if event_stream { "text/event-stream" } else { "application/x-ndjson" };
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], Body::from_stream(body))
        .into_response())
}

#[cfg(test)]
mod tests {
    use skein_proto::outbox::EventKind;

    use super::*;

    #[test]
    fn both_forms_carry_the_cursor() {
        let line =
            EventLine { cursor: 7, kind: EventKind::UserCreated, payload: r#"{"id":"evt_1","data":{}}"#.to_owned() };
        assert_eq!(piece(&line, false), "{\"cursor\":\"7\",\"id\":\"evt_1\",\"data\":{}}\n");
        let event = piece(&line, true);
        assert!(event.starts_with(b"id: 7\nevent: user.created\ndata: {") && event.ends_with(b"}\n\n"));
        assert!(serde_json::from_slice::<serde_json::Value>(&heartbeat(7, false)).is_ok());
    }
}
