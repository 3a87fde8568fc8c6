//! Making, carrying on and stopping a mailing.

use std::collections::HashMap;

use async_trait::async_trait;
use buffa::Message as _;
use skein_proto::{
    id::{ConversationId, UserId},
    outbox::{EventKind, Lane},
    v1::{self, MailingState, mailing_target::To},
};
use skein_store::{
    Refusal,
    mailing::{AdvanceMailing, ClaimedMailing},
};

use super::{load, lost, report};
use crate::{
    failure::{Failure, Outcome},
    needs::Needs,
    operation::Operation,
    pool::{execute, query, query_opt},
    rows::{Key, conversation_id, number, text},
    transaction::Transaction,
};

/// Stores a mailing, unless it is there.
pub(super) struct Create {
    pub mailing: v1::Mailing,
}

#[async_trait]
impl Operation for Create {
    type Answer = (v1::Mailing, bool);

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<(v1::Mailing, bool)> {
        let (sql, mailing) = (transaction.sql, &self.mailing);
        let client_key = format!("{}:{}", mailing.key, mailing.client_mailing_id);
        let client_key = text(&client_key);
        // One that another node is just making is waited for.
        let insert = "INSERT INTO mailings (client_key, state, sender_id, body, cursor, accepted, failed, due_ms, finished_ms) \
             VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0) ON CONFLICT (client_key) DO NOTHING RETURNING mailing_id";
        let (running, sender) = (MailingState::Running as i32, mailing.sender_id as i64);
        let made = query_opt(sql, insert, &[&client_key, &running, &sender, &mailing.encode_to_vec()]).await?;
        let Some(made) = made else {
            let known = "SELECT mailing_id FROM mailings WHERE client_key = $1";
            let known = query_opt(sql, known, &[&client_key]).await?.ok_or_else(lost)?;
            let mailing = report::lookup(sql, number(&known, 0)?).await?;
            return Ok((mailing.ok_or_else(lost)?, true));
        };
        let mailing_id = number(&made, 0)?;
        if let Some(To::Users(users)) = mailing.target.as_option().and_then(|target| target.to.as_ref()) {
            let users: Vec<i64> = users.user_ids.iter().map(|user| *user as i64).collect();
            let insert =
                "INSERT INTO mailing_users (mailing_id, user_id) SELECT $1, unnest($2::int8[]) ON CONFLICT DO NOTHING";
            execute(sql, insert, &[&(mailing_id as i64), &users]).await?;
        }
        Ok((report::lookup(sql, mailing_id).await?.ok_or_else(lost)?, false))
    }
}

/// Leases the mailing that has been due for the longest.
pub(super) struct Claim {
    pub holder: String,
    pub now_ms: u64,
    pub until_ms: u64,
    /// As of a lane.
    pub instance: Option<i32>,
}

#[async_trait]
impl Operation for Claim {
    type Answer = Result<ClaimedMailing, Option<u64>>;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Self::Answer> {
        let sql = transaction.sql;
        // One that another node has just taken is looked at again, and left out.
        let due = "SELECT mailing_id, cursor FROM mailings WHERE state = 1 AND due_ms <= $1 ORDER BY due_ms LIMIT 1 FOR NO KEY UPDATE";
        let Some(row) = query_opt(sql, due, &[&(self.now_ms as i64)]).await? else {
            let next = "SELECT due_ms FROM mailings WHERE state = 1 ORDER BY due_ms LIMIT 1";
            let next = query_opt(sql, next, &[]).await?;
            return Ok(Err(next.map(|row| number(&row, 0)).transpose()?));
        };
        let (mailing_id, cursor) = (number(&row, 0)?, UserId(number(&row, 1)?));
        let update = "UPDATE mailings SET holder = $1, due_ms = $2, instance = $3 WHERE mailing_id = $4";
        let (until, id) = (self.until_ms as i64, mailing_id as i64);
        execute(sql, update, &[&text(&self.holder), &until, &self.instance, &id]).await?;
        let mailing = load(sql, mailing_id).await?.ok_or_else(lost)?;
        Ok(Ok(ClaimedMailing { mailing, cursor }))
    }
}

/// Stores the outcomes of a batch and ends its lease.
pub(super) struct Advance {
    pub batch: AdvanceMailing,
}

#[async_trait]
impl Operation for Advance {
    type Answer = bool;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<bool> {
        let (sql, batch) = (transaction.sql, &self.batch);
        let mailing_id = batch.mailing_id as i64;
        let held = "SELECT 1 FROM mailings WHERE mailing_id = $1 AND holder = $2 AND state = 1 FOR NO KEY UPDATE";
        if query_opt(sql, held, &[&mailing_id, &text(&batch.holder)]).await?.is_none() {
            return Ok(false);
        }
        let (accepted, failed) = self.insert_receivers(transaction).await?;
        let update = "UPDATE mailings SET cursor = $1, accepted = accepted + $2, failed = failed + $3, due_ms = $4, holder = NULL, \
             instance = NULL, state = $5, finished_ms = $6 WHERE mailing_id = $7";
        let state = if batch.finished { MailingState::Finished } else { MailingState::Running };
        let finished_ms = if batch.finished { batch.now_ms as i64 } else { 0 };
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [
            &(batch.cursor.0 as i64),
            &accepted,
            &failed,
            &(batch.due_ms as i64),
            &(state as i32),
            &finished_ms,
            &mailing_id,
        ];
        execute(sql, update, &values).await?;
        if batch.finished {
            let mailing = report::brief(sql, batch.mailing_id).await?;
            let lane = Lane::user(UserId(mailing.sender_id));
            transaction.record(EventKind::MailingFinished, lane, batch.now_ms, || v1::MailingFinished {
                mailing: mailing.into(),
                ..Default::default()
            });
        }
        Ok(true)
    }
}

impl Advance {
    /// Stores what became of each receiver; how many accepted it, and how many failed, that were not stored before.
    async fn insert_receivers(&self, transaction: &Transaction<'_>) -> Outcome<(i64, i64)> {
        let keys = self.conversations(transaction).await?;
        let (mut users, mut places, mut seqs, mut failures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for outcome in &self.batch.outcomes {
            let (key, seq, failure) = match outcome.sent {
                Ok((id, seq)) => (keys.get(&id).copied().unwrap_or(0), seq as i64, 0),
                Err(code) => (0, 0, code as i32),
            };
            users.push(outcome.user.0 as i64);
            places.push(key);
            seqs.push(seq);
            failures.push(failure);
        }
        let insert = "INSERT INTO mailing_receivers (mailing_id, user_id, conversation, seq, failure) \
             SELECT $1, n.* FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::int4[]) AS n ON CONFLICT DO NOTHING RETURNING failure";
        let mailing_id = self.batch.mailing_id as i64;
        let added = query(transaction.sql, insert, &[&mailing_id, &users, &places, &seqs, &failures]).await?;
        let (mut accepted, mut failed) = (0, 0);
        for row in added {
            if row.try_get::<_, i32>(0)? == 0 { accepted += 1 } else { failed += 1 }
        }
        Ok((accepted, failed))
    }

    /// The keys of the conversations that messages are in.
    async fn conversations(&self, transaction: &Transaction<'_>) -> Outcome<HashMap<ConversationId, Key>> {
        let sent = self.batch.outcomes.iter().filter_map(|outcome| outcome.sent.ok());
        let ids: Vec<Vec<u8>> = sent.map(|(id, _)| id.to_bytes().to_vec()).collect();
        let sql = "SELECT id, conversation FROM conversations WHERE id = ANY($1)";
        let read = |row: &tokio_postgres::Row| Ok::<_, Failure>((conversation_id(row, 0)?, row.try_get(1)?));
        query(transaction.sql, sql, &[&ids]).await?.iter().map(read).collect()
    }
}

/// Stops a running mailing.
pub(super) struct Cancel {
    pub mailing_id: u64,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for Cancel {
    type Answer = ();

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let (sql, id) = (transaction.sql, self.mailing_id as i64);
        if load(sql, self.mailing_id).await?.is_none() {
            return Err(Refusal::NotFound.into());
        }
        let update = "UPDATE mailings SET state = $1, finished_ms = $2, holder = NULL, instance = NULL WHERE mailing_id = $3 AND state = $4";
        let (from, to) = (MailingState::Running as i32, MailingState::Cancelled as i32);
        execute(sql, update, &[&to, &(self.now_ms as i64), &id, &from]).await.map(drop)
    }
}
