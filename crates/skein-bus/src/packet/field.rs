//! Fields of packets: numbers, texts and lists, written one after the other; reading checks each against what is there.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use skein_proto::id::UserId;

use super::{Beat, Decoded, Duties, MalformedPacket, NodeId, VERSION};

/// A varint has at most this many bytes.
const VARINT_BYTES_MAX: u32 = 10;

/// Writes fields.
pub struct Writer(pub BytesMut);

impl Writer {
    pub(super) fn head(&mut self, kind: u8) {
        self.0.put_u8(VERSION);
        self.0.put_u8(kind);
    }

    /// A packet that is nothing but users.
    pub(super) fn list(&mut self, kind: u8, users: &[UserId]) {
        self.head(kind);
        self.users(users);
    }

    /// A number in as few bytes as it needs.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.put_u8(value as u8);
    }

    /// UTF-8 behind its length.
    pub fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.0.put_slice(text.as_bytes());
    }

    /// A text that may be absent, which an empty one is not.
    pub fn optional_text(&mut self, text: Option<&str>) {
        match text {
            None => self.0.put_u8(0),
            Some(text) => {
                self.0.put_u8(1);
                self.text(text);
            }
        }
    }

    /// Their number, then the steps from one to the next: a sorted list takes a byte or two for each.
    pub(super) fn users(&mut self, users: &[UserId]) {
        self.varint(users.len() as u64);
        let mut last = 0;
        for user in users {
            let step = user.0.wrapping_sub(last) as i64;
            self.varint(((step << 1) ^ (step >> 63)) as u64);
            last = user.0;
        }
    }
}

/// Reads fields; never beyond the end.
pub struct Reader(pub Bytes);

impl Reader {
    /// The next byte.
    ///
    /// # Errors
    /// There is none.
    pub fn byte(&mut self) -> Decoded<u8> {
        let byte = *self.0.first().ok_or(MalformedPacket)?;
        let _ = self.0.split_to(1);
        Ok(byte)
    }

    /// The inverse of [`Writer::varint`].
    ///
    /// # Errors
    /// It does not end, or does not fit into 64 bits.
    pub fn varint(&mut self) -> Decoded<u64> {
        let mut value = 0_u64;
        for index in 0..VARINT_BYTES_MAX {
            let byte = *self.0.get(index as usize).ok_or(MalformedPacket)?;
            if index == VARINT_BYTES_MAX - 1 && byte > 1 {
                return Err(MalformedPacket);
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                let _ = self.0.split_to(index as usize + 1);
                return Ok(value);
            }
        }
        Err(MalformedPacket)
    }

    /// This many bytes, shared.
    ///
    /// # Errors
    /// There are fewer.
    pub fn bytes(&mut self, length: usize) -> Decoded<Bytes> {
        if length > self.0.len() { Err(MalformedPacket) } else { Ok(self.0.split_to(length)) }
    }

    /// The inverse of [`Writer::text`].
    ///
    /// # Errors
    /// It is cut off, or not UTF-8.
    pub fn text(&mut self) -> Decoded<String> {
        let length = usize::try_from(self.varint()?).map_err(|_| MalformedPacket)?;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| MalformedPacket)
    }

    /// The inverse of [`Writer::optional_text`].
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn optional_text(&mut self) -> Decoded<Option<Arc<str>>> {
        match self.byte()? {
            0 => Ok(None),
            1 => Ok(Some(self.text()?.as_str().into())),
            _ => Err(MalformedPacket),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        self.bytes(N)?[..].try_into().map_err(|_| MalformedPacket)
    }

    pub(super) fn node(&mut self) -> Decoded<NodeId> {
        Ok(NodeId(u64::from_le_bytes(self.array()?)))
    }

    /// How many elements follow: each has at least one byte, so there are never more than bytes.
    pub(super) fn count(&mut self) -> Decoded<usize> {
        let count = usize::try_from(self.varint()?).map_err(|_| MalformedPacket)?;
        if count > self.0.len() { Err(MalformedPacket) } else { Ok(count) }
    }

    pub(super) fn users(&mut self) -> Decoded<Vec<UserId>> {
        let count = self.count()?;
        let mut users = Vec::with_capacity(count);
        let mut last = 0_u64;
        for _ in 0..count {
            let step = self.varint()?;
            last = last.wrapping_add((step >> 1) ^ (step & 1).wrapping_neg());
            users.push(UserId(last));
        }
        Ok(users)
    }

    pub(super) fn beat(&mut self) -> Decoded<Beat> {
        let (node, boot, sequence, flags) = (self.node()?, self.varint()?, self.varint()?, self.byte()?);
        Ok(Beat {
            node,
            boot,
            sequence,
            duties: Duties { serves: flags & 1 != 0, delivers: flags & 2 != 0 },
            leaving: flags & 4 != 0,
            deaf_ms: self.varint()?,
            online: self.users()?,
            offline: self.users()?,
        })
    }
}
