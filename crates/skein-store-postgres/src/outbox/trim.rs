//! Removing what is old.

use async_trait::async_trait;
use skein_store::{StoreError, outbox::EVENTS_TRIMMED_MAX};

use super::EVENTS;
use crate::{
    failure::Outcome,
    needs::Needs,
    operation::Operation,
    pool::{execute, query_opt},
    rows::bound,
    transaction::Transaction,
};

/// The first event that an enabled consumer still has to get; beyond all when there is none. It only grows, so nobody has to be locked; one that is just
/// switched on gets what is left.
const FIRST_NEEDED: &str = "least(coalesce((SELECT min(c.cursor) + 1 FROM consumers c WHERE c.enabled), 9223372036854775807), \
     coalesce((SELECT min(l.first_position) FROM lanes l JOIN consumers c ON c.name = l.consumer WHERE c.enabled), 9223372036854775807))";

/// Removes old events, and the receivers of old mailings.
pub(super) struct Trim {
    pub before_ms: u64,
}

#[async_trait]
impl Operation for Trim {
    type Answer = u32;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<u32> {
        let (sql, before) = (transaction.sql, bound(self.before_ms));
        let limit = i64::from(EVENTS_TRIMMED_MAX);
        let oldest = format!(
            "SELECT max(o.position) FROM (SELECT p.position, e.time_ms FROM {EVENTS} \
             WHERE p.position > (SELECT trimmed FROM event_head) ORDER BY p.position LIMIT $1) o \
             WHERE o.time_ms < $2 AND o.position < {FIRST_NEEDED}"
        );
        let through = query_opt(sql, &oldest, &[&limit, &before]).await?;
        let mut removed = 0;
        if let Some(through) = through.map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten() {
            execute(sql, "UPDATE event_head SET trimmed = greatest(trimmed, $1)", &[&through]).await?;
            let delete = "WITH gone AS (DELETE FROM event_positions WHERE position <= $1 RETURNING batch, place) \
                 DELETE FROM events e USING gone g WHERE e.batch = g.batch AND e.place = g.place";
            removed += execute(sql, delete, &[&through]).await?;
        }
        for table in ["mailing_receivers", "mailing_users"] {
            let delete = format!(
                "DELETE FROM {table} WHERE (mailing_id, user_id) IN (SELECT r.mailing_id, r.user_id FROM mailings m \
                 JOIN {table} r ON r.mailing_id = m.mailing_id WHERE m.state > 1 AND m.finished_ms < $1 LIMIT $2)"
            );
            removed += execute(sql, &delete, &[&before, &limit]).await?;
        }
        Ok(u32::try_from(removed).map_err(|_| StoreError::Internal("more was trimmed than asked for".to_owned()))?)
    }
}
