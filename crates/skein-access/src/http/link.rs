//! The WebSocket handshake; then the raw stream goes to the connection loop, and HTTP is done with it.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use skein_proto::{codec::Codec, v1::ErrorCode, websocket::accept_key};
use tokio::net::TcpStream;

use super::{Http, Peer, failure};
use crate::{
    begun::Begun,
    connection::{self, Stream},
    framing::Framing,
    limit::Place,
    tls_stream::TlsStream,
};

/// Subprotocol of protobuf frames.
const BINARY: &str = "skein.v1.proto";
/// Subprotocol of JSON frames; also spoken when a client offers none.
const JSON: &str = "skein.v1.json";

pub(super) async fn upgrade(State(http): State<Http>, mut request: Request) -> Response {
    let (key, codec) = match handshake(request.headers()) {
        Ok(accepted) => accepted,
        Err(text) => return failure::response(StatusCode::BAD_REQUEST, ErrorCode::InvalidArgument, text),
    };
    let Some(Peer(place)) = request.extensions_mut().remove::<Peer>() else {
        return failure::response(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "a request from nowhere");
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return failure::response(
            StatusCode::UPGRADE_REQUIRED,
            ErrorCode::InvalidArgument,
            "a WebSocket needs HTTP/1.1",
        );
    };
    let connections = http.connections.clone();
    connections.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            // A task of its own, as small as a link is.
            serve(upgraded, Framing::websocket(codec.unwrap_or(Codec::Json)), place, &http);
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept_key(&key)) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(codec) = codec {
        let name = if codec == Codec::Json { JSON } else { BINARY };
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    response
}

fn serve(upgraded: Upgraded, framing: Framing, place: Place, http: &Http) {
    match downcast::<TokioIo<Begun<TcpStream>>>(upgraded) {
        Ok(parts) => run(parts.io.into_inner(), parts.read_buf, framing, place, http),
        Err(upgraded) => {
            if let Ok(parts) = downcast::<TokioIo<Begun<TlsStream>>>(upgraded) {
                run(parts.io.into_inner(), parts.read_buf, framing, place, http);
            }
        }
    }
}

/// `read` are bytes that came with the handshake.
fn run<S: Stream>(begun: Begun<S>, read: Bytes, framing: Framing, place: Place, http: &Http) {
    let (early, stream) = begun.into_parts();
    let early = if early.is_empty() { read } else { [read, early].concat().into() };
    http.connections.spawn(connection::run(stream, framing, early, place, http.shared.clone()));
}

/// The client's key, and the codec of the subprotocol it offered first among ours.
fn handshake(headers: &HeaderMap) -> Result<(String, Option<Codec>), &'static str> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let lists = |name, word: &str| text(name).split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
    if !lists(header::CONNECTION, "upgrade") || !lists(header::UPGRADE, "websocket") {
        return Err("this address takes WebSocket connections: send Connection: Upgrade and Upgrade: websocket");
    }
    if text(header::SEC_WEBSOCKET_VERSION) != "13" {
        return Err("Sec-WebSocket-Version must be 13");
    }
    let key = text(header::SEC_WEBSOCKET_KEY);
    if key.len() != 24 {
        return Err("Sec-WebSocket-Key must be 16 bytes in base64");
    }
    let mut offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let known = offered.by_ref().flat_map(|value| value.split(',')).find_map(|name| match name.trim() {
        BINARY => Some(Codec::Binary),
        JSON => Some(Codec::Json),
        _ => None,
    });
    if known.is_none() && headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        return Err("the subprotocols are skein.v1.proto and skein.v1.json");
    }
    Ok((key.to_owned(), known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_first_known_subprotocol_wins_and_none_means_json() {
        assert_eq!(handshake(&headers(&GOOD)).unwrap().1, None);
        for (offer, codec) in [(BINARY, Codec::Binary), ("chat, skein.v1.json, skein.v1.proto", Codec::Json)] {
            let mut all = headers(&GOOD);
            all.insert("sec-websocket-protocol", HeaderValue::from_static(offer));
            assert_eq!(handshake(&all).unwrap().1, Some(codec));
        }
    }

    #[test]
    fn each_missing_header_is_refused() {
        for (missing, _) in GOOD {
            let mut all = headers(&GOOD);
            all.remove(missing);
            assert!(handshake(&all).is_err(), "{missing}");
        }
        let mut all = headers(&GOOD);
        all.insert("sec-websocket-protocol", HeaderValue::from_static("mqtt"));
        assert!(handshake(&all).is_err());
    }
}
