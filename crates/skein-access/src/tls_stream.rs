//! TLS over a socket without standing buffers: between two records a connection holds its keys and nothing else. The usual stream keeps at
//! least 4 KiB of input for as long as it lives, more than everything else about an idle link.

use std::{
    cell::RefCell,
    future::poll_fn,
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use rustls::{
    ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncryptError},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Encrypted bytes read at once, into a buffer that all connections of a thread share.
const READ_BYTES: usize = 32 * 1024;
/// Plain bytes of one record.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// First guess of what a record adds to its content, or of the size of a handshake message; asked for again when it was too little.
const ROOM_BYTES: usize = 128;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The server's end of one encrypted connection.
pub(crate) struct TlsStream {
    socket: TcpStream,
    tls: Box<UnbufferedServerConnection>,
    /// Encrypted bytes of a record that has not come whole.
    received: Vec<u8>,
    /// Encrypted bytes that the socket did not take yet.
    unsent: Vec<u8>,
    /// Decrypted bytes that nobody has read yet.
    plain: BytesMut,
    /// Nothing more will come.
    ended: bool,
}

/// What to do as soon as the connection may send.
enum Want<'a> {
    Nothing,
    Encrypt(&'a [u8]),
    Close,
}

impl TlsStream {
    /// Does the handshake.
    ///
    /// # Errors
    /// The peer does not speak TLS, or not a kind of it that we accept.
    pub(crate) async fn accept(config: Arc<ServerConfig>, socket: TcpStream) -> io::Result<Self> {
        let tls = Box::new(UnbufferedServerConnection::new(config).map_err(broken)?);
        let (received, unsent, plain) = (Vec::new(), Vec::new(), BytesMut::new());
        let mut stream = Self { socket, tls, received, unsent, plain, ended: false };
        poll_fn(|context| stream.poll_handshake(context)).await?;
        Ok(stream)
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(context))?;
            if !self.tls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            ready!(self.poll_receive(context))?;
        }
    }

    /// Reads once from the socket and decrypts what is complete.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut read))?;
            self.ended |= read.filled().is_empty();
            self.received.extend_from_slice(read.filled());
            Poll::Ready(io::Result::Ok(()))
        }))?;
        let processed = self.process(Want::Nothing);
        if processed.is_err() {
            // The alert that says why; what the socket does not take at once is lost with the connection.
            let _ = self.poll_send(context);
        }
        Poll::Ready(processed)
    }

    /// Writes what is encrypted already.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sent = 0;
        let result = loop {
            if sent == self.unsent.len() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.socket).poll_write(context, &self.unsent[sent..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => sent += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        if sent == self.unsent.len() {
            self.unsent = Vec::new();
        } else {
            self.unsent.drain(..sent);
        }
        result
    }

    /// Lets TLS do what it can with what has come, and what is wanted.
    fn process(&mut self, mut want: Want<'_>) -> io::Result<()> {
        let mut failed = None;
        loop {
            let status = self.tls.process_tls_records(&mut self.received);
            let mut discard = status.discard;
            let more = match status.state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    append(&mut self.unsent, ROOM_BYTES, |out| data.encode(out).map_err(room_to_encode))?;
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        self.plain.extend_from_slice(record.payload);
                    }
                    true
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    match mem::replace(&mut want, Want::Nothing) {
                        Want::Nothing => {}
                        Want::Encrypt(plain) => append(&mut self.unsent, plain.len() + ROOM_BYTES, |out| {
                            traffic.encrypt(plain, out).map_err(room_to_encrypt)
                        })?,
                        Want::Close => append(&mut self.unsent, ROOM_BYTES, |out| {
                            traffic.queue_close_notify(out).map_err(room_to_encrypt)
                        })?,
                    }
                    false
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    true
                }
                // It has queued an alert, which the next turn encodes.
                Err(error) => failed.replace(broken(error)).is_none(),
                Ok(_) => false,
            };
            if failed.is_some() {
                // Never shown to TLS again: it takes a second error after its alert for a mistake of ours.
                self.received.clear();
                self.ended = true;
            } else {
                self.received.drain(..discard);
            }
            if !more {
                break;
            }
        }
        if self.received.is_empty() {
            self.received = Vec::new();
        }
        match (failed, want) {
            (Some(error), _) => Err(error),
            (None, Want::Encrypt(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            (None, _) => Ok(()),
        }
    }
}

/// Appends what `write` makes, which fails with the room that it needs, or with none when it cannot at all.
fn append(
    out: &mut Vec<u8>,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> io::Result<()> {
    let start = out.len();
    loop {
        out.resize(start + room, 0);
        match write(&mut out[start..]) {
            Ok(count) => {
                out.truncate(start + count);
                return Ok(());
            }
            Err(Some(needed)) if needed > room => room = needed,
            Err(_) => {
                out.truncate(start);
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }
}

fn room_to_encode(error: EncodeError) -> Option<usize> {
    match error {
        EncodeError::InsufficientSize(error) => Some(error.required_size),
        EncodeError::AlreadyEncoded => None,
    }
}

fn room_to_encrypt(error: EncryptError) -> Option<usize> {
    match error {
        EncryptError::InsufficientSize(error) => Some(error.required_size),
        EncryptError::EncryptExhausted => None,
    }
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl AsyncRead for TlsStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.plain.is_empty() {
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_receive(context))?;
            // Answers of TLS itself, such as new keys. What the socket does not take goes with the next write or flush.
            if let Poll::Ready(Err(error)) = self.poll_send(context) {
                return Poll::Ready(Err(error));
            }
        }
        let count = self.plain.len().min(out.remaining());
        out.put_slice(&self.plain[..count]);
        self.plain.advance(count);
        if self.plain.is_empty() {
            self.plain = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, plain: &[u8]) -> Poll<io::Result<usize>> {
        // At most one record waits: a slow reader makes us wait, not grow.
        ready!(self.poll_send(context))?;
        let count = plain.len().min(RECORD_BYTES_MAX);
        if count > 0 {
            self.process(Want::Encrypt(&plain[..count]))?;
        }
        if let Poll::Ready(Err(error)) = self.poll_send(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Said once; asked again, TLS has nothing to add.
        self.process(Want::Close)?;
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        path::Path,
        thread,
    };

    use rustls::{
        ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
        pki_types::{CertificateDer, pem::PemObject as _},
        version::{TLS12, TLS13},
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{config::TlsConfig, tls};

    type Client = StreamOwned<ClientConnection, std::net::TcpStream>;

    fn client(dir: &Path, version: &'static SupportedProtocolVersion, socket: std::net::TcpStream) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(dir.join("cert.pem")).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        StreamOwned::new(connection, socket)
    }

    /// A server with a fresh certificate; the peer runs on a thread of its own.
    async fn accept<T: Send + 'static>(
        peer: impl FnOnce(&Path, std::net::TcpStream) -> T + Send + 'static,
    ) -> (io::Result<TlsStream>, thread::JoinHandle<T>) {
        let dir = tempfile::tempdir().unwrap();
        let config = tls::server_config(&TlsConfig::SelfSigned { dir: dir.path().to_owned() }).unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = thread::spawn(move || peer(dir.path(), std::net::TcpStream::connect(address).unwrap()));
        let (socket, _) = listener.accept().await.unwrap();
        (TlsStream::accept(config, socket).await, peer)
    }

    async fn megabytes_there_and_back(version: &'static SupportedProtocolVersion) {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|number| (number % 251) as u8).collect();
        let sent = bytes.clone();
        let (stream, peer) = accept(move |dir, socket| {
            let mut client = client(dir, version, socket);
            client.write_all(&sent).unwrap();
            let mut back = Vec::new();
            client.read_to_end(&mut back).unwrap();
            back
        })
        .await;
        let mut stream = stream.unwrap();
        let mut received = vec![0; bytes.len()];
        stream.read_exact(&mut received).await.unwrap();
        assert!(received == bytes);
        stream.write_all(&received).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!((stream.received.capacity(), stream.unsent.capacity(), stream.plain.capacity()), (0, 0, 0));
        stream.shutdown().await.unwrap();
        assert!(peer.join().unwrap() == bytes);
    }

    #[tokio::test]
    async fn tls_1_3_carries_megabytes_and_keeps_no_buffer() {
        megabytes_there_and_back(&TLS13).await;
    }

    #[tokio::test]
    async fn tls_1_2_does_too() {
        megabytes_there_and_back(&TLS12).await;
    }

    #[tokio::test]
    async fn a_goodbye_of_the_peer_ends_the_stream() {
        let (stream, peer) = accept(|dir, socket| {
            let mut client = client(dir, &TLS13, socket);
            client.write_all(b"last words").unwrap();
            client.conn.send_close_notify();
            client.flush().unwrap();
            // Closing with something unread would be a reset.
            client.read_to_end(&mut Vec::new()).unwrap();
        })
        .await;
        let (mut stream, mut received) = (stream.unwrap(), Vec::new());
        stream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"last words");
        stream.shutdown().await.unwrap();
        peer.join().unwrap();
    }

    #[tokio::test]
    async fn who_does_not_speak_tls_gets_an_alert_and_no_stream() {
        let (stream, peer) = accept(|_, mut socket| {
            socket.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            // The rest of what was sent is unread, so the end may be a reset; the alert has come by then.
            let _ = socket.read_to_end(&mut answer);
            answer
        })
        .await;
        assert_eq!(stream.err().unwrap().kind(), io::ErrorKind::InvalidData);
        assert_eq!(peer.join().unwrap()[..2], [21, 3], "a record of type alert");
    }
}
