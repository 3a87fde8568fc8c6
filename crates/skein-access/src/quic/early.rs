//! The first flight of a client that comes back: it may be a copy that somebody else sends, so nothing of it is taken before the handshake is confirmed,
//! but a hello that takes up a session. That one may be taken twice: it opens nothing new, and what it acks was acked before.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use quinn::{Connection, RecvStream, SendStream, ZeroRttAccepted};
use skein_proto::{
    codec::Codec, frame::decode_record, limits::HELLO_BYTES_MAX, session::decode_client_frame, v1::frame::Body,
};
use tokio::io::{AsyncRead as _, ReadBuf};

use super::stream::{Confirmation, Held, QuicStream};

/// Bytes read at once.
const READ_BYTES: usize = 2 * 1024;
/// Most bytes that are looked at: a hello behind its length.
const EARLY_BYTES_MAX: usize = HELLO_BYTES_MAX + 4;

/// Ends with the handshake: whether the client has confirmed it.
pub(super) fn confirmation(connection: Connection, ended: ZeroRttAccepted) -> Confirmation {
    Box::pin(async move {
        // What it says is whether there was an early flight.
        ended.await;
        connection.close_reason().is_none()
    })
}

/// The stream, and the bytes of it that may be taken at once. `None` when the handshake fails.
pub(super) async fn admit(
    send: SendStream,
    mut receive: RecvStream,
    mut confirmed: Confirmation,
    patience: Duration,
) -> Option<(QuicStream, Bytes)> {
    let mut bytes = BytesMut::new();
    let end = tokio::time::timeout(
        patience,
        poll_fn(|context| {
            loop {
                if let Poll::Ready(confirmed) = confirmed.as_mut().poll(context) {
                    return Poll::Ready(if confirmed { Some(0) } else { None });
                }
                if let Some(length) = resuming_hello(&bytes) {
                    return Poll::Ready(Some(length));
                }
                if bytes.len() >= EARLY_BYTES_MAX {
                    // Not what may come early: it waits.
                    return Poll::Pending;
                }
                let mut chunk = [0; READ_BYTES];
                let mut read = ReadBuf::new(&mut chunk);
                match Pin::new(&mut receive).poll_read(context, &mut read) {
                    // Who ends the stream before it is confirmed ends the connection with it, soon.
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(None),
                    Poll::Ready(Ok(())) if read.filled().is_empty() => return Poll::Ready(None),
                    Poll::Ready(Ok(())) => bytes.extend_from_slice(read.filled()),
                }
            }
        }),
    );
    let early = match end.await {
        // Confirmed: all of it may be taken.
        Ok(Some(0)) => return Some((QuicStream::new(send, receive, None), bytes.freeze())),
        Ok(Some(length)) => bytes.split_to(length).freeze(),
        Ok(None) | Err(_) => return None,
    };
    let confirmation = Box::pin(async move { tokio::time::timeout(patience, confirmed).await.unwrap_or(false) });
    let held = Held { confirmation: Some(confirmation), bytes: bytes.freeze() };
    Some((QuicStream::new(send, receive, Some(held)), early))
}

/// The length of the first record, when it has come whole and is a hello that takes up a session.
fn resuming_hello(bytes: &BytesMut) -> Option<usize> {
    let mut input = bytes.clone();
    let payload = decode_record(&mut input, HELLO_BYTES_MAX).ok()??;
    let frame = decode_client_frame(Codec::Binary, &payload).ok()?;
    match frame.body {
        Some(Body::Hello(hello)) if hello.resume.is_set() => Some(bytes.len() - input.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use skein_proto::{frame::encode_record, v1};

    use super::*;

    fn record(body: Body) -> Vec<u8> {
        let mut out = Vec::new();
        let frame = v1::Frame { body: Some(body), ..Default::default() };
        encode_record(&mut out, &Codec::Binary.encode(&frame));
        out
    }

    fn length(bytes: &[u8]) -> Option<usize> {
        resuming_hello(&BytesMut::from(bytes))
    }

    #[test]
    fn only_a_whole_hello_that_takes_up_a_session_may_come_early() {
        let resume = v1::Resume { session_id: vec![7; 16].into(), ..Default::default() };
        let hello = v1::Hello { token: "t".to_owned(), ..Default::default() };
        let resuming = record(v1::Hello { resume: resume.into(), ..hello.clone() }.into());
        let mut more = resuming.clone();
        more.extend(record(v1::Request { id: 1, ..Default::default() }.into()));
        assert_eq!(length(&resuming), Some(resuming.len()));
        assert_eq!(length(&more), Some(resuming.len()), "and nothing behind it");
        assert_eq!(length(&resuming[..resuming.len() - 1]), None);
        assert_eq!(length(&record(hello.into())), None, "a fresh session");
        assert_eq!(length(&record(v1::Request { id: 1, ..Default::default() }.into())), None);
        assert_eq!(length(b"\xff\xff\xff\xff"), None);
    }
}
