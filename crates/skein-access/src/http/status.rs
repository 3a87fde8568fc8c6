//! Readiness and metrics.

use axum::{extract::State, http::StatusCode, response::Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use skein_proto::{id::UserId, v1::ErrorCode};

use super::{Http, failure};
use crate::listen::StartError;

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

/// Ready when the store answers and the server is not stopping.
pub(super) async fn ready(State(http): State<Http>) -> Result<&'static str, Response> {
    let unavailable = |text: &str| failure::response(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, text);
    if http.stop.is_cancelled() {
        return Err(unavailable("the server is stopping"));
    }
    match http.shared.service.user_version(UserId(0)).await {
        Ok(_) => Ok("ready\n"),
        Err(_) => Err(unavailable("the store does not answer")),
    }
}
