//! Presence between nodes, in bytes.

use bytes::{BufMut as _, Bytes, BytesMut};
use skein_bus::packet::{MalformedPacket, Reader, Writer};
use skein_proto::{codec::Codec, id::UserId, v1};
use skein_store::presence::OnlineMove;

use super::{Looks, OnlineReport};

type Decoded<T> = Result<T, MalformedPacket>;

pub(crate) fn put_looks(out: &mut Writer, looks: &Looks) {
    for (watcher, users) in looks {
        out.varint(watcher.0);
        out.varint(users.len() as u64);
        users.iter().for_each(|user| out.varint(user.0));
    }
}

/// The inverse; nothing may follow.
pub(crate) fn read_looks(input: &mut Reader) -> Decoded<Looks> {
    let mut looks = Vec::new();
    while !input.0.is_empty() {
        let (watcher, count) = (UserId(input.varint()?), input.varint()?);
        let mut users = Vec::new();
        for _ in 0..count {
            users.push(UserId(input.varint()?));
        }
        looks.push((watcher, users));
    }
    Ok(looks)
}

pub(crate) fn encode_looked(looked: Vec<Vec<v1::Presence>>) -> Bytes {
    let mut out = Writer(BytesMut::new());
    for presences in looked {
        let event = Codec::Binary.encode(&v1::PresenceEvent { presences, ..Default::default() });
        out.varint(event.len() as u64);
        out.0.put_slice(&event);
    }
    out.0.freeze()
}

pub(crate) fn decode_looked(bytes: Bytes) -> Decoded<Vec<Vec<v1::Presence>>> {
    let mut input = Reader(bytes);
    let mut looked = Vec::new();
    while !input.0.is_empty() {
        let length = usize::try_from(input.varint()?).map_err(|_| MalformedPacket)?;
        let event: v1::PresenceEvent = Codec::Binary.decode(&input.bytes(length)?).map_err(|_| MalformedPacket)?;
        looked.push(event.presences);
    }
    Ok(looked)
}

pub(crate) fn put_report(out: &mut Writer, report: &OnlineReport) {
    out.varint(report.node);
    out.varint(report.sequence);
    for told in &report.moves {
        out.varint(told.user.0);
        out.0.put_u8(u8::from(told.online));
        out.varint(told.time_ms);
    }
}

/// The inverse; nothing may follow.
pub(crate) fn read_report(input: &mut Reader) -> Decoded<OnlineReport> {
    let mut report = OnlineReport { node: input.varint()?, sequence: input.varint()?, moves: Vec::new() };
    while !input.0.is_empty() {
        let (user, online, time_ms) = (UserId(input.varint()?), input.byte()? != 0, input.varint()?);
        report.moves.push(OnlineMove { user, online, time_ms });
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_nodes_tell_comes_back(
            looks in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u64>(), 0..9)), 0..9),
            node: u64, moves in prop::collection::vec((any::<u64>(), any::<bool>(), any::<u64>()), 0..9), body: Vec<u8>,
        ) {
            let user = |(watcher, users): (u64, Vec<u64>)| (UserId(watcher), users.into_iter().map(UserId).collect());
            let looks: Looks = looks.into_iter().map(user).collect();
            let mut out = Writer(BytesMut::new());
            put_looks(&mut out, &looks);
            prop_assert_eq!(read_looks(&mut Reader(out.0.freeze())).unwrap(), looks.clone());
            let moves = moves.into_iter().map(|(user, online, time_ms)| OnlineMove { user: UserId(user), online, time_ms });
            let report = OnlineReport { node, sequence: node / 3, moves: moves.collect() };
            let mut out = Writer(BytesMut::new());
            put_report(&mut out, &report);
            prop_assert_eq!(read_report(&mut Reader(out.0.freeze())).unwrap(), report);
            let presence = |user: &UserId| v1::Presence { user_id: user.0, ..Default::default() };
            let looked: Vec<Vec<_>> = looks.iter().map(|(_, users)| users.iter().map(presence).collect()).collect();
            prop_assert_eq!(decode_looked(encode_looked(looked.clone())).unwrap(), looked);
            let _ = decode_looked(body.clone().into());
            let _ = read_looks(&mut Reader(body.clone().into()));
            let _ = read_report(&mut Reader(body.into()));
        }
    }
}
