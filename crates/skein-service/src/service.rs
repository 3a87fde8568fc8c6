//! What all operations share: the store, the bus, the clock, the keys and the caches.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use skein_bus::Bus;
use skein_proto::{
    id::{ConversationId, UserId},
    limits,
    outbox::KindSet,
    v1,
};
use skein_store::Store;

use crate::{
    AdminConfig, Caller, Failure, Result, ServiceConfig, admin::ServerKeys, conversation::Pace, hook::BeforeMessage,
    measure, room::Rooms, signal::Signals, token::TokenKeys,
};

/// Rosters of large groups kept for fan-out. Losing one costs a read.
const ROSTERS_MAX: usize = 1_024;

/// Roster by conversation: the version it was read at, and the members.
type Rosters = HashMap<ConversationId, (u64, Arc<[UserId]>)>;

/// The wall clock, in Unix milliseconds: the only place where the service layer reads it.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The service layer. Shared as `Arc<Service>` by every transport.
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) config: ServiceConfig,
    pub(crate) admin: AdminConfig,
    pub(crate) keys: TokenKeys,
    pub(crate) server_keys: ServerKeys,
    /// Kinds of events that are kept for streams.
    pub(crate) event_kinds: KindSet,
    pub(crate) rosters: Mutex<Rosters>,
    /// The live rooms that this node keeps.
    pub(crate) rooms: Rooms,
    /// How much one conversation takes, from everybody.
    pub(crate) pace: Pace,
    /// Signals on their way.
    pub(crate) signals: Signals,
    /// Asked before a message of a user is stored.
    pub(crate) before_message: OnceLock<Arc<dyn BeforeMessage>>,
    /// Bounds the memory and the cores that password hashing may take.
    pub(crate) hashing: tokio::sync::Semaphore,
}

impl Service {
    /// Puts the layer on a store and a bus, without business systems; makes the deployment's token key on the first start.
    ///
    /// # Errors
    /// When the store does not answer, or the host key is too short.
    pub async fn start(store: Arc<dyn Store>, bus: Arc<dyn Bus>, config: ServiceConfig) -> Result<Arc<Self>> {
        Self::start_with(store, bus, config, AdminConfig::default(), KindSet::EMPTY).await
    }

    /// The same with business systems: has the kinds of events recorded that streams, or others, want.
    ///
    /// # Errors
    /// As above, and when the configuration of business systems is wrong.
    pub async fn start_with(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        config: ServiceConfig,
        admin: AdminConfig,
        others: KindSet,
    ) -> Result<Arc<Self>> {
        let keys = TokenKeys::load(store.as_ref(), &config.host_key).await?;
        let server_keys = ServerKeys::new(&admin.keys)?;
        let event_kinds = KindSet::parse(&admin.event_kinds)
            .map_err(|error| Failure::invalid(format!("admin.event_kinds: {error}")))?;
        store.set_recorded_kinds(event_kinds.union(others));
        measure::describe();
        let rooms = Rooms::start(&bus, config.rooms.clone());
        let pace = Pace::new(config.messages_per_conversation_per_minute);
        Ok(Arc::new(Self {
            store,
            bus,
            config,
            admin,
            keys,
            server_keys,
            event_kinds,
            rosters: Mutex::default(),
            rooms,
            pace,
            signals: Signals::default(),
            before_message: OnceLock::new(),
            hashing: tokio::sync::Semaphore::new(2),
        }))
    }

    /// [`now_ms`].
    pub(crate) fn now_ms(&self) -> u64 {
        now_ms()
    }

    /// The limits that the welcome announces.
    pub fn limits(&self) -> v1::Limits {
        v1::Limits {
            frame_bytes_max: limits::FRAME_BYTES_MAX as u32,
            text_bytes_max: limits::TEXT_BYTES_MAX as u32,
            extra_bytes_max: limits::EXTRA_BYTES_MAX as u32,
            outbox_bytes_max: limits::OUTBOX_BYTES_MAX as u32,
            requests_in_flight_max: limits::REQUESTS_IN_FLIGHT_MAX as u32,
            resume_window_ms: limits::RESUME_WINDOW_MS as u32,
            recall_window_ms: u32::try_from(self.config.recall_window_s.saturating_mul(1_000)).unwrap_or(u32::MAX),
            edit_window_ms: u32::try_from(self.config.edit_window_s.saturating_mul(1_000)).unwrap_or(u32::MAX),
            group_members_max: limits::GROUP_MEMBERS_MAX as u32,
            ..Default::default()
        }
    }

    /// Who an access token speaks for. Checks signature, expiry, and that the device has not been logged out since.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`, `ACCOUNT_SUSPENDED`, or a failure of the store.
    pub async fn authenticate(&self, access_token: &str) -> std::result::Result<Caller, v1::Error> {
        self.caller_of(access_token).await.map_err(Into::into)
    }

    /// The same, with the version of the user's timeline, for the welcome.
    ///
    /// # Errors
    /// As [`Service::authenticate`].
    pub async fn open_link(&self, access_token: &str) -> std::result::Result<(Caller, u64), v1::Error> {
        let caller = self.authenticate(access_token).await?;
        let version = self.user_version(caller.user).await?;
        Ok((caller, version))
    }

    /// Version of the user's timeline.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn user_version(&self, user: UserId) -> std::result::Result<u64, v1::Error> {
        self.store.lookup_user_version(user).await.map_err(|error| Failure::from(error).into())
    }

    /// The members of a large group as of `roster_version`, from the cache or the store.
    pub(crate) async fn roster(&self, conversation: ConversationId, roster_version: u64) -> Result<Arc<[UserId]>> {
        if let Some((version, members)) = self.rosters.lock().get(&conversation)
            && *version == roster_version
        {
            return Ok(members.clone());
        }
        let members: Arc<[UserId]> = self.store.list_member_ids(conversation).await?.into();
        let mut rosters = self.rosters.lock();
        if rosters.len() >= ROSTERS_MAX {
            rosters.clear();
        }
        rosters.insert(conversation, (roster_version, members.clone()));
        Ok(members)
    }
}
