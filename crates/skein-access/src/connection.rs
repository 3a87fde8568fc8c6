//! The loop of one link: one task, one socket, no timer, no channel, and no buffer while nothing is in flight.

mod write;

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::stream::{FuturesUnordered, StreamExt as _};
use skein_proto::{
    limits::{ANONYMOUS_FRAME_BYTES_MAX, ANONYMOUS_LINK_MS, FRAME_BYTES_MAX, HELLO_TIMEOUT_MS, REQUESTS_IN_FLIGHT_MAX},
    session::{Input, decode_client_frame, frame},
    v1::{self, CloseCode, frame::Body},
};
use skein_service::now_ms;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use crate::{
    confirm::confirm,
    framing::{Broken, Framing, Unframed},
    heartbeat,
    hello::{Greeted, Shared, close_text},
    limit::Place,
    measure,
    registry::{LiveSession, Turn},
    request::{Answer, answer},
};

/// Bytes read at once, into a buffer that all connections of a thread share.
const READ_BYTES: usize = 64 * 1024;
/// Reads of one turn, and what follows from each, so that a busy connection does not starve its neighbours.
const ROUNDS_PER_TURN: usize = 8;
/// From this many unwritten bytes on no further request is read or answered, and pushes wait where all their receivers share them: a reader that
/// has stopped costs this much, and one frame.
const UNWRITTEN_BYTES_MAX: usize = 16 * 1024;
/// How long a closing connection waits for its peer to take the last bytes.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A socket, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Greeting = Pin<Box<dyn Future<Output = Greeted> + Send>>;

/// When a connection that is in no registry has to go, and why. Links with a session are told through it, and hold no timer.
type Deadline = Pin<Box<dyn Future<Output = CloseCode> + Send>>;

/// Who is at the other end.
enum Peer {
    /// Nobody yet; the connection ends when the time is up.
    Unknown(Deadline),
    /// Its hello is being judged.
    Greeting(Greeting, Deadline),
    /// May call what needs no caller, for a while.
    Anonymous(Deadline),
    /// Has a session.
    Known(Arc<LiveSession>, u32),
}

/// Why a connection ends.
enum End {
    /// The peer is gone, or the socket is broken.
    Lost,
    /// The peer said goodbye: the session is not kept.
    Bye,
    /// We close it.
    Close { code: CloseCode, status: u16, text: String },
}

impl End {
    fn close(code: CloseCode, text: impl Into<String>) -> Self {
        Self::Close { code, status: code as i32 as u16, text: text.into() }
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        Self::Close { code: broken.code, status: broken.status, text: broken.text }
    }
}

/// One link.
struct Connection<S> {
    stream: S,
    framing: Framing,
    peer: Peer,
    /// Bytes of a frame that has not come whole.
    input: BytesMut,
    /// Bytes that the socket did not take yet.
    unwritten: Vec<u8>,
    /// The rest of a frame that is shared with others, which the socket took in part. It goes before everything else.
    rest: Option<Box<Bytes>>,
    /// The session is in live rooms.
    in_rooms: bool,
    running: Option<Box<FuturesUnordered<Running>>>,
    /// The address at the other end.
    place: Place,
    shared: Arc<Shared>,
}

/// Serves a link until it ends. `early` are bytes that came with the handshake.
///
/// Not an `async fn`: that would keep its arguments beside the connection made of them, in every idle link.
pub(crate) fn run<S: Stream>(
    stream: S,
    framing: Framing,
    early: Bytes,
    place: Place,
    shared: Arc<Shared>,
) -> impl Future<Output = ()> + Send {
    measure::connection_opened(framing.transport());
    let deadline = deadline(&shared, HELLO_TIMEOUT_MS);
    let mut connection = Connection {
        stream,
        framing,
        peer: Peer::Unknown(deadline),
        input: BytesMut::from(early),
        unwritten: Vec::new(),
        rest: None,
        in_rooms: false,
        running: None,
        place,
        shared,
    };
    async move {
        let end = poll_fn(|context| connection.poll(context)).await;
        connection.detach(&end);
        Box::pin(connection.finish(end)).await;
    }
}

fn deadline(shared: &Shared, after_ms: u64) -> Deadline {
    let stop = shared.stop.clone();
    Box::pin(async move {
        let over = tokio::time::sleep(Duration::from_millis(after_ms));
        stop.run_until_cancelled_owned(over).await.map_or(CloseCode::Shutdown, |()| CloseCode::HelloTimeout)
    })
}

fn resumable(code: CloseCode) -> bool {
    skein_proto::session::close_range(code) == skein_proto::session::CloseRange::Resume
}

impl<S> Connection<S> {
    /// Gives the session back, to be resumed if the end lets it.
    fn detach(&self, end: &End) {
        if let Peer::Known(session, epoch) = &self.peer {
            let forget = match end {
                End::Lost => false,
                End::Bye => true,
                End::Close { code, .. } => !resumable(*code),
            };
            self.shared.registry.detach(session, *epoch, forget);
        }
        measure::connection_closed(self.framing.transport());
    }
}

impl<S: Stream> Connection<S> {
    /// One turn: whatever can be done without waiting is done, then everything that may wake us is armed.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        match self.turn(context) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        for _ in 0..ROUNDS_PER_TURN {
            self.poll_peer(context)?;
            let held_back = self.take_input(context)?;
            self.poll_running(context);
            self.take_pushes(context)?;
            let full = self.is_full();
            if !self.flush(context)? {
                return Ok(());
            }
            if full {
                // Input, answers or pushes waited for the room that is there now, and nothing else would wake us for them.
                continue;
            }
            if self.is_busy() || matches!(self.peer, Peer::Greeting(..)) {
                // Nothing is read that would only pile up here; an answer or the welcome goes on with it.
                return Ok(());
            }
            if !held_back && !self.read(context)? {
                return Ok(());
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Too much waits to be written for anything to be added.
    fn is_full(&self) -> bool {
        self.unwritten.len() >= UNWRITTEN_BYTES_MAX
    }

    /// As many requests wait for their answers as may.
    fn is_busy(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.len() >= REQUESTS_IN_FLIGHT_MAX)
    }

    /// Time limits of those without a session, and the hello.
    fn poll_peer(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        let greeted = match &mut self.peer {
            Peer::Known(..) => return Ok(()),
            Peer::Unknown(deadline) | Peer::Anonymous(deadline) => {
                return match deadline.as_mut().poll(context) {
                    Poll::Pending => Ok(()),
                    Poll::Ready(code) => Err(End::close(code, close_text(code))),
                };
            }
            Peer::Greeting(greeting, deadline) => {
                match (greeting.as_mut().poll(context), deadline.as_mut().poll(context)) {
                    (Poll::Ready(greeted), _) => greeted,
                    (Poll::Pending, Poll::Pending) => return Ok(()),
                    // The store is too slow for us to know who this is.
                    (Poll::Pending, Poll::Ready(CloseCode::HelloTimeout)) => {
                        return Err(End::close(CloseCode::Overloaded, close_text(CloseCode::Overloaded)));
                    }
                    (Poll::Pending, Poll::Ready(code)) => return Err(End::close(code, close_text(code))),
                }
            }
        };
        let welcome = match greeted {
            Greeted::Refused(code, text) => return Err(End::close(code, text)),
            Greeted::Anonymous(welcome) => {
                self.framing.set_frame_bytes_max(ANONYMOUS_FRAME_BYTES_MAX);
                self.peer = Peer::Anonymous(deadline(&self.shared, ANONYMOUS_LINK_MS));
                welcome
            }
            Greeted::Welcome(attachment, welcome) => {
                self.framing.set_frame_bytes_max(FRAME_BYTES_MAX);
                self.peer = Peer::Known(attachment.session, attachment.epoch);
                welcome
            }
        };
        let payload = frame::welcome(self.framing.codec(), welcome);
        self.framing.encode(&mut self.unwritten, &payload);
        // The deadline of a fresh anonymous link has to be armed.
        self.poll_peer(context)
    }

    /// Decodes what has come. True when frames may be left: a hello is being judged, or too much waits to be answered or written.
    fn take_input(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        while !self.input.is_empty() {
            if matches!(self.peer, Peer::Greeting(..)) || self.is_full() || self.is_busy() {
                return Ok(true);
            }
            match self.framing.decode(&mut self.input)? {
                None => return Ok(false),
                Some(Unframed::Nothing) => self.note_life(),
                Some(Unframed::Closed) => return Err(End::Bye),
                Some(Unframed::Reply(bytes)) => {
                    self.unwritten.extend_from_slice(&bytes);
                    self.note_life();
                }
                Some(Unframed::Frame(payload)) => {
                    measure::frame_received();
                    let frame = decode_client_frame(self.framing.codec(), &payload)
                        .map_err(|malformed| End::close(CloseCode::ProtocolError, malformed.to_string()))?;
                    self.take_frame(context, frame)?;
                }
            }
        }
        // Lets the memory go: an idle link holds none.
        self.input = BytesMut::new();
        Ok(false)
    }

    /// A ping or pong of the transport is as good a sign of life as one of ours.
    fn note_life(&self) {
        if let Peer::Known(session, _) = &self.peer {
            session.lock().session.touch(now_ms());
        }
    }

    fn take_frame(&mut self, context: &mut Context<'_>, frame: v1::Frame) -> Result<(), End> {
        let input = match &self.peer {
            Peer::Unknown(_) => return self.take_hello(context, frame),
            Peer::Greeting(..) => return Ok(()),
            Peer::Anonymous(_) => match frame.body {
                Some(Body::Request(request)) => Input::Request(request),
                Some(Body::Ping(ping)) => Input::Ping(*ping),
                Some(Body::Close(close)) => Input::Close(*close),
                None | Some(Body::Pong(_)) => Input::Nothing,
                Some(_) => return Err(End::close(CloseCode::ProtocolError, "only servers send this, or hello again")),
            },
            Peer::Known(session, _) => {
                let handled = session.lock().session.handle_frame(now_ms(), frame);
                confirm(&self.shared, session);
                let text = "a second hello, an ack of what was never pushed, or a frame that only servers send";
                handled.map_err(|code| End::close(code, text))?
            }
        };
        match input {
            Input::Nothing => {}
            Input::Close(_) => return Err(End::Bye),
            Input::Ping(ping) => {
                let heartbeat_ms = match &self.peer {
                    Peer::Known(session, _) => heartbeat::renegotiate(&self.shared.config, session, &ping),
                    _ => 0,
                };
                let pong = frame::pong(self.framing.codec(), &ping, now_ms(), heartbeat_ms);
                self.framing.encode(&mut self.unwritten, &pong);
            }
            Input::Request(request) => self.start(context, *request),
        }
        Ok(())
    }

    fn take_hello(&mut self, context: &mut Context<'_>, frame: v1::Frame) -> Result<(), End> {
        let Some(Body::Hello(hello)) = frame.body else {
            return Err(End::close(CloseCode::ProtocolError, "the first frame must be a hello"));
        };
        let (shared, codec) = (self.shared.clone(), self.framing.codec());
        let greeting = Box::pin(async move { shared.greet(&hello, codec, false).await });
        let former = std::mem::replace(&mut self.peer, Peer::Unknown(Box::pin(std::future::pending())));
        let Peer::Unknown(deadline) = former else { return Ok(()) };
        self.peer = Peer::Greeting(greeting, deadline);
        self.poll_peer(context)
    }

    /// Starts an operation. Each is polled once before the next is started, so that they reach the store in the order they came.
    fn start(&mut self, context: &mut Context<'_>, request: v1::Request) {
        let codec = self.framing.codec();
        let session = match &self.peer {
            Peer::Known(session, _) => Some(session.clone()),
            _ => None,
        };
        let admitted = match &session {
            Some(session) => self.shared.guard.request_of(session.caller.user, now_ms()),
            None => self.shared.guard.request_from(&self.place, now_ms()),
        };
        if let Err(error) = admitted {
            return self.respond(request.id, &Err(error));
        }
        let mut running: Running = Box::pin(answer(self.shared.clone(), session, codec, request));
        match running.as_mut().poll(context) {
            Poll::Ready((id, result)) => self.respond(id, &result),
            Poll::Pending => self.running.get_or_insert_default().push(running),
        }
    }

    fn poll_running(&mut self, context: &mut Context<'_>) {
        let Some(mut running) = self.running.take() else { return };
        while !self.is_full() {
            match running.poll_next_unpin(context) {
                Poll::Ready(Some((id, result))) => self.respond(id, &result),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if !running.is_empty() {
            self.running = Some(running);
        }
    }

    fn respond(&mut self, id: u32, result: &Result<Bytes, v1::Error>) {
        let payload = frame::response(self.framing.codec(), id, result);
        self.framing.encode(&mut self.unwritten, &payload);
    }

    fn take_pushes(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        let Peer::Known(session, epoch) = &self.peer else { return Ok(()) };
        if self.is_full() {
            // No room for pushes, but the end of the link does not wait for its peer.
            let ending = session.lock().ending(*epoch);
            return ending.map_or(Ok(()), |code| Err(End::close(code, close_text(code))));
        }
        let mut frames = Vec::new();
        let room = UNWRITTEN_BYTES_MAX - self.unwritten.len();
        match session.take_turn(*epoch, now_ms(), context.waker(), room, &mut frames) {
            Turn::Close(code) => return Err(End::close(code, close_text(code))),
            Turn::Frames { in_rooms } => self.in_rooms = in_rooms,
        }
        measure::pushes_sent(frames.len());
        for payload in frames {
            self.framing.encode(&mut self.unwritten, &payload);
        }
        Ok(())
    }

    /// Reads once, into the buffer of the thread, and takes what came. False when nothing is there for now.
    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(_)) => Err(End::Lost),
                Poll::Ready(Ok(())) if read.filled().is_empty() => Err(End::Lost),
                Poll::Ready(Ok(())) => {
                    self.input.extend_from_slice(read.filled());
                    Ok(true)
                }
            }
        })
    }

    /// Says goodbye as far as the peer lets us.
    async fn finish(mut self, end: End) {
        let last = match end {
            End::Lost => return,
            End::Bye => (None, 1000, String::new()),
            End::Close { code, status, text } => {
                measure::link_closed(code);
                if matches!(self.peer, Peer::Unknown(_)) && code != CloseCode::Shutdown {
                    self.shared.guard.misbehaved(&self.place, now_ms());
                }
                (Some(code), status, text)
            }
        };
        let (code, status, text) = last;
        if let Some(code) = code {
            let payload = frame::close(self.framing.codec(), code, &text);
            self.framing.encode(&mut self.unwritten, &payload);
        }
        self.framing.encode_end(&mut self.unwritten, status, &text);
        let rest = self.rest.take().unwrap_or_default();
        let goodbye = async {
            self.stream.write_all(&rest).await?;
            self.stream.write_all(&self.unwritten).await?;
            self.stream.shutdown().await?;
            // Unread bytes would make the system reset the connection, and the peer lose our last words.
            let mut rest = [0; 1024];
            while self.stream.read(&mut rest).await? > 0 {}
            std::io::Result::Ok(())
        };
        let _ = tokio::time::timeout(LINGER, goodbye).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::{quic::QuicStream, tls_stream::TlsStream};

    /// What one link's task holds, without making one.
    fn size_of_link<S: Stream, F>(_: impl FnOnce(S, Framing, Bytes, Place, Arc<Shared>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_link_is_small() {
        // Every byte here is paid by every connection; a larger buffer or future belongs behind a box that is made when it is needed.
        let plain = size_of_link(run::<TcpStream>);
        assert!(plain <= 352, "{plain}");
        let encrypted = size_of_link(run::<TlsStream>);
        assert!(encrypted <= 480, "{encrypted}");
        let quic = size_of_link(run::<QuicStream>);
        assert!(quic <= 480, "{quic}");
    }
}
