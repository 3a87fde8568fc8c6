//! Connecting to the first of several addresses that answers.

use std::time::Duration;

use tokio::task::JoinSet;

use skein_proto::v1;

use crate::{Address, ClientError, ConnectOptions, Link, http};

/// The next address is tried when the ones before have not answered after this, or at once when they failed.
const STAGGER: Duration = Duration::from_millis(250);

/// How long one may take to say where to connect.
const ASKED_MAX: Duration = Duration::from_secs(3);

/// What is told of an address that did not win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It did not work.
    Failed,
    /// One that was tried after it was there before it.
    Overtaken,
}

/// The link that stood first, and where. The others are dropped. `hello` goes with the handshake where that saves a round trip. `lost` is told of those that
/// did not work, and of those that were overtaken.
///
/// # Errors
/// The last failure, when all fail.
pub(crate) async fn connect_first(
    addresses: Vec<Address>,
    options: &ConnectOptions,
    hello: Option<&v1::Frame>,
    mut lost: impl FnMut(&Address, Loss),
) -> Result<(Address, Link), ClientError> {
    let mut tries = JoinSet::new();
    let mut silent: Vec<Address> = Vec::new();
    let mut waiting = addresses.into_iter();
    let mut failure = ClientError::Connection("there is no address to try".to_owned());
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(address) = next {
            silent.push(address.clone());
            let (options, hello) = (options.clone(), hello.cloned());
            tries.spawn(async move {
                let link = Link::resume(&address, &options, hello.as_ref()).await;
                (address, link)
            });
        }
        let ended = if more && waiting.len() > 0 {
            tokio::time::timeout(STAGGER, tries.join_next()).await.unwrap_or(None)
        } else {
            tries.join_next().await
        };
        match ended {
            Some(Ok((address, Ok(link)))) => {
                silent.iter().take_while(|other| **other != address).for_each(|other| lost(other, Loss::Overtaken));
                return Ok((address, link));
            }
            Some(Ok((address, Err(error)))) => {
                lost(&address, Loss::Failed);
                silent.retain(|other| *other != address);
                failure = error;
            }
            Some(Err(error)) => failure = ClientError::Connection(error.to_string()),
            // None within the stagger: the next one is tried beside it.
            None => {}
        }
        if tries.is_empty() && waiting.len() == 0 {
            return Err(failure);
        }
    }
}

/// Asks each of the addresses in turn where to connect. `None` when none of them says it.
pub(crate) async fn resolve(options: &ConnectOptions) -> Option<v1::ResolveGatewaysResponse> {
    let (region, carrier) = (options.region.clone(), options.carrier.clone());
    let request = v1::ResolveGatewaysRequest { region, carrier, ..Default::default() };
    let asking = ConnectOptions { timeout: options.timeout.min(ASKED_MAX), ..options.clone() };
    for address in &options.dispatch {
        if let Ok(answer) = http::call(address, &asking, None, "DispatchService/ResolveGateways", &request).await {
            return Some(answer);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    async fn listener() -> (TcpListener, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn what_refuses_is_told_and_the_next_one_taken() {
        let (listening, good) = listener().await;
        let (closed, bad) = listener().await;
        drop(closed);
        let mut failures = Vec::new();
        let options = ConnectOptions::default();
        let addresses = vec![bad.clone(), good.clone()];
        let (address, link) =
            connect_first(addresses, &options, None, |address, loss| failures.push((address.clone(), loss)))
                .await
                .unwrap();
        assert_eq!((address, failures), (good, vec![(bad.clone(), Loss::Failed)]));
        let (mut stream, _) = listening.accept().await.unwrap();
        drop(link);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(connect_first(vec![bad], &options, None, |_, _| {}).await.is_err());
        assert!(connect_first(Vec::new(), &options, None, |_, _| {}).await.is_err());
    }

    #[tokio::test]
    async fn what_is_silent_is_overtaken() {
        // Accepts, and never answers the handshake of a WebSocket; never answers a datagram.
        let (silent, _) = listener().await;
        let slow: Address = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let blocked: Address = format!("quic://{}", socket.local_addr().unwrap()).parse().unwrap();
        let (_listening, good) = listener().await;
        let addresses = vec![blocked.clone(), slow.clone(), good.clone()];
        let mut overtaken = Vec::new();
        let options = ConnectOptions::default();
        let first = connect_first(addresses, &options, None, |address, loss| {
            overtaken.push((address.clone(), loss));
        });
        let (address, _link) = first.await.unwrap();
        assert_eq!(address, good);
        assert_eq!(overtaken, [(blocked, Loss::Overtaken), (slow, Loss::Overtaken)]);
    }
}
