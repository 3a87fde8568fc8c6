//! Logins. The exchange of their refresh tokens is in [`crate::refresh`].

use async_trait::async_trait;
use buffa::EnumValue;
use deadpool_postgres::GenericClient;
use skein_proto::{id::UserId, limits, outbox::EventKind, v1};
use skein_store::{Refusal, account::DeviceRow};
use tokio_postgres::{Row, types::ToSql};

use crate::{
    failure::{Failure, Outcome},
    needs::Needs,
    operation::{Operation, user_place},
    pool::{execute, query, query_opt},
    rows::{number, text},
    transaction::Transaction,
};

const DEVICE: &str = "device_id, user_id, platform, name, created_ms, last_seen_ms, generation, refresh_hash, refresh_expires_ms, revoked";

fn read_device(row: &Row) -> Outcome<DeviceRow> {
    let hash: &[u8] = row.try_get(7)?;
    Ok(DeviceRow {
        device_id: row.try_get(0)?,
        user_id: UserId(number(row, 1)?),
        platform: EnumValue::<v1::Platform>::from(row.try_get::<_, i32>(2)?).as_known().unwrap_or_default(),
        name: row.try_get(3)?,
        created_time_ms: number(row, 4)?,
        last_seen_time_ms: number(row, 5)?,
        generation: number(row, 6)?,
        refresh_hash: hash.try_into().map_err(|_| Failure::internal("a stored hash has not 32 bytes"))?,
        refresh_expires_ms: number(row, 8)?,
        revoked: row.try_get(9)?,
    })
}

/// One device by a column.
pub(crate) async fn find_device<C: GenericClient>(
    client: &C,
    column: &str,
    value: &(dyn ToSql + Sync),
) -> Outcome<Option<DeviceRow>> {
    let sql = format!("SELECT {DEVICE} FROM devices WHERE {column} = $1");
    query_opt(client, &sql, &[value]).await?.map(|row| read_device(&row)).transpose()
}

/// The same, locked until the commit.
pub(crate) async fn lock_device(
    transaction: &Transaction<'_>,
    column: &str,
    value: &(dyn ToSql + Sync),
) -> Outcome<Option<DeviceRow>> {
    let sql = format!("SELECT {DEVICE} FROM devices WHERE {column} = $1 FOR NO KEY UPDATE");
    query_opt(transaction.sql, &sql, &[value]).await?.map(|row| read_device(&row)).transpose()
}

/// Devices that are not revoked, latest seen first.
pub(crate) async fn list_devices<C: GenericClient>(client: &C, user: UserId) -> Outcome<Vec<DeviceRow>> {
    let sql = format!(
        "SELECT {DEVICE} FROM devices WHERE user_id = $1 AND NOT revoked ORDER BY last_seen_ms DESC, device_id COLLATE \"C\""
    );
    query(client, &sql, &[&(user.0 as i64)]).await?.iter().map(read_device).collect()
}

/// Stores the device; does nothing when another user has just taken its id.
pub(crate) async fn save_device(transaction: &Transaction<'_>, row: &DeviceRow) -> Outcome<u64> {
    let sql = format!(
        "INSERT INTO devices ({DEVICE}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (device_id) DO UPDATE SET \
         platform = excluded.platform, name = excluded.name, created_ms = excluded.created_ms, last_seen_ms = excluded.last_seen_ms, \
         generation = excluded.generation, refresh_hash = excluded.refresh_hash, refresh_expires_ms = excluded.refresh_expires_ms, \
         revoked = excluded.revoked WHERE devices.user_id = excluded.user_id"
    );
    execute(
        transaction.sql,
        &sql,
        &[
            &text(&row.device_id),
            &(row.user_id.0 as i64),
            &(row.platform as i32),
            &text(&row.name),
            &(row.created_time_ms as i64),
            &(row.last_seen_time_ms as i64),
            &(row.generation as i64),
            &row.refresh_hash.as_slice(),
            &(row.refresh_expires_ms as i64),
            &row.revoked,
        ],
    )
    .await
}

pub(crate) async fn revoke(transaction: &Transaction<'_>, device_id: &str) -> Outcome<()> {
    let sql = "UPDATE devices SET revoked = true WHERE device_id = $1";
    execute(transaction.sql, sql, &[&device_id]).await.map(drop)
}

pub(crate) struct PutDevice {
    pub row: DeviceRow,
}

#[async_trait]
impl Operation for PutDevice {
    type Answer = DeviceRow;

    fn place(&self) -> u64 {
        user_place(self.row.user_id)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.row.user_id);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<DeviceRow> {
        let mut row = self.row.clone();
        match lock_device(transaction, "device_id", &text(&row.device_id)).await? {
            Some(former) if former.user_id != row.user_id => return Err(Refusal::AlreadyExists.into()),
            Some(former) => {
                row.generation = former.generation + 1;
                row.created_time_ms = former.created_time_ms;
            }
            None => row.generation = row.generation.max(1),
        }
        row.revoked = false;
        if save_device(transaction, &row).await? == 0 {
            return Err(Refusal::AlreadyExists.into());
        }
        transaction.record_device(EventKind::DeviceLoggedIn, &row.device_id, row.user_id, "").await?;
        let devices = list_devices(transaction.sql, row.user_id).await?;
        let oldest = devices.iter().rev().find(|device| device.device_id != row.device_id);
        if let Some(oldest) = oldest.filter(|_| devices.len() > limits::DEVICES_MAX) {
            revoke(transaction, &oldest.device_id).await?;
            let (kind, reason) = (EventKind::DeviceLoggedOut, "too_many_devices");
            transaction.record_device(kind, &oldest.device_id, row.user_id, reason).await?;
        }
        Ok(row)
    }
}

pub(crate) struct RevokeDevice {
    pub user: UserId,
    pub device_id: String,
}

#[async_trait]
impl Operation for RevokeDevice {
    type Answer = bool;

    fn place(&self) -> u64 {
        user_place(self.user)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.user);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<bool> {
        let sql = "UPDATE devices SET revoked = true WHERE device_id = $1 AND user_id = $2 AND NOT revoked";
        let revoked = execute(transaction.sql, sql, &[&text(&self.device_id), &(self.user.0 as i64)]).await? > 0;
        if revoked {
            transaction.record_device(EventKind::DeviceLoggedOut, &self.device_id, self.user, "revoked").await?;
        }
        Ok(revoked)
    }
}
