//! How frames lie in a byte stream: WebSocket messages, or records behind a length.

use bytes::{Bytes, BytesMut};
use skein_proto::{
    codec::Codec,
    frame::{decode_record, encode_record},
    limits::HELLO_BYTES_MAX,
    v1::CloseCode,
    websocket::{self, Role, WebSocketDecoder, WsError, WsEvent, opcode},
};

use crate::room::Shape;

/// One connection's framing.
pub(crate) enum Framing {
    /// RFC 6455; the codec decides between text and binary.
    WebSocket(WebSocketDecoder, Codec),
    /// 4 bytes of length, at most this much, then protobuf; over a connection of this kind.
    Record(usize, Carrier),
}

/// What carries records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// TCP, encrypted or not.
    Tcp,
    /// A stream of a QUIC connection.
    Quic,
    /// A stream of a browser's session over QUIC.
    WebTransport,
}

/// What came off the stream.
pub(crate) enum Unframed {
    /// One encoded frame.
    Frame(Bytes),
    /// To be written back as it is.
    Reply(Vec<u8>),
    /// Nothing to do.
    Nothing,
    /// The peer closed.
    Closed,
}

/// The stream cannot be read on.
pub(crate) struct Broken {
    /// For peers that speak our frames.
    pub code: CloseCode,
    /// For the WebSocket close frame.
    pub status: u16,
    /// What was wrong.
    pub text: String,
}

impl Framing {
    /// With room for a hello.
    pub(crate) fn websocket(codec: Codec) -> Self {
        Self::WebSocket(WebSocketDecoder::new(Role::Server, HELLO_BYTES_MAX), codec)
    }

    /// With room for a hello.
    pub(crate) fn record(carrier: Carrier) -> Self {
        Self::Record(HELLO_BYTES_MAX, carrier)
    }

    /// From now on with this much room for a frame.
    pub(crate) fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        match self {
            Self::WebSocket(decoder, _) => decoder.set_message_bytes_max(frame_bytes_max),
            Self::Record(bytes_max, _) => *bytes_max = frame_bytes_max,
        }
    }

    pub(crate) fn codec(&self) -> Codec {
        match self {
            Self::WebSocket(_, codec) => *codec,
            Self::Record(..) => Codec::Binary,
        }
    }

    /// What metrics call them.
    pub(crate) const TRANSPORTS: [&str; 4] = ["websocket", "tcp", "quic", "webtransport"];

    /// How frames that are made once for many connections lie on this one.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::WebSocket(_, Codec::Binary) => Shape::WebSocketBinary,
            Self::WebSocket(_, Codec::Json) => Shape::WebSocketText,
            Self::Record(..) => Shape::Record,
        }
    }

    pub(crate) fn transport(&self) -> &'static str {
        let [websocket, tcp, quic, webtransport] = Self::TRANSPORTS;
        match self {
            Self::WebSocket(..) => websocket,
            Self::Record(_, Carrier::Tcp) => tcp,
            Self::Record(_, Carrier::Quic) => quic,
            Self::Record(_, Carrier::WebTransport) => webtransport,
        }
    }

    /// Takes the next thing off the input; `None` until it is complete.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Unframed>, Broken> {
        match self {
            Self::Record(bytes_max, _) => match decode_record(input, *bytes_max) {
                Ok(record) => Ok(record.map(Unframed::Frame)),
                Err(error) => Err(Broken { code: CloseCode::FrameTooLarge, status: 1009, text: error.to_string() }),
            },
            Self::WebSocket(decoder, codec) => match decoder.decode(input).map_err(Broken::from)? {
                None => Ok(None),
                Some(event) => unframe(event, *codec).map(Some),
            },
        }
    }

    /// Appends one encoded frame.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::WebSocket(_, Codec::Json) => websocket::encode_frame(out, opcode::TEXT, payload, None),
            Self::WebSocket(_, Codec::Binary) => websocket::encode_frame(out, opcode::BINARY, payload, None),
            Self::Record(..) => encode_record(out, payload),
        }
    }

    /// Appends what ends the stream in this framing.
    pub(crate) fn encode_end(&self, out: &mut Vec<u8>, status: u16, text: &str) {
        if let Self::WebSocket(..) = self {
            websocket::encode_frame(out, opcode::CLOSE, &websocket::close_payload(status, text), None);
        }
    }
}

impl From<WsError> for Broken {
    fn from(error: WsError) -> Self {
        let code = match error {
            WsError::TooLarge(_) => CloseCode::FrameTooLarge,
            WsError::Protocol(_) | WsError::NotUtf8 => CloseCode::ProtocolError,
        };
        Self { code, status: error.close_code(), text: error.to_string() }
    }
}

fn unframe(event: WsEvent, codec: Codec) -> Result<Unframed, Broken> {
    match (event, codec) {
        (WsEvent::Text(payload), Codec::Json) | (WsEvent::Binary(payload), Codec::Binary) => {
            Ok(Unframed::Frame(payload))
        }
        (WsEvent::Text(_) | WsEvent::Binary(_), _) => Err(Broken {
            code: CloseCode::ProtocolError,
            status: CloseCode::ProtocolError as i32 as u16,
            text: "the subprotocol takes the other kind of message".to_owned(),
        }),
        (WsEvent::Ping(payload), _) => {
            let mut reply = Vec::with_capacity(payload.len() + 2);
            websocket::encode_frame(&mut reply, opcode::PONG, &payload, None);
            Ok(Unframed::Reply(reply))
        }
        (WsEvent::Pong(_), _) => Ok(Unframed::Nothing),
        (WsEvent::Close(_), _) => Ok(Unframed::Closed),
    }
}
