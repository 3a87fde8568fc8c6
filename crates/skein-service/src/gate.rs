//! The gate between the layers: all that the access layer may ask of the service layer, in this process or on another node.
//!
//! An enum of the two, not a trait object: a request in this process is neither boxed nor copied for it.

use std::sync::Arc;

use bytes::Bytes;
use skein_proto::{codec::Codec, id::UserId, outbox::KindSet, v1};

use crate::{
    Asking, Caller, Done, OnlineReport, RemoteService, ServerKey, Service, SessionView,
    admin::EventLines,
    dispatch,
    room::{
        report::{RoomReport, RoomStanding},
        subject,
    },
};

/// The way in.
#[derive(Clone)]
pub enum Gate {
    /// The service layer of this process.
    Here(Arc<Service>),
    /// That of whichever node answers.
    Elsewhere(Arc<RemoteService>),
}

impl Gate {
    /// Who an access token speaks for. Checks signature, expiry, and that the device has not been logged out since.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`, `ACCOUNT_SUSPENDED`, a failure of the store, or `UNAVAILABLE`.
    pub async fn authenticate(&self, access_token: &str) -> Result<Caller, v1::Error> {
        match self {
            Self::Here(service) => service.authenticate(access_token).await,
            Self::Elsewhere(remote) => remote.authenticate(access_token).await,
        }
    }

    /// The same, with the version of the user's timeline for the welcome.
    ///
    /// # Errors
    /// As [`Gate::authenticate`].
    pub async fn open_link(&self, access_token: &str) -> Result<(Caller, u64), v1::Error> {
        match self {
            Self::Here(service) => service.open_link(access_token).await,
            Self::Elsewhere(remote) => remote.open_link(access_token).await,
        }
    }

    /// Runs one operation, see [`Service::dispatch_for`]; its effect is to be applied to the session that asks, before it is answered.
    ///
    /// # Errors
    /// The coded error for the peer. After `UNAVAILABLE` the operation may have been done all the same; operations that must not be done twice carry the
    /// client's own ids, so that it may ask again.
    pub async fn dispatch(
        &self,
        caller: Option<&Caller>,
        session: Option<&dyn SessionView>,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> Result<Done, v1::Error> {
        let room = subject(dispatch::short(method), codec, body);
        let in_room = session.zip(room.as_deref()).is_some_and(|(session, room)| session.is_in_room(room));
        let asking = Asking { has_session: session.is_some(), in_room, relayed: false };
        match self {
            Self::Here(service) => service.dispatch_for(caller, asking, method, codec, body).await,
            Self::Elsewhere(remote) => remote.dispatch(caller, asking, room.as_deref(), method, codec, body).await,
        }
    }

    /// Tells the owners of live rooms who of this node is in them, see [`Service::report_rooms`]. Those that cannot be reached do not answer.
    pub async fn report_rooms(&self, node: u64, reports: Vec<RoomReport>) -> Vec<RoomStanding> {
        match self {
            Self::Here(service) => service.report_rooms(node, reports).await,
            Self::Elsewhere(remote) => remote.report_rooms(node, reports).await,
        }
    }

    /// What each of these may see of those: how they are, in the order given. At most some thousand pairs at once.
    ///
    /// # Errors
    /// A failure of the store, or `UNAVAILABLE`.
    pub async fn look(&self, looks: Vec<(UserId, Vec<UserId>)>) -> Result<Vec<Vec<v1::Presence>>, v1::Error> {
        match self {
            Self::Here(service) => service.look(looks).await.map_err(Into::into),
            Self::Elsewhere(remote) => remote.look(looks).await,
        }
    }

    /// Keeps who has come to and gone from this node, see [`Service::report_online`].
    ///
    /// # Errors
    /// A failure of the store, or `UNAVAILABLE`; it may have been kept all the same, and may be told again.
    pub async fn report_online(&self, report: OnlineReport) -> Result<bool, v1::Error> {
        match self {
            Self::Here(service) => service.report_online(report).await.map_err(Into::into),
            Self::Elsewhere(remote) => remote.report_online(report).await,
        }
    }

    /// Whose server key this is, see [`Service::authenticate_server`].
    ///
    /// # Errors
    /// `FORBIDDEN`, `UNAUTHENTICATED`, or `UNAVAILABLE`.
    pub async fn authenticate_server(&self, key: Option<&str>) -> Result<ServerKey, v1::Error> {
        match self {
            Self::Here(service) => service.authenticate_server(key),
            Self::Elsewhere(remote) => remote.authenticate_server(key).await,
        }
    }

    /// Runs one operation of a business system, see [`Service::dispatch_server`].
    ///
    /// # Errors
    /// As [`Gate::dispatch`].
    pub async fn dispatch_server(
        &self,
        key: &ServerKey,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> Result<Bytes, v1::Error> {
        match self {
            Self::Here(service) => service.dispatch_server(key, method, codec, body).await,
            Self::Elsewhere(remote) => remote.dispatch_server(key, method, codec, body).await,
        }
    }

    /// Streams of events that may be open at once on this node.
    pub fn event_streams_max(&self) -> usize {
        match self {
            Self::Here(service) => service.event_streams_max(),
            Self::Elsewhere(remote) => remote.event_streams_max(),
        }
    }

    /// Where a stream of events begins and what it carries, see [`Service::open_events`].
    ///
    /// # Errors
    /// As there, or `UNAVAILABLE`.
    pub async fn open_events(&self, after: Option<u64>, kinds: &[String]) -> Result<(u64, KindSet), v1::Error> {
        match self {
            Self::Here(service) => service.open_events(after, kinds).await,
            Self::Elsewhere(remote) => remote.open_events(after, kinds).await,
        }
    }

    /// The next events of a stream, see [`Service::next_events`]. From another node there may be none after a while: ask again.
    ///
    /// # Errors
    /// A failure of the store, or `UNAVAILABLE`; the stream goes on where it was when it is asked again.
    pub async fn next_events(&self, after: u64, kinds: KindSet) -> Result<EventLines, v1::Error> {
        match self {
            Self::Here(service) => service.next_events(after, kinds).await,
            Self::Elsewhere(remote) => remote.next_events(after, kinds).await,
        }
    }

    /// The limits that the welcome announces.
    ///
    /// # Errors
    /// `UNAVAILABLE`.
    pub async fn limits(&self) -> Result<v1::Limits, v1::Error> {
        match self {
            Self::Here(service) => Ok(service.limits()),
            Self::Elsewhere(remote) => remote.limits().await,
        }
    }

    /// Whether operations can be served: the store answers.
    ///
    /// # Errors
    /// A failure of the store, or `UNAVAILABLE`.
    pub async fn ready(&self) -> Result<(), v1::Error> {
        match self {
            Self::Here(service) => service.user_version(UserId(0)).await.map(drop),
            Self::Elsewhere(remote) => remote.ready().await,
        }
    }
}
