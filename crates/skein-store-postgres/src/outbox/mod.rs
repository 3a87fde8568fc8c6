//! The outbox: reading events in their order, and who has got them.

mod consumers;
mod lanes;
mod positions;
mod record;
mod trim;
mod watcher;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_postgres::GenericClient;
use skein_proto::outbox::{EventKind, KindSet, Lane};
use skein_store::{
    Result,
    outbox::{
        ClaimLanes, Claimed, ConsumerRow, DeadEvent, EVENTS_SCANNED_MAX, EventBounds, EventPage, OutboxEvent,
        OutboxStore, SettleLane,
    },
};
use tokio_postgres::Row;

use self::{
    consumers::{SetConsumers, SwitchConsumer},
    lanes::{Claim, Settle},
    positions::GivePositions,
    trim::Trim,
};
pub(crate) use self::{
    positions::{Positions, step},
    record::{NewEvent, OutboxState, clock_ms, insert_events},
    watcher::{Watch, Watcher},
};
use crate::{
    PostgresStore,
    failure::{Failure, Outcome},
    pool::{query, query_opt},
    rows::{bound, number, text},
};

/// The columns of an event of [`EVENTS`].
const EVENT: &str = "p.position, p.lane, e.kind, e.time_ms, e.data";
/// Events that have positions.
const EVENTS: &str = "event_positions p JOIN events e ON e.batch = p.batch AND e.place = p.place";
/// How long a wait lasts at most: another node may have given back a lane with something left in it, which nobody is told.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// Steps that are made for one caller, at most: beyond them others write faster than this reads.
const STEPS_MAX: u32 = 1_000;

/// An event, or nothing when its kind is of a newer version.
fn read_event(row: &Row) -> Outcome<(u64, Option<OutboxEvent>)> {
    let position = number(row, 0)?;
    let kind = u8::try_from(row.try_get::<_, i32>(2)?).ok().and_then(EventKind::from_number);
    let Some(kind) = kind else { return Ok((position, None)) };
    let data = Bytes::copy_from_slice(row.try_get(4)?);
    let event = OutboxEvent { position, kind, lane: Lane(number(row, 1)?), time_ms: number(row, 3)?, data };
    Ok((position, Some(event)))
}

/// Events beyond a position in their order, whatever their kind; nothing in place of kinds that are not known.
async fn events_after<C: GenericClient>(
    client: &C,
    after: u64,
    limit: u32,
) -> Outcome<Vec<(u64, Option<OutboxEvent>)>> {
    let sql = format!("SELECT {EVENT} FROM {EVENTS} WHERE p.position > $1 ORDER BY p.position LIMIT $2");
    query(client, &sql, &[&bound(after), &i64::from(limit)]).await?.iter().map(read_event).collect()
}

impl PostgresStore {
    /// Everything committed before this has a position afterwards.
    async fn give_positions(&self) -> Result<()> {
        let mut seen = self.read(async { positions::look(&self.readers.get().await?).await }).await?;
        if seen.has_more {
            self.outbox.pace().await;
        }
        for _ in 0..STEPS_MAX {
            if !seen.has_more {
                break;
            }
            seen = self.durable.run(GivePositions).await?;
        }
        self.outbox.announce(seen.last);
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for PostgresStore {
    fn set_recorded_kinds(&self, kinds: KindSet) {
        self.outbox.set_kinds(kinds);
    }

    async fn list_events(&self, after: u64, kinds: KindSet, limit: u32) -> Result<EventPage> {
        self.give_positions().await?;
        let limit = limit.clamp(1, EVENTS_SCANNED_MAX);
        let scanned = self.read(async { events_after(&self.readers.get().await?, after, limit).await }).await?;
        let next = scanned.last().map_or(after, |(position, _)| *position);
        let has_more = scanned.len() == limit as usize;
        let wanted = |event: &OutboxEvent| kinds.contains(event.kind);
        let events = scanned.into_iter().filter_map(|(_, event)| event.filter(wanted)).collect();
        Ok(EventPage { events, next, has_more })
    }

    async fn lookup_event_bounds(&self) -> Result<EventBounds> {
        self.give_positions().await?;
        self.read(async {
            let row = query_opt(&self.readers.get().await?, "SELECT trimmed, last FROM event_head", &[]).await?;
            let row = row.ok_or_else(|| Failure::internal("the head of the events is not there"))?;
            Ok(EventBounds { trimmed: number(&row, 0)?, last: number(&row, 1)? })
        })
        .await
    }

    async fn wait_for_events(&self, after: u64) {
        let mut seen = self.outbox.seen.subscribe();
        let freed = seen.borrow().freed;
        self.outbox.wake.notify_one();
        let news = seen.wait_for(|seen| seen.last > after || seen.freed != freed);
        let _ = tokio::time::timeout(WAIT_MAX, news).await;
    }

    async fn trim_events(&self, before_ms: u64) -> Result<u32> {
        self.give_positions().await?;
        self.durable.run(Trim { before_ms }).await
    }

    async fn set_consumers(&self, names: &[String]) -> Result<()> {
        self.give_positions().await?;
        let mut names: Vec<String> = names.iter().map(|name| text(name).into_owned()).collect();
        names.sort_unstable();
        self.durable.run(SetConsumers { names }).await
    }

    async fn list_consumers(&self) -> Result<Vec<ConsumerRow>> {
        self.read(async { consumers::list(&self.readers.get().await?).await }).await
    }

    async fn set_consumer_enabled(&self, name: &str, enabled: bool, reason: &str) -> Result<()> {
        let (name, reason) = (text(name).into_owned(), reason.to_owned());
        self.durable.run(SwitchConsumer { name, enabled, reason }).await
    }

    async fn claim_lanes(&self, claim: ClaimLanes) -> Result<Claimed> {
        let claim = ClaimLanes { consumer: text(&claim.consumer).into_owned(), ..claim };
        let claimed = self.durable.run(Claim { claim, instance: self.outbox.lease_instance() }).await?;
        if claimed.next_due_ms.is_some() {
            self.outbox.wake.notify_one();
        }
        Ok(claimed)
    }

    async fn settle_lane(&self, settlement: SettleLane) -> Result<bool> {
        let settlement = SettleLane { consumer: text(&settlement.consumer).into_owned(), ..settlement };
        self.durable.run(Settle { settlement }).await
    }

    async fn list_dead_events(&self, consumer: &str, after: u64, limit: u32) -> Result<Vec<DeadEvent>> {
        self.read(async { consumers::list_dead(&self.readers.get().await?, consumer, after, limit).await }).await
    }
}
