//! Everything that is an HTTP request: operations, the upgrade to a link, receiving without a link, health, metrics.

mod admin;
mod failure;
mod forwarded;
mod gateways;
mod link;
mod node;
mod operation;
mod origin;
mod receive;
mod status;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{any, get, post},
};
use connectrpc::ConnectRpcService;
pub(crate) use gateways::Peer;
pub(crate) use origin::is_allowed;
use skein_proto::v1::ErrorCode;
use skein_service::now_ms;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    exporter,
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
    let metrics = exporter::recorder()?;
    let operations = operation::service(shared.clone());
    let event_streams = Arc::new(Semaphore::new(shared.gate.event_streams_max()));
    let state = Http { shared, stop, connections, operations, event_streams };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(status::ready))
        .route("/health/ready", get(status::ready))
        .route("/metrics", get(move || status::metrics(metrics.clone())));
    let Offer::Everything(pages) = offer else {
        return Ok(router.fallback(nothing).with_state(state));
    };
    let router = router
        .route("/link", get(link::upgrade))
        .route("/v1/events", get(receive::events))
        .route("/v1/admin/events", get(admin::events))
        .route("/v1/gateways", get(gateways::get))
        .route("/v1/poll", get(receive::poll).post(receive::poll))
        .route("/v1/ack", post(receive::acknowledge))
        .route("/skein.v1.{service}/{method}", any(operation::serve))
        .layer(middleware::from_fn_with_state(state.clone(), limited))
        .layer(middleware::from_fn_with_state(state.clone(), origin::checked))
        // Behind the layer: other origins may call us, but pages are not theirs to read.
        .fallback_service(pages)
        .with_state(state);
    Ok(router)
}

/// The answer where nothing is, for whoever serves the paths that are not ours.
pub async fn nothing() -> Response {
    let mut response = failure::response(StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is nothing here");
    origin::open_to(response.headers_mut(), None);
    response
}

/// Refuses requests of an address that makes too many.
async fn limited(State(http): State<Http>, mut request: Request, next: Next) -> Response {
    let guard = &http.shared.guard;
    let Some(Peer(mut place)) = request.extensions().get::<Peer>().cloned() else { return next.run(request).await };
    if let Some(source) = forwarded::source(guard, place.address, request.headers()) {
        match guard.admit_forwarded(source, now_ms()) {
            Ok(forwarded) => place = forwarded,
            Err(_) => {
                let text = "this address has too many connections, or was refused too often";
                return failure::response(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, text);
            }
        }
        request.extensions_mut().insert(Peer(place.clone()));
    }
    if let Err(error) = guard.request_from(&place, now_ms()) {
        return failure::of(&error);
    }
    next.run(request).await
}
