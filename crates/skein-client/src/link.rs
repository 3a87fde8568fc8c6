//! One connection: frames in and out, nothing else. The SDK and the load tool stand on it.

use std::{
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use skein_proto::{
    codec::Codec,
    frame::{decode_record, encode_record},
    limits::FRAME_BYTES_MAX,
    session::decode_frame,
    v1,
    websocket::{self, Role, WebSocketDecoder, WsEvent, opcode},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, lookup_host},
};
use tokio_rustls::client::TlsStream;

use crate::{
    ClientError,
    address::{Address, Transport},
    network::Network,
    quic::{self, QuicStream},
    tls,
};

/// Longest answer to the WebSocket handshake, in bytes.
const HANDSHAKE_BYTES_MAX: usize = 16 * 1024;
/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// From so many bytes on that wait to be written there should not be more.
const OUTPUT_MAX: usize = 64 * 1024;
/// While something is written, so much is read and kept until somebody asks for it.
const INPUT_WHILE_WRITING_MAX: usize = 4 * 1024 * 1024;

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// A PEM file of certificates to trust besides the usual authorities, for example a self-signed one.
    pub trusted_certificates: Option<PathBuf>,
    /// The local address to connect from; any by default.
    pub local_address: Option<IpAddr>,
    /// How long connecting may take.
    pub timeout: Duration,
    /// Addresses (`http`, `https`) that can be asked where to connect. Nothing depends on their answering.
    pub dispatch: Vec<Address>,
    /// Where this client is, in the words of the deployment: better addresses are named then.
    pub region: String,
    /// Whose network it is in.
    pub carrier: String,
    /// The sockets and tickets of QUIC; a clone of these options shares them.
    pub network: Network,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            trusted_certificates: None,
            local_address: None,
            timeout: Duration::from_secs(10),
            dispatch: Vec::new(),
            region: String::new(),
            carrier: String::new(),
            network: Network::default(),
        }
    }
}

/// Tries each address of the host in turn: a name like `localhost` often has two, and a server listens on one.
async fn open(address: &Address, options: &ConnectOptions) -> Result<TcpStream, ClientError> {
    let mut failure = ClientError::Connection(format!("{} is unknown", address.host));
    for resolved in lookup_host((address.host.as_str(), address.port)).await? {
        match open_one(resolved, options.local_address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = ClientError::Connection(format!("{resolved}: {error}")),
        }
    }
    Err(failure)
}

async fn open_one(resolved: SocketAddr, local_address: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if resolved.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = local_address {
        socket.bind((local, 0).into())?;
    }
    socket.connect(resolved).await
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Quic(Box<QuicStream>),
}

impl Stream {
    fn get(&mut self) -> &mut (dyn AsyncStream + Send) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
            Self::Quic(quic) => &mut quic.stream,
        }
    }
}

pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> AsyncStream for S {}

/// A connection, encrypted if the address says so.
async fn encrypted(address: &Address, options: &ConnectOptions) -> Result<Stream, ClientError> {
    let stream = open(address, options).await?;
    stream.set_nodelay(true)?;
    if !address.tls {
        return Ok(Stream::Plain(stream));
    }
    let stream = tls::connect(stream, &address.host, options.trusted_certificates.as_deref()).await?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// The same for one exchange of something else than frames.
pub(crate) async fn open_stream(
    address: &Address,
    options: &ConnectOptions,
) -> Result<Box<dyn AsyncStream + Send>, ClientError> {
    Ok(match encrypted(address, options).await? {
        Stream::Plain(stream) => Box::new(stream),
        Stream::Tls(stream) => stream,
        Stream::Quic(quic) => Box::new(quic.stream),
    })
}

/// An open connection on which nothing has been said yet.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    /// `None` where frames are records.
    decoder: Option<WebSocketDecoder>,
    /// The hello went with the handshake.
    said: bool,
    input: BytesMut,
    output: Vec<u8>,
}

impl Link {
    /// Connects and, on WebSocket, does its handshake.
    ///
    /// # Errors
    /// [`ClientError::Connection`] when nothing answers in time, [`ClientError::Protocol`] when something else does.
    pub async fn connect(address: &Address, options: &ConnectOptions) -> Result<Self, ClientError> {
        Self::resume(address, options, None).await
    }

    /// The same, with the hello of a session that goes on, which is said with the handshake where that saves a round trip: see [`Link::has_said_hello`].
    ///
    /// # Errors
    /// As [`Link::connect`].
    pub async fn resume(
        address: &Address,
        options: &ConnectOptions,
        hello: Option<&v1::Frame>,
    ) -> Result<Self, ClientError> {
        tokio::time::timeout(options.timeout, Self::connect_now(address, options, hello))
            .await
            .unwrap_or_else(|_| Err(ClientError::Connection(format!("{address} does not answer"))))
    }

    async fn connect_now(
        address: &Address,
        options: &ConnectOptions,
        hello: Option<&v1::Frame>,
    ) -> Result<Self, ClientError> {
        let (stream, said) = match address.transport {
            Transport::Quic => {
                let first = hello.map(|hello| {
                    let mut record = Vec::new();
                    encode_record(&mut record, &Codec::Binary.encode(hello));
                    record
                });
                let opened = quic::connect(address, options, first.as_deref()).await?;
                (Stream::Quic(Box::new(opened.stream)), opened.said)
            }
            Transport::WebSocket | Transport::Tcp => (encrypted(address, options).await?, false),
        };
        let mut link = Self { stream, decoder: None, said, input: BytesMut::new(), output: Vec::new() };
        if address.transport == Transport::WebSocket {
            link.upgrade(address).await?;
            link.decoder = Some(WebSocketDecoder::new(Role::Client, FRAME_BYTES_MAX));
        }
        Ok(link)
    }

    /// Whether the hello that was given has been said, and taken: the welcome comes.
    pub fn has_said_hello(&self) -> bool {
        self.said
    }

    async fn upgrade(&mut self, address: &Address) -> Result<(), ClientError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| ClientError::Connection(error.to_string()))?;
        let key = STANDARD.encode(nonce);
        let request = format!(
            "GET /link HTTP/1.1\r\nHost: {}:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: skein.v1.proto\r\n\r\n",
            address.host, address.port
        );
        self.stream.get().write_all(request.as_bytes()).await?;
        let end = loop {
            if let Some(at) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if self.input.len() > HANDSHAKE_BYTES_MAX || self.stream.get().read_buf(&mut self.input).await? == 0 {
                return Err(ClientError::Protocol("no WebSocket handshake".to_owned()));
            }
        };
        let head = self.input.split_to(end);
        let head = String::from_utf8_lossy(&head);
        let accept = websocket::accept_key(&key);
        let accepted = head.lines().any(|line| {
            line.split_once(':').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == accept
            })
        });
        if !head.starts_with("HTTP/1.1 101") || !accepted {
            let status = head.lines().next().unwrap_or_default().to_owned();
            return Err(ClientError::Protocol(format!("no WebSocket there: {status}")));
        }
        Ok(())
    }

    /// Whether frames are WebSocket messages.
    pub fn is_websocket(&self) -> bool {
        self.decoder.is_some()
    }

    /// The socket and what has been read off it, for those who read frames themselves; `None` when it is encrypted.
    pub fn into_tcp(self) -> Option<(TcpStream, BytesMut)> {
        match self.stream {
            Stream::Plain(stream) => Some((stream, self.input)),
            Stream::Tls(_) | Stream::Quic(_) => None,
        }
    }

    /// Queues a frame; [`Link::flush`] writes it.
    ///
    /// # Errors
    /// When there is no randomness for the mask.
    pub fn queue(&mut self, frame: &v1::Frame) -> Result<(), ClientError> {
        let payload = Codec::Binary.encode(frame);
        self.queue_as(opcode::BINARY, &payload)
    }

    fn queue_as(&mut self, opcode: u8, payload: &[u8]) -> Result<(), ClientError> {
        if self.decoder.is_none() {
            encode_record(&mut self.output, payload);
            return Ok(());
        }
        // Masks protect intermediaries from chosen bytes, not us: they need to be unpredictable to the page, which this is not.
        let mask = fastrand::u32(..).to_ne_bytes();
        websocket::encode_frame(&mut self.output, opcode, payload, Some(mask));
        Ok(())
    }

    /// Writes what is queued. Reads meanwhile: a server may take no more before its answers are taken, and both would wait for each other.
    ///
    /// # Errors
    /// [`ClientError::Connection`] when the connection is gone.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        poll_fn(|context| {
            loop {
                if self.poll_write(context)?.is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if self.input.len() >= INPUT_WHILE_WRITING_MAX {
                    return Poll::Pending;
                }
                if ready!(self.poll_read(context))? == 0 {
                    return Poll::Ready(Err(closed()));
                }
            }
        })
        .await
    }

    /// Waits for frames and appends all that came; what is queued is written meanwhile. Returns without any when there is room again after there was
    /// none, see [`Link::has_room`]. Cancel-safe: what was read is kept, and what was not written.
    ///
    /// # Errors
    /// [`ClientError::Connection`] when the connection is gone, [`ClientError::Protocol`] when what came are not frames.
    pub async fn receive(&mut self, frames: &mut Vec<v1::Frame>) -> Result<(), ClientError> {
        let full = !self.has_room();
        loop {
            let before = frames.len();
            self.decode(frames)?;
            if frames.len() > before {
                return Ok(());
            }
            let exchanged = poll_fn(|context| {
                let written = self.poll_write(context);
                if full && self.has_room() {
                    return Poll::Ready(Ok(None));
                }
                match (self.poll_read(context), written) {
                    // The last words of a server that is gone may still be read.
                    (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
                    (read, _) => read.map_ok(Some),
                }
            });
            match exchanged.await {
                Ok(None) => return Ok(()),
                Ok(Some(1..)) => {}
                ended => {
                    if let Stream::Quic(quic) = &mut self.stream
                        && let Some(goodbye) = quic.goodbye()
                    {
                        frames.push(goodbye);
                        return Ok(());
                    }
                    ended?;
                    return Err(closed());
                }
            }
        }
    }

    /// Writes so much of what is queued as the connection takes at once. That it is gone is told by [`Link::receive`], which writes the rest.
    pub async fn write_now(&mut self) {
        poll_fn(|context| {
            let _ = self.poll_write(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Less is queued than the connection should have waiting: what is made now is not made too early.
    pub fn has_room(&self) -> bool {
        self.output.len() < OUTPUT_MAX
    }

    /// Ready when nothing is left to be written.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        while !self.output.is_empty() {
            match ready!(Pin::new(self.stream.get()).poll_write(context, &self.output))? {
                0 => return Poll::Ready(Err(closed())),
                written => self.output.drain(..written),
            };
        }
        Pin::new(self.stream.get()).poll_flush(context).map_err(ClientError::from)
    }

    /// How many bytes came; 0: no more will.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, ClientError>> {
        self.input.reserve(READ_BYTES);
        let read = pin!(self.stream.get().read_buf(&mut self.input));
        read.poll(context).map_err(ClientError::from)
    }

    fn decode(&mut self, frames: &mut Vec<v1::Frame>) -> Result<(), ClientError> {
        loop {
            let payload: Bytes = match &mut self.decoder {
                None => match decode_record(&mut self.input, FRAME_BYTES_MAX) {
                    Ok(Some(payload)) => payload,
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(ClientError::Protocol(error.to_string())),
                },
                Some(decoder) => match decoder.decode(&mut self.input) {
                    Ok(Some(WsEvent::Binary(payload) | WsEvent::Text(payload))) => payload,
                    Ok(Some(WsEvent::Ping(payload))) => {
                        self.queue_as(opcode::PONG, &payload)?;
                        continue;
                    }
                    Ok(Some(WsEvent::Pong(_))) => continue,
                    Ok(Some(WsEvent::Close(_))) if !frames.is_empty() => return Ok(()),
                    Ok(Some(WsEvent::Close(_))) => {
                        return Err(ClientError::Connection("the server closed the connection".to_owned()));
                    }
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(ClientError::Protocol(error.to_string())),
                },
            };
            let frame =
                decode_frame(Codec::Binary, &payload).map_err(|error| ClientError::Protocol(error.to_string()))?;
            frames.push(frame);
        }
    }
}

fn closed() -> ClientError {
    ClientError::Connection("the connection was closed".to_owned())
}
