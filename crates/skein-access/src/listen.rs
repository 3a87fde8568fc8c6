//! Accepting connections, and stopping.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use bytes::Bytes;
use hyper::{Request, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use quinn::{Endpoint, VarInt};
use rustls::ServerConfig;
use skein_bus::{Bus, BusMessage};
use skein_proto::v1::CloseCode;
use skein_service::{Gate, now_ms};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::Receiver,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{
    arrive::Arrived,
    begun::Begun,
    cluster::{self, Cluster, DrainOrder, DrainStatus, Phase},
    config::AccessConfig,
    connection::{self, Stream},
    deliver, exporter,
    framing::{Carrier, Framing},
    hello::Shared,
    http::{self, Peer},
    limit::{Admission, Guard, Place},
    presence::{self, Watches},
    quic::{self, Door},
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
/// How long the last packets of QUIC connections may take to leave.
const QUIC_LINGER: Duration = Duration::from_millis(250);
/// Most bytes of the head of a request that are kept while it comes.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// A silent peer is asked by its system's keep-alive after this, and then as often.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

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
    /// Another key of the section cannot be used.
    #[error("{0}")]
    Config(String),
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
    quic: Option<Endpoint>,
    shared: Arc<Shared>,
    takes_clients: bool,
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
        mut config: AccessConfig,
        gate: Gate,
        bus: Arc<dyn Bus>,
        deliveries: Receiver<BusMessage>,
        offer: Offer,
    ) -> Result<Self, StartError> {
        cluster::check(&config).map_err(StartError::Config)?;
        let takes_clients = matches!(offer, Offer::Everything(_));
        let encryption = tls::server_config(&config.tls)?;
        let http_listener = listen(&config.listen).await?;
        let tcp_listener = match (&config.tcp_listen, &offer) {
            (Some(address), Offer::Everything(_)) => Some(listen(address).await?),
            _ => None,
        };
        let registry = Registry::new(bus.clone());
        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        let rooms = Rooms::new(gate.clone(), bus.clone());
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|source| StartError::Listen { address: config.listen.clone(), source })
        };
        let (http, tcp) = (address(&http_listener)?, tcp_listener.as_ref().map(address).transpose()?);
        let udp = if takes_clients { quic::open(&config, http.port()).await? } else { None };
        let (quic, web_transport) = udp.map_or((None, None), |udp| (Some(udp.endpoint), udp.web_transport));
        let udp_port = quic.as_ref().and_then(|endpoint| endpoint.local_addr().ok()).map(|address| address.port());
        config.advertise = cluster::with_ports(&config.advertise, http.port(), tcp.map(|tcp| tcp.port()), udp_port);
        let (cluster, guard) = (Cluster::new(&config, bus.tag()), Guard::new(&config));
        let guard = guard.map_err(StartError::Config)?;
        let limits = &config.limits;
        let admission = Admission::new(limits.hellos_max as usize, limits.hellos_waiting_max as usize);
        let shared = Shared {
            gate,
            bus,
            registry: registry.clone(),
            rooms: rooms.clone(),
            watches: Watches::new(),
            cluster,
            guard,
            admission,
            config: config.clone(),
            web_transport,
            stop: stop.clone(),
        };
        let shared = Arc::new(shared);
        let router = http::router(shared.clone(), stop.clone(), connections.clone(), offer)?;
        let listening =
            Listening { shared: shared.clone(), encryption, stop: stop.clone(), connections: connections.clone() };
        connections.spawn(listening.clone().accept_http(http_listener, router));
        if let Some(listener) = tcp_listener {
            connections.spawn(listening.accept_tcp(listener));
        }
        if let Some(endpoint) = quic.clone() {
            let door = Door::new(endpoint, shared.clone(), stop.clone(), connections.clone());
            connections.spawn(door.accept());
        }
        let background = stop.clone();
        let deliveries = deliver::run(shared.clone(), deliveries);
        tokio::spawn(background.clone().run_until_cancelled_owned(deliveries));
        tokio::spawn(background.clone().run_until_cancelled_owned(room::keep(rooms)));
        tokio::spawn(background.clone().run_until_cancelled_owned(presence::run(shared.clone())));
        let keep_up = exporter::keep_up(exporter::recorder()?);
        tokio::spawn(background.clone().run_until_cancelled_owned(keep_up));
        if takes_clients {
            tokio::spawn(background.clone().run_until_cancelled_owned(cluster::run(shared.clone())));
        }
        tokio::spawn(background.clone().run_until_cancelled_owned(cluster::drive(shared.clone())));
        tokio::spawn(background.run_until_cancelled_owned(sweep::run(registry, config)));
        Ok(Self { http, tcp, quic, shared, takes_clients, stop, connections })
    }

    /// Address of HTTP and WebSocket.
    pub fn local_addr(&self) -> SocketAddr {
        self.http
    }

    /// Address of the binary protocol over TCP.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Address of the binary protocol over QUIC.
    pub fn quic_addr(&self) -> Option<SocketAddr> {
        self.quic.as_ref()?.local_addr().ok()
    }

    /// Begins to give the links to other nodes; the process is to end then. False when that was under way already.
    pub fn drain(&self) -> bool {
        let drain = &self.shared.cluster.drain;
        let status = drain.status();
        drain.order(&DrainOrder::default());
        status.phase == Phase::Serving || status.stay
    }

    /// Waits until no link is left after a drain after which the process is to end. Never, if none is ordered or it is called off.
    pub async fn drained(&self) {
        let mut status = self.shared.cluster.drain.subscribe();
        let over = |status: &DrainStatus| status.phase == Phase::Drained && !status.stay;
        if status.wait_for(over).await.is_err() {
            std::future::pending().await
        }
    }

    /// Takes no more connections, tells every link to come back, and waits for them to end, at most this long.
    pub async fn shutdown(self, patience: Duration) {
        if self.takes_clients {
            self.shared.announce(true).await;
        }
        self.stop.cancel();
        self.shared.registry.close_all(CloseCode::Shutdown);
        self.connections.close();
        let _ = tokio::time::timeout(patience, self.connections.wait()).await;
        if let Some(endpoint) = self.quic {
            endpoint.close(VarInt::from_u32(CloseCode::Shutdown as i32 as u32), b"");
            let _ = tokio::time::timeout(QUIC_LINGER, endpoint.wait_idle()).await;
        }
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
        while let Some((mut stream, arrived)) = self.accept(&listener).await {
            let (listening, router) = (self.clone(), router.clone());
            self.connections.spawn(async move {
                let Some(place) = listening.shared.place(&mut stream, arrived).await else { return };
                match listening.encryption.clone() {
                    None => listening.serve_http(stream, place, router).await,
                    Some(config) => match Box::pin(encrypt(config, stream)).await {
                        Some(stream) => listening.serve_http(stream, place, router).await,
                        None => listening.shared.guard.misbehaved(&place, now_ms()),
                    },
                }
            });
        }
    }

    async fn accept_tcp(self, listener: TcpListener) {
        while let Some((mut stream, arrived)) = self.accept(&listener).await {
            match (self.encryption.is_some(), arrived) {
                (false, Arrived::Placed(place)) => self.serve_records(stream, place),
                (_, arrived) => {
                    let listening = self.clone();
                    self.connections.spawn(async move {
                        let Some(place) = listening.shared.place(&mut stream, arrived).await else { return };
                        match listening.encryption.clone() {
                            None => listening.serve_records(stream, place),
                            Some(config) => match encrypt(config, stream).await {
                                Some(stream) => listening.serve_records(stream, place),
                                None => listening.shared.guard.misbehaved(&place, now_ms()),
                            },
                        }
                    });
                }
            }
        }
    }

    /// In a task of its own: that of a handshake is larger.
    fn serve_records<S: Stream>(&self, stream: S, place: Place) {
        let link = connection::run(stream, Framing::record(Carrier::Tcp), Bytes::new(), place, self.shared.clone());
        self.connections.spawn(link);
    }

    /// The next connection; `None` when the server stops.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, Arrived)> {
        loop {
            let accepted = self.stop.run_until_cancelled(listener.accept()).await?;
            match accepted {
                Ok((stream, address)) => {
                    // Who is turned away costs nothing more; a retry comes soon enough.
                    if let Some(arrived) = self.shared.arrived(address.ip()) {
                        self.prepare(&stream);
                        return Some((stream, arrived));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// What cannot be set is left as it is: the connection works without.
    fn prepare(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let socket = SockRef::from(stream);
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE_INTERVAL));
        let unacknowledged_ms = u64::from(self.shared.config.limits.unacknowledged_max_ms);
        if unacknowledged_ms > 0 {
            let _ = socket.set_tcp_user_timeout(Some(Duration::from_millis(unacknowledged_ms)));
        }
    }

    /// In a task whose size is that of a connection that has said nothing; what serves one is made when there is something to serve.
    async fn serve_http<S: Stream>(&self, stream: S, place: Place, router: Router) {
        let patience = Duration::from_millis(u64::from(self.shared.config.limits.header_timeout_ms.max(1)));
        let begun = tokio::time::timeout(patience, Begun::read(stream, HEADER_BYTES_MAX));
        match self.stop.run_until_cancelled(begun).await {
            Some(Ok(Some(begun))) => Box::pin(self.serve_begun(begun, place, router, patience)).await,
            Some(Err(_)) => self.shared.guard.misbehaved(&place, now_ms()),
            None | Some(Ok(None)) => {}
        }
    }

    async fn serve_begun<S: Stream>(&self, begun: Begun<S>, place: Place, router: Router, patience: Duration) {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(HEADER_BYTES_MAX);
        let peer = Peer(place.clone());
        let service = router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            request
        });
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(begun), TowerToHyperService::new(service));
        tokio::pin!(serving);
        tokio::select! {
            served = serving.as_mut() => if served.is_err() {
                self.shared.guard.misbehaved(&place, now_ms());
            },
            () = self.stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                let _ = serving.await;
            }
        }
    }
}
