//! Events for business systems and mailings: this engine has neither. It refuses them, and a server that is configured to need them does not start on it.
//!
//! What an implementation has to do about positions, claims and leases stands in the header of `skein_store::outbox`.

use async_trait::async_trait;
use skein_proto::{id::UserId, outbox::KindSet, v1};
use skein_store::{
    Result, StoreError,
    mailing::{AdvanceMailing, ClaimedMailing, MailingStore},
    outbox::{ClaimLanes, Claimed, ConsumerRow, DeadEvent, EventBounds, EventPage, OutboxStore, SettleLane},
};

use crate::PostgresStore;

fn refused<T>() -> Result<T> {
    Err(StoreError::Unsupported("webhooks, the event stream and mailings need the embedded store"))
}

#[async_trait]
impl OutboxStore for PostgresStore {
    fn set_recorded_kinds(&self, kinds: KindSet) {
        if !kinds.is_empty() {
            tracing::error!("PostgreSQL records no events for business systems");
        }
    }

    async fn list_events(&self, _after: u64, _kinds: KindSet, _limit: u32) -> Result<EventPage> {
        refused()
    }

    async fn lookup_event_bounds(&self) -> Result<EventBounds> {
        refused()
    }

    async fn wait_for_events(&self, _after: u64) {
        std::future::pending().await
    }

    async fn trim_events(&self, _before_ms: u64) -> Result<u32> {
        Ok(0)
    }

    async fn set_consumers(&self, names: &[String]) -> Result<()> {
        if names.is_empty() { Ok(()) } else { refused() }
    }

    async fn list_consumers(&self) -> Result<Vec<ConsumerRow>> {
        Ok(Vec::new())
    }

    async fn set_consumer_enabled(&self, _name: &str, _enabled: bool, _reason: &str) -> Result<()> {
        refused()
    }

    async fn claim_lanes(&self, _claim: ClaimLanes) -> Result<Claimed> {
        refused()
    }

    async fn settle_lane(&self, _settlement: SettleLane) -> Result<bool> {
        refused()
    }

    async fn list_dead_events(&self, _consumer: &str, _after: u64, _limit: u32) -> Result<Vec<DeadEvent>> {
        refused()
    }
}

#[async_trait]
impl MailingStore for PostgresStore {
    async fn create_mailing(&self, _mailing: v1::Mailing) -> Result<(v1::Mailing, bool)> {
        refused()
    }

    async fn lookup_mailing(&self, _mailing_id: u64) -> Result<Option<v1::Mailing>> {
        refused()
    }

    async fn list_mailings(&self, _before_id: u64, _limit: u32) -> Result<Vec<v1::Mailing>> {
        refused()
    }

    async fn list_receivers(
        &self,
        _mailing_id: u64,
        _after: UserId,
        _limit: u32,
        _failed_only: bool,
    ) -> Result<Vec<v1::Receiver>> {
        refused()
    }

    async fn list_mailing_targets(&self, _mailing_id: u64, _after: UserId, _limit: u32) -> Result<Vec<UserId>> {
        refused()
    }

    async fn claim_mailing(
        &self,
        _holder: &str,
        _now_ms: u64,
        _until_ms: u64,
    ) -> Result<std::result::Result<ClaimedMailing, Option<u64>>> {
        Ok(Err(None))
    }

    async fn advance_mailing(&self, _batch: AdvanceMailing) -> Result<bool> {
        refused()
    }

    async fn cancel_mailing(&self, _mailing_id: u64, _now_ms: u64) -> Result<()> {
        refused()
    }

    async fn wait_for_mailings(&self) {
        std::future::pending().await
    }
}
