//! Recording: the rows that are written in the transaction of their cause.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use buffa::Message as _;
use deadpool_postgres::Transaction as Sql;
use parking_lot::Mutex;
use skein_proto::{
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet, Lane},
    v1::{self, outbox_data::Body},
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    account::find_user,
    device::find_device,
    failure::Outcome,
    pool::execute,
    rows::{EntryRow, text},
    transaction::Transaction,
};

/// Between two steps: while much is written, one for many transactions is enough, and readers wait so much longer.
const STEP_PAUSE: Duration = Duration::from_millis(20);

/// What this node knows of the events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// The newest position.
    pub last: u64,
    /// How often leases of others were ended: there may be something to claim.
    pub freed: u64,
}

/// What the writers, those who wait for events, and the watcher share.
#[derive(Debug)]
pub(crate) struct OutboxState {
    /// Kinds that are recorded.
    kinds: AtomicU64,
    /// What those who wait for events are told.
    pub seen: watch::Sender<Seen>,
    /// Something was recorded here, or somebody waits, or holds a lease: the watcher has to look.
    pub wake: Notify,
    /// A mailing was created here.
    pub mailed: Notify,
    /// Names this open store among those of the deployment.
    pub instance: i32,
    /// When this node last gave positions.
    stepped: Mutex<Option<Instant>>,
    /// The database knows that this store is open, and will notice its end.
    pub present: AtomicBool,
}

impl OutboxState {
    pub(crate) fn new() -> Self {
        Self {
            kinds: AtomicU64::new(0),
            seen: watch::Sender::default(),
            wake: Notify::new(),
            mailed: Notify::new(),
            instance: fastrand::i32(1..),
            stepped: Mutex::new(None),
            present: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_kinds(&self, kinds: KindSet) {
        self.kinds.store(kinds.bits(), Ordering::Relaxed);
    }

    fn records(&self, kind: EventKind) -> bool {
        KindSet::from_bits(self.kinds.load(Ordering::Relaxed)).contains(kind)
    }

    /// Waits until it is time for the next step; at once when the last one was a while ago.
    pub(crate) async fn pace(&self) {
        let next = self.stepped.lock().map(|last| last + STEP_PAUSE);
        if let Some(next) = next {
            tokio::time::sleep_until(next).await;
        }
        *self.stepped.lock() = Some(Instant::now());
    }

    /// Tells those who wait that events up to here have positions.
    pub(crate) fn announce(&self, position: u64) {
        self.seen.send_if_modified(|seen| {
            let is_new = position > seen.last;
            seen.last = position.max(seen.last);
            is_new
        });
    }

    /// Tells those who wait that what somebody had under lease is due.
    pub(crate) fn announce_free_leases(&self) {
        self.seen.send_modify(|seen| seen.freed += 1);
        self.mailed.notify_one();
    }

    /// What a lease names so that it ends with this store; nothing while the database would not notice.
    pub(crate) fn lease_instance(&self) -> Option<i32> {
        self.present.load(Ordering::Relaxed).then_some(self.instance)
    }
}

/// An event that is to be written with the others of the batch.
#[derive(Debug)]
pub(crate) struct NewEvent {
    kind: EventKind,
    lane: Lane,
    time_ms: u64,
    data: Vec<u8>,
}

/// The number is taken here, at the end of the transaction: under every lock that an operation of the batch has taken.
const EVENTS: &str = "WITH fresh AS (INSERT INTO fresh_batches (batch, events) VALUES (nextval('event_batches'), $5) RETURNING batch) \
     INSERT INTO events (batch, place, kind, lane, time_ms, data) SELECT f.batch, n.place, n.kind, n.lane, n.time_ms, n.data \
     FROM fresh f, unnest($1::int4[], $2::int8[], $3::int8[], $4::bytea[]) WITH ORDINALITY AS n (kind, lane, time_ms, data, place)";

/// Writes the events of a batch.
pub(crate) async fn insert_events(sql: &Sql<'_>, rows: &[NewEvent]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let kinds: Vec<i32> = rows.iter().map(|row| row.kind as i32).collect();
    let lanes: Vec<i64> = rows.iter().map(|row| row.lane.0 as i64).collect();
    let times: Vec<i64> = rows.iter().map(|row| row.time_ms as i64).collect();
    let data: Vec<&[u8]> = rows.iter().map(|row| row.data.as_slice()).collect();
    execute(sql, EVENTS, &[&kinds, &lanes, &times, &data, &(rows.len() as i32)]).await.map(drop)
}

/// The wall clock, for changes that come without a time.
pub(crate) fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

impl Transaction<'_> {
    /// Records an event, if its kind is; else its data is not even made.
    pub(crate) fn record<B: Into<Body>>(
        &mut self,
        kind: EventKind,
        lane: Lane,
        time_ms: u64,
        data: impl FnOnce() -> B,
    ) {
        if self.outbox.records(kind) {
            let data = v1::OutboxData { body: Some(data().into()), ..Default::default() }.encode_to_vec();
            self.rows.events.push(NewEvent { kind, lane, time_ms, data });
        }
    }

    /// Records what happened to a message.
    pub(crate) fn record_message(
        &mut self,
        kind: EventKind,
        conversation: ConversationId,
        message: &v1::Message,
        actor: UserId,
    ) {
        let time_ms = message.changed_time_ms.max(message.server_time_ms);
        self.record(kind, Lane::conversation(conversation), time_ms, || v1::MessageChanged {
            message: message.clone().into(),
            actor_id: actor.0,
            ..Default::default()
        });
    }

    /// Records that a user's own view of a conversation changed.
    pub(crate) fn record_entry(&mut self, kind: EventKind, conversation: ConversationId, entry: &EntryRow) {
        self.record(kind, Lane::user(entry.user), clock_ms(), || v1::EntryChanged {
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
        });
    }

    /// Records that a cursor moved.
    pub(crate) fn record_cursor(
        &mut self,
        kind: EventKind,
        conversation: ConversationId,
        entry: &EntryRow,
        now_ms: u64,
    ) {
        self.record(kind, Lane::conversation(conversation), now_ms, || v1::CursorEvent {
            conversation_id: conversation.to_string(),
            user_id: entry.user.0,
            read_seq: entry.read_seq,
            delivered_seq: entry.delivered_seq,
            read_time_ms: entry.read_ms,
            ..Default::default()
        });
    }

    /// Records what an account has become.
    pub(crate) async fn record_user(&mut self, kind: EventKind, user: UserId) -> Outcome<()> {
        if !self.outbox.records(kind) {
            return Ok(());
        }
        let row = find_user(self.sql, "user_id", &(user.0 as i64)).await?;
        let (shown, external_id) = row.map(|row| (row.user, row.external_id)).unwrap_or_default();
        self.record(kind, Lane::user(user), clock_ms(), || v1::UserChanged {
            user: shown.into(),
            external_id,
            ..Default::default()
        });
        Ok(())
    }

    /// Records that a device came or went.
    pub(crate) async fn record_device(
        &mut self,
        kind: EventKind,
        device_id: &str,
        user: UserId,
        reason: &str,
    ) -> Outcome<()> {
        if !self.outbox.records(kind) {
            return Ok(());
        }
        let row = find_device(self.sql, "device_id", &text(device_id)).await?;
        self.record(kind, Lane::user(user), clock_ms(), || match row {
            None => v1::DeviceChanged::default(),
            Some(row) => v1::DeviceChanged {
                user_id: user.0,
                device_id: row.device_id,
                platform: row.platform.into(),
                name: row.name,
                generation: row.generation,
                reason: reason.to_owned(),
                ..Default::default()
            },
        });
        Ok(())
    }
}
