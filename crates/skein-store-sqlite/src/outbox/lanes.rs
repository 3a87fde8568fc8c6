//! Lanes: what each consumer has not been delivered yet, under leases.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_proto::outbox::Lane;
use skein_store::{
    Result,
    outbox::{ClaimLanes, Claimed, ClaimedLane, EVENTS_SCANNED_MAX, OutboxEvent, SettleLane, Undelivered},
};

use super::{EVENT, events_after, read_event};
use crate::rows::{Stored, number};

/// Events that one claim reads, at most, over all of its lanes.
const FRESH_SCANNED_MAX: u32 = EVENTS_SCANNED_MAX / 4;

pub(super) fn claim(connection: &Connection, claim: &ClaimLanes) -> Result<Claimed> {
    let sql = "SELECT cursor FROM consumers WHERE name = ? AND enabled";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let cursor = statement.query_row([&claim.consumer], |row| number(row, 0)).optional().stored()?;
    let Some(cursor) = cursor else { return Ok(Claimed::default()) };
    let mut claimed = Claimed { lanes: due_lanes(connection, claim, cursor)?, ..Claimed::default() };
    let room = claim.lanes_max.saturating_sub(claimed.lanes.len() as u32).min(claim.fresh_max);
    claimed.cursor = cursor;
    fresh_lanes(connection, claim, room, &mut claimed)?;
    let sql = "SELECT min(due_ms) FROM lanes WHERE consumer = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let due: Option<i64> = statement.query_row([&claim.consumer], |row| row.get(0)).stored()?;
    claimed.next_due_ms = due.map(|due| due as u64);
    Ok(claimed)
}

/// Lanes whose retry is due, or whose lease has ended.
fn due_lanes(connection: &Connection, claim: &ClaimLanes, cursor: u64) -> Result<Vec<ClaimedLane>> {
    let sql =
        "SELECT lane, first_position, attempts FROM lanes WHERE consumer = ? AND due_ms <= ? ORDER BY due_ms LIMIT ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let values = params![claim.consumer, claim.now_ms as i64, claim.lanes_max];
    let rows = statement.query_map(values, |row| Ok((number(row, 0)?, number(row, 1)?, row.get::<_, u32>(2)?)));
    let due = rows.stored()?.collect::<rusqlite::Result<Vec<_>>>().stored()?;
    let mut lanes = Vec::with_capacity(due.len());
    for (lane, first, attempts) in due {
        let lane = Lane(lane);
        let events = undelivered(connection, claim, lane, first, cursor)?;
        match events.first() {
            None => forget(connection, &claim.consumer, lane)?,
            Some(event) => {
                // What is not wanted any more was passed over.
                let attempts = if event.position == first { attempts } else { 0 };
                let sql = "UPDATE lanes SET first_position = ?, attempts = ?, due_ms = ?, holder = ? WHERE consumer = ? AND lane = ?";
                let values = params![
                    event.position as i64,
                    attempts,
                    claim.until_ms as i64,
                    claim.holder,
                    claim.consumer,
                    lane.0 as i64
                ];
                connection.prepare_cached(sql).stored()?.execute(values).stored()?;
                lanes.push(ClaimedLane { lane, attempts, events });
            }
        }
    }
    Ok(lanes)
}

/// The events of a lane from one on that the consumer wants.
fn undelivered(
    connection: &Connection,
    claim: &ClaimLanes,
    lane: Lane,
    first: u64,
    cursor: u64,
) -> Result<Vec<OutboxEvent>> {
    let sql = format!(
        "SELECT {EVENT} FROM events WHERE lane = ? AND position >= ? AND position <= ? AND ((1 << kind) & ?) <> 0 \
         ORDER BY position LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql).stored()?;
    let values =
        params![lane.0 as i64, first as i64, cursor as i64, claim.kinds.bits() as i64, claim.events_max.max(1)];
    let rows = statement.query_map(values, read_event).stored()?;
    let events = rows.collect::<rusqlite::Result<Vec<_>>>().stored()?;
    Ok(events.into_iter().filter_map(|(_, event)| event).collect())
}

fn forget(connection: &Connection, consumer: &str, lane: Lane) -> Result<()> {
    let sql = "DELETE FROM lanes WHERE consumer = ? AND lane = ?";
    connection.prepare_cached(sql).stored()?.execute(params![consumer, lane.0 as i64]).stored().map(drop)
}

/// Adds lanes that begin beyond the cursor, which moves up to where there was no room for one more.
fn fresh_lanes(connection: &Connection, claim: &ClaimLanes, room: u32, claimed: &mut Claimed) -> Result<()> {
    let cursor = claimed.cursor;
    let scanned = events_after(connection, cursor, FRESH_SCANNED_MAX)?;
    let mut caught_up = scanned.len() < FRESH_SCANNED_MAX as usize;
    let mut lanes = Vec::<ClaimedLane>::new();
    let mut known = HashMap::<Lane, Option<usize>>::new();
    for (position, event) in scanned {
        if let Some(event) = event.filter(|event| claim.kinds.contains(event.kind)) {
            let place = match known.get(&event.lane) {
                Some(place) => *place,
                None if exists(connection, &claim.consumer, event.lane)? => None,
                None if lanes.len() >= room as usize => {
                    caught_up = false;
                    break;
                }
                None => {
                    insert(connection, claim, &event)?;
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
    if claimed.cursor > cursor {
        let sql = "UPDATE consumers SET cursor = ? WHERE name = ?";
        connection.prepare_cached(sql).stored()?.execute(params![claimed.cursor as i64, claim.consumer]).stored()?;
    }
    claimed.lanes.extend(lanes);
    claimed.caught_up = caught_up;
    Ok(())
}

fn exists(connection: &Connection, consumer: &str, lane: Lane) -> Result<bool> {
    let sql = "SELECT 1 FROM lanes WHERE consumer = ? AND lane = ?";
    connection.prepare_cached(sql).stored()?.exists(params![consumer, lane.0 as i64]).stored()
}

fn insert(connection: &Connection, claim: &ClaimLanes, event: &OutboxEvent) -> Result<()> {
    let sql = "INSERT INTO lanes (consumer, lane, first_position, attempts, due_ms, holder) VALUES (?, ?, ?, 0, ?, ?)";
    let values =
        params![claim.consumer, event.lane.0 as i64, event.position as i64, claim.until_ms as i64, claim.holder];
    connection.prepare_cached(sql).stored()?.execute(values).stored().map(drop)
}

pub(super) fn settle(connection: &Connection, settlement: &SettleLane) -> Result<bool> {
    let key = params![settlement.consumer, settlement.lane.0 as i64, settlement.holder];
    let sql = "SELECT first_position, attempts FROM lanes WHERE consumer = ? AND lane = ? AND holder = ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let held = statement.query_row(key, |row| Ok((number(row, 0)?, row.get::<_, u32>(1)?))).optional().stored()?;
    let Some((first, attempts)) = held else { return Ok(false) };
    let mut delivered = settlement.delivered;
    match &settlement.then {
        Undelivered::Retry { position, at_ms, .. } => {
            let attempts = if *position == first { attempts + 1 } else { 1 };
            release(connection, settlement, *position, attempts, *at_ms)?;
            return Ok(true);
        }
        Undelivered::Dead { position, error, now_ms } => {
            let attempts = if *position == first { attempts + 1 } else { 1 };
            let sql = format!(
                "INSERT OR REPLACE INTO dead_events (consumer, {EVENT}, attempts, error, died_ms) \
                 SELECT ?, {EVENT}, ?, ?, ? FROM events WHERE position = ?"
            );
            let values = params![settlement.consumer, attempts, error, *now_ms as i64, *position as i64];
            connection.prepare_cached(&sql).stored()?.execute(values).stored()?;
            delivered = *position;
        }
        Undelivered::None if delivered == 0 => {
            release(connection, settlement, first, attempts, 0)?;
            return Ok(true);
        }
        Undelivered::None => {}
    }
    let sql = "SELECT min(position) FROM events WHERE lane = ? AND position > ? \
         AND position <= (SELECT cursor FROM consumers WHERE name = ?)";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let values = params![settlement.lane.0 as i64, delivered as i64, settlement.consumer];
    match statement.query_row(values, |row| row.get::<_, Option<i64>>(0)).stored()? {
        Some(next) => release(connection, settlement, next as u64, 0, 0)?,
        None => forget(connection, &settlement.consumer, settlement.lane)?,
    }
    Ok(true)
}

/// Ends the lease of a lane that goes on from a position.
fn release(connection: &Connection, settlement: &SettleLane, position: u64, attempts: u32, due_ms: u64) -> Result<()> {
    let sql =
        "UPDATE lanes SET first_position = ?, attempts = ?, due_ms = ?, holder = NULL WHERE consumer = ? AND lane = ?";
    let values = params![position as i64, attempts, due_ms as i64, settlement.consumer, settlement.lane.0 as i64];
    connection.prepare_cached(sql).stored()?.execute(values).stored().map(drop)
}
