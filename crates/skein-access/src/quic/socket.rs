//! The UDP socket that all QUIC connections share, and what each of them may take.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig, VarInt,
    crypto::rustls::QuicServerConfig,
};
use rustls::server::ServerSessionMemoryCache;
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    certificate::{ByProtocol, ShortLived},
    web_transport::WebTransport,
};
use crate::{
    config::{AccessConfig, TlsConfig},
    listen::StartError,
    tls,
};

/// What clients and servers of links call it in the handshake.
pub(super) const ALPN: &[u8] = b"skein";
/// What browsers call HTTP/3.
pub(super) const ALPN_H3: &[u8] = b"h3";
/// Bytes that a peer may send before they are read, and that wait for a peer's acknowledgement.
const WINDOW_BYTES: u32 = 64 * 1024;
/// Handshakes that nobody has looked at yet; beyond it they are refused.
const INCOMING_MAX: usize = 1_024;
/// Bytes that come with one of them, and with all of them.
const INCOMING_BYTES_MAX: u64 = 16 * 1024;
const ALL_INCOMING_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Sessions of TLS that are remembered, so that clients can come back in one flight; the oldest are forgotten.
const TICKETS_MAX: usize = 32_768;
/// Kernel memory for datagrams that all connections of the socket share; what the system does not grant is left.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// A connection is given up when nothing came for two of the longest heartbeats, and this.
const IDLE_SPARE_MS: u64 = 10_000;
/// Streams that a browser opens: the request of its session and the session's only stream; its settings and the two tables of HTTP/3, and one that means nothing.
const BROWSER_BIDIRECTIONAL: u32 = 2;
const BROWSER_UNIDIRECTIONAL: u32 = 4;
/// Datagrams are never read, but browsers open no session where they could not be sent.
const BROWSER_DATAGRAM_BYTES: usize = 1_200;

/// What listens.
pub(crate) struct Udp {
    pub(crate) endpoint: Endpoint,
    /// Set when browsers may come.
    pub(crate) web_transport: Option<WebTransport>,
}

/// Listens, if the configuration says so. Port 0 is that of HTTP if it is free for UDP, for pages may connect to their own origin, else any.
///
/// # Errors
/// The address cannot be used, or there is no certificate.
pub(crate) async fn open(config: &AccessConfig, http_port: u16) -> Result<Option<Udp>, StartError> {
    let Some(address) = &config.quic_listen else { return Ok(None) };
    let (server, short_lived) = server_config(config)?;
    let wrong = |source| StartError::Listen { address: address.clone(), source };
    let resolved = tokio::net::lookup_host(address).await.map_err(wrong)?.next();
    let resolved = resolved.ok_or_else(|| wrong(io::Error::other("no such address")))?;
    let beside_http = (resolved.port() == 0).then(|| bind(SocketAddr::new(resolved.ip(), http_port)));
    let socket = match beside_http {
        Some(Ok(socket)) => socket,
        Some(Err(_)) | None => bind(resolved).map_err(wrong)?,
    };
    let endpoint = Endpoint::new(EndpointConfig::default(), Some(server), socket, Arc::new(TokioRuntime));
    let endpoint = endpoint.map_err(wrong)?;
    let port = endpoint.local_addr().map_err(wrong)?.port();
    let web_transport = config.web_transport.then(|| WebTransport::new(port, short_lived));
    Ok(Some(Udp { endpoint, web_transport }))
}

fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn server_config(config: &AccessConfig) -> Result<(ServerConfig, Option<Arc<ShortLived>>), StartError> {
    let wanted = if config.quic_tls == TlsConfig::Off { &config.tls } else { &config.quic_tls };
    let none = || {
        let text = "access.quic_listen needs a certificate, as QUIC is always encrypted: set access.tls, or access.quic_tls for it alone";
        StartError::Config(text.to_owned())
    };
    let failed = |error: rustls::Error| StartError::Config(format!("QUIC: {error}"));
    let certificate = tls::certificate(wanted)?.ok_or_else(none)?.certified()?;
    let self_signed = config.web_transport && matches!(wanted, TlsConfig::SelfSigned { .. });
    let short_lived = self_signed.then(|| Arc::new(ShortLived::default()));
    let resolver = ByProtocol { certificate: Arc::new(certificate), short_lived: short_lived.clone() };
    let mut crypto = tls::builder(&[&rustls::version::TLS13]).map_err(failed)?.with_cert_resolver(Arc::new(resolver));
    crypto.alpn_protocols = vec![ALPN.to_vec()];
    if config.web_transport {
        crypto.alpn_protocols.push(ALPN_H3.to_vec());
    }
    // Every session can be taken up once, so that nobody can send a copy of a client's first flight again. That is why they are kept here.
    crypto.session_storage = ServerSessionMemoryCache::new(TICKETS_MAX);
    crypto.max_early_data_size = u32::MAX;
    crypto.send_tls13_tickets = 1;
    let crypto = QuicServerConfig::try_from(crypto).map_err(|error| StartError::Config(error.to_string()))?;
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    server
        .transport_config(Arc::new(transport(config)))
        .migration(true)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(ALL_INCOMING_BYTES_MAX);
    Ok((server, short_lived))
}

fn transport(config: &AccessConfig) -> TransportConfig {
    let window = VarInt::from_u32(WINDOW_BYTES);
    let heartbeat_ms = u64::from(config.heartbeat_max_ms.max(config.heartbeat_ms));
    let idle = Duration::from_millis(heartbeat_ms * 2 + IDLE_SPARE_MS);
    // It is known only later which of both somebody is.
    let (bidirectional, unidirectional, datagram_bytes) = match config.web_transport {
        true => (BROWSER_BIDIRECTIONAL, BROWSER_UNIDIRECTIONAL, Some(BROWSER_DATAGRAM_BYTES)),
        false => (1, 0, None),
    };
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(bidirectional))
        .max_concurrent_uni_streams(VarInt::from_u32(unidirectional))
        .datagram_receive_buffer_size(datagram_bytes)
        .stream_receive_window(window)
        .receive_window(window)
        .send_window(u64::from(WINDOW_BYTES))
        .max_idle_timeout(IdleTimeout::try_from(idle).ok())
        // An idle connection sends nothing by itself.
        .mtu_discovery_config(None);
    transport
}
