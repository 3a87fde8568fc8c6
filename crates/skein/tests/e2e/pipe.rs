//! A link over any transport, without waiting in the words of the tests.

use std::{collections::VecDeque, sync::LazyLock};

use bytes::BytesMut;
use quinn::{RecvStream, SendStream};
use skein_client::{ClientError, ConnectOptions, Link};
use skein_proto::{
    codec::Codec,
    frame::{decode_record, encode_record},
    limits::FRAME_BYTES_MAX,
    v1::{self, frame::Body},
};
use tokio::runtime::Runtime;

use crate::{
    browser_session::{Browser, Kept},
    http::PATIENCE,
    server::Server,
    ways::Way,
};

/// What drives the links of these tests: it outlives them, as their last packets do.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// An open link.
pub struct Pipe {
    wire: Wire,
    come: VecDeque<v1::Frame>,
}

enum Wire {
    Link(Box<Link>),
    Session { send: SendStream, receive: RecvStream, input: BytesMut, _kept: Box<Kept> },
}

impl Pipe {
    /// Nothing has been said on it.
    pub fn open(server: &Server, way: Way) -> Self {
        Self::try_open(server, way).unwrap()
    }

    /// The same, unless the server does not want it.
    pub fn try_open(server: &Server, way: Way) -> Result<Self, ClientError> {
        let wire = if way == Way::WebTransport {
            let (send, receive, kept) = RUNTIME.block_on(async { Browser::connect(server).await.session().await });
            Wire::Session { send, receive, input: BytesMut::new(), _kept: Box::new(kept) }
        } else {
            let trusted = (way == Way::Quic).then(|| server.quic_certificate());
            let options =
                ConnectOptions { trusted_certificates: trusted, timeout: PATIENCE, ..ConnectOptions::default() };
            Wire::Link(Box::new(RUNTIME.block_on(Link::connect(&way.address(server), &options))?))
        };
        Ok(Self { wire, come: VecDeque::new() })
    }

    pub fn say(&mut self, body: Body) {
        let frame = v1::Frame { body: Some(body), ..Default::default() };
        // A server that has closed already is fine.
        match &mut self.wire {
            Wire::Link(link) => {
                link.queue(&frame).unwrap();
                let _ = RUNTIME.block_on(link.flush());
            }
            Wire::Session { send, .. } => {
                let mut record = Vec::new();
                encode_record(&mut record, &Codec::Binary.encode(&frame));
                let _ = RUNTIME.block_on(send.write_all(&record));
            }
        }
    }

    /// The next frame; `None` when the connection has ended.
    pub fn next(&mut self) -> Option<Body> {
        if self.come.is_empty() {
            let receiving = async { tokio::time::timeout(PATIENCE, self.wire.receive()).await };
            let frames = RUNTIME.block_on(receiving).expect("nothing comes")?;
            self.come.extend(frames);
        }
        self.come.pop_front()?.body
    }
}

impl Wire {
    async fn receive(&mut self) -> Option<Vec<v1::Frame>> {
        match self {
            Self::Link(link) => {
                let mut frames = Vec::new();
                link.receive(&mut frames).await.ok()?;
                Some(frames)
            }
            Self::Session { receive, input, .. } => loop {
                if let Some(payload) = decode_record(input, FRAME_BYTES_MAX).unwrap() {
                    return Some(vec![Codec::Binary.decode(&payload).unwrap()]);
                }
                let chunk = receive.read_chunk(usize::MAX, true).await.ok()??;
                input.extend_from_slice(&chunk.bytes);
            },
        }
    }
}
