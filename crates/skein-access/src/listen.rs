//! Accepting connections, and stopping.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use bytes::Bytes;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use skein_bus::{Bus, BusMessage};
use skein_proto::v1::CloseCode;
use skein_service::Gate;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::Receiver,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::AccessConfig,
    connection::{self, Stream},
    deliver,
    framing::Framing,
    hello::Shared,
    http,
    registry::Registry,
    room::{self, Rooms},
    sweep, tls,
    tls_stream::TlsStream,
};

/// Kernel memory for unsent bytes of one connection: a peer that does not read pins this much instead of megabytes.
const SEND_BUFFER_BYTES: usize = 16 * 1024;
/// Pause of the accept loop when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that the kernel holds before they are accepted.
const BACKLOG: u32 = 4_096;
/// How long a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long a silent HTTP connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the access layer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error("cannot use the certificate {path}: {reason}")]
    Certificate {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The metrics recorder cannot be set up.
    #[error("metrics: {0}")]
    Metrics(String),
}

/// What is offered at the address.
pub enum Offer {
    /// Links, operations, health and metrics; the router answers every HTTP path that is not ours, with [`crate::nothing`] where nothing is.
    Everything(Router),
    /// Health and metrics only: clients are served by other nodes.
    Status,
}

/// The running access layer.
pub struct Access {
    http: SocketAddr,
    tcp: Option<SocketAddr>,
    shared: Arc<Shared>,
    /// Ends the accept loops and whatever is idle.
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Access {
    /// Starts listening.
    ///
    /// # Errors
    /// [`StartError`], which names the address or file.
    pub async fn start(
        config: AccessConfig,
        gate: Gate,
        bus: Arc<dyn Bus>,
        deliveries: Receiver<BusMessage>,
        offer: Offer,
    ) -> Result<Self, StartError> {
        let encryption = tls::server_config(&config.tls)?;
        let http_listener = listen(&config.listen).await?;
        let tcp_listener = match (&config.tcp_listen, &offer) {
            (Some(address), Offer::Everything(_)) => Some(listen(address).await?),
            _ => None,
        };
        let registry = Registry::new(bus.clone());
        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        let rooms = Rooms::new(gate.clone(), bus.clone());
        let shared = Arc::new(Shared {
            gate,
            bus,
            registry: registry.clone(),
            rooms: rooms.clone(),
            config: config.clone(),
            stop: stop.clone(),
        });
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|source| StartError::Listen { address: config.listen.clone(), source })
        };
        let (http, tcp) = (address(&http_listener)?, tcp_listener.as_ref().map(address).transpose()?);
        let router = http::router(shared.clone(), stop.clone(), connections.clone(), offer)?;
        let listening =
            Listening { shared: shared.clone(), encryption, stop: stop.clone(), connections: connections.clone() };
        connections.spawn(listening.clone().accept_http(http_listener, router));
        if let Some(listener) = tcp_listener {
            connections.spawn(listening.accept_tcp(listener));
        }
        let background = stop.clone();
        tokio::spawn(background.clone().run_until_cancelled_owned(deliver::run(
            registry.clone(),
            rooms.clone(),
            deliveries,
        )));
        tokio::spawn(background.clone().run_until_cancelled_owned(room::keep(rooms)));
        tokio::spawn(background.run_until_cancelled_owned(sweep::run(registry, config)));
        Ok(Self { http, tcp, shared, stop, connections })
    }

    /// Address of HTTP and WebSocket.
    pub fn local_addr(&self) -> SocketAddr {
        self.http
    }

    /// Address of the binary protocol over TCP.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Takes no more connections, tells every link to come back, and waits for them to end, at most this long.
    pub async fn shutdown(self, patience: Duration) {
        self.stop.cancel();
        self.shared.registry.close_all(CloseCode::Shutdown);
        self.connections.close();
        let _ = tokio::time::timeout(patience, self.connections.wait()).await;
    }
}

async fn listen(address: &str) -> Result<TcpListener, StartError> {
    let wrong = |source| StartError::Listen { address: address.to_owned(), source };
    let resolved = tokio::net::lookup_host(address).await.map_err(wrong)?.next();
    let resolved = resolved.ok_or_else(|| wrong(io::Error::other("no such address")))?;
    let socket = if resolved.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() };
    let socket = socket.map_err(wrong)?;
    socket.set_reuseaddr(true).map_err(wrong)?;
    socket.bind(resolved).map_err(wrong)?;
    socket.listen(BACKLOG).map_err(wrong)
}

/// The encrypted stream, if the peer shakes hands in time.
async fn encrypt(config: Arc<ServerConfig>, stream: TcpStream) -> Option<TlsStream> {
    tokio::time::timeout(HANDSHAKE_MAX, TlsStream::accept(config, stream)).await.ok()?.ok()
}

#[derive(Clone)]
struct Listening {
    shared: Arc<Shared>,
    /// Set when connections are encrypted.
    encryption: Option<Arc<ServerConfig>>,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Listening {
    async fn accept_http(self, listener: TcpListener, router: Router) {
        while let Some(stream) = self.accept(&listener).await {
            let (listening, router) = (self.clone(), router.clone());
            self.connections.spawn(async move {
                match listening.encryption.clone() {
                    None => listening.serve_http(stream, router).await,
                    Some(config) => {
                        if let Some(stream) = encrypt(config, stream).await {
                            listening.serve_http(stream, router).await;
                        }
                    }
                }
            });
        }
    }

    async fn accept_tcp(self, listener: TcpListener) {
        while let Some(stream) = self.accept(&listener).await {
            let shared = self.shared.clone();
            match self.encryption.clone() {
                None => {
                    self.connections.spawn(connection::run(stream, Framing::Record, Bytes::new(), shared));
                }
                Some(config) => {
                    let connections = self.connections.clone();
                    self.connections.spawn(async move {
                        if let Some(stream) = encrypt(config, stream).await {
                            // A task of its own: this one is as large as a handshake.
                            connections.spawn(connection::run(stream, Framing::Record, Bytes::new(), shared));
                        }
                    });
                }
            }
        }
    }

    /// The next connection; `None` when the server stops.
    async fn accept(&self, listener: &TcpListener) -> Option<TcpStream> {
        loop {
            let accepted = self.stop.run_until_cancelled(listener.accept()).await?;
            match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    let socket = SockRef::from(&stream);
                    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
                    let _ = socket.set_keepalive(true);
                    return Some(stream);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve_http<S: Stream>(&self, stream: S, router: Router) {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router));
        tokio::pin!(serving);
        tokio::select! {
            _ = serving.as_mut() => {}
            () = self.stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                let _ = serving.await;
            }
        }
    }
}
