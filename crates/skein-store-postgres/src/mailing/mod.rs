//! Mailings of business systems: one job on disk, carried out receiver by receiver. What changes one is in [`change`].

mod change;
mod report;
mod targets;

use std::time::Duration;

use async_trait::async_trait;
use buffa::Message as _;
use deadpool_postgres::GenericClient;
use skein_proto::{id::UserId, v1};
use skein_store::{
    Result,
    mailing::{AdvanceMailing, ClaimedMailing, MailingStore},
};

use self::change::{Advance, Cancel, Claim, Create};
use crate::{
    PostgresStore,
    failure::{Failure, Outcome},
    pool::query_opt,
};

/// How long a wait for mailings lasts at most; those of other nodes are found then.
const WAIT_MAX: Duration = Duration::from_secs(1);

#[async_trait]
impl MailingStore for PostgresStore {
    async fn create_mailing(&self, mailing: v1::Mailing) -> Result<(v1::Mailing, bool)> {
        let created = self.durable.run(Create { mailing }).await?;
        self.outbox.mailed.notify_one();
        Ok(created)
    }

    async fn lookup_mailing(&self, mailing_id: u64) -> Result<Option<v1::Mailing>> {
        self.read(async { report::lookup(&self.readers.get().await?, mailing_id).await }).await
    }

    async fn list_mailings(&self, before_id: u64, limit: u32) -> Result<Vec<v1::Mailing>> {
        self.read(async { report::list(&self.readers.get().await?, before_id, limit).await }).await
    }

    async fn list_receivers(
        &self,
        mailing_id: u64,
        after: UserId,
        limit: u32,
        failed_only: bool,
    ) -> Result<Vec<v1::Receiver>> {
        self.read(async { report::receivers(&self.readers.get().await?, mailing_id, after, limit, failed_only).await })
            .await
    }

    async fn list_mailing_targets(&self, mailing_id: u64, after: UserId, limit: u32) -> Result<Vec<UserId>> {
        self.read(async {
            let client = self.readers.get().await?;
            match load(&client, mailing_id).await? {
                Some(mailing) => targets::list(&client, &mailing, after, limit).await,
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn claim_mailing(
        &self,
        holder: &str,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<std::result::Result<ClaimedMailing, Option<u64>>> {
        let (holder, instance) = (holder.to_owned(), self.outbox.lease_instance());
        let claimed = self.durable.run(Claim { holder, now_ms, until_ms, instance }).await?;
        if !matches!(claimed, Err(None)) {
            // There are leases: here, or of somebody who may be gone.
            self.outbox.wake.notify_one();
        }
        Ok(claimed)
    }

    async fn advance_mailing(&self, batch: AdvanceMailing) -> Result<bool> {
        self.durable.run(Advance { batch }).await
    }

    async fn cancel_mailing(&self, mailing_id: u64, now_ms: u64) -> Result<()> {
        self.durable.run(Cancel { mailing_id, now_ms }).await
    }

    async fn wait_for_mailings(&self) {
        let _ = tokio::time::timeout(WAIT_MAX, self.outbox.mailed.notified()).await;
    }
}

/// The mailing as it was asked for.
async fn load<C: GenericClient>(client: &C, mailing_id: u64) -> Outcome<Option<v1::Mailing>> {
    let sql = "SELECT body FROM mailings WHERE mailing_id = $1";
    let row = query_opt(client, sql, &[&(mailing_id as i64)]).await?;
    row.map(|row| decode(mailing_id, row.try_get(0)?)).transpose()
}

fn decode(mailing_id: u64, body: &[u8]) -> Outcome<v1::Mailing> {
    let mailing = v1::Mailing::decode_from_slice(body);
    let mailing = mailing.map_err(|error| Failure::internal(format!("a stored mailing: {error}")))?;
    Ok(v1::Mailing { mailing_id, ..mailing })
}

fn lost() -> Failure {
    Failure::internal("a mailing without its row")
}
