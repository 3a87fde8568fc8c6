//! Every operation over HTTP: Connect, gRPC, gRPC-Web and plain JSON come from the library and end in the same dispatch as a link's requests.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use connectrpc::{
    ConnectError, ConnectRpcService, Dispatcher, Limits, MethodDescriptor, Payload, RequestContext,
    codec::CodecFormat,
    dispatcher::{RequestStream, StreamingResult, UnaryResult},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use skein_proto::{
    codec::Codec,
    limits::FRAME_BYTES_MAX,
    v1::{self, ErrorCode},
};
use skein_service::{Caller, Failure, Gate, is_for_servers, is_method, now_ms};
use tower::ServiceExt as _;

use super::{
    Http, Peer, admin,
    failure::{self, connect_error},
    gateways, node, receive,
};
use crate::{effect, hello::Shared, measure, registry::LiveSession};

/// What the paths of all operations begin with, after the slash.
const PACKAGE: &str = "skein.v1.";

/// Runs an operation.
pub(super) async fn serve(State(http): State<Http>, request: Request) -> Response {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|bytes: usize| bytes > FRAME_BYTES_MAX) {
        let text = format!("a request has at most {FRAME_BYTES_MAX} bytes");
        return failure::response(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, &text);
    }
    if request.uri().path().strip_prefix('/') == Some(gateways::PATH) {
        let peer = request.extensions().get::<Peer>();
        if let Some(Err(error)) = peer.map(|peer| gateways::admit(&http.shared, peer)) {
            return failure::of(&error);
        }
    }
    let longest = Duration::from_millis(u64::from(http.shared.config.limits.request_timeout_ms.max(1)));
    match tokio::time::timeout(longest, http.operations.oneshot(request)).await {
        Ok(Ok(response)) => response.map(Body::new),
        Err(_) => {
            measure::refused("request_timeout");
            let text = "the request did not come, or was not answered, in time";
            let mut late = failure::response(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, text);
            // What is still to come of it is not waited for.
            late.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            late
        }
    }
}

/// The HTTP service for all operations.
pub(super) fn service(shared: Arc<Shared>) -> ConnectRpcService<Operations> {
    let limits = Limits::default().with_max_request_body_size(FRAME_BYTES_MAX).with_max_message_size(FRAME_BYTES_MAX);
    ConnectRpcService::new(Operations { shared }).with_limits(limits)
}

pub(super) struct Operations {
    shared: Arc<Shared>,
}

/// Who asks, by the bearer token; `None` when there is no token at all.
pub(super) async fn caller(gate: &Gate, headers: &HeaderMap) -> Result<Option<Caller>, v1::Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            gate.authenticate(token.trim()).await.map(Some)
        }
        _ => {
            let text = "authorization must be: Bearer <access token>";
            Err(Failure::new(ErrorCode::Unauthenticated, text).into())
        }
    }
}

/// The caller, if it has not asked too much.
fn admitted(shared: &Shared, caller: Option<Caller>) -> Result<Option<Caller>, v1::Error> {
    match &caller {
        Some(known) => shared.guard.request_of(known.user, now_ms()).map(|()| caller),
        None => Ok(None),
    }
}

/// The session that receives what follows from an operation, if the request names one of the caller's.
fn receiver(shared: &Shared, caller: Option<&Caller>, headers: &HeaderMap) -> Option<Arc<LiveSession>> {
    shared.registry.find(caller?, &receive::session_id(headers)?)
}

impl Dispatcher for Operations {
    fn lookup(&self, path: &str) -> Option<MethodDescriptor> {
        // Whatever the last part is called: the dispatch answers unknown names with our own code.
        path.starts_with(PACKAGE).then(|| MethodDescriptor::unary(false))
    }

    fn call_unary(&self, path: &str, context: RequestContext, request: Payload, format: CodecFormat) -> UnaryResult {
        let (shared, path) = (self.shared.clone(), path.to_owned());
        Box::pin(async move {
            let (start, gate) = (Instant::now(), &shared.gate);
            let body = request.encoded()?;
            let codec = if format == CodecFormat::Json { Codec::Json } else { Codec::Binary };
            let result = if is_for_servers(&path) {
                match admin::server_key(gate, context.headers()).await {
                    Ok(key) => match node::answer(&shared, &path, codec, &body).await {
                        Some(answer) => answer,
                        None => gate.dispatch_server(&key, &path, codec, &body).await,
                    },
                    Err(error) => Err(error),
                }
            } else if path.trim_start_matches('/') == gateways::PATH {
                gateways::answer(&shared, codec, &body)
            } else {
                match caller(gate, context.headers()).await.and_then(|caller| admitted(&shared, caller)) {
                    Ok(caller) => {
                        let session = receiver(&shared, caller.as_ref(), context.headers());
                        effect::dispatch(&shared, caller.as_ref(), session.as_ref(), &path, codec, &body).await
                    }
                    Err(error) => Err(error),
                }
            };
            if is_method(&path) {
                measure::request(&path, result.as_ref().err(), start.elapsed());
            }
            result.map(|body| connectrpc::Response::new(body.into())).map_err(|error| connect_error(&error))
        })
    }

    fn call_server_streaming(&self, _: &str, _: RequestContext, _: bytes::Bytes, _: CodecFormat) -> StreamingResult {
        Box::pin(async { Err(not_streaming()) })
    }

    fn call_client_streaming(&self, _: &str, _: RequestContext, _: RequestStream, _: CodecFormat) -> UnaryResult {
        Box::pin(async { Err(not_streaming()) })
    }

    fn call_bidi_streaming(&self, _: &str, _: RequestContext, _: RequestStream, _: CodecFormat) -> StreamingResult {
        Box::pin(async { Err(not_streaming()) })
    }
}

fn not_streaming() -> ConnectError {
    ConnectError::unimplemented("no operation streams")
}
