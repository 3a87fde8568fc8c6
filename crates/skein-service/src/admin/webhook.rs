//! How the webhooks are doing.

use skein_proto::v1;
use skein_store::outbox::ConsumerRow;

use super::ServerKey;
use crate::{Failure, Result, Service, fit::count_fitting};

/// Dead events of one page.
const PAGE_MAX: u32 = 100;

impl Service {
    /// The configured webhooks, by name.
    pub(crate) async fn list_webhooks(
        &self,
        _key: &ServerKey,
        _request: v1::ListWebhooksRequest,
    ) -> Result<v1::ListWebhooksResponse> {
        let last = self.store.lookup_event_bounds().await?.last;
        let rows = self.store.list_consumers().await?;
        let webhooks = rows.into_iter().map(|row| webhook(row, last)).collect();
        Ok(v1::ListWebhooksResponse { webhooks, ..Default::default() })
    }

    /// Switches a webhook on or off. Errors: `NOT_FOUND`.
    pub(crate) async fn set_webhook(
        &self,
        key: &ServerKey,
        request: v1::SetWebhookRequest,
    ) -> Result<v1::SetWebhookResponse> {
        let reason = if request.enabled { String::new() } else { format!("switched off with the key {}", key.name) };
        self.store.set_consumer_enabled(&request.name, request.enabled, &reason).await?;
        tracing::info!(key = &*key.name, webhook = request.name, enabled = request.enabled, "a webhook was switched");
        let last = self.store.lookup_event_bounds().await?.last;
        let rows = self.store.list_consumers().await?;
        let row = rows.into_iter().find(|row| row.name == request.name);
        let row = row.ok_or_else(|| Failure::from(skein_store::Refusal::NotFound))?;
        Ok(v1::SetWebhookResponse { webhook: webhook(row, last).into(), ..Default::default() })
    }

    /// Events given up, oldest first.
    pub(crate) async fn list_dead_events(
        &self,
        _key: &ServerKey,
        request: v1::ListDeadEventsRequest,
    ) -> Result<v1::ListDeadEventsResponse> {
        let limit = if request.limit == 0 { PAGE_MAX } else { request.limit.min(PAGE_MAX) };
        let dead = self.store.list_dead_events(&request.webhook, request.after, limit + 1).await?;
        let mut events: Vec<v1::DeadEvent> = dead
            .into_iter()
            .map(|dead| v1::DeadEvent {
                cursor: dead.event.position,
                event_id: dead.event.id(),
                payload: dead.event.payload(),
                attempts: dead.attempts,
                error: dead.error,
                died_time_ms: dead.died_ms,
                ..Default::default()
            })
            .collect();
        let count = count_fitting(&events).min(limit as usize);
        let has_more = events.len() > count;
        events.truncate(count);
        Ok(v1::ListDeadEventsResponse { events, has_more, ..Default::default() })
    }
}

fn webhook(row: ConsumerRow, last_event: u64) -> v1::Webhook {
    v1::Webhook {
        name: row.name,
        enabled: row.enabled,
        disabled_reason: row.disabled_reason,
        cursor: row.cursor,
        last_event,
        waiting_lanes: row.lanes,
        dead_events: row.dead,
        ..Default::default()
    }
}
