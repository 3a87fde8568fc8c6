//! Connecting over QUIC: one connection with one stream, and with the first flight already the hello of a session that goes on.

use std::{net::SocketAddr, time::Duration};

use quinn::{ConnectError, Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use skein_proto::v1;
use tokio::{
    io::{Join, join},
    net::lookup_host,
    task::JoinSet,
};

use crate::{Address, ClientError, ConnectOptions};

/// A connection with its only stream; it ends with this.
#[derive(Debug)]
pub(crate) struct QuicStream {
    pub(crate) stream: Join<RecvStream, SendStream>,
    connection: Connection,
    /// The goodbye was taken.
    over: bool,
}

impl QuicStream {
    fn new(connection: Connection, receive: RecvStream, send: SendStream) -> Self {
        Self { stream: join(receive, send), connection, over: false }
    }

    /// What the server closed the connection with, when it did so without a frame: there was no stream yet to carry one. Once.
    pub(crate) fn goodbye(&mut self) -> Option<v1::Frame> {
        if std::mem::replace(&mut self.over, true) {
            return None;
        }
        let Some(ConnectionError::ApplicationClosed(close)) = self.connection.close_reason() else { return None };
        let code = i32::try_from(close.error_code.into_inner()).ok().filter(|code| *code > 0)?;
        let text = String::from_utf8_lossy(&close.reason).into_owned();
        let close = v1::Close { code: code.into(), text, ..Default::default() };
        Some(v1::Frame { body: Some(close.into()), ..Default::default() })
    }
}

/// The next address of the host is tried when the ones before have not answered after this.
const STAGGER: Duration = Duration::from_millis(250);

/// A connection that stands.
pub(crate) struct Opened {
    pub(crate) stream: QuicStream,
    /// The server has taken what was said with the first flight.
    pub(crate) said: bool,
}

/// Connects to the first address of the host that answers: a name like `localhost` often has two, and a server listens on one. `first` is said with the
/// first flight, if the server gave a ticket for that; somebody may send a copy of it.
pub(crate) async fn connect(
    address: &Address,
    options: &ConnectOptions,
    first: Option<&[u8]>,
) -> Result<Opened, ClientError> {
    let mut tries = JoinSet::new();
    for (number, resolved) in lookup_host((address.host.as_str(), address.port)).await?.enumerate() {
        let (host, options) = (address.host.clone(), options.clone());
        // Said to one of them only: taking a session up twice would end it.
        let first = first.filter(|_| number == 0).map(<[u8]>::to_vec);
        tries.spawn(async move {
            tokio::time::sleep(STAGGER * number as u32).await;
            let opened = connect_one(resolved, &host, &options, first.as_deref()).await;
            opened.map_err(|error| ClientError::Connection(format!("{resolved}: {error}")))
        });
    }
    let mut failure = ClientError::Connection(format!("{} is unknown", address.host));
    while let Some(ended) = tries.join_next().await {
        match ended {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(error)) => failure = error,
            Err(error) => failure = ClientError::Connection(error.to_string()),
        }
    }
    Err(failure)
}

async fn connect_one(
    to: SocketAddr,
    host: &str,
    options: &ConnectOptions,
    first: Option<&[u8]>,
) -> Result<Opened, ClientError> {
    let trusted = options.trusted_certificates.as_deref();
    let config = options.network.config(trusted)?;
    let begin = |endpoint: Endpoint| endpoint.connect_with(config.clone(), to, host);
    let connecting = match begin(options.network.endpoint(to, options.local_address)?) {
        Err(ConnectError::EndpointStopping) => {
            options.network.forget_endpoints();
            begin(options.network.endpoint(to, options.local_address)?)
        }
        begun => begun,
    };
    let connecting = connecting.map_err(|error| ClientError::Connection(error.to_string()))?;
    let failed = |error: ConnectionError| {
        if matches!(error, ConnectionError::TransportError(_)) {
            options.network.forget_config(trusted);
        }
        ClientError::Connection(format!("QUIC: {error}"))
    };
    let Some(first) = first else {
        return open(connecting.await.map_err(failed)?).await;
    };
    match connecting.into_0rtt() {
        Err(connecting) => open(connecting.await.map_err(failed)?).await,
        Ok((connection, accepted)) => {
            let (mut send, receive) = connection.open_bi().await.map_err(failed)?;
            send.write_all(first).await.map_err(|error| ClientError::Connection(format!("QUIC: {error}")))?;
            if accepted.await {
                return Ok(Opened { stream: QuicStream::new(connection, receive, send), said: true });
            }
            match connection.close_reason() {
                Some(error) => Err(failed(error)),
                // The server took the connection, but not what came with the first flight.
                None => open(connection).await,
            }
        }
    }
}

async fn open(connection: Connection) -> Result<Opened, ClientError> {
    let opened = connection.open_bi().await;
    let (send, receive) = opened.map_err(|error| ClientError::Connection(format!("QUIC: {error}")))?;
    Ok(Opened { stream: QuicStream::new(connection, receive, send), said: false })
}
