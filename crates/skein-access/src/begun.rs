//! A connection whose first request has begun: until its head is whole, a peer costs what it has sent and nothing else. The HTTP library would make
//! room for 8 KiB at the first byte.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::Stream;

/// Bytes read at once, into a buffer on the stack.
const READ_BYTES: usize = 4 * 1024;

/// A stream of which something was read before.
pub(crate) struct Begun<S> {
    early: Bytes,
    stream: S,
}

impl<S: Stream> Begun<S> {
    /// Reads until the head of a request is whole, or cannot become one: too long, not HTTP, cut off. What it is worth is for others to say. `None` when
    /// the peer left without a word.
    pub(crate) async fn read(mut stream: S, head_bytes_max: usize) -> Option<Self> {
        let mut early = BytesMut::new();
        loop {
            let before = early.len();
            let read = poll_fn(|context| read_into(&mut stream, context, &mut early)).await;
            if !read.is_ok_and(|count| count > 0) || may_be_judged(&early, before, head_bytes_max) {
                break;
            }
        }
        (!early.is_empty()).then(|| Self { early: early.freeze(), stream })
    }

    /// What was read and not taken yet, and the stream.
    pub(crate) fn into_parts(self) -> (Bytes, S) {
        (self.early, self.stream)
    }
}

fn read_into<S: Stream>(stream: &mut S, context: &mut Context<'_>, early: &mut BytesMut) -> Poll<io::Result<usize>> {
    let mut bytes = [0; READ_BYTES];
    let mut read = ReadBuf::new(&mut bytes);
    ready!(Pin::new(stream).poll_read(context, &mut read))?;
    early.extend_from_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}

/// An empty line ends a head; what does not begin with a method will never be one.
fn may_be_judged(early: &[u8], looked_at: usize, head_bytes_max: usize) -> bool {
    let fresh = &early[looked_at.saturating_sub(2)..];
    let ends = |line: &[u8]| fresh.windows(line.len()).any(|window| window == line);
    let is_http = early.first().is_some_and(u8::is_ascii_alphabetic);
    !is_http || early.len() >= head_bytes_max || ends(b"\n\r\n") || ends(b"\n\n")
}

impl<S: Stream> AsyncRead for Begun<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, out);
        }
        let count = self.early.len().min(out.remaining());
        out.put_slice(&self.early[..count]);
        self.early.advance(count);
        if self.early.is_empty() {
            // Lets the memory go.
            self.early = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Begun<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const HEAD_BYTES_MAX: usize = 64;

    /// What was read before it was enough, when this comes in pieces of so many bytes.
    async fn early(bytes: &[u8], piece: usize) -> Option<usize> {
        let (mut client, server) = duplex(piece);
        let sending = async move {
            // The other end may have heard enough.
            let _ = client.write_all(bytes).await;
            drop(client);
        };
        let reading = async { Begun::read(server, HEAD_BYTES_MAX).await.map(|begun| begun.into_parts().0.len()) };
        tokio::join!(reading, sending).0
    }

    #[tokio::test]
    async fn a_head_is_waited_for_and_nothing_else() {
        for head in ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", "GET / HTTP/1.1\nhost: x\n\n", "PRI * HTTP/2.0\r\n\r\n"] {
            assert_eq!(early(head.as_bytes(), 1).await, Some(head.len()), "{head:?}");
        }
        assert_eq!(early(b"GET / HTTP/1.1\r\nhost", 5).await, Some(20), "cut off");
        assert_eq!(early(&[b'x'; 1_000], 16).await, Some(HEAD_BYTES_MAX), "too long");
        assert_eq!(early(b"\x16\x03\x01\x00", 1).await, Some(1), "never a request");
        assert_eq!(early(b"", 1).await, None);
    }

    #[tokio::test]
    async fn nothing_is_lost_between_what_was_read_and_the_rest() {
        let sent = "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nsome body";
        for piece in 1..sent.len() {
            let (mut client, server) = duplex(piece);
            let sending = async move { client.write_all(sent.as_bytes()).await.map(|()| drop(client)) };
            let reading = async {
                let mut begun = Begun::read(server, 1_000).await.unwrap();
                let mut all = String::new();
                begun.read_to_string(&mut all).await.map(|_| all)
            };
            let (all, sent_all) = tokio::join!(reading, sending);
            assert_eq!((all.unwrap().as_str(), sent_all.is_ok()), (sent, true));
        }
    }
}
