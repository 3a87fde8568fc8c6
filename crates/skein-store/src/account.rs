//! Accounts, devices, blocks, settings and the deployment's own secrets.

use async_trait::async_trait;
use skein_proto::{id::UserId, v1};

use crate::Result;

/// A user together with what only the server may see.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// The public part.
    pub user: v1::User,
    /// PHC string of the password; empty when the account has none.
    pub password_hash: String,
    /// The host application's own id of this user; empty when it has none.
    pub external_id: String,
}

/// A logged-in device. A revoked device stays, so that its tokens stay dead after a restart.
#[derive(Clone, Debug)]
pub struct DeviceRow {
    /// Unguessable text id.
    pub device_id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// What it runs on.
    pub platform: v1::Platform,
    /// As the user named it.
    pub name: String,
    /// First login, Unix milliseconds.
    pub created_time_ms: u64,
    /// Last login or refresh, Unix milliseconds.
    pub last_seen_time_ms: u64,
    /// Counts logins: an access token carries the generation it was made for, older ones are dead.
    pub generation: u64,
    /// SHA-256 of the current refresh token.
    pub refresh_hash: [u8; 32],
    /// When that token ends, Unix milliseconds.
    pub refresh_expires_ms: u64,
    /// Logged out, by itself or remotely.
    pub revoked: bool,
}

/// The exchange of a refresh token for the next one.
#[derive(Clone, Copy, Debug)]
pub struct RotateRefresh {
    /// SHA-256 of the token presented.
    pub old: [u8; 32],
    /// SHA-256 of the token to replace it.
    pub new: [u8; 32],
    /// When the new token ends, Unix milliseconds.
    pub expires_ms: u64,
    /// How long after its exchange a token may be presented again, in milliseconds; 0: never.
    pub grace_ms: u64,
    /// The clock, Unix milliseconds.
    pub now_ms: u64,
}

/// The outcome of [`AccountStore::rotate_refresh`].
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The new hash is stored.
    Rotated(DeviceRow),
    /// The old token had been used before, and not just now: the device is now revoked.
    Reused(DeviceRow),
}

/// The fields of a profile to change; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// Shown name.
    pub display_name: Option<String>,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// A line about oneself.
    pub bio: Option<String>,
    /// JSON object of the application's own.
    pub extra: Option<String>,
}

/// See the [crate] documentation for the guarantees.
#[async_trait]
pub trait AccountStore {
    /// Creates a user. `row.user.user_id` and `username` must be free, and `external_id` unless empty. User names are
    /// unique without regard to ASCII case. Errors: `AlreadyExists`.
    async fn create_user(&self, row: UserRow) -> Result<()>;
    /// The user with this id.
    async fn lookup_user(&self, id: UserId) -> Result<Option<UserRow>>;
    /// The user with this name, without regard to ASCII case.
    async fn find_user_by_username(&self, username: &str) -> Result<Option<UserRow>>;
    /// The user that the host application knows by this id.
    async fn find_user_by_external_id(&self, external_id: &str) -> Result<Option<UserRow>>;
    /// Changes the profile and moves the user's timeline. Returns the user and the timeline's version. Errors: `NotFound`.
    async fn set_profile(&self, id: UserId, change: ProfileChange) -> Result<(v1::User, u64)>;
    /// Replaces the password hash. Errors: `NotFound`.
    async fn set_password_hash(&self, id: UserId, hash: String) -> Result<()>;
    /// Suspends, re-activates or deletes. Errors: `NotFound`.
    async fn set_user_state(&self, id: UserId, state: v1::UserState) -> Result<()>;
    /// Version of the user's timeline; 0 for an unknown user.
    async fn lookup_user_version(&self, id: UserId) -> Result<u64>;

    /// Stores a login: inserts the device, or replaces the row of the same `device_id` and user with a generation one
    /// higher than it had (and no longer revoked). Drops the longest-unseen device over `limits::DEVICES_MAX`.
    /// Returns the stored row. Errors: `AlreadyExists` when the id belongs to another user.
    async fn put_device(&self, row: DeviceRow) -> Result<DeviceRow>;
    /// The device with this id, revoked or not.
    async fn lookup_device(&self, device_id: &str) -> Result<Option<DeviceRow>>;
    /// The devices of a user that are not revoked, latest seen first.
    async fn list_devices(&self, user: UserId) -> Result<Vec<DeviceRow>>;
    /// Swaps the refresh token's hash if `old` is the current one. A hash that was current earlier revokes the device
    /// ([`Rotation::Reused`]); former hashes are remembered until they would have expired.
    ///
    /// The answer to an exchange can be lost, so the one whose token is current may be repeated within `grace_ms`: the hash that
    /// was exchanged last is taken again and gives another token. The tokens of one exchange and its repeats are equal until one
    /// of them is used; then the others count as used too, so that two holders are still found out.
    ///
    /// Errors: `NotFound` when no device (or only a revoked one) knows the hash, `WindowPassed` when the token has expired.
    async fn rotate_refresh(&self, exchange: RotateRefresh) -> Result<Rotation>;
    /// Revokes a device of the user. False when there is none, or it was revoked already.
    async fn revoke_device(&self, user: UserId, device_id: &str) -> Result<bool>;

    /// Blocks or unblocks; moves the caller's timeline when something changed. Returns its version. Errors: `NotFound`
    /// when `other` does not exist.
    async fn set_blocked(&self, user: UserId, other: UserId, blocked: bool) -> Result<u64>;
    /// Whom the user blocks.
    async fn list_blocked(&self, user: UserId) -> Result<Vec<UserId>>;
    /// Sets one setting (empty removes it) and moves the timeline. Returns its version. Errors: `LimitReached` over 1,000 keys.
    async fn put_setting(&self, user: UserId, key: &str, value: &str) -> Result<u64>;

    /// The deployment's secret of this name; stores `candidate` when there is none yet.
    async fn secret(&self, name: &str, candidate: Vec<u8>) -> Result<Vec<u8>>;
}
