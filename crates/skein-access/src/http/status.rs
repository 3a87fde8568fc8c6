//! Readiness and metrics.

use axum::{extract::State, http::StatusCode, response::Response};
use metrics_exporter_prometheus::PrometheusHandle;
use skein_bus::BusState;
use skein_proto::v1::ErrorCode;
use skein_service::Gate;

use super::{Http, failure};
use crate::{cluster::Phase, exporter};

/// The metrics, as text for Prometheus.
pub(super) async fn metrics(handle: PrometheusHandle) -> String {
    tokio::task::spawn_blocking(move || exporter::text(&handle)).await.unwrap_or_default()
}

/// Ready when the store answers and the server is not stopping. Without the bus, a node with a store of its own still serves, and says so: whoever
/// took it out of service for that would make an outage of the bus one of everything. An access node cannot serve then.
pub(super) async fn ready(State(http): State<Http>) -> Result<&'static str, Response> {
    let unavailable = |text: &str| failure::response(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, text);
    if http.stop.is_cancelled() {
        return Err(unavailable("the server is stopping"));
    }
    let node = http.shared.announcement();
    if node.phase != Phase::Serving {
        return Err(unavailable(&format!(
            "the node is being drained, {} of {} links are left",
            node.links, node.links_at_start
        )));
    }
    let cut_off = http.shared.bus.state() == BusState::Disconnected;
    match (http.shared.gate.ready().await, &http.shared.gate) {
        (Ok(()), _) if cut_off => Ok("ready; the bus is down: what happens on other nodes is found by pulls\n"),
        (Ok(()), _) => Ok("ready\n"),
        (Err(_), Gate::Elsewhere(_)) if cut_off => Err(unavailable("the bus is down")),
        (Err(_), Gate::Elsewhere(_)) => Err(unavailable("no service node answers")),
        (Err(_), Gate::Here(_)) => Err(unavailable("the store does not answer")),
    }
}
