//! The two halves of a connection's only stream, as one.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::web_transport::Session;

/// Ends with whether the peer has confirmed the handshake.
pub(super) type Confirmation = Pin<Box<dyn Future<Output = bool> + Send>>;

/// What came before the handshake was confirmed, and must not be read before it is.
pub(super) struct Held {
    /// `None` once it is.
    pub(super) confirmation: Option<Confirmation>,
    pub(super) bytes: Bytes,
}

/// The server's end of one connection. The connection is closed when this is dropped.
pub(crate) struct QuicStream {
    send: SendStream,
    receive: RecvStream,
    held: Option<Box<Held>>,
    /// What a browser's session is beside its stream.
    _session: Option<Box<Session>>,
}

impl QuicStream {
    /// Of a connection whose handshake is confirmed, unless something is held.
    pub(super) fn new(send: SendStream, receive: RecvStream, held: Option<Held>) -> Self {
        Self { send, receive, held: held.map(Box::new), _session: None }
    }

    /// Of a browser's session.
    pub(super) fn of_session(send: SendStream, receive: RecvStream, session: Session) -> Self {
        Self { send, receive, held: None, _session: Some(Box::new(session)) }
    }

    /// Takes what is held, as soon as it may be taken. True when there was something.
    fn poll_held(&mut self, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let Some(held) = &mut self.held else { return Poll::Ready(Ok(false)) };
        if let Some(confirmation) = &mut held.confirmation {
            if !ready!(confirmation.as_mut().poll(context)) {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            held.confirmation = None;
        }
        let count = held.bytes.len().min(out.remaining());
        out.put_slice(&held.bytes.split_to(count));
        if !held.bytes.has_remaining() {
            self.held = None;
        }
        Poll::Ready(Ok(count > 0))
    }
}

impl AsyncRead for QuicStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if ready!(self.poll_held(context, out))? {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.receive).poll_read(context, out).map_err(io::Error::from)
    }
}

impl AsyncWrite for QuicStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.send).poll_write(context, bytes).map_err(io::Error::from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_shutdown(context)
    }
}
