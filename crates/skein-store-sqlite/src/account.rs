//! Accounts, devices, blocks, settings, secrets.

mod refresh;

use async_trait::async_trait;
use buffa::EnumValue;
use rusqlite::{Connection, OptionalExtension, Row, params};
use skein_proto::{
    id::UserId,
    limits,
    outbox::{EventKind, Lane},
    v1,
};
use skein_store::{
    Refusal, Result,
    account::{AccountStore, DeviceRow, ProfileChange, RotateRefresh, Rotation, UserRow},
};

use crate::{
    SqliteStore,
    outbox::clock_ms,
    rows::{Stored, number, user_exists},
    transaction::Transaction,
};

/// Settings of one user.
const SETTINGS_MAX: i64 = 1_000;

const USER: &str = "user_id, username, external_id, password_hash, display_name, avatar, bio, extra, state, created_ms";
const DEVICE: &str = "device_id, user_id, platform, name, created_ms, last_seen_ms, generation, refresh_hash, refresh_expires_ms, revoked";

fn read_user(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    let state: i32 = row.get(8)?;
    let user = v1::User {
        user_id: number(row, 0)?,
        username: row.get(1)?,
        display_name: row.get(4)?,
        avatar: row.get(5)?,
        bio: row.get(6)?,
        extra: row.get(7)?,
        state: state.into(),
        created_time_ms: number(row, 9)?,
        ..Default::default()
    };
    Ok(UserRow { user, external_id: row.get::<_, Option<String>>(2)?.unwrap_or_default(), password_hash: row.get(3)? })
}

fn read_device(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    let platform: i32 = row.get(2)?;
    Ok(DeviceRow {
        device_id: row.get(0)?,
        user_id: UserId(number(row, 1)?),
        platform: EnumValue::<v1::Platform>::from(platform).as_known().unwrap_or_default(),
        name: row.get(3)?,
        created_time_ms: number(row, 4)?,
        last_seen_time_ms: number(row, 5)?,
        generation: number(row, 6)?,
        refresh_hash: row.get(7)?,
        refresh_expires_ms: number(row, 8)?,
        revoked: row.get(9)?,
    })
}

/// One user by a column.
pub(crate) fn find_user(connection: &Connection, column: &str, value: impl rusqlite::ToSql) -> Result<Option<UserRow>> {
    let sql = format!("SELECT {USER} FROM users WHERE {column} = ?");
    connection.prepare_cached(&sql).stored()?.query_row([value], read_user).optional().stored()
}

pub(crate) fn find_device(
    connection: &Connection,
    column: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<DeviceRow>> {
    let sql = format!("SELECT {DEVICE} FROM devices WHERE {column} = ?");
    connection.prepare_cached(&sql).stored()?.query_row([value], read_device).optional().stored()
}

fn save_device(connection: &Connection, row: &DeviceRow) -> Result<()> {
    let sql = format!("INSERT OR REPLACE INTO devices ({DEVICE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let values = params![
        row.device_id,
        row.user_id.0 as i64,
        row.platform as i32,
        row.name,
        row.created_time_ms as i64,
        row.last_seen_time_ms as i64,
        row.generation as i64,
        row.refresh_hash,
        row.refresh_expires_ms as i64,
        row.revoked,
    ];
    connection.prepare_cached(&sql).stored()?.execute(values).stored().map(drop)
}

fn list_devices(connection: &Connection, user: UserId) -> Result<Vec<DeviceRow>> {
    let sql =
        format!("SELECT {DEVICE} FROM devices WHERE user_id = ? AND revoked = 0 ORDER BY last_seen_ms DESC, device_id");
    let mut statement = connection.prepare_cached(&sql).stored()?;
    let rows = statement.query_map([user.0 as i64], read_device).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

#[async_trait]
impl AccountStore for SqliteStore {
    async fn create_user(&self, row: UserRow) -> Result<()> {
        self.write(move |transaction| create_user(transaction, &row)).await
    }

    async fn lookup_user(&self, id: UserId) -> Result<Option<UserRow>> {
        self.read(move |connection| find_user(connection, "user_id", id.0 as i64)).await
    }

    async fn find_user_by_username(&self, username: &str) -> Result<Option<UserRow>> {
        let key = username.to_ascii_lowercase();
        self.read(move |connection| find_user(connection, "username_key", key)).await
    }

    async fn find_user_by_external_id(&self, external_id: &str) -> Result<Option<UserRow>> {
        let id = external_id.to_owned();
        self.read(move |connection| find_user(connection, "external_id", id)).await
    }

    async fn set_profile(&self, id: UserId, change: ProfileChange) -> Result<(v1::User, u64)> {
        self.write(move |transaction| set_profile(transaction, id, &change)).await
    }

    async fn set_password_hash(&self, id: UserId, hash: String) -> Result<()> {
        self.write(move |transaction| {
            let sql = "UPDATE users SET password_hash = ? WHERE user_id = ?";
            found(transaction.connection.execute(sql, params![hash, id.0 as i64]).stored()?)?;
            transaction.record_user(EventKind::UserPasswordChanged, id)
        })
        .await
    }

    async fn set_user_state(&self, id: UserId, state: v1::UserState) -> Result<()> {
        self.write(move |transaction| {
            let sql = "UPDATE users SET state = ? WHERE user_id = ?";
            found(transaction.connection.execute(sql, params![state as i32, id.0 as i64]).stored()?)?;
            transaction.record_user(EventKind::UserStateChanged, id)
        })
        .await
    }

    async fn lookup_user_version(&self, id: UserId) -> Result<u64> {
        self.read(move |connection| user_version(connection, id)).await
    }

    async fn put_device(&self, row: DeviceRow) -> Result<DeviceRow> {
        self.write(move |transaction| put_device(transaction, row.clone())).await
    }

    async fn lookup_device(&self, device_id: &str) -> Result<Option<DeviceRow>> {
        let id = device_id.to_owned();
        self.read(move |connection| find_device(connection, "device_id", id)).await
    }

    async fn list_devices(&self, user: UserId) -> Result<Vec<DeviceRow>> {
        self.read(move |connection| list_devices(connection, user)).await
    }

    async fn rotate_refresh(&self, exchange: RotateRefresh) -> Result<Rotation> {
        self.write(move |transaction| refresh::rotate(transaction, &exchange)).await
    }

    async fn revoke_device(&self, user: UserId, device_id: &str) -> Result<bool> {
        let id = device_id.to_owned();
        self.write(move |transaction| {
            let sql = "UPDATE devices SET revoked = 1 WHERE device_id = ? AND user_id = ? AND revoked = 0";
            let revoked = transaction.connection.execute(sql, params![id, user.0 as i64]).stored()? > 0;
            if revoked {
                transaction.record_device(EventKind::DeviceLoggedOut, &id, user, "revoked")?;
            }
            Ok(revoked)
        })
        .await
    }

    async fn set_blocked(&self, user: UserId, other: UserId, blocked: bool) -> Result<u64> {
        self.write(move |transaction| set_blocked(transaction, user, other, blocked)).await
    }

    async fn list_blocked(&self, user: UserId) -> Result<Vec<UserId>> {
        self.read(move |connection| {
            let sql = "SELECT other_id FROM blocks WHERE user_id = ? AND blocked = 1 ORDER BY other_id";
            let mut statement = connection.prepare_cached(sql).stored()?;
            let rows = statement.query_map([user.0 as i64], |row| Ok(UserId(number(row, 0)?))).stored()?;
            rows.collect::<rusqlite::Result<_>>().stored()
        })
        .await
    }

    async fn put_setting(&self, user: UserId, key: &str, value: &str) -> Result<u64> {
        let (name, value) = (key.to_owned(), value.to_owned());
        self.write(move |transaction| put_setting(transaction, user, &name, &value)).await
    }

    async fn secret(&self, name: &str, candidate: Vec<u8>) -> Result<Vec<u8>> {
        let name = name.to_owned();
        self.write(move |transaction| {
            let connection = transaction.connection;
            connection
                .execute("INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)", params![name, candidate])
                .stored()?;
            connection.query_row("SELECT value FROM secrets WHERE name = ?", [&name], |row| row.get(0)).stored()
        })
        .await
    }
}

fn found(changed: usize) -> Result<()> {
    if changed == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}

/// Version of the user's timeline; 0 for nobody.
pub(crate) fn user_version(connection: &Connection, id: UserId) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT version FROM users WHERE user_id = ?").stored()?;
    let version = statement.query_row([id.0 as i64], |row| number(row, 0)).optional().stored()?;
    Ok(version.unwrap_or(0))
}

fn create_user(transaction: &mut Transaction<'_>, row: &UserRow) -> Result<()> {
    let user = &row.user;
    let external_id = (!row.external_id.is_empty()).then_some(&row.external_id);
    let sql = format!(
        "INSERT OR IGNORE INTO users ({USER}, username_key, version, profile_version) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1)"
    );
    let values = params![
        user.user_id as i64,
        user.username,
        external_id,
        row.password_hash,
        user.display_name,
        user.avatar,
        user.bio,
        user.extra,
        user.state.to_i32(),
        user.created_time_ms as i64,
        user.username.to_ascii_lowercase(),
    ];
    match transaction.connection.prepare_cached(&sql).stored()?.execute(values).stored()? {
        0 => Err(Refusal::AlreadyExists.into()),
        _ => transaction.record_user(EventKind::UserCreated, UserId(user.user_id)),
    }
}

fn set_profile(transaction: &mut Transaction<'_>, id: UserId, change: &ProfileChange) -> Result<(v1::User, u64)> {
    let Some(UserRow { mut user, .. }) = find_user(transaction.connection, "user_id", id.0 as i64)? else {
        return Err(Refusal::NotFound.into());
    };
    let apply = |field: &mut String, value: &Option<String>| {
        if let Some(value) = value {
            field.clone_from(value);
        }
    };
    apply(&mut user.display_name, &change.display_name);
    apply(&mut user.avatar, &change.avatar);
    apply(&mut user.bio, &change.bio);
    apply(&mut user.extra, &change.extra);
    let version = transaction.advance_user(id)?;
    let sql =
        "UPDATE users SET display_name = ?, avatar = ?, bio = ?, extra = ?, profile_version = ? WHERE user_id = ?";
    let values = params![user.display_name, user.avatar, user.bio, user.extra, version as i64, id.0 as i64];
    transaction.connection.execute(sql, values).stored()?;
    transaction.record_user(EventKind::UserUpdated, id)?;
    Ok((user, version))
}

fn put_device(transaction: &mut Transaction<'_>, mut row: DeviceRow) -> Result<DeviceRow> {
    let connection = transaction.connection;
    match find_device(connection, "device_id", &row.device_id)? {
        Some(former) if former.user_id != row.user_id => return Err(Refusal::AlreadyExists.into()),
        Some(former) => {
            row.generation = former.generation + 1;
            row.created_time_ms = former.created_time_ms;
        }
        None => row.generation = row.generation.max(1),
    }
    row.revoked = false;
    save_device(connection, &row)?;
    transaction.record_device(EventKind::DeviceLoggedIn, &row.device_id, row.user_id, "")?;
    let devices = list_devices(connection, row.user_id)?;
    let oldest = devices.iter().rev().find(|device| device.device_id != row.device_id);
    if let Some(oldest) = oldest.filter(|_| devices.len() > limits::DEVICES_MAX) {
        connection.execute("UPDATE devices SET revoked = 1 WHERE device_id = ?", [&oldest.device_id]).stored()?;
        transaction.record_device(EventKind::DeviceLoggedOut, &oldest.device_id, row.user_id, "too_many_devices")?;
    }
    Ok(row)
}

fn set_blocked(transaction: &mut Transaction<'_>, user: UserId, other: UserId, blocked: bool) -> Result<u64> {
    if !user_exists(transaction.connection, other)? {
        return Err(Refusal::NotFound.into());
    }
    if transaction.blocks(user, other)? == blocked {
        return transaction.user_version(user);
    }
    let version = transaction.advance_user(user)?;
    let sql = "INSERT OR REPLACE INTO blocks (user_id, other_id, blocked, version) VALUES (?, ?, ?, ?)";
    transaction.connection.execute(sql, params![user.0 as i64, other.0 as i64, blocked, version as i64]).stored()?;
    transaction.keep_block(user, other, blocked);
    let kind = if blocked { EventKind::UserBlocked } else { EventKind::UserUnblocked };
    transaction.record(kind, Lane::user(user), clock_ms(), |_| {
        Ok(v1::BlockChanged { user_id: user.0, other_id: other.0, version, ..Default::default() })
    })?;
    Ok(version)
}

fn put_setting(transaction: &mut Transaction<'_>, user: UserId, name: &str, value: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM settings WHERE user_id = ? AND value <> '' AND name <> ?";
    let count: i64 = transaction.connection.query_row(sql, params![user.0 as i64, name], |row| row.get(0)).stored()?;
    if !value.is_empty() && count >= SETTINGS_MAX {
        return Err(Refusal::LimitReached.into());
    }
    let version = transaction.advance_user(user)?;
    let sql = "INSERT OR REPLACE INTO settings (user_id, name, value, version) VALUES (?, ?, ?, ?)";
    transaction.connection.execute(sql, params![user.0 as i64, name, value, version as i64]).stored()?;
    transaction.record(EventKind::UserSettingChanged, Lane::user(user), clock_ms(), |_| {
        let (key, value) = (name.to_owned(), value.to_owned());
        Ok(v1::SettingChanged { user_id: user.0, key, value, version, ..Default::default() })
    })?;
    Ok(version)
}
