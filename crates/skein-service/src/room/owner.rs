//! Which node keeps a room, and how requests get there.

use bytes::Bytes;
use skein_bus::{CallError, Place};
use skein_proto::{
    codec::Codec,
    v1::{self, send_signal_request::To},
};

use crate::{
    Asking, Caller, Done, ServerKey, Service,
    remote::{failure, pass_on, pass_on_for_server},
};

/// Operations whose place is where their room is kept. To leave one concerns the session only.
const HERE: &[&str] = &[
    "RoomService/JoinRoom",
    "RoomService/SendToRoom",
    "RoomService/CountInRoom",
    "RoomService/GetRoom",
    "AdminService/SendToRoom",
    "AdminService/CloseRoom",
];

/// The room that a request is about, by method name without the package; `None` for requests about anything else, and for those that cannot be read.
pub(crate) fn subject(method: &str, codec: Codec, body: &[u8]) -> Option<String> {
    if method == "SignalService/SendSignal" {
        return match codec.decode(body).ok()? {
            v1::SendSignalRequest { to: Some(To::RoomId(room_id)), .. } => Some(room_id),
            _ => None,
        };
    }
    if !HERE.contains(&method) {
        return None;
    }
    // In every such request the first field is the room's id.
    let request: v1::GetRoomRequest = codec.decode(body).ok()?;
    Some(request.room_id)
}

/// The key of a room for the bus (FNV-1a).
pub(crate) fn key_of(room: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    room.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Service {
    /// The same for business systems.
    pub(crate) async fn done_by_owner_for_server(
        &self,
        key: &ServerKey,
        relayed: bool,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> Option<Result<Bytes, v1::Error>> {
        if relayed || self.bus.tag().is_none() {
            return None;
        }
        let place = key_of(&subject(method, codec, body)?);
        match self.bus.place(place) {
            Place::Here | Place::Nowhere => None,
            Place::There(_) => Some(pass_on_for_server(&self.bus, place, key, method, codec, body).await),
        }
    }

    /// Has another service node do what is about a room that it keeps; `None` when it is to be done here.
    pub(crate) async fn done_by_owner(
        &self,
        caller: Option<&Caller>,
        asking: Asking,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> Option<Result<Done, v1::Error>> {
        // Alone, nobody else can keep it.
        if asking.relayed || self.bus.tag().is_none() {
            return None;
        }
        let key = key_of(&subject(method, codec, body)?);
        match self.bus.place(key) {
            Place::Here | Place::Nowhere => None,
            Place::There(_) => {
                let asking = Asking { relayed: true, ..asking };
                match pass_on(&self.bus, Some(key), caller, asking, method, codec, body).await {
                    Ok(done) => Some(done),
                    // It is gone, nobody took the request, and this node comes after it.
                    Err(CallError::Nobody) if self.bus.place(key) == Place::Here => None,
                    Err(error) => Some(Err(failure(error).into())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_request_is_found_in_both_codecs() {
        let request =
            v1::SendToRoomRequest { room_id: "lobby".to_owned(), text: "hi".to_owned(), ..Default::default() };
        for codec in [Codec::Binary, Codec::Json] {
            let body = codec.encode(&request);
            assert_eq!(subject("RoomService/SendToRoom", codec, &body).as_deref(), Some("lobby"));
            assert_eq!(subject("MessageService/SendMessage", codec, &body), None);
            assert_eq!(subject("RoomService/SendToRoom", codec, &[0xff]), None);
            for (to, room) in [(To::RoomId("lobby".to_owned()), Some("lobby")), (To::UserId(7), None)] {
                let request = v1::SendSignalRequest { to: Some(to), ..Default::default() };
                assert_eq!(subject("SignalService/SendSignal", codec, &codec.encode(&request)).as_deref(), room);
            }
        }
    }
}
