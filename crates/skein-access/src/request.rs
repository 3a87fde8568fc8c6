//! One request of a link: run by the service, except for the renewal of the link itself.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    limits::FRAME_BYTES_MAX,
    v1::{self, ErrorCode},
};
use skein_service::{Caller, Failure, is_method};

use crate::{effect, hello::Shared, measure, registry::LiveSession};

/// The id of a request, and what came of it.
pub(crate) type Answer = (u32, Result<Bytes, v1::Error>);

/// Runs one request.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    session: Option<Arc<LiveSession>>,
    codec: Codec,
    request: v1::Request,
) -> Answer {
    let start = Instant::now();
    let body = if request.json.is_empty() { &request.body[..] } else { request.json.as_bytes() };
    let renewal = request.method.ends_with("AccountService/RenewLink");
    let result = match &session {
        Some(session) if renewal => renew(&shared, session, codec, body).await,
        _ => {
            let caller = session.as_ref().map(|session| &session.caller);
            effect::dispatch(&shared, caller, session.as_ref(), &request.method, codec, body).await
        }
    };
    let result = match result {
        Ok(body) if body.len() > FRAME_BYTES_MAX - 64 => {
            let text = "the answer does not fit into a frame; ask for less at once";
            Err(Failure::new(ErrorCode::TooLarge, text).into())
        }
        other => other,
    };
    if is_method(&request.method) {
        measure::request(&request.method, result.as_ref().err(), start.elapsed());
    }
    (request.id, result)
}

/// Moves the link to a fresh token of the same device.
async fn renew(shared: &Shared, session: &LiveSession, codec: Codec, body: &[u8]) -> Result<Bytes, v1::Error> {
    let request: v1::RenewLinkRequest = codec.decode_request(body).map_err(Failure::from)?;
    let fresh: Caller = shared.gate.authenticate(&request.access_token).await?;
    if fresh.user != session.caller.user || fresh.device_id != session.caller.device_id {
        return Err(Failure::invalid("the token is of another device").into());
    }
    session.renew(fresh.expires_ms);
    Ok(codec.encode(&v1::RenewLinkResponse { token_expires_ms: fresh.expires_ms, ..Default::default() }))
}
