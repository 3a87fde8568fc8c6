//! RFC 6455 after the handshake, strictly: masking, reserved bits, fragmentation, control frames, UTF-8, close codes, sizes.
//!
//! The decoder holds no input of its own, and a fragment buffer only while a message is fragmented, so that an idle connection
//! costs nothing here.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Buf, Bytes, BytesMut};
use sha1::{Digest, Sha1};

/// Appended to the client's key before hashing (RFC 6455, 1.3).
const HANDSHAKE_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Longest payload of a control frame (RFC 6455, 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// Opcodes of RFC 6455, 5.2.
pub mod opcode {
    /// Continues a fragmented message.
    pub const CONTINUATION: u8 = 0x0;
    /// A UTF-8 message, or its first fragment.
    pub const TEXT: u8 = 0x1;
    /// A binary message, or its first fragment.
    pub const BINARY: u8 = 0x2;
    /// The closing handshake.
    pub const CLOSE: u8 = 0x8;
    /// Asks for a pong with the same payload.
    pub const PING: u8 = 0x9;
    /// Answers a ping.
    pub const PONG: u8 = 0xa;
}

/// Which end we are; decides who must mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes masked frames only.
    Server,
    /// Takes unmasked frames only.
    Client,
}

/// What a peer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsEvent {
    /// A complete text message; valid UTF-8.
    Text(Bytes),
    /// A complete binary message.
    Binary(Bytes),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// Answers a ping.
    Pong(Bytes),
    /// The peer closes: its code and reason, if it gave any.
    Close(Option<(u16, String)>),
}

/// How a peer broke the protocol. The connection cannot be read on; close it with [`WsError::close_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WsError {
    /// A rule of framing was broken; the text names it.
    #[error("WebSocket protocol error: {0}")]
    Protocol(&'static str),
    /// A text message or a close reason is not UTF-8.
    #[error("a text message is not UTF-8")]
    NotUtf8,
    /// A frame, or the sum of the fragments of a message, is over the limit.
    #[error("a message is larger than {0} bytes")]
    TooLarge(usize),
}

impl WsError {
    /// The status code to close with (RFC 6455, 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge(_) => 1009,
        }
    }
}

/// A message that has begun and not ended.
#[derive(Debug)]
struct Fragments {
    text: bool,
    payload: Vec<u8>,
}

/// Turns bytes into [`WsEvent`]s, incrementally.
#[derive(Debug)]
pub struct WebSocketDecoder {
    role: Role,
    message_bytes_max: u32,
    fragments: Option<Box<Fragments>>,
}

/// The head of one frame.
struct Head {
    fin: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    length: usize,
    bytes: usize,
}

impl WebSocketDecoder {
    /// A decoder for one connection. `message_bytes_max` bounds every message, fragmented or not.
    pub fn new(role: Role, message_bytes_max: usize) -> Self {
        Self { role, message_bytes_max: u32::try_from(message_bytes_max).unwrap_or(u32::MAX), fragments: None }
    }

    /// From now on another bound: a peer that is not known yet gets less room.
    pub fn set_message_bytes_max(&mut self, message_bytes_max: usize) {
        self.message_bytes_max = u32::try_from(message_bytes_max).unwrap_or(u32::MAX);
    }

    /// Takes complete frames off the front of `input` until one makes an event; `None` when more bytes are needed. A declared
    /// length is checked before anything is held for it.
    ///
    /// # Errors
    /// [`WsError`]; the connection is to be closed with its code.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<WsEvent>, WsError> {
        loop {
            let Some(head) = self.head(input)? else { return Ok(None) };
            if input.len() < head.bytes + head.length {
                return Ok(None);
            }
            input.advance(head.bytes);
            let mut payload = input.split_to(head.length);
            if let Some(mask) = head.mask {
                apply_mask(&mut payload, mask);
            }
            if let Some(event) = self.frame(&head, payload.freeze())? {
                return Ok(Some(event));
            }
        }
    }

    fn head(&self, input: &[u8]) -> Result<Option<Head>, WsError> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
        self.check_first(*first, fin, opcode)?;
        let masked = second & 0x80 != 0;
        if masked != (self.role == Role::Server) {
            return Err(WsError::Protocol("frames of a client are masked, frames of a server are not"));
        }
        let short = usize::from(second & 0x7f);
        if opcode >= opcode::CLOSE && short > CONTROL_BYTES_MAX {
            return Err(WsError::Protocol("a control frame is longer than 125 bytes"));
        }
        let Some((length, length_bytes)) = declared_length(short, rest)? else { return Ok(None) };
        let held = self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len() as u64);
        let control = opcode >= opcode::CLOSE;
        if !control && length.saturating_add(held) > u64::from(self.message_bytes_max) {
            return Err(WsError::TooLarge(self.message_bytes_max as usize));
        }
        let mask = match (masked, rest.get(length_bytes..length_bytes + 4)) {
            (false, _) => None,
            (true, Some(mask)) => Some([mask[0], mask[1], mask[2], mask[3]]),
            (true, None) => return Ok(None),
        };
        let bytes = 2 + length_bytes + if masked { 4 } else { 0 };
        Ok(Some(Head { fin, opcode, mask, length: length as usize, bytes }))
    }

    fn check_first(&self, first: u8, fin: bool, opcode: u8) -> Result<(), WsError> {
        if first & 0x70 != 0 {
            return Err(WsError::Protocol("a reserved bit is set, and no extension was agreed on"));
        }
        match opcode {
            opcode::CONTINUATION if self.fragments.is_none() => Err(WsError::Protocol("nothing to continue")),
            opcode::TEXT | opcode::BINARY if self.fragments.is_some() => {
                Err(WsError::Protocol("a message begins inside a fragmented one"))
            }
            opcode::CLOSE | opcode::PING | opcode::PONG if !fin => {
                Err(WsError::Protocol("a control frame is fragmented"))
            }
            opcode::CONTINUATION..=opcode::BINARY | opcode::CLOSE..=opcode::PONG => Ok(()),
            _ => Err(WsError::Protocol("the opcode is reserved")),
        }
    }

    /// Acts on one whole frame; `None` for a fragment that does not end its message.
    fn frame(&mut self, head: &Head, payload: Bytes) -> Result<Option<WsEvent>, WsError> {
        match head.opcode {
            opcode::CLOSE => close_event(&payload).map(Some),
            opcode::PING => Ok(Some(WsEvent::Ping(payload))),
            opcode::PONG => Ok(Some(WsEvent::Pong(payload))),
            opcode::CONTINUATION => {
                let Some(mut fragments) = self.fragments.take() else {
                    return Err(WsError::Protocol("nothing to continue"));
                };
                fragments.payload.extend_from_slice(&payload);
                if head.fin {
                    return message(fragments.text, fragments.payload.into()).map(Some);
                }
                self.fragments = Some(fragments);
                Ok(None)
            }
            opcode if head.fin => message(opcode == opcode::TEXT, payload).map(Some),
            opcode => {
                let text = opcode == opcode::TEXT;
                self.fragments = Some(Box::new(Fragments { text, payload: payload.to_vec() }));
                Ok(None)
            }
        }
    }
}

/// The payload length and how many bytes it took after the first two; `None` until they have come.
fn declared_length(short: usize, rest: &[u8]) -> Result<Option<(u64, usize)>, WsError> {
    match short {
        126 => {
            let Some(bytes) = rest.first_chunk::<2>() else { return Ok(None) };
            let length = u64::from(u16::from_be_bytes(*bytes));
            if length < 126 { Err(NOT_MINIMAL) } else { Ok(Some((length, 2))) }
        }
        127 => {
            let Some(bytes) = rest.first_chunk::<8>() else { return Ok(None) };
            let length = u64::from_be_bytes(*bytes);
            if length >> 63 != 0 {
                return Err(WsError::Protocol("the top bit of a length is set"));
            }
            if length < 65_536 { Err(NOT_MINIMAL) } else { Ok(Some((length, 8))) }
        }
        short => Ok(Some((short as u64, 0))),
    }
}

const NOT_MINIMAL: WsError = WsError::Protocol("a length is not in its shortest form");

fn message(text: bool, payload: Bytes) -> Result<WsEvent, WsError> {
    if !text {
        return Ok(WsEvent::Binary(payload));
    }
    if std::str::from_utf8(&payload).is_err() {
        return Err(WsError::NotUtf8);
    }
    Ok(WsEvent::Text(payload))
}

fn close_event(payload: &[u8]) -> Result<WsEvent, WsError> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() {
            Ok(WsEvent::Close(None))
        } else {
            Err(WsError::Protocol("a close code has two bytes"))
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(WsError::Protocol("the close code must not be sent"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| WsError::NotUtf8)?;
    Ok(WsEvent::Close(Some((code, reason.to_owned()))))
}

/// Masks or unmasks in place, a word at a time.
fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u64::from(u32::from_ne_bytes(mask)) * 0x1_0000_0001;
    let (words, rest) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Appends one final frame to `out`; masked when a mask is given, as a client must.
pub fn encode_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let mask_bit = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => out.push(mask_bit | length as u8),
        length @ 126..65_536 => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let Some(mask) = mask else {
        out.extend_from_slice(payload);
        return;
    };
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], mask);
}

/// The payload of a close frame; a reason that is too long is cut at a character.
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    let end = reason.floor_char_boundary(CONTROL_BYTES_MAX - 2);
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    payload
}

/// The value of `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
pub fn accept_key(sec_websocket_key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(sec_websocket_key).chain_update(HANDSHAKE_GUID).finalize())
}

#[cfg(test)]
mod tests;
