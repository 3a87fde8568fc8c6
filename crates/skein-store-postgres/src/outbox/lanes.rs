//! Lanes: what each consumer has not been delivered yet, under leases. All that is done here to a consumer is done under the lock of its row: a settlement
//! that finds nothing more in a lane and a claim that moves the cursor past an event of the lane never overlap.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use skein_proto::outbox::Lane;
use skein_store::outbox::{ClaimLanes, Claimed, ClaimedLane, EVENTS_SCANNED_MAX, OutboxEvent, SettleLane, Undelivered};

use super::{EVENT, EVENTS, events_after, read_event};
use crate::{
    failure::Outcome,
    needs::Needs,
    operation::Operation,
    pool::{execute, query, query_opt},
    rows::{number, text},
    transaction::Transaction,
};

/// Events that one claim reads, at most, over all of its lanes.
const FRESH_SCANNED_MAX: u32 = EVENTS_SCANNED_MAX / 4;

/// The oldest undelivered events of some lanes that the consumer wants.
const UNDELIVERED: &str = "CROSS JOIN LATERAL (SELECT p.position, p.lane, e.kind, e.time_ms, e.data \
     FROM event_positions p JOIN events e ON e.batch = p.batch AND e.place = p.place \
     WHERE p.lane = n.lane AND p.position >= n.first AND p.position <= $3 AND ((1::int8 << e.kind) & $4) <> 0 \
     ORDER BY p.position LIMIT $5) u ORDER BY u.position";

/// A lane that waits for its turn.
struct DueLane {
    lane: Lane,
    first: u64,
    attempts: u32,
}

/// Leases lanes of a consumer.
pub(super) struct Claim {
    pub claim: ClaimLanes,
    /// What ends the leases early, see [`super::OutboxState::lease_instance`].
    pub instance: Option<i32>,
}

#[async_trait]
impl Operation for Claim {
    type Answer = Claimed;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.consumers.insert(self.claim.consumer.clone());
        needs.positions = true;
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Claimed> {
        let consumer = transaction.rows.consumers.get(&self.claim.consumer).filter(|consumer| consumer.enabled);
        let Some(cursor) = consumer.map(|consumer| consumer.cursor) else { return Ok(Claimed::default()) };
        let lanes = self.take_due(transaction, cursor).await?;
        let room = self.claim.lanes_max.saturating_sub(lanes.len() as u32).min(self.claim.fresh_max);
        let mut claimed = Claimed { lanes, cursor, ..Claimed::default() };
        self.take_fresh(transaction, room, &mut claimed).await?;
        let sql = "SELECT due_ms FROM lanes WHERE consumer = $1 ORDER BY due_ms LIMIT 1";
        let due = query_opt(transaction.sql, sql, &[&self.claim.consumer]).await?;
        claimed.next_due_ms = due.map(|row| number(&row, 0)).transpose()?;
        Ok(claimed)
    }
}

impl Claim {
    /// Lanes whose retry is due, or whose lease has ended.
    async fn take_due(&self, transaction: &Transaction<'_>, cursor: u64) -> Outcome<Vec<ClaimedLane>> {
        let claim = &self.claim;
        let sql = "SELECT lane, first_position, attempts FROM lanes WHERE consumer = $1 AND due_ms <= $2 ORDER BY due_ms LIMIT $3";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&claim.consumer, &(claim.now_ms as i64), &i64::from(claim.lanes_max)];
        let read = |row: &tokio_postgres::Row| {
            let attempts = row.try_get::<_, i32>(2)? as u32;
            Ok(DueLane { lane: Lane(number(row, 0)?), first: number(row, 1)?, attempts })
        };
        let due: Vec<DueLane> = query(transaction.sql, sql, &values).await?.iter().map(read).collect::<Outcome<_>>()?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut events = self.undelivered(transaction, &due, cursor).await?;
        let (mut lanes, mut over) = (Vec::with_capacity(due.len()), Vec::new());
        for DueLane { lane, first, attempts } in due {
            match events.remove(&lane) {
                None => over.push(lane.0 as i64),
                Some(events) => {
                    // What is not wanted any more was passed over.
                    let attempts = if events[0].position == first { attempts } else { 0 };
                    lanes.push(ClaimedLane { lane, attempts, events });
                }
            }
        }
        let forget = "DELETE FROM lanes WHERE consumer = $1 AND lane = ANY($2)";
        execute(transaction.sql, forget, &[&claim.consumer, &over]).await?;
        self.save(transaction, &lanes).await?;
        Ok(lanes)
    }

    /// The events of lanes from one on that the consumer wants; at least one of each lane that is named.
    async fn undelivered(
        &self,
        transaction: &Transaction<'_>,
        due: &[DueLane],
        cursor: u64,
    ) -> Outcome<HashMap<Lane, Vec<OutboxEvent>>> {
        let lanes: Vec<i64> = due.iter().map(|due| due.lane.0 as i64).collect();
        let firsts: Vec<i64> = due.iter().map(|due| due.first as i64).collect();
        let sql = format!("SELECT u.* FROM unnest($1::int8[], $2::int8[]) AS n (lane, first) {UNDELIVERED}");
        let (kinds, limit) = (self.claim.kinds.bits() as i64, i64::from(self.claim.events_max.max(1)));
        let rows = query(transaction.sql, &sql, &[&lanes, &firsts, &(cursor as i64), &kinds, &limit]).await?;
        let mut events: HashMap<Lane, Vec<OutboxEvent>> = HashMap::new();
        for row in &rows {
            if let (_, Some(event)) = read_event(row)? {
                events.entry(event.lane).or_default().push(event);
            }
        }
        Ok(events)
    }

    /// Adds lanes that begin beyond the cursor, which moves up to where there was no room for one more.
    async fn take_fresh(&self, transaction: &mut Transaction<'_>, room: u32, claimed: &mut Claimed) -> Outcome<()> {
        let (claim, cursor) = (&self.claim, claimed.cursor);
        let scanned = events_after(transaction.sql, cursor, FRESH_SCANNED_MAX).await?;
        let waiting = self.waiting(transaction, &scanned).await?;
        claimed.caught_up = scanned.len() < FRESH_SCANNED_MAX as usize && !transaction.rows.positions.has_more;
        let mut lanes = Vec::<ClaimedLane>::new();
        let mut known = HashMap::<Lane, Option<usize>>::new();
        for (position, event) in scanned {
            if let Some(event) = event.filter(|event| claim.kinds.contains(event.kind)) {
                let place = match known.get(&event.lane) {
                    Some(place) => *place,
                    None if waiting.contains(&event.lane) => None,
                    None if lanes.len() >= room as usize => {
                        claimed.caught_up = false;
                        break;
                    }
                    None => {
                        lanes.push(ClaimedLane { lane: event.lane, attempts: 0, events: Vec::new() });
                        Some(lanes.len() - 1)
                    }
                };
                known.insert(event.lane, place);
                // One that is waiting, or full, gets the event when it goes on.
                if let Some(events) = place.map(|place| &mut lanes[place].events)
                    && events.len() < claim.events_max.max(1) as usize
                {
                    events.push(event);
                }
            }
            claimed.cursor = position;
        }
        self.save(transaction, &lanes).await?;
        claimed.lanes.extend(lanes);
        if claimed.cursor > cursor {
            let update = "UPDATE consumers SET cursor = $1 WHERE name = $2";
            execute(transaction.sql, update, &[&(claimed.cursor as i64), &claim.consumer]).await?;
            if let Some(consumer) = transaction.rows.consumers.get_mut(&claim.consumer) {
                consumer.cursor = claimed.cursor;
            }
        }
        Ok(())
    }

    /// Which lanes of these events have something undelivered.
    async fn waiting(
        &self,
        transaction: &Transaction<'_>,
        scanned: &[(u64, Option<OutboxEvent>)],
    ) -> Outcome<HashSet<Lane>> {
        let lanes: HashSet<i64> = scanned.iter().filter_map(|(_, event)| Some(event.as_ref()?.lane.0 as i64)).collect();
        if lanes.is_empty() {
            return Ok(HashSet::new());
        }
        let lanes: Vec<i64> = lanes.into_iter().collect();
        let sql = "SELECT lane FROM lanes WHERE consumer = $1 AND lane = ANY($2)";
        let rows = query(transaction.sql, sql, &[&self.claim.consumer, &lanes]).await?;
        rows.iter().map(|row| number(row, 0).map(Lane)).collect()
    }

    /// Writes the lanes under the lease.
    async fn save(&self, transaction: &Transaction<'_>, lanes: &[ClaimedLane]) -> Outcome<()> {
        if lanes.is_empty() {
            return Ok(());
        }
        let claim = &self.claim;
        let ids: Vec<i64> = lanes.iter().map(|lane| lane.lane.0 as i64).collect();
        let firsts: Vec<i64> =
            lanes.iter().map(|lane| lane.events.first().map_or(0, |event| event.position as i64)).collect();
        let attempts: Vec<i32> = lanes.iter().map(|lane| lane.attempts as i32).collect();
        let sql = "INSERT INTO lanes (consumer, due_ms, holder, instance, lane, first_position, attempts) \
             SELECT $1, $2, $3, $4, n.lane, n.first, n.attempts FROM unnest($5::int8[], $6::int8[], $7::int4[]) AS n (lane, first, attempts) \
             ON CONFLICT (consumer, lane) DO UPDATE SET first_position = excluded.first_position, attempts = excluded.attempts, \
             due_ms = excluded.due_ms, holder = excluded.holder, instance = excluded.instance";
        let until = claim.until_ms as i64;
        let holder = text(&claim.holder);
        execute(transaction.sql, sql, &[&claim.consumer, &until, &holder, &self.instance, &ids, &firsts, &attempts])
            .await
            .map(drop)
    }
}

/// Ends a lease.
pub(super) struct Settle {
    pub settlement: SettleLane,
}

#[async_trait]
impl Operation for Settle {
    type Answer = bool;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.consumers.insert(self.settlement.consumer.clone());
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<bool> {
        let settlement = &self.settlement;
        let consumer = transaction.rows.consumers.get(&settlement.consumer);
        let Some(cursor) = consumer.map(|consumer| consumer.cursor) else { return Ok(false) };
        let sql = "SELECT first_position, attempts FROM lanes WHERE consumer = $1 AND lane = $2 AND holder = $3";
        let (lane, holder) = (settlement.lane.0 as i64, text(&settlement.holder));
        let held = query_opt(transaction.sql, sql, &[&settlement.consumer, &lane, &holder]).await?;
        let Some(held) = held else { return Ok(false) };
        let (first, attempts) = (number(&held, 0)?, held.try_get::<_, i32>(1)? as u32);
        let mut delivered = settlement.delivered;
        match &settlement.then {
            Undelivered::Retry { position, at_ms, .. } => {
                let attempts = if *position == first { attempts + 1 } else { 1 };
                self.release(transaction, *position, attempts, *at_ms).await?;
                return Ok(true);
            }
            Undelivered::Dead { position, error, now_ms } => {
                let attempts = if *position == first { attempts + 1 } else { 1 };
                self.bury(transaction, *position, attempts, error, *now_ms).await?;
                delivered = *position;
            }
            Undelivered::None if delivered == 0 => {
                self.release(transaction, first, attempts, 0).await?;
                return Ok(true);
            }
            Undelivered::None => {}
        }
        self.go_on(transaction, delivered, cursor).await?;
        Ok(true)
    }
}

impl Settle {
    /// What follows in the lane is due at once; a lane in which nothing follows is forgotten.
    async fn go_on(&self, transaction: &Transaction<'_>, delivered: u64, cursor: u64) -> Outcome<()> {
        let lane = self.settlement.lane.0 as i64;
        let next = "SELECT p.position FROM event_positions p WHERE p.lane = $1 AND p.position > $2 AND p.position <= $3 \
             ORDER BY p.position LIMIT 1";
        match query_opt(transaction.sql, next, &[&lane, &(delivered as i64), &(cursor as i64)]).await? {
            Some(row) => self.release(transaction, number(&row, 0)?, 0, 0).await,
            None => {
                let forget = "DELETE FROM lanes WHERE consumer = $1 AND lane = $2";
                execute(transaction.sql, forget, &[&self.settlement.consumer, &lane]).await.map(drop)
            }
        }
    }

    /// Ends the lease of a lane that goes on from a position.
    async fn release(&self, transaction: &Transaction<'_>, position: u64, attempts: u32, due_ms: u64) -> Outcome<()> {
        let sql = "UPDATE lanes SET first_position = $1, attempts = $2, due_ms = $3, holder = NULL, instance = NULL \
             WHERE consumer = $4 AND lane = $5";
        let (position, attempts, due) = (position as i64, attempts as i32, due_ms as i64);
        let lane = self.settlement.lane.0 as i64;
        execute(transaction.sql, sql, &[&position, &attempts, &due, &self.settlement.consumer, &lane]).await.map(drop)
    }

    /// Keeps an event among the dead.
    async fn bury(
        &self,
        transaction: &Transaction<'_>,
        position: u64,
        attempts: u32,
        error: &str,
        now_ms: u64,
    ) -> Outcome<()> {
        let sql = format!(
            "INSERT INTO dead_events (consumer, position, lane, kind, time_ms, data, attempts, error, died_ms) \
             SELECT $1, {EVENT}, $2, $3, $4 FROM {EVENTS} WHERE p.position = $5 \
             ON CONFLICT (consumer, position) DO UPDATE SET attempts = excluded.attempts, error = excluded.error, died_ms = excluded.died_ms"
        );
        let (attempts, error, died, position) = (attempts as i32, text(error), now_ms as i64, position as i64);
        execute(transaction.sql, &sql, &[&self.settlement.consumer, &attempts, &error, &died, &position])
            .await
            .map(drop)
    }
}
