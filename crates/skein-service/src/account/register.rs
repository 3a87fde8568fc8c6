//! Registers a person by user name and password, and logs the device in.

use skein_proto::{id::UserId, limits, v1, v1::ErrorCode};
use skein_store::{Refusal, StoreError, account::UserRow};

use super::password::check_password;
use crate::{Failure, Result, Service, token::random_bytes, validate};

/// User ids are random, so that they tell nothing and cannot be walked; they stay exact in a JavaScript number.
const USER_ID_MIN: u64 = 1_000_000_000;
const USER_ID_MAX: u64 = 1_000_000_000_000_000;
/// Attempts to find a free id; a second one is already improbable.
const ID_ATTEMPTS: usize = 4;

impl Service {
    /// Creates the account and its first device. Not idempotent: a repeat answers `ALREADY_EXISTS`.
    ///
    /// Errors: `REGISTRATION_CLOSED`, `INVALID_ARGUMENT`, `ALREADY_EXISTS`.
    pub(crate) async fn register(&self, request: v1::RegisterRequest) -> Result<v1::RegisterResponse> {
        if !self.config.registration {
            return Err(Failure::new(ErrorCode::RegistrationClosed, "this server does not take registrations"));
        }
        check_username(&request.username)?;
        check_password(&request.password)?;
        let display_name = match request.display_name.trim() {
            "" => request.username.clone(),
            name => validate::shown_name("display_name", name)?,
        };
        if self.store.find_user_by_username(&request.username).await?.is_some() {
            return Err(taken());
        }
        let password_hash = self.hash_password(request.password.clone()).await?;
        let user = self.create_user(&request.username, display_name, password_hash, String::new()).await?;
        let tokens = self.log_device_in(UserId(user.user_id), request.device.as_option()).await?;
        Ok(v1::RegisterResponse { user: user.into(), tokens: tokens.into(), ..Default::default() })
    }

    /// Stores a new user under a random id; an empty user name becomes one made of the id.
    pub(crate) async fn create_user(
        &self,
        username: &str,
        display_name: String,
        password_hash: String,
        external_id: String,
    ) -> Result<v1::User> {
        for _ in 0..ID_ATTEMPTS {
            let user_id = USER_ID_MIN + u64::from_le_bytes(random_bytes::<8>()?) % (USER_ID_MAX - USER_ID_MIN);
            if self.store.lookup_user(UserId(user_id)).await?.is_some() {
                continue;
            }
            let username = if username.is_empty() { format!("u{user_id}") } else { username.to_owned() };
            let user = v1::User {
                user_id,
                username,
                display_name,
                state: v1::UserState::Active.into(),
                created_time_ms: self.now_ms(),
                ..Default::default()
            };
            let row = UserRow { user: user.clone(), password_hash, external_id };
            return match self.store.create_user(row).await {
                Err(StoreError::Refused(Refusal::AlreadyExists)) => Err(taken()),
                other => Ok(other.map(|()| user)?),
            };
        }
        Err(Failure::internal("no free user id found"))
    }
}

fn taken() -> Failure {
    Failure::new(ErrorCode::AlreadyExists, "this user name is taken")
}

fn check_username(name: &str) -> Result<()> {
    let good = name.len() >= 2
        && name.len() <= limits::USERNAME_CHARS_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if good {
        Ok(())
    } else {
        Err(Failure::invalid(
            "a user name has 2 to 32 letters, digits, dots, dashes or underscores and starts with a letter",
        ))
    }
}
