//! What became of a mailing.

use buffa::EnumValue;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, ErrorCode, MailingState, mailing_target::To},
};
use skein_store::Result;

use super::{decode, targets};
use crate::rows::{Stored, number};

const MAILING: &str = "mailing_id, body, state, accepted, failed, finished_ms, cursor";

struct MailingRow {
    mailing: Result<v1::Mailing>,
    cursor: UserId,
}

fn read(row: &Row<'_>) -> rusqlite::Result<MailingRow> {
    let mailing_id = number(row, 0)?;
    let report = v1::MailingReport { accepted: number(row, 3)?, failed: number(row, 4)?, ..Default::default() };
    let (state, finished_time_ms) = (row.get::<_, i32>(2)?, number(row, 5)?);
    let mailing = decode(mailing_id, &row.get::<_, Vec<u8>>(1)?);
    let mailing =
        mailing.map(|mailing| v1::Mailing { state: state.into(), finished_time_ms, report: report.into(), ..mailing });
    Ok(MailingRow { mailing, cursor: UserId(number(row, 6)?) })
}

/// The mailing with all counts.
pub(super) fn lookup(connection: &Connection, mailing_id: u64) -> Result<Option<v1::Mailing>> {
    let sql = format!("SELECT {MAILING} FROM mailings WHERE mailing_id = ?");
    let mut statement = connection.prepare_cached(&sql).stored()?;
    let Some(row) = statement.query_row([mailing_id as i64], read).optional().stored()? else { return Ok(None) };
    let mut mailing = row.mailing?;
    let (delivered, read) = taken(connection, mailing_id)?;
    let mut report = mailing.report.as_option().cloned().unwrap_or_default();
    (report.delivered, report.read) = (delivered, read);
    if mailing.state.as_known() == Some(MailingState::Running) {
        report.pending = pending(connection, &mailing, row.cursor, report.accepted + report.failed)?;
    }
    mailing.report = report.into();
    Ok(Some(mailing))
}

/// The mailing with the counts that cost nothing.
pub(super) fn brief(connection: &Connection, mailing_id: u64) -> Result<v1::Mailing> {
    let sql = format!("SELECT {MAILING} FROM mailings WHERE mailing_id = ?");
    connection.prepare_cached(&sql).stored()?.query_row([mailing_id as i64], read).stored()?.mailing
}

/// A mailing as a user into a conversation is one message, the others are one for each receiver.
fn pending(connection: &Connection, mailing: &v1::Mailing, cursor: UserId, served: u64) -> Result<u64> {
    let into_one =
        matches!(mailing.target.as_option().and_then(|target| target.to.as_ref()), Some(To::ConversationId(_)));
    if into_one && !mailing.notification {
        return Ok(u64::from(served == 0));
    }
    targets::count(connection, mailing, cursor)
}

/// How many of those accepted were delivered, and how many were read.
fn taken(connection: &Connection, mailing_id: u64) -> Result<(u64, u64)> {
    let sql = "SELECT coalesce(sum(max(e.delivered_seq, e.read_seq) >= r.seq), 0), coalesce(sum(e.read_seq >= r.seq), 0) \
         FROM mailing_receivers r JOIN entries e ON e.user_id = r.user_id AND e.conversation = r.conversation \
         WHERE r.mailing_id = ? AND r.failure = 0";
    let mut statement = connection.prepare_cached(sql).stored()?;
    statement.query_row([mailing_id as i64], |row| Ok((number(row, 0)?, number(row, 1)?))).stored()
}

pub(super) fn list(connection: &Connection, before_id: u64, limit: u32) -> Result<Vec<v1::Mailing>> {
    let sql = format!("SELECT {MAILING} FROM mailings WHERE mailing_id < ? ORDER BY mailing_id DESC LIMIT ?");
    let before = if before_id == 0 { i64::MAX } else { i64::try_from(before_id).unwrap_or(i64::MAX) };
    let mut statement = connection.prepare_cached(&sql).stored()?;
    let rows = statement.query_map(params![before, limit], read).stored()?;
    rows.map(|row| row.stored()?.mailing).collect()
}

pub(super) fn receivers(
    connection: &Connection,
    mailing_id: u64,
    after: UserId,
    limit: u32,
    failed_only: bool,
) -> Result<Vec<v1::Receiver>> {
    let sql = "SELECT r.user_id, c.id, r.seq, max(e.delivered_seq, e.read_seq) >= r.seq, e.read_seq >= r.seq, r.failure \
         FROM mailing_receivers r LEFT JOIN conversations c USING (conversation) \
         LEFT JOIN entries e ON e.user_id = r.user_id AND e.conversation = r.conversation \
         WHERE r.mailing_id = ? AND r.user_id > ? AND (r.failure <> 0 OR NOT ?) ORDER BY r.user_id LIMIT ?";
    let mut statement = connection.prepare_cached(sql).stored()?;
    let rows = statement.query_map(params![mailing_id as i64, after.0 as i64, failed_only, limit], |row| {
        let id: Option<[u8; 16]> = row.get(1)?;
        Ok(v1::Receiver {
            user_id: number(row, 0)?,
            conversation_id: id.map(|id| ConversationId::from_bytes(id).to_string()).unwrap_or_default(),
            seq: number(row, 2)?,
            delivered: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
            read: row.get::<_, Option<bool>>(4)?.unwrap_or(false),
            failure: code_name(row.get(5)?),
            ..Default::default()
        })
    });
    rows.stored()?.collect::<rusqlite::Result<_>>().stored()
}

/// The name of a code without its prefix; empty for none.
fn code_name(code: i32) -> String {
    match EnumValue::<ErrorCode>::from(code).as_known() {
        None | Some(ErrorCode::Unspecified) => String::new(),
        Some(code) => buffa::Enumeration::proto_name(&code).trim_start_matches("ERROR_CODE_").to_owned(),
    }
}
