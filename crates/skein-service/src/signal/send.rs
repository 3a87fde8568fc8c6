//! Sends a signal.

use std::{sync::Arc, time::Duration};

use skein_bus::Handing;
use skein_proto::{
    event::EncodedEvent,
    id::{ConversationId, UserId},
    limits::{SIGNAL_BYTES_MAX, SIGNAL_KIND_BYTES_MAX, SIGNAL_REPLY_MS_MAX},
    v1::{self, ErrorCode, send_signal_request::To},
};
use skein_store::{Refusal, StoreError, conversation::Audience};

use super::{budget::Target, waiting::SignalId};
use crate::{Asking, Caller, Effect, Failure, Result, Service, measure, validate};

/// Somebody is writing.
const TYPING: &str = "typing";
/// Somebody is speaking.
const RECORDING: &str = "recording";

/// Whom a signal is for.
pub(super) struct Receivers {
    pub(super) users: Arc<[UserId]>,
    pub(super) only_device: Option<Arc<str>>,
    /// Empty, or where it is said.
    pub(super) conversation_id: String,
}

/// Text and data of a signal or a reply.
pub(super) fn check_payload(text: &str, data: &[u8]) -> Result<()> {
    if text.len() + data.len() > SIGNAL_BYTES_MAX {
        let text = format!("text and data have more than {SIGNAL_BYTES_MAX} bytes");
        return Err(Failure::new(ErrorCode::TooLarge, text));
    }
    Ok(())
}

/// What holds for every signal, whomever it is for.
pub(super) fn check(request: &v1::SendSignalRequest) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let kind = request.kind.as_bytes();
    if kind.is_empty() || kind.len() > SIGNAL_KIND_BYTES_MAX || !kind.iter().copied().all(plain) {
        return Err(Failure::invalid(format!(
            "kind must be 1 to {SIGNAL_KIND_BYTES_MAX} of the characters a-z 0-9 . _ -"
        )));
    }
    if request.expects_reply_ms > SIGNAL_REPLY_MS_MAX {
        return Err(Failure::invalid(format!("expects_reply_ms is at most {SIGNAL_REPLY_MS_MAX}")));
    }
    check_payload(&request.text, &request.data)
}

impl Service {
    /// Hands a signal to the sessions of its receivers that are connected now, and says to how many; with `expects_reply_ms` it waits for the first
    /// reply. Of typing and recording nothing is counted. To a room it is a message of low priority.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `NOT_A_MEMBER`, `NOT_FOUND` (no such person), `BLOCKED`, `FORBIDDEN` (a command to somebody with whom there is
    /// no conversation), `LIMIT_REACHED` (a large group), `RATE_LIMITED`; with a reply `UNAVAILABLE` (nobody is there) and `TIMEOUT`; of rooms those of
    /// `SendToRoom`.
    pub(crate) async fn send_signal(
        &self,
        caller: &Caller,
        asking: Asking,
        request: v1::SendSignalRequest,
    ) -> Result<(v1::SendSignalResponse, Effect)> {
        check(&request)?;
        if let Some(To::RoomId(room_id)) = &request.to {
            let room_id = room_id.clone();
            return Ok((self.signal_to_room(caller, asking, room_id, request).await?, Effect::None));
        }
        let receivers = self.hearers(caller, &request).await?;
        let response = self.hand_over(Some(caller), receivers, request).await?;
        Ok((response, Effect::None))
    }

    /// Who gets it, if the caller may send it.
    async fn hearers(&self, caller: &Caller, request: &v1::SendSignalRequest) -> Result<Receivers> {
        let command = request.expects_reply_ms > 0;
        match &request.to {
            None | Some(To::RoomId(_)) => {
                Err(Failure::invalid("name a user_id, a device, a conversation_id or a room_id to send to"))
            }
            Some(To::UserId(user)) => self.one_person(caller, validate::user_id(*user)?, None, command).await,
            Some(To::Device(device)) => {
                if device.device_id.is_empty() {
                    return Err(Failure::invalid("device.device_id is empty"));
                }
                let device_id = Some(Arc::from(device.device_id.as_str()));
                self.one_person(caller, validate::user_id(device.user_id)?, device_id, true).await
            }
            Some(To::ConversationId(text)) => {
                let conversation = validate::conversation_id(text)?;
                self.all_of(caller, conversation, &request.kind).await
            }
        }
    }

    /// The devices of one person. `close`: others may not unless they talk to each other.
    async fn one_person(
        &self,
        caller: &Caller,
        user: UserId,
        only_device: Option<Arc<str>>,
        close: bool,
    ) -> Result<Receivers> {
        self.signals.budgets.spend(self.now_ms(), caller.user, Target::User(user))?;
        if user != caller.user {
            let conversation = ConversationId::direct(caller.user, user);
            self.store.list_audience(caller.user, conversation).await?;
            if close {
                self.store.lookup_entry(caller.user, conversation).await.map_err(|error| match error {
                    StoreError::Refused(Refusal::NotAMember) => Failure::new(
                        ErrorCode::Forbidden,
                        "there is no conversation with this person; commands to devices of others need one, or a server key",
                    ),
                    other => other.into(),
                })?;
            }
        }
        Ok(Receivers { users: Arc::from([user]), only_device, conversation_id: String::new() })
    }

    async fn all_of(&self, caller: &Caller, conversation: ConversationId, kind: &str) -> Result<Receivers> {
        let writing = kind == TYPING || kind == RECORDING;
        let target = if writing { Target::Typing(conversation) } else { Target::Conversation(conversation) };
        self.signals.budgets.spend(self.now_ms(), caller.user, target)?;
        let Audience { mut users, is_large } = self.store.list_audience(caller.user, conversation).await?;
        if is_large {
            let text = "this group has more members than signals go to; a live room has no such limit";
            return Err(Failure::new(ErrorCode::LimitReached, text));
        }
        self.pace.signal_to(conversation, self.now_ms())?;
        if writing {
            users.retain(|user| *user != caller.user);
        }
        Ok(Receivers { users: users.into(), only_device: None, conversation_id: conversation.to_string() })
    }

    /// Without a caller it is the host application that sends.
    pub(super) async fn hand_over(
        &self,
        caller: Option<&Caller>,
        receivers: Receivers,
        request: v1::SendSignalRequest,
    ) -> Result<v1::SendSignalResponse> {
        let Receivers { users, only_device, conversation_id } = receivers;
        let id = SignalId::new(self.bus.number())?;
        let reply_within_ms = request.expects_reply_ms;
        let reply = (reply_within_ms > 0).then(|| self.signals.waiting.expect(id, users.clone(), only_device.clone()));
        let reply = reply.transpose()?;
        let uncounted = request.kind == TYPING || request.kind == RECORDING;
        let target = match (&only_device, conversation_id.is_empty()) {
            (Some(_), _) => "device",
            (None, true) => "user",
            (None, false) if uncounted => "typing",
            (None, false) => "conversation",
        };
        let signal = v1::Signal {
            signal_id: id.to_string(),
            kind: request.kind,
            text: request.text,
            data: request.data,
            sender_id: caller.map_or(0, |caller| caller.user.0),
            sender_device_id: caller.map(|caller| caller.device_id.to_string()).unwrap_or_default(),
            conversation_id,
            time_ms: self.now_ms(),
            reply_within_ms,
            ..Default::default()
        };
        let skip_device = caller.map(|caller| caller.device_id.clone());
        let event = Arc::new(EncodedEvent::new(signal));
        let mut delivered = 0;
        let mut handed = 0;
        for (users, counted) in self.counted(caller, users, uncounted).await? {
            let (only_device, skip_device, event) = (only_device.clone(), skip_device.clone(), event.clone());
            let count = self.bus.hand(Handing { users, only_device, skip_device, event }).await;
            handed += count;
            delivered += if counted { count } else { 0 };
        }
        measure::signal(target, handed);
        let mut response = v1::SendSignalResponse { signal_id: id.to_string(), delivered, ..Default::default() };
        if let Some(mut reply) = reply {
            if handed == 0 {
                return Err(Failure::new(ErrorCode::Unavailable, "nobody is there who could reply"));
            }
            let patience = Duration::from_millis(u64::from(reply_within_ms));
            match tokio::time::timeout(patience, &mut reply.told).await {
                Ok(Ok(came)) => response.reply = came.into(),
                _ => return Err(Failure::new(ErrorCode::Timeout, "no reply came in time")),
            }
        }
        Ok(response)
    }

    /// The receivers in two parts: those of whom the sender may learn that they are there are counted, the others are not.
    async fn counted(
        &self,
        caller: Option<&Caller>,
        users: Arc<[UserId]>,
        uncounted: bool,
    ) -> Result<Vec<(Arc<[UserId]>, bool)>> {
        let Some(caller) = caller.filter(|_| !uncounted) else { return Ok(vec![(users, !uncounted)]) };
        let open = self.sees_online(caller.user, &users).await?;
        if open.len() == users.len() {
            return Ok(vec![(users, true)]);
        }
        let hidden = users.iter().copied().filter(|user| !open.contains(user)).collect();
        Ok(vec![(open.into(), true), (hidden, false)])
    }

    async fn signal_to_room(
        &self,
        caller: &Caller,
        asking: Asking,
        room_id: String,
        request: v1::SendSignalRequest,
    ) -> Result<v1::SendSignalResponse> {
        if request.expects_reply_ms > 0 {
            return Err(Failure::invalid("nobody of a room replies: expects_reply_ms must be 0"));
        }
        let v1::SendSignalRequest { kind, text, data, .. } = request;
        let priority = v1::RoomPriority::Low.into();
        let message =
            v1::SendToRoomRequest { room_id: room_id.clone(), kind, text, data, priority, ..Default::default() };
        let (said, _) = self.send_to_room(caller, asking, message).await?;
        // Whoever asks is there, before its node has said so.
        let online = if said.sampled { 0 } else { self.rooms.online(&room_id).max(1) };
        let delivered = u32::try_from(online).unwrap_or(u32::MAX);
        measure::signal("room", delivered);
        Ok(v1::SendSignalResponse { delivered, ..Default::default() })
    }
}
