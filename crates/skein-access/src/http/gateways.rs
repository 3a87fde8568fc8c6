//! Where to connect, for anybody who asks; not too often.

use axum::{
    extract::{Extension, Query, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use skein_proto::{codec::Codec, v1};
use skein_service::{Failure, now_ms};

use super::{Http, failure};
use crate::{
    cluster::{self, Hints},
    hello::Shared,
    limit::Place,
};

/// The path of the operation.
pub(super) const PATH: &str = "skein.v1.DispatchService/ResolveGateways";

/// Longest hint that is looked at, in bytes.
const HINT_BYTES_MAX: usize = 64;

/// The place of a request's connection.
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Place);

#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    region: String,
    #[serde(default)]
    carrier: String,
}

/// `GET /v1/gateways`.
pub(super) async fn get(
    State(http): State<Http>,
    Extension(peer): Extension<Peer>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Response> {
    admit(&http.shared, &peer).map_err(|error| failure::of(&error))?;
    let answer = resolve(&http.shared, parameters.region, parameters.carrier);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Codec::Json.encode(&answer)).into_response())
}

/// The same as an operation.
pub(super) fn answer(shared: &Shared, codec: Codec, body: &[u8]) -> Result<Bytes, v1::Error> {
    let request: v1::ResolveGatewaysRequest = codec.decode_request(body).map_err(Failure::from)?;
    Ok(codec.encode(&resolve(shared, request.region, request.carrier)))
}

/// Whether this address may ask again.
///
/// # Errors
/// `RATE_LIMITED`, with the time to wait.
pub(super) fn admit(shared: &Shared, Peer(place): &Peer) -> Result<(), v1::Error> {
    let asked = shared.cluster.asked.take(place.address, now_ms(), 1);
    let text = "this address has asked too often where to connect";
    asked.map_err(|wait_ms| Failure::rate_limited(text, wait_ms).into())
}

fn resolve(shared: &Shared, mut region: String, mut carrier: String) -> v1::ResolveGatewaysResponse {
    for hint in [&mut region, &mut carrier] {
        if hint.len() > HINT_BYTES_MAX {
            hint.clear();
        }
    }
    cluster::resolve(shared, &Hints { region, carrier })
}
