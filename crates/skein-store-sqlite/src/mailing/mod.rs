//! Mailings of business systems: one job on disk, carried out receiver by receiver.

mod report;
mod targets;

use std::time::Duration;

use async_trait::async_trait;
use buffa::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use skein_proto::{
    id::UserId,
    outbox::{EventKind, Lane},
    v1::{self, MailingState, mailing_target::To},
};
use skein_store::{
    Refusal, Result, StoreError,
    mailing::{AdvanceMailing, ClaimedMailing, MailingOutcome, MailingStore},
};

use crate::{
    SqliteStore,
    rows::{Stored, number},
    transaction::Transaction,
};

/// How long a wait for mailings lasts at most.
const WAIT_MAX: Duration = Duration::from_secs(1);

#[async_trait]
impl MailingStore for SqliteStore {
    async fn create_mailing(&self, mailing: v1::Mailing) -> Result<(v1::Mailing, bool)> {
        let created = self.write(move |transaction| create(transaction.connection, &mailing)).await?;
        self.outbox.mailed.notify_one();
        Ok(created)
    }

    async fn lookup_mailing(&self, mailing_id: u64) -> Result<Option<v1::Mailing>> {
        self.read(move |connection| report::lookup(connection, mailing_id)).await
    }

    async fn list_mailings(&self, before_id: u64, limit: u32) -> Result<Vec<v1::Mailing>> {
        self.read(move |connection| report::list(connection, before_id, limit)).await
    }

    async fn list_receivers(
        &self,
        mailing_id: u64,
        after: UserId,
        limit: u32,
        failed_only: bool,
    ) -> Result<Vec<v1::Receiver>> {
        self.read(move |connection| report::receivers(connection, mailing_id, after, limit, failed_only)).await
    }

    async fn list_mailing_targets(&self, mailing_id: u64, after: UserId, limit: u32) -> Result<Vec<UserId>> {
        self.read(move |connection| {
            let Some(mailing) = load(connection, mailing_id)? else { return Ok(Vec::new()) };
            targets::list(connection, &mailing, after, limit)
        })
        .await
    }

    async fn claim_mailing(
        &self,
        holder: &str,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<std::result::Result<ClaimedMailing, Option<u64>>> {
        let holder = holder.to_owned();
        self.write(move |transaction| claim(transaction.connection, &holder, now_ms, until_ms)).await
    }

    async fn advance_mailing(&self, batch: AdvanceMailing) -> Result<bool> {
        self.write(move |transaction| advance(transaction, &batch)).await
    }

    async fn cancel_mailing(&self, mailing_id: u64, now_ms: u64) -> Result<()> {
        self.write(move |transaction| {
            let connection = transaction.connection;
            if load(connection, mailing_id)?.is_none() {
                return Err(Refusal::NotFound.into());
            }
            let sql =
                "UPDATE mailings SET state = ?, finished_ms = ?, holder = NULL WHERE mailing_id = ? AND state = ?";
            let (from, to) = (MailingState::Running as i32, MailingState::Cancelled as i32);
            connection.execute(sql, params![to, now_ms as i64, mailing_id as i64, from]).stored().map(drop)
        })
        .await
    }

    async fn wait_for_mailings(&self) {
        let _ = tokio::time::timeout(WAIT_MAX, self.outbox.mailed.notified()).await;
    }
}

fn create(connection: &Connection, mailing: &v1::Mailing) -> Result<(v1::Mailing, bool)> {
    let client_key = format!("{}:{}", mailing.key, mailing.client_mailing_id);
    let sql = "SELECT mailing_id FROM mailings WHERE client_key = ?";
    let known = connection.query_row(sql, [&client_key], |row| number(row, 0)).optional().stored()?;
    if let Some(known) = known {
        return report::lookup(connection, known)?
            .map(|mailing| (mailing, true))
            .ok_or_else(|| StoreError::Internal("a mailing without its row".to_owned()));
    }
    let sql = "INSERT INTO mailings (client_key, state, sender_id, body, cursor, accepted, failed, due_ms, finished_ms) \
         VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0)";
    let values = params![client_key, MailingState::Running as i32, mailing.sender_id as i64, mailing.encode_to_vec()];
    connection.execute(sql, values).stored()?;
    let mailing_id = connection.last_insert_rowid();
    if let Some(To::Users(users)) = mailing.target.as_option().and_then(|target| target.to.as_ref()) {
        let sql = "INSERT OR IGNORE INTO mailing_users (mailing_id, user_id) VALUES (?, ?)";
        let mut statement = connection.prepare_cached(sql).stored()?;
        for user in &users.user_ids {
            statement.execute([mailing_id, *user as i64]).stored()?;
        }
    }
    report::lookup(connection, mailing_id as u64)?
        .map(|mailing| (mailing, false))
        .ok_or_else(|| StoreError::Internal("a mailing without its row".to_owned()))
}

/// The mailing as it was asked for.
fn load(connection: &Connection, mailing_id: u64) -> Result<Option<v1::Mailing>> {
    let mut statement = connection.prepare_cached("SELECT body FROM mailings WHERE mailing_id = ?").stored()?;
    let body: Option<Vec<u8>> = statement.query_row([mailing_id as i64], |row| row.get(0)).optional().stored()?;
    body.map(|body| decode(mailing_id, &body)).transpose()
}

fn decode(mailing_id: u64, body: &[u8]) -> Result<v1::Mailing> {
    let mailing = v1::Mailing::decode_from_slice(body);
    let mailing = mailing.map_err(|error| StoreError::Internal(format!("a stored mailing: {error}")))?;
    Ok(v1::Mailing { mailing_id, ..mailing })
}

fn claim(
    connection: &Connection,
    holder: &str,
    now_ms: u64,
    until_ms: u64,
) -> Result<std::result::Result<ClaimedMailing, Option<u64>>> {
    let sql = "SELECT mailing_id, due_ms, cursor FROM mailings WHERE state = 1 ORDER BY due_ms LIMIT 1";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let found = statement.query_row([], |row| Ok((number(row, 0)?, number(row, 1)?, number(row, 2)?)));
    let Some((mailing_id, due_ms, cursor)) = found.optional().stored()? else { return Ok(Err(None)) };
    if due_ms > now_ms {
        return Ok(Err(Some(due_ms)));
    }
    let sql = "UPDATE mailings SET holder = ?, due_ms = ? WHERE mailing_id = ?";
    connection.prepare_cached(sql).stored()?.execute(params![holder, until_ms as i64, mailing_id as i64]).stored()?;
    let mailing =
        load(connection, mailing_id)?.ok_or_else(|| StoreError::Internal("a mailing without its row".to_owned()))?;
    Ok(Ok(ClaimedMailing { mailing, cursor: UserId(cursor) }))
}

fn advance(transaction: &mut Transaction<'_>, batch: &AdvanceMailing) -> Result<bool> {
    let connection = transaction.connection;
    let sql = "SELECT 1 FROM mailings WHERE mailing_id = ? AND holder = ? AND state = 1";
    if !connection.prepare_cached(sql).stored()?.exists(params![batch.mailing_id as i64, batch.holder]).stored()? {
        return Ok(false);
    }
    let (mut accepted, mut failed) = (0_i64, 0_i64);
    for MailingOutcome { user, sent } in &batch.outcomes {
        let (key, seq, failure) = match sent {
            Ok((id, seq)) => (transaction.conversation(*id)?.map_or(0, |row| row.key), *seq, 0),
            Err(code) => (0, 0, *code as i32),
        };
        let sql = "INSERT OR IGNORE INTO mailing_receivers (mailing_id, user_id, conversation, seq, failure) VALUES (?, ?, ?, ?, ?)";
        let values = params![batch.mailing_id as i64, user.0 as i64, key, seq as i64, failure];
        let added = connection.prepare_cached(sql).stored()?.execute(values).stored()? as i64;
        if failure == 0 { accepted += added } else { failed += added }
    }
    let sql = "UPDATE mailings SET cursor = ?, accepted = accepted + ?, failed = failed + ?, due_ms = ?, holder = NULL, \
         state = ?, finished_ms = ? WHERE mailing_id = ?";
    let state = if batch.finished { MailingState::Finished } else { MailingState::Running };
    let values = params![
        batch.cursor.0 as i64,
        accepted,
        failed,
        batch.due_ms as i64,
        state as i32,
        if batch.finished { batch.now_ms as i64 } else { 0 },
        batch.mailing_id as i64
    ];
    connection.prepare_cached(sql).stored()?.execute(values).stored()?;
    if batch.finished
        && let Some(mailing) = load(connection, batch.mailing_id)?
    {
        transaction.record(
            EventKind::MailingFinished,
            Lane::user(UserId(mailing.sender_id)),
            batch.now_ms,
            |connection| {
                let mailing = report::brief(connection, batch.mailing_id)?;
                Ok(v1::MailingFinished { mailing: mailing.into(), ..Default::default() })
            },
        )?;
    }
    Ok(true)
}
