//! Connecting to the first of several addresses that answers.

use std::time::Duration;

use tokio::task::JoinSet;

use skein_proto::v1;

use crate::{Address, ClientError, ConnectOptions, Link, http};

/// The next address is tried when the ones before have not answered after this, or at once when they failed.
const STAGGER: Duration = Duration::from_millis(250);

/// How long one may take to say where to connect.
const ASKED_MAX: Duration = Duration::from_secs(3);

/// The link that stood first, and where. The others are dropped. `failed` is told of those that did not work.
///
/// # Errors
/// The last failure, when all fail.
pub(crate) async fn connect_first(
    addresses: Vec<Address>,
    options: &ConnectOptions,
    mut failed: impl FnMut(&Address),
) -> Result<(Address, Link), ClientError> {
    let mut tries = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut failure = ClientError::Connection("there is no address to try".to_owned());
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(address) = next {
            let options = options.clone();
            tries.spawn(async move {
                let link = Link::connect(&address, &options).await;
                (address, link)
            });
        }
        let ended = if more && waiting.len() > 0 {
            tokio::time::timeout(STAGGER, tries.join_next()).await.unwrap_or(None)
        } else {
            tries.join_next().await
        };
        match ended {
            Some(Ok((address, Ok(link)))) => return Ok((address, link)),
            Some(Ok((address, Err(error)))) => {
                failed(&address);
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
            connect_first(addresses, &options, |address| failures.push(address.clone())).await.unwrap();
        assert_eq!((address, failures), (good, vec![bad.clone()]));
        let (mut stream, _) = listening.accept().await.unwrap();
        drop(link);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(connect_first(vec![bad], &options, |_| {}).await.is_err());
        assert!(connect_first(Vec::new(), &options, |_| {}).await.is_err());
    }

    #[tokio::test]
    async fn what_is_silent_is_overtaken() {
        // Accepts, and never answers the handshake of a WebSocket.
        let (silent, _) = listener().await;
        let slow: Address = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        let (_listening, good) = listener().await;
        let (address, _link) =
            connect_first(vec![slow, good.clone()], &ConnectOptions::default(), |_| {}).await.unwrap();
        assert_eq!(address, good);
    }
}
