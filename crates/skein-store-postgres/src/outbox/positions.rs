//! Positions: what is committed gets the next ones, in a step that one node at a time does.
//!
//! Batches take their numbers under the locks of everything they change, and a lock is let go only after the commit can be seen. So of two events of
//! a lane the later one has the higher number, and whoever sees the later one sees the earlier one. A step locks the head, looks only then, and gives the
//! next positions to all committed batches that have none, in the order of their numbers; the head stays locked until its commit. So a snapshot that
//! shows a position shows all below it, and none below it ever comes.

use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction as Sql};

use crate::{
    failure::{Failure, Outcome},
    needs::Needs,
    operation::Operation,
    pool::query_opt,
    rows::number,
    transaction::Transaction,
};

/// Batches of one step, at most.
const STEP_BATCHES_MAX: i64 = 256;
/// A step takes no further batch when it has so many events.
const STEP_EVENTS: i64 = 4_096;

/// How far it is, and whether there is something to do.
pub(super) const FRESH: &str = "SELECT last, EXISTS (SELECT 1 FROM fresh_batches) FROM event_head";
const LOCK: &str = "SELECT last FROM event_head FOR NO KEY UPDATE";
/// The next batches by number get the next positions.
const STEP: &str = "WITH taken AS (DELETE FROM fresh_batches WHERE batch IN (SELECT s.batch FROM \
       (SELECT f.batch, sum(f.events) OVER (ORDER BY f.batch) - f.events AS before FROM \
         (SELECT batch, events FROM fresh_batches ORDER BY batch LIMIT $1) f) s WHERE s.before < $2) RETURNING batch), \
     placed AS (INSERT INTO event_positions (position, lane, batch, place) \
       SELECT $3 + row_number() OVER (ORDER BY e.batch, e.place), e.lane, e.batch, e.place \
       FROM taken t JOIN events e ON e.batch = t.batch RETURNING 1) \
     UPDATE event_head SET last = last + (SELECT count(*) FROM placed) \
     RETURNING last, (SELECT count(*) FROM taken) < (SELECT count(*) FROM (SELECT 1 FROM fresh_batches LIMIT $1 + 1) f)";

/// How far positions are given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Positions {
    /// The newest one.
    pub last: u64,
    /// Committed events wait for theirs.
    pub has_more: bool,
}

/// How far it is, without doing anything.
pub(super) async fn look<C: GenericClient>(client: &C) -> Outcome<Positions> {
    read(query_opt(client, FRESH, &[]).await?)
}

/// One step, if there is anything to do.
pub(crate) async fn step(sql: &Sql<'_>) -> Outcome<Positions> {
    let seen = look(sql).await?;
    if !seen.has_more {
        return Ok(seen);
    }
    // Another node may be at it, and have done it when this returns; the next statement looks again.
    let head = query_opt(sql, LOCK, &[]).await?.ok_or_else(no_head)?;
    let last = number(&head, 0)? as i64;
    read(query_opt(sql, STEP, &[&STEP_BATCHES_MAX, &STEP_EVENTS, &last]).await?)
}

pub(super) fn read(row: Option<tokio_postgres::Row>) -> Outcome<Positions> {
    let row = row.ok_or_else(no_head)?;
    Ok(Positions { last: number(&row, 0)?, has_more: row.try_get(1)? })
}

fn no_head() -> Failure {
    Failure::internal("the head of the events is not there")
}

/// One step and nothing else.
pub(crate) struct GivePositions;

#[async_trait]
impl Operation for GivePositions {
    type Answer = Positions;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.positions = true;
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Positions> {
        Ok(transaction.rows.positions)
    }
}
