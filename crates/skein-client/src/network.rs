//! The UDP sockets of a client, and what it remembers of the servers that it reached over them.

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, TokioRuntime, TransportConfig, VarInt, crypto::rustls::QuicClientConfig,
};
use tokio::runtime::Handle;

use crate::{ClientError, tls};

/// What clients and servers of links call it in the handshake.
const ALPN: &[u8] = b"skein";
/// A silent connection says something this often, so that what stands between keeps the way back open: many forget UDP after 30 s.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Bytes that the server may send before they are read.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// What the QUIC connections of a client share: sockets, and the tickets with which it comes back in one round trip less. Clones are the same network;
/// a default one is new, and holds nothing until a QUIC address is tried. Tickets are kept in memory only.
#[derive(Clone, Default)]
pub struct Network(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// By the address that they are bound to.
    endpoints: HashMap<IpAddr, Endpoint>,
    /// What drives them; an application may say from any thread that the network changed.
    runtime: Option<Handle>,
    /// By the file of certificates that are trusted besides the usual authorities. Tickets are of use only to what verified the server first.
    configs: HashMap<Option<PathBuf>, ClientConfig>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Says that this machine is in another network now, or has another address: QUIC connections go on from a new socket, with all that is under way
    /// in them. Without this they notice by themselves only when the old socket still sends from the new address.
    ///
    /// # Errors
    /// No socket can be had; the old ones are kept.
    pub fn changed(&self) -> io::Result<()> {
        let (endpoints, runtime) = {
            let inner = self.0.lock();
            (inner.endpoints.clone(), inner.runtime.clone())
        };
        let _entered = runtime.as_ref().map(Handle::enter);
        for (address, endpoint) in endpoints {
            endpoint.rebind(UdpSocket::bind(SocketAddr::new(address, 0))?)?;
        }
        Ok(())
    }

    /// The local addresses of the sockets, for those who look into what happens.
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.0.lock().endpoints.values().filter_map(|endpoint| endpoint.local_addr().ok()).collect()
    }

    /// The socket from which this address is reached.
    pub(crate) fn endpoint(&self, to: SocketAddr, from: Option<IpAddr>) -> Result<Endpoint, ClientError> {
        let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let from = from.unwrap_or(any);
        let mut inner = self.0.lock();
        if let Some(endpoint) = inner.endpoints.get(&from) {
            return Ok(endpoint.clone());
        }
        let socket = UdpSocket::bind(SocketAddr::new(from, 0))?;
        let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))?;
        inner.runtime = Some(Handle::current());
        inner.endpoints.insert(from, endpoint.clone());
        Ok(endpoint)
    }

    /// An endpoint that does not work any more, as its runtime has ended.
    pub(crate) fn forget_endpoints(&self) {
        self.0.lock().endpoints.clear();
    }

    /// How servers are verified, with the tickets of those that were.
    pub(crate) fn config(&self, trusted: Option<&Path>) -> Result<ClientConfig, ClientError> {
        let key = trusted.map(Path::to_owned);
        if let Some(config) = self.0.lock().configs.get(&key) {
            return Ok(config.clone());
        }
        let mut crypto = tls::config(trusted, &[&rustls::version::TLS13])?;
        crypto.alpn_protocols = vec![ALPN.to_vec()];
        crypto.enable_early_data = true;
        let crypto = QuicClientConfig::try_from(crypto).map_err(|error| ClientError::Connection(error.to_string()))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(0))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .datagram_receive_buffer_size(None)
            .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
            .receive_window(VarInt::from_u32(WINDOW_BYTES))
            // How long a silence may be is the server's to say, and the session's to notice.
            .max_idle_timeout(None)
            .keep_alive_interval(Some(KEEP_ALIVE))
            .mtu_discovery_config(None);
        config.transport_config(Arc::new(transport));
        self.0.lock().configs.insert(key, config.clone());
        Ok(config)
    }

    /// What verified servers is of no use any more: the file may have another certificate now.
    pub(crate) fn forget_config(&self, trusted: Option<&Path>) {
        self.0.lock().configs.remove(&trusted.map(Path::to_owned));
    }
}
