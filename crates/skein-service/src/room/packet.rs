//! What nodes tell each other about a room, on its subject.

use bytes::{BufMut as _, Bytes, BytesMut};
use skein_proto::{codec::Codec, v1};

/// A packet on the subject of a room.
#[derive(Debug, PartialEq)]
pub enum RoomPacket {
    /// What happened: the push as it goes to the members, encoded in protobuf, and what the nodes need to know of it.
    Tick {
        /// Decoded.
        push: Box<v1::RoomPush>,
        /// As it came.
        encoded: Bytes,
    },
    /// Somebody keeps the room from now on: nodes with members say so at once.
    WhoIsThere,
}

const TICK: u8 = 1;
const WHO_IS_THERE: u8 = 2;

/// The packet of a tick; the push is encoded here, once for all nodes and members.
pub(super) fn tick(push: &v1::RoomPush) -> Bytes {
    let encoded = Codec::Binary.encode(push);
    let mut out = BytesMut::with_capacity(1 + encoded.len());
    out.put_u8(TICK);
    out.put_slice(&encoded);
    out.freeze()
}

/// The packet that asks.
pub(super) fn who_is_there() -> Bytes {
    Bytes::from_static(&[WHO_IS_THERE])
}

impl RoomPacket {
    /// The packet of these bytes; `None` for those of another version.
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        match *bytes.first()? {
            TICK => {
                let encoded = bytes.split_off(1);
                let push = Codec::Binary.decode(&encoded).ok()?;
                Some(Self::Tick { push: Box::new(push), encoded })
            }
            WHO_IS_THERE => Some(Self::WhoIsThere),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_were_written() {
        let push = v1::RoomPush { room_id: "r".to_owned(), epoch: 7, first_offset: 3, ..Default::default() };
        let Some(RoomPacket::Tick { push: read, encoded }) = RoomPacket::decode(tick(&push)) else { panic!() };
        assert_eq!((*read, encoded), (push.clone(), Codec::Binary.encode(&push)));
        assert_eq!(RoomPacket::decode(who_is_there()), Some(RoomPacket::WhoIsThere));
        for noise in [&[][..], &[9, 9], &[TICK, 0xff]] {
            assert_eq!(RoomPacket::decode(Bytes::copy_from_slice(noise)), None);
        }
    }
}
