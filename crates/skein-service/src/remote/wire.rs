//! Calls in bytes. The bus has checked that both ends speak; here every field is checked against what is there.

use std::{sync::Arc, time::Duration};

use buffa::Enumeration as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use skein_bus::{
    CALL_MAX,
    packet::{MalformedPacket, Reader, Writer},
};
use skein_proto::{
    codec::Codec,
    id::UserId,
    outbox::{EventKind, KindSet},
    v1,
};

use crate::{
    Asking, Caller, Done, Effect, ServerKey,
    admin::{EventLine, EventLines},
    effect::RoomPlace,
    presence::{self, Looks, OnlineReport},
    room::report::{self, RoomReport},
    signal,
};

mod kind {
    pub(super) const OPEN_LINK: u8 = 1;
    pub(super) const DISPATCH: u8 = 2;
    pub(super) const LIMITS: u8 = 3;
    pub(super) const READY: u8 = 4;
    pub(super) const AUTHENTICATE_SERVER: u8 = 5;
    pub(super) const DISPATCH_SERVER: u8 = 6;
    pub(super) const OPEN_EVENTS: u8 = 7;
    pub(super) const NEXT_EVENTS: u8 = 8;
    pub(super) const REPORT_ROOMS: u8 = 9;
    pub(super) const LIST_ROOMS: u8 = 10;
    pub(super) const LOOK: u8 = 20;
    pub(super) const REPORT_ONLINE: u8 = 21;
}

/// Answers begin with one of these.
const DONE: u8 = 0;
const FAILED: u8 = 1;
/// What an operation asks of the session.
const EFFECT_NONE: u8 = 0;
const EFFECT_JOIN_ROOM: u8 = 1;
const EFFECT_LEAVE_ROOM: u8 = 2;
const EFFECT_WATCH: u8 = 3;
const EFFECT_UNWATCH: u8 = 4;
const EFFECT_UNWATCH_ALL: u8 = 5;

type Decoded<T> = Result<T, MalformedPacket>;

/// What an access node asks.
#[derive(Clone, Debug)]
pub(super) enum Question<'a> {
    /// Whose token is this, and where is their timeline.
    OpenLink { access_token: &'a str },
    /// Run this operation.
    Dispatch { caller: Option<Caller>, asking: Asking, method: &'a str, codec: Codec, body: &'a [u8] },
    /// Who is in which room, on which node.
    ReportRooms { node: u64, reports: Vec<RoomReport> },
    /// Which rooms does this node keep.
    ListRooms,
    /// What may these see of those.
    Look { looks: Looks },
    /// Who has come to and gone from an access node.
    ReportOnline { report: OnlineReport },
    /// Whose server key is this.
    AuthenticateServer { key: Option<Arc<str>> },
    /// Run this operation for a business system.
    DispatchServer { key: ServerKey, relayed: bool, method: &'a str, codec: Codec, body: &'a [u8] },
    /// Where does this stream of events begin.
    OpenEvents { after: Option<u64>, kinds: Vec<String> },
    /// What happened after this cursor.
    NextEvents { after: u64, kinds: KindSet },
    /// What the welcome announces.
    Limits,
    /// Does the store answer.
    Ready,
}

impl<'a> Question<'a> {
    /// How long its answer may take.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Self::Dispatch { method, codec, body, .. } | Self::DispatchServer { method, codec, body, .. } => {
                signal::patience(method, *codec, body)
            }
            _ => CALL_MAX,
        }
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut out = Writer(BytesMut::with_capacity(64));
        match self {
            Self::OpenLink { access_token } => {
                out.0.put_u8(kind::OPEN_LINK);
                out.text(access_token);
            }
            Self::Dispatch { caller, asking, method, codec, body } => {
                out.0.reserve(64 + method.len() + body.len());
                out.0.put_u8(kind::DISPATCH);
                out.0.put_u8(u8::from(caller.is_some()));
                if let Some(caller) = caller {
                    put_caller(&mut out, caller);
                }
                out.0.put_u8(asking_bits(*asking));
                put_operation(&mut out, method, *codec, body);
            }
            Self::ReportRooms { node, reports } => {
                out.0.put_u8(kind::REPORT_ROOMS);
                out.varint(*node);
                report::put_reports(&mut out, reports);
            }
            Self::Look { looks } => {
                out.0.put_u8(kind::LOOK);
                presence::wire::put_looks(&mut out, looks);
            }
            Self::ReportOnline { report } => {
                out.0.put_u8(kind::REPORT_ONLINE);
                presence::wire::put_report(&mut out, report);
            }
            Self::AuthenticateServer { key } => {
                out.0.put_u8(kind::AUTHENTICATE_SERVER);
                out.optional_text(key.as_deref());
            }
            Self::DispatchServer { key, relayed, method, codec, body } => {
                out.0.reserve(64 + method.len() + body.len());
                out.0.put_u8(kind::DISPATCH_SERVER);
                out.text(&key.name);
                out.0.put_u8(u8::from(*relayed));
                put_operation(&mut out, method, *codec, body);
            }
            Self::OpenEvents { after, kinds } => {
                out.0.put_u8(kind::OPEN_EVENTS);
                out.0.put_u8(u8::from(after.is_some()));
                out.varint(after.unwrap_or_default());
                kinds.iter().for_each(|kind| out.text(kind));
            }
            Self::NextEvents { after, kinds } => {
                out.0.put_u8(kind::NEXT_EVENTS);
                out.varint(*after);
                out.varint(kinds.bits());
            }
            Self::ListRooms => out.0.put_u8(kind::LIST_ROOMS),
            Self::Limits => out.0.put_u8(kind::LIMITS),
            Self::Ready => out.0.put_u8(kind::READY),
        }
        out.0.freeze()
    }

    pub(super) fn decode(bytes: &'a Bytes) -> Decoded<Self> {
        let mut input = Reader(bytes.clone());
        match input.byte()? {
            kind::OPEN_LINK => Ok(Self::OpenLink { access_token: text(bytes, &mut input)? }),
            kind::DISPATCH => {
                let caller = match input.byte()? {
                    0 => None,
                    1 => Some(caller(&mut input)?),
                    _ => return Err(MalformedPacket),
                };
                let asking = asking_of(input.byte()?);
                let (method, codec, body) = operation(bytes, input)?;
                Ok(Self::Dispatch { caller, asking, method, codec, body })
            }
            kind::REPORT_ROOMS => {
                Ok(Self::ReportRooms { node: input.varint()?, reports: report::read_reports(&mut input)? })
            }
            kind::LOOK => Ok(Self::Look { looks: presence::wire::read_looks(&mut input)? }),
            kind::REPORT_ONLINE => Ok(Self::ReportOnline { report: presence::wire::read_report(&mut input)? }),
            kind::AUTHENTICATE_SERVER => Ok(Self::AuthenticateServer { key: input.optional_text()? }),
            kind::DISPATCH_SERVER => {
                let key = ServerKey { name: input.text()?.as_str().into() };
                let relayed = input.byte()? != 0;
                let (method, codec, body) = operation(bytes, input)?;
                Ok(Self::DispatchServer { key, relayed, method, codec, body })
            }
            kind::OPEN_EVENTS => {
                let given = input.byte()?;
                let after = input.varint()?;
                let after = match given {
                    0 => None,
                    1 => Some(after),
                    _ => return Err(MalformedPacket),
                };
                let mut kinds = Vec::new();
                while !input.0.is_empty() {
                    kinds.push(input.text()?);
                }
                Ok(Self::OpenEvents { after, kinds })
            }
            kind::NEXT_EVENTS => {
                Ok(Self::NextEvents { after: input.varint()?, kinds: KindSet::from_bits(input.varint()?) })
            }
            kind::LIST_ROOMS => Ok(Self::ListRooms),
            kind::LIMITS => Ok(Self::Limits),
            kind::READY => Ok(Self::Ready),
            _ => Err(MalformedPacket),
        }
    }
}

fn asking_bits(asking: Asking) -> u8 {
    u8::from(asking.has_session) | u8::from(asking.in_room) << 1 | u8::from(asking.relayed) << 2
}

fn asking_of(bits: u8) -> Asking {
    Asking { has_session: bits & 1 != 0, in_room: bits & 2 != 0, relayed: bits & 4 != 0 }
}

/// What an operation asks of the session, then its answer.
pub(super) fn encode_done(done: &Done) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(32 + done.body.len()));
    match &done.effect {
        Effect::None => out.0.put_u8(EFFECT_NONE),
        Effect::JoinRoom(place) => {
            out.0.put_u8(EFFECT_JOIN_ROOM);
            out.text(&place.room);
            out.varint(place.epoch);
            out.varint(place.offset);
        }
        Effect::LeaveRoom { room } => {
            out.0.put_u8(EFFECT_LEAVE_ROOM);
            out.text(room);
        }
        Effect::Watch { users } => put_users(&mut out, EFFECT_WATCH, users),
        Effect::Unwatch { users: Some(users) } => put_users(&mut out, EFFECT_UNWATCH, users),
        Effect::Unwatch { users: None } => out.0.put_u8(EFFECT_UNWATCH_ALL),
    }
    out.0.put_slice(&done.body);
    out.0.freeze()
}

/// The inverse of [`encode_done`].
pub(super) fn decode_done(bytes: Bytes) -> Decoded<Done> {
    let mut input = Reader(bytes);
    let effect = match input.byte()? {
        EFFECT_NONE => Effect::None,
        EFFECT_JOIN_ROOM => {
            let room = input.text()?.as_str().into();
            Effect::JoinRoom(RoomPlace { room, epoch: input.varint()?, offset: input.varint()? })
        }
        EFFECT_LEAVE_ROOM => Effect::LeaveRoom { room: input.text()?.as_str().into() },
        EFFECT_WATCH => Effect::Watch { users: read_users(&mut input)? },
        EFFECT_UNWATCH => Effect::Unwatch { users: Some(read_users(&mut input)?) },
        EFFECT_UNWATCH_ALL => Effect::Unwatch { users: None },
        _ => return Err(MalformedPacket),
    };
    Ok(Done { body: input.0, effect })
}

fn put_users(out: &mut Writer, kind: u8, users: &[UserId]) {
    out.0.put_u8(kind);
    out.varint(users.len() as u64);
    users.iter().for_each(|user| out.varint(user.0));
}

fn read_users(input: &mut Reader) -> Decoded<Vec<UserId>> {
    let count = input.varint()?;
    (0..count).map(|_| input.varint().map(UserId)).collect()
}

fn put_operation(out: &mut Writer, method: &str, codec: Codec, body: &[u8]) {
    out.text(method);
    out.0.put_u8(u8::from(codec == Codec::Json));
    out.0.put_slice(body);
}

/// The inverse; the body is what is left.
fn operation(whole: &Bytes, mut input: Reader) -> Decoded<(&str, Codec, &[u8])> {
    let method = text(whole, &mut input)?;
    let codec = match input.byte()? {
        0 => Codec::Binary,
        1 => Codec::Json,
        _ => return Err(MalformedPacket),
    };
    Ok((method, codec, &whole[whole.len() - input.0.len()..]))
}

/// The next text of `input`, which is what is left of `whole`, as a part of `whole`.
fn text<'a>(whole: &'a Bytes, input: &mut Reader) -> Decoded<&'a str> {
    let length = usize::try_from(input.varint()?).map_err(|_| MalformedPacket)?;
    let start = whole.len() - input.0.len();
    input.bytes(length)?;
    std::str::from_utf8(&whole[start..start + length]).map_err(|_| MalformedPacket)
}

fn put_caller(out: &mut Writer, caller: &Caller) {
    out.varint(caller.user.0);
    out.text(&caller.device_id);
    out.varint(u64::from(caller.platform.to_i32() as u32));
    out.varint(caller.generation);
    out.varint(caller.expires_ms);
}

fn caller(input: &mut Reader) -> Decoded<Caller> {
    Ok(Caller {
        user: UserId(input.varint()?),
        device_id: input.text()?.as_str().into(),
        platform: v1::Platform::from_i32(u32::try_from(input.varint()?).map_err(|_| MalformedPacket)? as i32)
            .unwrap_or_default(),
        generation: input.varint()?,
        expires_ms: input.varint()?,
    })
}

pub(super) fn encode_opened(caller: &Caller, version: u64) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(64));
    put_caller(&mut out, caller);
    out.varint(version);
    out.0.freeze()
}

pub(super) fn decode_opened(bytes: Bytes) -> Decoded<(Caller, u64)> {
    let mut input = Reader(bytes);
    Ok((caller(&mut input)?, input.varint()?))
}

pub(super) fn encode_key(key: &ServerKey) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(64));
    out.text(&key.name);
    out.0.freeze()
}

pub(super) fn decode_key(bytes: Bytes) -> Decoded<ServerKey> {
    Ok(ServerKey { name: Reader(bytes).text()?.as_str().into() })
}

pub(super) fn encode_begin(after: u64, kinds: KindSet) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(20));
    out.varint(after);
    out.varint(kinds.bits());
    out.0.freeze()
}

pub(super) fn decode_begin(bytes: Bytes) -> Decoded<(u64, KindSet)> {
    let mut input = Reader(bytes);
    Ok((input.varint()?, KindSet::from_bits(input.varint()?)))
}

pub(super) fn encode_lines(page: &EventLines) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(32));
    out.varint(page.next);
    out.0.put_u8(u8::from(page.has_more));
    for line in &page.lines {
        out.varint(line.cursor);
        out.0.put_u8(line.kind as u8);
        out.text(&line.payload);
    }
    out.0.freeze()
}

pub(super) fn decode_lines(bytes: Bytes) -> Decoded<EventLines> {
    let mut input = Reader(bytes);
    let next = input.varint()?;
    let has_more = match input.byte()? {
        0 => false,
        1 => true,
        _ => return Err(MalformedPacket),
    };
    let mut lines = Vec::new();
    while !input.0.is_empty() {
        let cursor = input.varint()?;
        let kind = EventKind::from_number(input.byte()?).ok_or(MalformedPacket)?;
        lines.push(EventLine { cursor, kind, payload: input.text()? });
    }
    Ok(EventLines { lines, next, has_more })
}

pub(super) fn encode_answer(answer: &Result<Bytes, v1::Error>) -> Bytes {
    let (kind, body) = match answer {
        Ok(body) => (DONE, body.clone()),
        Err(error) => (FAILED, Codec::Binary.encode(error)),
    };
    let mut out = BytesMut::with_capacity(1 + body.len());
    out.put_u8(kind);
    out.put_slice(&body);
    out.freeze()
}

pub(super) fn decode_answer(mut bytes: Bytes) -> Decoded<Result<Bytes, v1::Error>> {
    match bytes.first() {
        Some(&DONE) => Ok(Ok(bytes.split_off(1))),
        Some(&FAILED) => Codec::Binary.decode(&bytes[1..]).map(Err).map_err(|_| MalformedPacket),
        _ => Err(MalformedPacket),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_caller() -> impl Strategy<Value = Caller> {
        (any::<[u64; 3]>(), "\\PC{0,30}").prop_map(|(numbers, device)| Caller {
            user: UserId(numbers[0]),
            device_id: device.as_str().into(),
            platform: v1::Platform::Web,
            generation: numbers[1],
            expires_ms: numbers[2],
        })
    }

    proptest! {
        #[test]
        fn questions_and_answers_come_back(
            someone in prop::option::of(a_caller()), method in "\\PC{0,40}", body: Vec<u8>, json: bool, bits: u8,
        ) {
            let codec = if json { Codec::Json } else { Codec::Binary };
            let asking = asking_of(bits & 7);
            let question = Question::Dispatch { caller: someone.clone(), asking, method: &method, codec, body: &body };
            let (bytes, same) = (question.encode(), format!("{question:?}"));
            prop_assert_eq!(format!("{:?}", Question::decode(&bytes).unwrap()), same);
            if let Some(someone) = someone {
                let opened = decode_opened(encode_opened(&someone, 7)).unwrap();
                prop_assert_eq!(format!("{opened:?}"), format!("{:?}", (someone, 7)));
            }
            let error = v1::Error { text: method, code: v1::ErrorCode::Blocked.into(), ..Default::default() };
            for answer in [Ok(Bytes::from(body.clone())), Err(error.clone())] {
                prop_assert_eq!(decode_answer(encode_answer(&answer)).unwrap(), answer);
            }
        }

        #[test]
        fn what_is_about_rooms_comes_back(room in "[a-z]{1,9}", numbers: [u64; 3], body: Vec<u8>) {
            let counters = vec![(room.clone(), numbers[0])];
            let reports = vec![RoomReport { room: room.clone(), online: numbers[1], counters }, RoomReport::default()];
            let question = Question::ReportRooms { node: numbers[2], reports };
            let (bytes, same) = (question.encode(), format!("{question:?}"));
            prop_assert_eq!(format!("{:?}", Question::decode(&bytes).unwrap()), same);
            let place = RoomPlace { room: room.as_str().into(), epoch: numbers[0], offset: numbers[1] };
            for effect in [Effect::None, Effect::JoinRoom(place), Effect::LeaveRoom { room: room.as_str().into() }] {
                let done = Done { body: body.clone().into(), effect };
                prop_assert_eq!(decode_done(encode_done(&done)).unwrap(), done);
            }
            let standings = vec![report::RoomStanding { room, epoch: numbers[0], offset: numbers[1] }];
            let encoded = report::encode_standings(&standings);
            prop_assert_eq!(report::decode_standings(encoded).unwrap(), standings);
        }

        #[test]
        fn those_of_business_systems_come_back(
            name in "\\PC{0,40}", after: Option<u64>, words in prop::collection::vec("\\PC{0,20}", 0..4), bits: u64,
            payloads in prop::collection::vec("\\PC{0,40}", 0..4), has_more: bool, body: Vec<u8>,
        ) {
            let key = ServerKey { name: name.as_str().into() };
            let (kinds, codec) = (KindSet::from_bits(bits), Codec::Json);
            for question in [
                Question::AuthenticateServer { key: None },
                Question::AuthenticateServer { key: Some(name.as_str().into()) },
                Question::DispatchServer { key: key.clone(), relayed: has_more, method: &name, codec, body: &body },
                Question::OpenEvents { after, kinds: words.clone() },
                Question::NextEvents { after: bits, kinds },
                Question::ListRooms,
            ] {
                let (bytes, same) = (question.encode(), format!("{question:?}"));
                prop_assert_eq!(format!("{:?}", Question::decode(&bytes).unwrap()), same);
            }
            prop_assert_eq!(decode_key(encode_key(&key)).unwrap().name, key.name);
            prop_assert_eq!(decode_begin(encode_begin(bits, kinds)).unwrap(), (bits, kinds));
            let line = |payload| EventLine { cursor: bits, kind: EventKind::MailingFinished, payload };
            let lines = EventLines { lines: payloads.into_iter().map(line).collect(), next: bits, has_more };
            prop_assert_eq!(decode_lines(encode_lines(&lines)).unwrap(), lines);
        }

        #[test]
        fn any_bytes_are_refused_or_decoded(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            let _ = Question::decode(&bytes);
            let _ = decode_opened(bytes.clone());
            let _ = decode_key(bytes.clone());
            let _ = decode_begin(bytes.clone());
            let _ = decode_lines(bytes.clone());
            let _ = decode_answer(bytes);
        }
    }
}
