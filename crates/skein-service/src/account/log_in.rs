//! Logs a device in by user name and password.

use skein_proto::{
    id::UserId,
    limits,
    v1::{self, CloseCode, ErrorCode, Platform, UserState},
};
use skein_store::account::DeviceRow;

use crate::{
    Failure, LoginPolicy, Result, Service,
    token::{new_refresh_token, new_text_id},
    validate,
};

impl Service {
    /// Errors: `WRONG_CREDENTIALS` (whichever was wrong), `ACCOUNT_SUSPENDED`, `LOGIN_REFUSED`.
    pub(crate) async fn log_in(&self, request: v1::LogInRequest) -> Result<v1::LogInResponse> {
        validate::bounded("the password", &request.password, limits::PASSWORD_BYTES_MAX)?;
        let row = self.store.find_user_by_username(&request.username).await?;
        let hash = row.as_ref().map(|row| row.password_hash.clone()).unwrap_or_default();
        let right = self.verify_password(request.password, hash).await?;
        let row = row
            .filter(|_| right)
            .ok_or_else(|| Failure::new(ErrorCode::WrongCredentials, "the user name or the password is wrong"))?;
        check_active(&row.user)?;
        let tokens = self.log_device_in(UserId(row.user.user_id), request.device.as_option()).await?;
        Ok(v1::LogInResponse { user: row.user.into(), tokens: tokens.into(), ..Default::default() })
    }

    /// Applies the login policy, stores the device and makes its tokens. A device that comes back with its own id replaces itself.
    pub(super) async fn log_device_in(&self, user: UserId, info: Option<&v1::DeviceInfo>) -> Result<v1::Tokens> {
        let info = info.cloned().unwrap_or_default();
        let platform = info.platform.as_known().unwrap_or(Platform::Unspecified);
        validate::bounded("device.device_id", &info.device_id, 64)?;
        let name = match info.name.trim() {
            "" => "device".to_owned(),
            name => validate::shown_name("device.name", name)?,
        };
        let device_id = self.own_device_id(user, &info.device_id).await?;
        self.apply_login_policy(user, platform, &device_id).await?;
        let now_ms = self.now_ms();
        let (refresh_token, refresh_hash) = new_refresh_token()?;
        let device = self
            .store
            .put_device(DeviceRow {
                device_id,
                user_id: user,
                platform,
                name,
                created_time_ms: now_ms,
                last_seen_time_ms: now_ms,
                generation: 0,
                refresh_hash,
                refresh_expires_ms: now_ms + self.config.refresh_token_s * 1_000,
                revoked: false,
            })
            .await?;
        self.tokens_for(&device, refresh_token, now_ms)
    }

    /// The claimed device id when it is this user's; otherwise a fresh one: ids of others are neither taken nor confirmed.
    async fn own_device_id(&self, user: UserId, claimed: &str) -> Result<String> {
        if !claimed.is_empty() && self.store.lookup_device(claimed).await?.is_some_and(|device| device.user_id == user)
        {
            return Ok(claimed.to_owned());
        }
        new_text_id()
    }

    async fn apply_login_policy(&self, user: UserId, platform: Platform, device_id: &str) -> Result<()> {
        let policy = self.config.login_policy(platform);
        if policy == LoginPolicy::Allow {
            return Ok(());
        }
        for other in self.store.list_devices(user).await? {
            if other.device_id == device_id || !same_place(other.platform, platform) {
                continue;
            }
            if policy == LoginPolicy::Refuse {
                return Err(Failure::new(
                    ErrorCode::LoginRefused,
                    "you are logged in on another device of this kind; log out there first",
                ));
            }
            self.store.revoke_device(user, &other.device_id).await?;
            self.close_links(user, &other.device_id, other.generation, CloseCode::Kicked).await;
        }
        Ok(())
    }
}

/// Phones count as one platform.
fn same_place(a: Platform, b: Platform) -> bool {
    let mobile = |platform| matches!(platform, Platform::Ios | Platform::Android);
    a == b || (mobile(a) && mobile(b))
}

/// Refuses suspended and deleted accounts.
pub(crate) fn check_active(user: &v1::User) -> Result<()> {
    if user.state.as_known() == Some(UserState::Active) {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::AccountSuspended, "this account is suspended"))
}
