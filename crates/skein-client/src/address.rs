//! Where a server is, and how to reach it.

use std::{fmt, str::FromStr};

use crate::ClientError;

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// WebSocket with binary frames.
    WebSocket,
    /// Length-prefixed records.
    Tcp,
    /// Length-prefixed records in a stream of a QUIC connection, which goes on when this end gets another address.
    Quic,
}

/// A parsed address: `http://`, `https://`, `ws://`, `wss://`, `tcp://`, `tls://` or `quic://`, then `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// How frames travel.
    pub transport: Transport,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Name or number of the host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// One node of a server, or several of which any will do. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(Vec<Address>);

impl Addresses {
    /// This one first; the others, in this order, when it does not answer.
    pub fn new(first: Address, others: impl IntoIterator<Item = Address>) -> Self {
        Self(std::iter::once(first).chain(others).collect())
    }

    /// In the order in which they are tried.
    pub(crate) fn into_vec(self) -> Vec<Address> {
        self.0
    }
}

impl From<Address> for Addresses {
    fn from(address: Address) -> Self {
        Self(vec![address])
    }
}

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (transport, tls, default_port) = match scheme {
            "http" | "ws" => (Transport::WebSocket, false, Some(80)),
            "https" | "wss" => (Transport::WebSocket, true, Some(443)),
            "tcp" => (Transport::Tcp, false, None),
            "tls" => (Transport::Tcp, true, None),
            "quic" => (Transport::Quic, true, None),
            _ => return Err(wrong()),
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| wrong())?)),
            _ => (authority, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self { transport, tls, host: host.to_owned(), port: port.ok_or_else(wrong)? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.transport, self.tls) {
            (Transport::WebSocket, false) => "http",
            (Transport::WebSocket, true) => "https",
            (Transport::Tcp, false) => "tcp",
            (Transport::Tcp, true) => "tls",
            (Transport::Quic, _) => "quic",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_schemes_hosts_and_ports() {
        let address: Address = "https://chat.example".parse().unwrap();
        assert_eq!((address.tls, address.port, address.transport), (true, 443, Transport::WebSocket));
        assert_eq!("tcp://[::1]:9".parse::<Address>().unwrap().host, "::1");
        assert_eq!("http://127.0.0.1:7700/".parse::<Address>().unwrap().to_string(), "http://127.0.0.1:7700");
        let (one, other): (Address, Address) = ("http://a".parse().unwrap(), "http://b".parse().unwrap());
        let both = Addresses::new(one.clone(), [other.clone()]);
        assert_eq!(both.into_vec(), [one, other]);
        let quic: Address = "quic://chat.example:7443".parse().unwrap();
        assert_eq!(
            (quic.transport, quic.tls, quic.to_string().as_str()),
            (Transport::Quic, true, "quic://chat.example:7443")
        );
        for wrong in ["", "quic://x", "localhost:7700", "ftp://x", "tcp://x", "http://:80", "http://x:99999"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong:?}");
        }
    }
}
