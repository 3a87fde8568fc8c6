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
    cluster::Cluster,
    config::AccessConfig,
    heartbeat,
    limit::{Admission, Guard},
    measure,
    presence::Watches,
    quic::WebTransport,
    registry::{Attachment, Registry},
    room::Rooms,
};

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) cluster: Cluster,
    pub(crate) guard: Guard,
    pub(crate) admission: Admission,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) watches: Arc<Watches>,
    pub(crate) config: AccessConfig,
    /// How browsers come over QUIC, if they may.
    pub(crate) web_transport: Option<WebTransport>,
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
        if !self.cluster.drain.takes_links() {
            let text = "this node is being drained; connect to another one";
            return Greeted::Refused(CloseCode::Shutdown, text.to_owned());
        }
        let Some(_place) = self.admission.enter().await else {
            measure::refused("hellos");
            return Greeted::Refused(
                CloseCode::Overloaded,
                "too many clients come at once; come again later".to_owned(),
            );
        };
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
        let sessions_max = self.config.limits.sessions_per_user_max as usize;
        if sessions_max > 0 && !hello.resume.is_set() && self.registry.sessions_of(caller.user) >= sessions_max {
            measure::refused("sessions");
            return Greeted::Refused(CloseCode::Overloaded, "you have too many sessions; close some".to_owned());
        }
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
        let heartbeat_ms = heartbeat::agreed(&self.config, hello);
        attachment.session.lock().heartbeat_ms = heartbeat_ms;
        let welcome = v1::Welcome {
            heartbeat_ms,
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

/// What a client is told with a code.
pub(crate) fn close_text(code: CloseCode) -> &'static str {
    match code {
        CloseCode::HelloTimeout => "say hello with a token in time",
        CloseCode::Overloaded => "the server is busy",
        CloseCode::Shutdown => "the server is going away; reconnect",
        CloseCode::SlowConsumer => "nothing was read for too long; reconnect",
        CloseCode::HeartbeatMissed => "nothing was sent for too long; reconnect",
        CloseCode::TokenExpired => "the access token has expired; refresh it and reconnect",
        CloseCode::TokenRevoked => "this device was logged out",
        CloseCode::Kicked => "another device of this kind has logged in",
        CloseCode::Superseded => "the session goes on over another connection",
        CloseCode::AccountSuspended => "this account is suspended",
        _ => "",
    }
}
