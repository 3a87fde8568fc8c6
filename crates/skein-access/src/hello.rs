//! The handshake of a link: a token becomes a session and a welcome.

use std::sync::Arc;

use bytes::Bytes;
use skein_bus::{Bus, BusMessage};
use skein_proto::{
    codec::Codec,
    v1::{self, CloseCode, ErrorCode},
};
use skein_service::{Gate, now_ms};
use tokio_util::sync::CancellationToken;

use crate::{
    config::AccessConfig,
    registry::{Attachment, Registry},
    room::Rooms,
};

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) config: AccessConfig,
    /// Cancelled when the server stops.
    pub(crate) stop: CancellationToken,
}

/// The outcome of a hello.
pub(crate) enum Greeted {
    /// A session of somebody; the welcome is to be sent.
    Welcome(Attachment, v1::Welcome),
    /// A link that may call what needs no caller.
    Anonymous(v1::Welcome),
    /// To be closed.
    Refused(CloseCode, String),
}

impl Shared {
    /// Judges a hello.
    pub(crate) async fn greet(&self, hello: &v1::Hello, codec: Codec, receive_only: bool) -> Greeted {
        if hello.token.is_empty() {
            return match self.welcome().await {
                Ok(welcome) => Greeted::Anonymous(welcome),
                Err(error) => Greeted::Refused(close_code(&error), error.text),
            };
        }
        let opened = self.gate.open_link(&hello.token).await;
        let (caller, user_version, welcome) = match (opened, self.welcome().await) {
            (Ok((caller, user_version)), Ok(welcome)) => (caller, user_version, welcome),
            (Err(error), _) | (_, Err(error)) => return Greeted::Refused(close_code(&error), error.text),
        };
        let mut fresh_id = [0; 16];
        if getrandom::fill(&mut fresh_id).is_err() {
            return Greeted::Refused(CloseCode::Internal, "no randomness".to_owned());
        }
        let tag = self.bus.tag();
        if let Some(tag) = tag {
            fresh_id[..tag.len()].copy_from_slice(&tag);
        }
        let resume = hello.resume.as_option().map(|resume| (&resume.session_id[..], resume.received_link_seq));
        let (user, expires_ms, device_id) = (caller.user, caller.expires_ms, caller.device_id.to_string());
        let attachment = self.registry.attach(caller, codec, resume, receive_only, fresh_id);
        if let Some((id, _)) = resume.filter(|_| !attachment.resumed) {
            self.end_elsewhere(&attachment, tag, id).await;
        }
        let welcome = v1::Welcome {
            session_id: Bytes::copy_from_slice(&attachment.session.lock().session.session_id()),
            resumed: attachment.resumed,
            user_id: user.0,
            user_version,
            token_expires_ms: expires_ms,
            device_id,
            ..welcome
        };
        Greeted::Welcome(attachment, welcome)
    }

    /// The session that was to be resumed was made by another node: there its connection, if any is left, has been superseded.
    async fn end_elsewhere(&self, attachment: &Attachment, tag: Option<[u8; 4]>, id: &[u8]) {
        let Ok(session_id) = <[u8; 16]>::try_from(id) else { return };
        if tag.is_some_and(|tag| !session_id.starts_with(&tag)) {
            let caller = &attachment.session.caller;
            let (user, device_id) = (caller.user, caller.device_id.clone());
            self.bus.publish(BusMessage::EndSession { user, device_id, session_id }).await;
        }
    }

    async fn welcome(&self) -> Result<v1::Welcome, v1::Error> {
        let limits = self.gate.limits().await?;
        Ok(v1::Welcome {
            server_time_ms: now_ms(),
            heartbeat_ms: self.config.heartbeat_ms,
            limits: v1::Limits { resume_window_ms: self.config.resume_window_ms as u32, ..limits }.into(),
            server: concat!("skein/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Default::default()
        })
    }
}

/// What a refused token means for the link.
fn close_code(error: &v1::Error) -> CloseCode {
    match error.code.as_known().unwrap_or_default() {
        ErrorCode::TokenExpired => CloseCode::TokenExpired,
        ErrorCode::TokenRevoked => CloseCode::TokenRevoked,
        ErrorCode::AccountSuspended => CloseCode::AccountSuspended,
        ErrorCode::Unauthenticated => CloseCode::BadToken,
        ErrorCode::Overloaded => CloseCode::Overloaded,
        _ => CloseCode::Internal,
    }
}
