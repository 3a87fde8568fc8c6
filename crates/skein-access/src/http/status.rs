//! Readiness and metrics.

use axum::{extract::State, http::StatusCode, response::Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use skein_bus::BusState;
use skein_proto::v1::ErrorCode;
use skein_service::Gate;

use super::{Http, failure};
use crate::{cluster::Phase, listen::StartError};

/// Upper ends of the latency buckets, in seconds.
const LATENCY_BUCKETS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Sets up the recorder of this process, once, and gives the way to its text.
pub(super) fn recorder() -> Result<PrometheusHandle, StartError> {
    static HANDLE: parking_lot::Mutex<Option<PrometheusHandle>> = parking_lot::Mutex::new(None);
    let mut handle = HANDLE.lock();
    if let Some(handle) = handle.as_ref() {
        return Ok(handle.clone());
    }
    let made = PrometheusBuilder::new()
        .set_buckets(LATENCY_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| StartError::Metrics(error.to_string()))?;
    *handle = Some(made.clone());
    Ok(made)
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
