//! Accounts, blocks, settings, secrets. Devices are in [`crate::device`].

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use skein_proto::{
    id::UserId,
    outbox::{EventKind, Lane},
    v1,
};
use skein_store::{
    Refusal, Result,
    account::{AccountStore, DeviceRow, ProfileChange, RotateRefresh, Rotation, UserRow},
};
use tokio_postgres::{Row, types::ToSql};

use crate::{
    PostgresStore,
    device::{PutDevice, RevokeDevice, find_device, list_devices},
    failure::{Failure, Outcome},
    needs::Needs,
    operation::{Operation, user_place},
    outbox::clock_ms,
    pool::{execute, query, query_opt},
    refresh::Exchange,
    rows::{number, text},
    transaction::Transaction,
};

/// Settings of one user.
const SETTINGS_MAX: i64 = 1_000;

const USER: &str = "user_id, username, external_id, password_hash, display_name, avatar, bio, extra, state, created_ms";

fn read_user(row: &Row) -> Outcome<UserRow> {
    let user = v1::User {
        user_id: number(row, 0)?,
        username: row.try_get(1)?,
        display_name: row.try_get(4)?,
        avatar: row.try_get(5)?,
        bio: row.try_get(6)?,
        extra: row.try_get(7)?,
        state: row.try_get::<_, i32>(8)?.into(),
        created_time_ms: number(row, 9)?,
        ..Default::default()
    };
    let external_id: Option<String> = row.try_get(2)?;
    Ok(UserRow { user, external_id: external_id.unwrap_or_default(), password_hash: row.try_get(3)? })
}

/// One user by a column.
pub(crate) async fn find_user<C: GenericClient>(
    client: &C,
    column: &str,
    value: &(dyn ToSql + Sync),
) -> Outcome<Option<UserRow>> {
    let sql = format!("SELECT {USER} FROM users WHERE {column} = $1");
    query_opt(client, &sql, &[value]).await?.map(|row| read_user(&row)).transpose()
}

/// Version of the user's timeline; 0 for nobody.
pub(crate) async fn user_version<C: GenericClient>(client: &C, id: UserId) -> Outcome<u64> {
    let row = query_opt(client, "SELECT version FROM users WHERE user_id = $1", &[&(id.0 as i64)]).await?;
    Ok(row.map(|row| number(&row, 0)).transpose()?.unwrap_or(0))
}

#[async_trait]
impl AccountStore for PostgresStore {
    async fn create_user(&self, row: UserRow) -> Result<()> {
        self.write(CreateUser { row }).await
    }

    async fn lookup_user(&self, id: UserId) -> Result<Option<UserRow>> {
        self.read(async { find_user(&self.readers.get().await?, "user_id", &(id.0 as i64)).await }).await
    }

    async fn find_user_by_username(&self, username: &str) -> Result<Option<UserRow>> {
        let key = text(username).to_ascii_lowercase();
        self.read(async { find_user(&self.readers.get().await?, "username_key", &key).await }).await
    }

    async fn find_user_by_external_id(&self, external_id: &str) -> Result<Option<UserRow>> {
        self.read(async { find_user(&self.readers.get().await?, "external_id", &text(external_id)).await }).await
    }

    async fn set_profile(&self, id: UserId, change: ProfileChange) -> Result<(v1::User, u64)> {
        self.write(SetProfile { id, change }).await
    }

    async fn set_password_hash(&self, id: UserId, hash: String) -> Result<()> {
        self.write(SetPasswordHash { id, hash }).await
    }

    async fn set_user_state(&self, id: UserId, state: v1::UserState) -> Result<()> {
        self.write(SetUserState { id, state }).await
    }

    async fn lookup_user_version(&self, id: UserId) -> Result<u64> {
        self.read(async { user_version(&self.readers.get().await?, id).await }).await
    }

    async fn put_device(&self, row: DeviceRow) -> Result<DeviceRow> {
        self.write(PutDevice { row }).await
    }

    async fn lookup_device(&self, device_id: &str) -> Result<Option<DeviceRow>> {
        self.read(async { find_device(&self.readers.get().await?, "device_id", &text(device_id)).await }).await
    }

    async fn list_devices(&self, user: UserId) -> Result<Vec<DeviceRow>> {
        self.read(async { list_devices(&self.readers.get().await?, user).await }).await
    }

    async fn rotate_refresh(&self, exchange: RotateRefresh) -> Result<Rotation> {
        self.write(Exchange(exchange)).await
    }

    async fn revoke_device(&self, user: UserId, device_id: &str) -> Result<bool> {
        self.write(RevokeDevice { user, device_id: device_id.to_owned() }).await
    }

    async fn set_blocked(&self, user: UserId, other: UserId, blocked: bool) -> Result<u64> {
        self.write(SetBlocked { user, other, blocked }).await
    }

    async fn list_blocked(&self, user: UserId) -> Result<Vec<UserId>> {
        self.read(async {
            let sql = "SELECT other_id FROM blocks WHERE user_id = $1 AND blocked ORDER BY other_id";
            let rows = query(&self.readers.get().await?, sql, &[&(user.0 as i64)]).await?;
            rows.iter().map(|row| number(row, 0).map(UserId)).collect()
        })
        .await
    }

    async fn put_setting(&self, user: UserId, key: &str, value: &str) -> Result<u64> {
        self.write(PutSetting { user, name: key.to_owned(), value: value.to_owned() }).await
    }

    async fn secret(&self, name: &str, candidate: Vec<u8>) -> Result<Vec<u8>> {
        self.write(PutSecret { name: name.to_owned(), candidate }).await
    }
}

struct CreateUser {
    row: UserRow,
}

#[async_trait]
impl Operation for CreateUser {
    type Answer = ();

    fn place(&self) -> u64 {
        user_place(UserId(self.row.user.user_id))
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let user = &self.row.user;
        let external_id = (!self.row.external_id.is_empty()).then(|| text(&self.row.external_id));
        let sql = format!(
            "INSERT INTO users ({USER}, username_key, version, profile_version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, 1) ON CONFLICT DO NOTHING"
        );
        let made: u64 = execute(
            transaction.sql,
            &sql,
            &[
                &(user.user_id as i64),
                &text(&user.username),
                &external_id,
                &text(&self.row.password_hash),
                &text(&user.display_name),
                &text(&user.avatar),
                &text(&user.bio),
                &text(&user.extra),
                &user.state.to_i32(),
                &(user.created_time_ms as i64),
                &text(&user.username).to_ascii_lowercase(),
            ],
        )
        .await?;
        if made == 0 {
            return Err(Refusal::AlreadyExists.into());
        }
        transaction.record_user(EventKind::UserCreated, UserId(user.user_id)).await
    }
}

struct SetProfile {
    id: UserId,
    change: ProfileChange,
}

#[async_trait]
impl Operation for SetProfile {
    type Answer = (v1::User, u64);

    fn place(&self) -> u64 {
        user_place(self.id)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.id);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<(v1::User, u64)> {
        let id = self.id.0 as i64;
        let found = find_user(transaction.sql, "user_id", &id).await?;
        let UserRow { mut user, .. } = found.ok_or(Refusal::NotFound)?;
        let apply = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                *field = text(value).into_owned();
            }
        };
        apply(&mut user.display_name, &self.change.display_name);
        apply(&mut user.avatar, &self.change.avatar);
        apply(&mut user.bio, &self.change.bio);
        apply(&mut user.extra, &self.change.extra);
        let version = transaction.advance_user(self.id)?;
        let sql = "UPDATE users SET display_name = $1, avatar = $2, bio = $3, extra = $4, profile_version = $5 WHERE user_id = $6";
        let (sql, set) = (transaction.sql, sql);
        execute(sql, set, &[&user.display_name, &user.avatar, &user.bio, &user.extra, &(version as i64), &id]).await?;
        transaction.record_user(EventKind::UserUpdated, self.id).await?;
        Ok((user, version))
    }
}

struct SetPasswordHash {
    id: UserId,
    hash: String,
}

#[async_trait]
impl Operation for SetPasswordHash {
    type Answer = ();

    fn place(&self) -> u64 {
        user_place(self.id)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.id);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let sql = "UPDATE users SET password_hash = $1 WHERE user_id = $2";
        found(execute(transaction.sql, sql, &[&text(&self.hash), &(self.id.0 as i64)]).await?)?;
        transaction.record_user(EventKind::UserPasswordChanged, self.id).await
    }
}

struct SetUserState {
    id: UserId,
    state: v1::UserState,
}

#[async_trait]
impl Operation for SetUserState {
    type Answer = ();

    fn place(&self) -> u64 {
        user_place(self.id)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.id);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let sql = "UPDATE users SET state = $1 WHERE user_id = $2";
        found(execute(transaction.sql, sql, &[&(self.state as i32), &(self.id.0 as i64)]).await?)?;
        transaction.record_user(EventKind::UserStateChanged, self.id).await
    }
}

fn found(changed: u64) -> Outcome<()> {
    if changed == 0 { Err(Refusal::NotFound.into()) } else { Ok(()) }
}

struct SetBlocked {
    user: UserId,
    other: UserId,
    blocked: bool,
}

#[async_trait]
impl Operation for SetBlocked {
    type Answer = u64;

    fn place(&self) -> u64 {
        user_place(self.user)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.block(self.user, self.other);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<u64> {
        let (user, other) = (self.user, self.other);
        if !transaction.user_exists(other) {
            return Err(Refusal::NotFound.into());
        }
        if transaction.blocks(user, other) == self.blocked {
            return transaction.user_version(user);
        }
        let version = transaction.advance_user(user)?;
        let sql = "INSERT INTO blocks (user_id, other_id, blocked, version) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, other_id) DO UPDATE SET blocked = excluded.blocked, version = excluded.version";
        let (user_id, other_id) = (user.0 as i64, other.0 as i64);
        execute(transaction.sql, sql, &[&user_id, &other_id, &self.blocked, &(version as i64)]).await?;
        match self.blocked {
            true => transaction.rows.blocks.insert((user, other)),
            false => transaction.rows.blocks.remove(&(user, other)),
        };
        let kind = if self.blocked { EventKind::UserBlocked } else { EventKind::UserUnblocked };
        transaction.record(kind, Lane::user(user), clock_ms(), || v1::BlockChanged {
            user_id: user.0,
            other_id: other.0,
            version,
            ..Default::default()
        });
        Ok(version)
    }
}

struct PutSetting {
    user: UserId,
    name: String,
    value: String,
}

#[async_trait]
impl Operation for PutSetting {
    type Answer = u64;

    fn place(&self) -> u64 {
        user_place(self.user)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.user);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<u64> {
        let (user, name, value) = (self.user.0 as i64, text(&self.name), text(&self.value));
        if !value.is_empty() {
            let others = "SELECT count(*) FROM settings WHERE user_id = $1 AND value <> '' AND name <> $2";
            let count = query_opt(transaction.sql, others, &[&user, &name]).await?;
            let count: i64 = count.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
            if count >= SETTINGS_MAX {
                return Err(Refusal::LimitReached.into());
            }
        }
        let version = transaction.advance_user(self.user)?;
        let sql = "INSERT INTO settings (user_id, name, value, version) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value, version = excluded.version";
        execute(transaction.sql, sql, &[&user, &name, &value, &(version as i64)]).await?;
        transaction.record(EventKind::UserSettingChanged, Lane::user(self.user), clock_ms(), || v1::SettingChanged {
            user_id: self.user.0,
            key: self.name.clone(),
            value: self.value.clone(),
            version,
            ..Default::default()
        });
        Ok(version)
    }
}

struct PutSecret {
    name: String,
    candidate: Vec<u8>,
}

#[async_trait]
impl Operation for PutSecret {
    type Answer = Vec<u8>;

    fn place(&self) -> u64 {
        0
    }

    fn needs(&self, _needs: &mut Needs) {}

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<Vec<u8>> {
        let name = text(&self.name);
        let insert = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        execute(transaction.sql, insert, &[&name, &self.candidate]).await?;
        let row = query_opt(transaction.sql, "SELECT value FROM secrets WHERE name = $1", &[&name]).await?;
        Ok(row.ok_or_else(|| Failure::internal("a secret that was just stored is not there"))?.try_get(0)?)
    }
}
