//! Everything that is an HTTP request: operations, the upgrade to a link, receiving without a link, health, metrics.

mod admin;
mod failure;
mod link;
mod operation;
mod receive;
mod status;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use connectrpc::ConnectRpcService;
use skein_proto::v1::ErrorCode;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    hello::Shared,
    listen::{Offer, StartError},
};

/// What handlers share.
#[derive(Clone)]
struct Http {
    shared: Arc<Shared>,
    stop: CancellationToken,
    connections: TaskTracker,
    operations: ConnectRpcService<operation::Operations>,
    /// Places for streams of events.
    event_streams: Arc<Semaphore>,
}

/// Every path of the server: ours, and for everything else what `pages` answers.
pub(crate) fn router(
    shared: Arc<Shared>,
    stop: CancellationToken,
    connections: TaskTracker,
    offer: Offer,
) -> Result<Router, StartError> {
    let metrics = status::recorder()?;
    let operations = operation::service(shared.clone());
    let event_streams = Arc::new(Semaphore::new(shared.gate.event_streams_max()));
    let state = Http { shared, stop, connections, operations, event_streams };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(status::ready))
        .route("/metrics", get(move || async move { metrics.render() }));
    let Offer::Everything(pages) = offer else {
        return Ok(router.fallback(nothing).with_state(state));
    };
    let router = router
        .route("/link", get(link::upgrade))
        .route("/v1/events", get(receive::events))
        .route("/v1/admin/events", get(admin::events))
        .route("/v1/poll", get(receive::poll).post(receive::poll))
        .route("/v1/ack", post(receive::acknowledge))
        .route("/skein.v1.{service}/{method}", any(operation::serve))
        .layer(middleware::from_fn(cross_origin))
        // Behind the layer: other origins may call us, but pages are not theirs to read.
        .fallback_service(pages)
        .with_state(state);
    Ok(router)
}

/// The answer where nothing is, for whoever serves the paths that are not ours.
pub async fn nothing() -> Response {
    let mut response = failure::response(StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is nothing here");
    open_to_all(response.headers_mut());
    response
}

/// Lets pages of any origin call us: callers are known by their tokens, never by cookies.
async fn cross_origin(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    open_to_all(headers);
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, skein-session, connect-protocol-version, connect-timeout-ms",
            ),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }
    response
}

fn open_to_all(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
}
