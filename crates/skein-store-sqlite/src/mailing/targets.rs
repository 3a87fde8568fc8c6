//! Who is to get a mailing.

use rusqlite::{CachedStatement, Connection, params};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, mailing_target::To},
};
use skein_store::Result;

use crate::rows::{ConversationRow, Stored, number};

/// The receivers of a mailing as rows: a table with its condition on `?1`, and the value of that.
fn source(connection: &Connection, mailing: &v1::Mailing) -> Result<Option<(&'static str, i64)>> {
    Ok(match mailing.target.as_option().and_then(|target| target.to.as_ref()) {
        Some(To::Everyone(true)) => Some(("users WHERE ?1 = 0", 0)),
        Some(To::UserId(user)) => Some(("users WHERE user_id = ?1", *user as i64)),
        Some(To::Users(_)) => {
            Some(("mailing_users JOIN users USING (user_id) WHERE mailing_id = ?1", mailing.mailing_id as i64))
        }
        Some(To::ConversationId(id)) if mailing.notification => {
            let id = id.parse::<ConversationId>().ok();
            let row = id.map(|id| ConversationRow::load(connection, id)).transpose()?.flatten();
            row.map(|row| ("members JOIN users USING (user_id) WHERE role > 0 AND conversation = ?1", row.key))
        }
        Some(To::ConversationId(_) | To::Everyone(false)) | None => None,
    })
}

/// What of them beyond `?2` is active (`?3`) and not the sender (`?4`).
fn prepare<'a>(connection: &'a Connection, what: &str, source: &str, end: &str) -> Result<CachedStatement<'a>> {
    let sql = format!("SELECT {what} FROM {source} AND user_id > ?2 AND state = ?3 AND user_id <> ?4 {end}");
    connection.prepare_cached(&sql).stored()
}

/// Receivers beyond an id, by id.
pub(super) fn list(connection: &Connection, mailing: &v1::Mailing, after: UserId, limit: u32) -> Result<Vec<UserId>> {
    let Some((source, key)) = source(connection, mailing)? else { return Ok(Vec::new()) };
    let mut statement = prepare(connection, "user_id", source, "ORDER BY user_id LIMIT ?5")?;
    let active = v1::UserState::Active as i32;
    let values = params![key, after.0 as i64, active, mailing.sender_id as i64, limit];
    let rows = statement.query_map(values, |row| Ok(UserId(number(row, 0)?))).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

/// How many receivers there are beyond an id.
pub(super) fn count(connection: &Connection, mailing: &v1::Mailing, after: UserId) -> Result<u64> {
    let Some((source, key)) = source(connection, mailing)? else { return Ok(0) };
    let mut statement = prepare(connection, "count(*)", source, "")?;
    let active = v1::UserState::Active as i32;
    statement.query_row(params![key, after.0 as i64, active, mailing.sender_id as i64], |row| number(row, 0)).stored()
}
