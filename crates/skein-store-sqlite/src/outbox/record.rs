//! Recording: the rows that are written in the transaction of their cause.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use buffa::Message as _;
use rusqlite::{Connection, params};
use skein_proto::{
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet, Lane},
    v1::{self, outbox_data::Body},
};
use skein_store::Result;
use tokio::sync::{Notify, watch};

use crate::{
    account::{find_device, find_user},
    rows::{EntryRow, Stored},
    transaction::Transaction,
};

/// What the writer and those who wait for events share.
#[derive(Debug)]
pub(crate) struct OutboxState {
    /// Kinds that are recorded.
    kinds: AtomicU64,
    /// Position of the last committed event.
    pub(crate) last: watch::Sender<u64>,
    /// A mailing was created.
    pub(crate) mailed: Notify,
}

impl OutboxState {
    /// Ends the leases of the former process: there is no other one, the lock file sees to that.
    pub(crate) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        connection.execute_batch(
            "UPDATE lanes SET due_ms = 0, holder = NULL WHERE holder IS NOT NULL; \
             UPDATE mailings SET due_ms = 0, holder = NULL WHERE holder IS NOT NULL;",
        )?;
        let last: i64 = connection.query_row(LAST_EVENT, [], |row| row.get(0))?;
        Ok(Self { kinds: AtomicU64::new(0), last: watch::Sender::new(last as u64), mailed: Notify::new() })
    }

    pub(crate) fn set_kinds(&self, kinds: KindSet) {
        self.kinds.store(kinds.bits(), Ordering::Relaxed);
    }

    fn records(&self, kind: EventKind) -> bool {
        KindSet::from_bits(self.kinds.load(Ordering::Relaxed)).contains(kind)
    }

    /// Tells those who wait that events up to here are committed.
    pub(crate) fn announce(&self, position: u64) {
        self.last.send_replace(position);
    }
}

/// The newest position ever given: trimming leaves it known.
pub(crate) const LAST_EVENT: &str =
    "SELECT max(coalesce((SELECT max(position) FROM events), 0), (SELECT position FROM events_trimmed))";

/// The wall clock, for changes that come without a time.
pub(crate) fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

impl Transaction<'_> {
    /// The position of the last event of this transaction.
    pub(crate) fn recorded(&self) -> Option<u64> {
        self.last_event
    }

    /// Records an event, if its kind is; else its data is not even made.
    pub(crate) fn record<B: Into<Body>>(
        &mut self,
        kind: EventKind,
        lane: Lane,
        time_ms: u64,
        data: impl FnOnce(&Connection) -> Result<B>,
    ) -> Result<()> {
        if !self.outbox.records(kind) {
            return Ok(());
        }
        let data = v1::OutboxData { body: Some(data(self.connection)?.into()), ..Default::default() };
        let position = match self.last_event {
            Some(last) => last + 1,
            None => {
                self.connection
                    .prepare_cached(LAST_EVENT)
                    .stored()?
                    .query_row([], |row| row.get::<_, i64>(0))
                    .stored()? as u64
                    + 1
            }
        };
        let sql = "INSERT INTO events (position, lane, kind, time_ms, data) VALUES (?, ?, ?, ?, ?)";
        let values = params![position as i64, lane.0 as i64, kind as u8, time_ms as i64, data.encode_to_vec()];
        self.connection.prepare_cached(sql).stored()?.execute(values).stored()?;
        self.last_event = Some(position);
        Ok(())
    }

    /// Records what happened to a message.
    pub(crate) fn record_message(
        &mut self,
        kind: EventKind,
        conversation: ConversationId,
        message: &v1::Message,
        actor: UserId,
    ) -> Result<()> {
        let time_ms = message.changed_time_ms.max(message.server_time_ms);
        self.record(kind, Lane::conversation(conversation), time_ms, |_| {
            Ok(v1::MessageChanged { message: message.clone().into(), actor_id: actor.0, ..Default::default() })
        })
    }

    /// Records that a user's own view of a conversation changed.
    pub(crate) fn record_entry(
        &mut self,
        kind: EventKind,
        conversation: ConversationId,
        entry: &EntryRow,
    ) -> Result<()> {
        self.record(kind, Lane::user(entry.user), clock_ms(), |_| {
            Ok(v1::EntryChanged {
                user_id: entry.user.0,
                conversation_id: conversation.to_string(),
                pinned: entry.pinned,
                mute: entry.mute.into(),
                hidden: entry.hidden,
                archived: entry.archived,
                remark: entry.remark.clone(),
                cleared_seq: entry.cleared_seq,
                version: entry.version,
                ..Default::default()
            })
        })
    }

    /// Records that a cursor moved.
    pub(crate) fn record_cursor(
        &mut self,
        kind: EventKind,
        conversation: ConversationId,
        entry: &EntryRow,
        now_ms: u64,
    ) -> Result<()> {
        self.record(kind, Lane::conversation(conversation), now_ms, |_| {
            Ok(v1::CursorEvent {
                conversation_id: conversation.to_string(),
                user_id: entry.user.0,
                read_seq: entry.read_seq,
                delivered_seq: entry.delivered_seq,
                read_time_ms: entry.read_ms,
                ..Default::default()
            })
        })
    }

    /// Records what an account has become.
    pub(crate) fn record_user(&mut self, kind: EventKind, user: UserId) -> Result<()> {
        self.record(kind, Lane::user(user), clock_ms(), |connection| {
            let row = find_user(connection, "user_id", user.0 as i64)?;
            let (user, external_id) = row.map(|row| (row.user, row.external_id)).unwrap_or_default();
            Ok(v1::UserChanged { user: user.into(), external_id, ..Default::default() })
        })
    }

    /// Records that a device came or went.
    pub(crate) fn record_device(&mut self, kind: EventKind, device_id: &str, user: UserId, reason: &str) -> Result<()> {
        self.record(kind, Lane::user(user), clock_ms(), |connection| {
            let Some(row) = find_device(connection, "device_id", device_id)? else {
                return Ok(v1::DeviceChanged::default());
            };
            Ok(v1::DeviceChanged {
                user_id: user.0,
                device_id: row.device_id,
                platform: row.platform.into(),
                name: row.name,
                generation: row.generation,
                reason: reason.to_owned(),
                ..Default::default()
            })
        })
    }
}
