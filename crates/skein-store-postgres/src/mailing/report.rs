//! What became of a mailing.

use buffa::EnumValue;
use deadpool_postgres::GenericClient;
use skein_proto::{
    id::UserId,
    v1::{self, ErrorCode, MailingState, mailing_target::To},
};
use tokio_postgres::Row;

use super::{decode, lost, targets};
use crate::{
    failure::Outcome,
    pool::{query, query_opt},
    rows::{bound, conversation_id, number},
};

const MAILING: &str = "mailing_id, body, state, accepted, failed, finished_ms, cursor";

struct MailingRow {
    mailing: v1::Mailing,
    cursor: UserId,
}

fn read(row: &Row) -> Outcome<MailingRow> {
    let report = v1::MailingReport { accepted: number(row, 3)?, failed: number(row, 4)?, ..Default::default() };
    let mailing = v1::Mailing {
        state: row.try_get::<_, i32>(2)?.into(),
        finished_time_ms: number(row, 5)?,
        report: report.into(),
        ..decode(number(row, 0)?, row.try_get(1)?)?
    };
    Ok(MailingRow { mailing, cursor: UserId(number(row, 6)?) })
}

async fn find<C: GenericClient>(client: &C, mailing_id: u64) -> Outcome<Option<MailingRow>> {
    let sql = format!("SELECT {MAILING} FROM mailings WHERE mailing_id = $1");
    query_opt(client, &sql, &[&(mailing_id as i64)]).await?.map(|row| read(&row)).transpose()
}

/// The mailing with all counts.
pub(super) async fn lookup<C: GenericClient>(client: &C, mailing_id: u64) -> Outcome<Option<v1::Mailing>> {
    let Some(MailingRow { mut mailing, cursor }) = find(client, mailing_id).await? else { return Ok(None) };
    let mut report = mailing.report.as_option().cloned().unwrap_or_default();
    (report.delivered, report.read) = taken(client, mailing_id).await?;
    if mailing.state.as_known() == Some(MailingState::Running) {
        report.pending = pending(client, &mailing, cursor, report.accepted + report.failed).await?;
    }
    mailing.report = report.into();
    Ok(Some(mailing))
}

/// The mailing with the counts that cost nothing.
pub(super) async fn brief<C: GenericClient>(client: &C, mailing_id: u64) -> Outcome<v1::Mailing> {
    Ok(find(client, mailing_id).await?.ok_or_else(lost)?.mailing)
}

/// A mailing as a user into a conversation is one message, the others are one for each receiver.
async fn pending<C: GenericClient>(client: &C, mailing: &v1::Mailing, cursor: UserId, served: u64) -> Outcome<u64> {
    let into_one =
        matches!(mailing.target.as_option().and_then(|target| target.to.as_ref()), Some(To::ConversationId(_)));
    if into_one && !mailing.notification {
        return Ok(u64::from(served == 0));
    }
    targets::count(client, mailing, cursor).await
}

/// How many of those accepted were delivered, and how many were read.
async fn taken<C: GenericClient>(client: &C, mailing_id: u64) -> Outcome<(u64, u64)> {
    let sql = "SELECT count(*) FILTER (WHERE greatest(e.delivered_seq, e.read_seq) >= r.seq), \
         count(*) FILTER (WHERE e.read_seq >= r.seq) \
         FROM mailing_receivers r JOIN entries e ON e.user_id = r.user_id AND e.conversation = r.conversation \
         WHERE r.mailing_id = $1 AND r.failure = 0";
    let row = query_opt(client, sql, &[&(mailing_id as i64)]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((number(&row, 0)?, number(&row, 1)?)))
}

/// Latest first.
pub(super) async fn list<C: GenericClient>(client: &C, before_id: u64, limit: u32) -> Outcome<Vec<v1::Mailing>> {
    let sql = format!("SELECT {MAILING} FROM mailings WHERE mailing_id < $1 ORDER BY mailing_id DESC LIMIT $2");
    let before = if before_id == 0 { i64::MAX } else { bound(before_id) };
    let rows = query(client, &sql, &[&before, &i64::from(limit)]).await?;
    rows.iter().map(|row| Ok(read(row)?.mailing)).collect()
}

/// Those served, by id.
pub(super) async fn receivers<C: GenericClient>(
    client: &C,
    mailing_id: u64,
    after: UserId,
    limit: u32,
    failed_only: bool,
) -> Outcome<Vec<v1::Receiver>> {
    let sql = "SELECT r.user_id, c.id, r.seq, coalesce(greatest(e.delivered_seq, e.read_seq) >= r.seq, false), \
         coalesce(e.read_seq >= r.seq, false), r.failure \
         FROM mailing_receivers r LEFT JOIN conversations c ON c.conversation = r.conversation \
         LEFT JOIN entries e ON e.user_id = r.user_id AND e.conversation = r.conversation \
         WHERE r.mailing_id = $1 AND r.user_id > $2 AND (r.failure <> 0 OR NOT $3) ORDER BY r.user_id LIMIT $4";
    let read = |row: &Row| {
        let is_somewhere = row.try_get::<_, Option<&[u8]>>(1)?.is_some();
        let conversation_id = if is_somewhere { conversation_id(row, 1)?.to_string() } else { String::new() };
        Ok(v1::Receiver {
            user_id: number(row, 0)?,
            conversation_id,
            seq: number(row, 2)?,
            delivered: row.try_get(3)?,
            read: row.try_get(4)?,
            failure: code_name(row.try_get(5)?),
            ..Default::default()
        })
    };
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&(mailing_id as i64), &bound(after.0), &failed_only, &i64::from(limit)];
    query(client, sql, &values).await?.iter().map(read).collect()
}

/// The name of a code without its prefix; empty for none.
fn code_name(code: i32) -> String {
    match EnumValue::<ErrorCode>::from(code).as_known() {
        None | Some(ErrorCode::Unspecified) => String::new(),
        Some(code) => buffa::Enumeration::proto_name(&code).trim_start_matches("ERROR_CODE_").to_owned(),
    }
}
