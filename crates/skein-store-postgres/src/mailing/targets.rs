//! Who is to get a mailing.

use deadpool_postgres::GenericClient;
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, mailing_target::To},
};
use tokio_postgres::Row;

use crate::{
    failure::Outcome,
    pool::{query, query_opt},
    rows::{ConversationRow, bound, number},
};

/// The receivers of a mailing as rows: tables with their condition on `$1`, and the value of that.
async fn source<C: GenericClient>(client: &C, mailing: &v1::Mailing) -> Outcome<Option<(&'static str, i64)>> {
    Ok(match mailing.target.as_option().and_then(|target| target.to.as_ref()) {
        Some(To::Everyone(true)) => Some(("users u WHERE $1 = 0::int8", 0)),
        Some(To::UserId(user)) => Some(("users u WHERE u.user_id = $1", *user as i64)),
        Some(To::Users(_)) => {
            let named = "mailing_users n JOIN users u ON u.user_id = n.user_id WHERE n.mailing_id = $1";
            Some((named, mailing.mailing_id as i64))
        }
        Some(To::ConversationId(id)) if mailing.notification => {
            let row = match id.parse::<ConversationId>() {
                Ok(id) => ConversationRow::load(client, id).await?,
                Err(_) => None,
            };
            let members = "members n JOIN users u ON u.user_id = n.user_id WHERE n.role > 0 AND n.conversation = $1";
            row.map(|row| (members, row.key))
        }
        Some(To::ConversationId(_) | To::Everyone(false)) | None => None,
    })
}

/// What of them beyond `$2` is active (`$3`) and not the sender (`$4`).
const FILTER: &str = "AND u.user_id > $2 AND u.state = $3 AND u.user_id <> $4";

/// Receivers beyond an id, by id.
pub(super) async fn list<C: GenericClient>(
    client: &C,
    mailing: &v1::Mailing,
    after: UserId,
    limit: u32,
) -> Outcome<Vec<UserId>> {
    let Some((source, key)) = source(client, mailing).await? else { return Ok(Vec::new()) };
    let sql = format!("SELECT u.user_id FROM {source} {FILTER} ORDER BY u.user_id LIMIT $5");
    let (active, sender) = (v1::UserState::Active as i32, mailing.sender_id as i64);
    let rows = query(client, &sql, &[&key, &bound(after.0), &active, &sender, &i64::from(limit)]).await?;
    rows.iter().map(|row: &Row| number(row, 0).map(UserId)).collect()
}

/// How many receivers there are beyond an id.
pub(super) async fn count<C: GenericClient>(client: &C, mailing: &v1::Mailing, after: UserId) -> Outcome<u64> {
    let Some((source, key)) = source(client, mailing).await? else { return Ok(0) };
    let sql = format!("SELECT count(*) FROM {source} {FILTER}");
    let (active, sender) = (v1::UserState::Active as i32, mailing.sender_id as i64);
    let row = query_opt(client, &sql, &[&key, &bound(after.0), &active, &sender]).await?;
    row.map_or(Ok(0), |row| number(&row, 0))
}
