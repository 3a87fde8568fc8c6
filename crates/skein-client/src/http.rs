//! One operation over HTTP, for what needs no link: asking where to connect, and the work of operators.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use bytes::BytesMut;
use serde_json::Value;
use skein_proto::{
    codec::{Body, Codec},
    v1,
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{Address, ClientError, ConnectOptions, address::Transport, link};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// Calls an operation at an `http` or `https` address, with a bearer token if there is one.
///
/// # Errors
/// What the server refuses with, [`ClientError::Connection`] when nothing answers in time, [`ClientError::Protocol`] when something else does.
pub async fn call<Q: Body, A: Body>(
    address: &Address,
    options: &ConnectOptions,
    token: Option<&str>,
    method: &str,
    request: &Q,
) -> Result<A, ClientError> {
    if address.transport != Transport::WebSocket {
        return Err(ClientError::Address(address.to_string()));
    }
    let body = Codec::Binary.encode(request);
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    // Version 1.0: the answer is neither chunked nor followed by another one.
    let head = format!(
        "POST /skein.v1.{method} HTTP/1.0\r\nHost: {}:{}\r\nContent-Type: application/proto\r\nContent-Length: {}\r\n{authorization}\r\n",
        address.host,
        address.port,
        body.len()
    );
    let exchange = async {
        let mut stream = link::open_stream(address, options).await?;
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        stream.flush().await?;
        let mut answer = BytesMut::new();
        while stream.read_buf(&mut answer).await? > 0 {
            if answer.len() > ANSWER_BYTES_MAX {
                return Err(ClientError::Protocol("the answer is too long".to_owned()));
            }
        }
        Ok(answer)
    };
    let answer = tokio::time::timeout(options.timeout, exchange)
        .await
        .unwrap_or_else(|_| Err(ClientError::Connection(format!("{address} does not answer"))))?;
    let (status, body) = parse(&answer)?;
    match status {
        200 => Codec::Binary.decode(body).map_err(|error| ClientError::Protocol(error.to_string())),
        _ => Err(refusal(status, body)),
    }
}

/// Status and body of a whole answer.
fn parse(answer: &[u8]) -> Result<(u16, &[u8]), ClientError> {
    let wrong = || ClientError::Protocol("what answers does not speak HTTP".to_owned());
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(wrong)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| wrong())?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
    Ok((status.ok_or_else(wrong)?, &answer[end + 4..]))
}

/// The coded error in an answer of Connect, if it is one.
fn refusal(status: u16, body: &[u8]) -> ClientError {
    let detail = serde_json::from_slice::<Value>(body).ok().and_then(|error| {
        let text = error["details"][0]["value"].as_str()?;
        let bytes = STANDARD_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
        Codec::Binary.decode::<v1::Error>(&bytes).ok()
    });
    match detail {
        Some(error) => ClientError::Refused(Box::new(error)),
        None => ClientError::Protocol(format!("an answer with status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart_and_others_refused() {
        let (status, body) = parse(b"HTTP/1.1 200 OK\r\na: b\r\n\r\nxy").unwrap();
        assert_eq!((status, body), (200, &b"xy"[..]));
        for wrong in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 \xff\r\n\r\n"] {
            assert!(parse(wrong).is_err());
        }
    }

    #[test]
    fn a_refusal_carries_its_code() {
        let error = v1::Error { code: v1::ErrorCode::NotFound.into(), text: "no".to_owned(), ..Default::default() };
        let value = STANDARD_NO_PAD.encode(Codec::Binary.encode(&error));
        let body = format!(r#"{{"code":"not_found","details":[{{"type":"skein.v1.Error","value":"{value}"}}]}}"#);
        assert_eq!(refusal(404, body.as_bytes()).code(), Some(v1::ErrorCode::NotFound));
        assert!(matches!(refusal(502, b"<html>"), ClientError::Protocol(text) if text.contains("502")));
    }
}
