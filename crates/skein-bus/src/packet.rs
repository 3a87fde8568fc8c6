//! What travels between nodes, in bytes: a version, a kind, then fields. Every length is checked against what is there before anything is allocated.

mod deliveries;
mod field;

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use skein_proto::id::UserId;

pub(crate) use self::deliveries::{Deliveries, Delivery};
pub use self::field::{Reader, Writer};
use crate::Present;

/// Packets of another version are dropped and counted: nodes of two versions live beside each other during an upgrade.
const VERSION: u8 = 2;

/// The bytes are not a packet of this version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed packet")]
pub struct MalformedPacket;

type Decoded<T> = Result<T, MalformedPacket>;

/// A node, for as long as its process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(pub(crate) u64);

/// What a node is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Duties {
    /// Answers calls.
    pub(crate) serves: bool,
    /// Delivers: tells about its users, and wants to know those of others.
    pub(crate) delivers: bool,
}

/// What a node says about itself, to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) node: NodeId,
    /// Rises with each start of a node of the same id.
    pub(crate) boot: u64,
    /// Counts the beats with changes; this one included, if it has any.
    pub(crate) sequence: u64,
    pub(crate) duties: Duties,
    /// The node is going away.
    pub(crate) leaving: bool,
    /// It has just come back, and heard nothing for this long, in milliseconds; 0 otherwise.
    pub(crate) deaf_ms: u64,
    /// Users whose first session is there now.
    pub(crate) online: Vec<UserId>,
    /// Users whose last session is gone.
    pub(crate) offline: Vec<UserId>,
}

/// A part of all users of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) node: NodeId,
    pub(crate) boot: u64,
    /// The changes up to this beat are in it.
    pub(crate) sequence: u64,
    /// Counts the parts from 0.
    pub(crate) part: u64,
    pub(crate) is_last: bool,
    pub(crate) users: Vec<UserId>,
}

/// One message of the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// Push these events, in this order.
    Deliver(Vec<Delivery>),
    /// Close the links of a device up to this generation, or of all devices.
    CloseLinks { user: UserId, device_id: Option<Arc<str>>, generation_max: u64, code: i32 },
    /// The session goes on elsewhere.
    EndSession { user: UserId, device_id: Arc<str>, session_id: [u8; 16] },
    /// Pushes for these users may have been lost.
    Lagging { users: Vec<UserId> },
    /// A node about itself.
    Beat(Beat),
    /// The node that asks wants to know all users of the one that is asked.
    Ask { asker: NodeId },
    /// The answer, in parts.
    Snapshot(Snapshot),
    /// Which devices of this user are connected; the reply is a list of names.
    Devices { user: UserId },
    /// Hand this event to those of these users who are connected; the reply is to how many sessions.
    Hand { only_device: Option<Arc<str>>, skip_device: Option<Arc<str>>, users: Vec<UserId>, event: Bytes },
    /// Which of these users are connected; the reply is a list of them.
    Present { users: Vec<UserId> },
    /// How these users look may have changed; how anybody looks, when nobody is named.
    Stirred { users: Vec<UserId> },
    /// What an access layer tells the others.
    Notice(Bytes),
}

mod kind {
    pub(super) const DELIVER: u8 = 1;
    pub(super) const CLOSE_LINKS: u8 = 2;
    pub(super) const END_SESSION: u8 = 3;
    pub(super) const LAGGING: u8 = 4;
    pub(super) const BEAT: u8 = 5;
    pub(super) const ASK: u8 = 6;
    pub(super) const SNAPSHOT: u8 = 7;
    pub(super) const DEVICES: u8 = 8;
    pub(super) const HAND: u8 = 9;
    pub(super) const PRESENT: u8 = 10;
    pub(super) const STIRRED: u8 = 11;
    pub(super) const NOTICE: u8 = 20;
}

impl Packet {
    /// The bytes of a packet.
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer(BytesMut::with_capacity(64));
        match self {
            Self::Deliver(deliveries) => {
                let mut out = Deliveries::new();
                for Delivery { skip_device, users, event } in deliveries {
                    out.add(skip_device.as_deref(), users, event);
                }
                return out.finish();
            }
            Self::CloseLinks { user, device_id, generation_max, code } => {
                out.head(kind::CLOSE_LINKS);
                out.varint(user.0);
                out.optional_text(device_id.as_deref());
                out.varint(*generation_max);
                out.varint(u64::from(*code as u32));
            }
            Self::EndSession { user, device_id, session_id } => {
                out.head(kind::END_SESSION);
                out.varint(user.0);
                out.text(device_id);
                out.0.put_slice(session_id);
            }
            Self::Lagging { users } => out.list(kind::LAGGING, users),
            Self::Beat(beat) => {
                out.head(kind::BEAT);
                out.0.put_u64_le(beat.node.0);
                out.varint(beat.boot);
                out.varint(beat.sequence);
                let Duties { serves, delivers } = beat.duties;
                out.0.put_u8(u8::from(serves) | u8::from(delivers) << 1 | u8::from(beat.leaving) << 2);
                out.varint(beat.deaf_ms);
                out.users(&beat.online);
                out.users(&beat.offline);
            }
            Self::Ask { asker } => {
                out.head(kind::ASK);
                out.0.put_u64_le(asker.0);
            }
            Self::Snapshot(snapshot) => {
                out.head(kind::SNAPSHOT);
                out.0.put_u64_le(snapshot.node.0);
                out.varint(snapshot.boot);
                out.varint(snapshot.sequence);
                out.varint(snapshot.part);
                out.0.put_u8(u8::from(snapshot.is_last));
                out.users(&snapshot.users);
            }
            Self::Devices { user } => {
                out.head(kind::DEVICES);
                out.varint(user.0);
            }
            Self::Present { users } => out.list(kind::PRESENT, users),
            Self::Stirred { users } => out.list(kind::STIRRED, users),
            Self::Hand { only_device, skip_device, users, event } => {
                out.head(kind::HAND);
                out.optional_text(only_device.as_deref());
                out.optional_text(skip_device.as_deref());
                out.users(users);
                out.0.put_slice(event);
            }
            Self::Notice(notice) => {
                out.head(kind::NOTICE);
                out.0.put_slice(notice);
            }
        }
        out.0.freeze()
    }

    /// The packet of these bytes. An event in it shares their memory.
    ///
    /// # Errors
    /// [`MalformedPacket`], also for a packet of another version.
    pub(crate) fn decode(bytes: Bytes) -> Decoded<Self> {
        let mut input = Reader(bytes);
        if input.byte()? != VERSION {
            return Err(MalformedPacket);
        }
        let packet = match input.byte()? {
            kind::DELIVER => Self::Deliver(deliveries::decode(&mut input)?),
            kind::CLOSE_LINKS => Self::CloseLinks {
                user: UserId(input.varint()?),
                device_id: input.optional_text()?,
                generation_max: input.varint()?,
                code: u32::try_from(input.varint()?).map_err(|_| MalformedPacket)? as i32,
            },
            kind::END_SESSION => Self::EndSession {
                user: UserId(input.varint()?),
                device_id: input.text()?.as_str().into(),
                session_id: input.array()?,
            },
            kind::LAGGING => Self::Lagging { users: input.users()? },
            kind::BEAT => Self::Beat(input.beat()?),
            kind::ASK => Self::Ask { asker: input.node()? },
            kind::SNAPSHOT => Self::Snapshot(Snapshot {
                node: input.node()?,
                boot: input.varint()?,
                sequence: input.varint()?,
                part: input.varint()?,
                is_last: input.byte()? != 0,
                users: input.users()?,
            }),
            kind::DEVICES => Self::Devices { user: UserId(input.varint()?) },
            kind::PRESENT => Self::Present { users: input.users()? },
            kind::STIRRED => Self::Stirred { users: input.users()? },
            kind::HAND => Self::Hand {
                only_device: input.optional_text()?,
                skip_device: input.optional_text()?,
                users: input.users()?,
                event: std::mem::take(&mut input.0),
            },
            kind::NOTICE => Self::Notice(std::mem::take(&mut input.0)),
            _ => return Err(MalformedPacket),
        };
        if input.0.is_empty() { Ok(packet) } else { Err(MalformedPacket) }
    }
}

/// A list of names, as the reply to [`Packet::Devices`].
pub(crate) fn encode_names(names: &[Arc<str>]) -> Bytes {
    let mut out = Writer(BytesMut::new());
    out.varint(names.len() as u64);
    for name in names {
        out.text(name);
    }
    out.0.freeze()
}

/// The inverse of [`encode_names`].
pub(crate) fn decode_names(bytes: Bytes) -> Decoded<Vec<Arc<str>>> {
    let mut input = Reader(bytes);
    let count = input.count()?;
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        names.push(input.text()?.as_str().into());
    }
    Ok(names)
}

/// Those who are there, as the reply to [`Packet::Present`].
pub(crate) fn encode_present(present: &[Present]) -> Bytes {
    let mut out = Writer(BytesMut::new());
    for Present { user, platforms } in present {
        out.varint(user.0);
        out.varint(platforms.len() as u64);
        platforms.iter().for_each(|platform| out.varint(u64::from(*platform)));
    }
    out.0.freeze()
}

/// The inverse of [`encode_present`].
pub(crate) fn decode_present(bytes: Bytes) -> Decoded<Vec<Present>> {
    let mut input = Reader(bytes);
    let mut present = Vec::new();
    while !input.0.is_empty() {
        let (user, count) = (UserId(input.varint()?), input.count()?);
        let mut platforms = Vec::with_capacity(count);
        for _ in 0..count {
            platforms.push(u32::try_from(input.varint()?).map_err(|_| MalformedPacket)?);
        }
        present.push(Present { user, platforms });
    }
    Ok(present)
}

/// A number, as the reply to [`Packet::Hand`].
pub(crate) fn encode_count(count: u32) -> Bytes {
    let mut out = Writer(BytesMut::new());
    out.varint(u64::from(count));
    out.0.freeze()
}

/// The inverse of [`encode_count`].
pub(crate) fn decode_count(bytes: Bytes) -> Decoded<u32> {
    u32::try_from(Reader(bytes).varint()?).map_err(|_| MalformedPacket)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users() -> impl Strategy<Value = Vec<UserId>> {
        prop::collection::vec(any::<u64>().prop_map(UserId), 0..40)
    }

    fn name() -> impl Strategy<Value = Arc<str>> {
        "\\PC{0,20}".prop_map(|text| Arc::from(text.as_str()))
    }

    fn beat() -> impl Strategy<Value = Beat> {
        (any::<[u64; 4]>(), any::<[bool; 3]>(), users(), users()).prop_map(|(numbers, flags, online, offline)| Beat {
            node: NodeId(numbers[0]),
            boot: numbers[1],
            sequence: numbers[2],
            duties: Duties { serves: flags[0], delivers: flags[1] },
            leaving: flags[2],
            deaf_ms: numbers[3],
            online,
            offline,
        })
    }

    fn snapshot() -> impl Strategy<Value = Snapshot> {
        (any::<[u64; 4]>(), any::<bool>(), users()).prop_map(|(numbers, is_last, users)| Snapshot {
            node: NodeId(numbers[0]),
            boot: numbers[1],
            sequence: numbers[2],
            part: numbers[3],
            is_last,
            users,
        })
    }

    fn delivery() -> impl Strategy<Value = Delivery> {
        (prop::option::of(name()), users(), prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(skip_device, users, event)| Delivery { skip_device, users, event: event.into() })
    }

    fn packet() -> impl Strategy<Value = Packet> {
        let user = || any::<u64>().prop_map(UserId);
        prop_oneof![
            prop::collection::vec(delivery(), 0..5).prop_map(Packet::Deliver),
            (user(), prop::option::of(name()), any::<u64>(), any::<i32>()).prop_map(
                |(user, device_id, generation_max, code)| Packet::CloseLinks { user, device_id, generation_max, code }
            ),
            (user(), name(), any::<[u8; 16]>()).prop_map(|(user, device_id, session_id)| Packet::EndSession {
                user,
                device_id,
                session_id
            }),
            users().prop_map(|users| Packet::Lagging { users }),
            beat().prop_map(Packet::Beat),
            any::<u64>().prop_map(|node| Packet::Ask { asker: NodeId(node) }),
            snapshot().prop_map(Packet::Snapshot),
            user().prop_map(|user| Packet::Devices { user }),
            users().prop_map(|users| Packet::Present { users }),
            users().prop_map(|users| Packet::Stirred { users }),
            (prop::option::of(name()), prop::option::of(name()), users(), prop::collection::vec(any::<u8>(), 0..100))
                .prop_map(|(only_device, skip_device, users, event)| Packet::Hand {
                    only_device,
                    skip_device,
                    users,
                    event: event.into()
                }),
            prop::collection::vec(any::<u8>(), 0..100).prop_map(|notice| Packet::Notice(notice.into())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(packet in packet()) {
            prop_assert_eq!(Packet::decode(packet.encode()), Ok(packet));
        }

        #[test]
        fn those_who_are_there_come_back(known in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u32>(), 0..5)), 0..20)) {
            let present: Vec<_> = known.into_iter().map(|(user, platforms)| Present { user: UserId(user), platforms }).collect();
            prop_assert_eq!(decode_present(encode_present(&present)), Ok(present));
        }

        #[test]
        fn any_bytes_are_refused_or_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0_u8..24) {
            let _ = Packet::decode(Bytes::from(bytes.clone()));
            let mut packet = vec![VERSION, kind];
            packet.extend_from_slice(&bytes);
            let _ = Packet::decode(Bytes::from(packet));
            let _ = decode_count(Bytes::from(bytes.clone()));
            let _ = decode_present(Bytes::from(bytes.clone()));
            let _ = decode_names(Bytes::from(bytes));
        }

        #[test]
        fn what_is_cut_off_is_refused(packet in packet(), keep in 0.0..1.0) {
            let whole = packet.encode();
            let cut = whole.slice(..(whole.len() as f64 * keep) as usize);
            // An event and a notice have no end of their own; everything before it has.
            if let Ok(other) = Packet::decode(cut) {
                let is_open = matches!(other, Packet::Deliver { .. } | Packet::Hand { .. } | Packet::Notice(_));
                prop_assert!(is_open);
            }
        }

        #[test]
        fn names_come_back(names in prop::collection::vec(name(), 0..20)) {
            prop_assert_eq!(decode_names(encode_names(&names)), Ok(names));
        }
    }

    #[test]
    fn a_declared_length_allocates_nothing() {
        let mut out = Writer(BytesMut::new());
        out.head(kind::LAGGING);
        out.varint(u64::MAX >> 8);
        assert_eq!(Packet::decode(out.0.freeze()), Err(MalformedPacket));
    }

    #[test]
    fn neighbours_take_a_byte_each() {
        let users: Vec<_> = (1_000_000..1_001_000).map(UserId).collect();
        assert!(Packet::Lagging { users }.encode().len() < 1_020);
    }
}
