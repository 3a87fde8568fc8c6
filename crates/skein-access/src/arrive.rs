//! Whose connection it is: that of the socket's other end, or of whom a proxy speaks for.

use std::{net::IpAddr, time::Duration};

use skein_service::now_ms;
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::{
    hello::Shared,
    limit::Place,
    proxy_header::{Proxied, decode_proxy_header},
};

/// How long a proxy may take to say whom it speaks for.
const PROXY_HEADER_MAX: Duration = Duration::from_secs(5);

/// What is known of a connection when it is accepted.
pub(crate) enum Arrived {
    /// It has its place.
    Placed(Place),
    /// It comes from a proxy, which says first whom it speaks for.
    ByProxy(IpAddr),
}

impl Shared {
    /// What is known of a connection from this address; `None` when it is turned away.
    pub(crate) fn arrived(&self, address: IpAddr) -> Option<Arrived> {
        if self.guard.is_proxy(address) {
            return Some(Arrived::ByProxy(address));
        }
        self.guard.admit(address, now_ms()).ok().map(Arrived::Placed)
    }

    /// The place of a connection, after its PROXY header was read if it has to have one. `None` when it is turned away, or there is none in time.
    pub(crate) async fn place(&self, stream: &mut TcpStream, arrived: Arrived) -> Option<Place> {
        match arrived {
            Arrived::Placed(place) => Some(place),
            Arrived::ByProxy(proxy) => {
                let source = tokio::time::timeout(PROXY_HEADER_MAX, source(stream)).await.ok()??;
                self.guard.admit(source.unwrap_or(proxy), now_ms()).ok()
            }
        }
    }
}

/// Reads the header and not a byte more. The address in it, if there is one; `None` when it is no header.
async fn source(stream: &mut TcpStream) -> Option<Option<IpAddr>> {
    let mut header = Vec::with_capacity(64);
    loop {
        header.push(stream.read_u8().await.ok()?);
        match decode_proxy_header(&header) {
            Ok(None) => {}
            Ok(Some((Proxied::Direct, _))) => return Some(None),
            Ok(Some((Proxied::From { source, .. }, _))) => return Some(Some(source.ip())),
            Err(error) => {
                tracing::debug!(%error, "a connection of a proxy without a header");
                return None;
            }
        }
    }
}
