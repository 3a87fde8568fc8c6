//! The handshake of a link: a token becomes a session and a welcome.

use std::sync::Arc;

use bytes::Bytes;
use skein_proto::{
    codec::Codec,
    v1::{self, CloseCode, ErrorCode},
};
use skein_service::Service;
use tokio_util::sync::CancellationToken;

use crate::{
    config::AccessConfig,
    registry::{Attachment, Registry},
};

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) service: Arc<Service>,
    pub(crate) registry: Arc<Registry>,
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
            return Greeted::Anonymous(self.welcome());
        }
        let caller = match self.service.authenticate(&hello.token).await {
            Ok(caller) => caller,
            Err(error) => return Greeted::Refused(close_code(&error), error.text),
        };
        let mut fresh_id = [0; 16];
        if getrandom::fill(&mut fresh_id).is_err() {
            return Greeted::Refused(CloseCode::Internal, "no randomness".to_owned());
        }
        let user_version = match self.service.user_version(caller.user).await {
            Ok(version) => version,
            Err(error) => return Greeted::Refused(close_code(&error), error.text),
        };
        let resume = hello.resume.as_option().map(|resume| (&resume.session_id[..], resume.received_link_seq));
        let (user, expires_ms, device_id) = (caller.user, caller.expires_ms, caller.device_id.to_string());
        let attachment = self.registry.attach(caller, codec, resume, receive_only, fresh_id);
        let welcome = v1::Welcome {
            session_id: Bytes::copy_from_slice(&attachment.session.lock().session.session_id()),
            resumed: attachment.resumed,
            user_id: user.0,
            user_version,
            token_expires_ms: expires_ms,
            device_id,
            ..self.welcome()
        };
        Greeted::Welcome(attachment, welcome)
    }

    fn welcome(&self) -> v1::Welcome {
        v1::Welcome {
            server_time_ms: self.service.now_ms(),
            heartbeat_ms: self.config.heartbeat_ms,
            limits: v1::Limits { resume_window_ms: self.config.resume_window_ms as u32, ..self.service.limits() }
                .into(),
            server: concat!("skein/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Default::default()
        }
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
