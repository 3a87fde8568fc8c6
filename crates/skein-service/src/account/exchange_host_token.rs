//! Logs in with a token that the host application minted; the account comes into being with the first one.

use skein_proto::{id::UserId, v1};

use super::log_in::check_active;
use crate::{Result, Service, validate};

impl Service {
    /// The token is a JWT (HS256 with `service.host_key`): `sub` is the host's own id of the user, `exp` is required, `name` is optional.
    ///
    /// Errors: `FORBIDDEN` (no key configured), `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `ACCOUNT_SUSPENDED`, `LOGIN_REFUSED`.
    pub(crate) async fn exchange_host_token(
        &self,
        request: v1::ExchangeHostTokenRequest,
    ) -> Result<v1::ExchangeHostTokenResponse> {
        let claims = self.keys.read_host_token(&request.host_token)?;
        let (user, created) = match self.store.find_user_by_external_id(&claims.sub).await? {
            Some(row) => (row.user, false),
            None => self.create_host_user(&claims.sub, &claims.name).await?,
        };
        check_active(&user)?;
        let tokens = self.log_device_in(UserId(user.user_id), request.device.as_option()).await?;
        Ok(v1::ExchangeHostTokenResponse { user: user.into(), tokens: tokens.into(), created, ..Default::default() })
    }

    async fn create_host_user(&self, external_id: &str, name: &str) -> Result<(v1::User, bool)> {
        let name = if name.trim().is_empty() {
            external_id.chars().filter(|c| !c.is_control()).take(64).collect()
        } else {
            validate::shown_name("name", name)?
        };
        match self.create_user("", name, String::new(), external_id.to_owned()).await {
            Ok(user) => Ok((user, true)),
            // Two first log-ins at once: the other one made the account.
            Err(failure) => match self.store.find_user_by_external_id(external_id).await? {
                Some(row) => Ok((row.user, false)),
                None => Err(failure),
            },
        }
    }
}
