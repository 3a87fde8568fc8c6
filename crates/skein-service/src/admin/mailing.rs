//! Mailings: a message of a business system to a user, a list, a group or everyone.

use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, ErrorCode, mailing_target::To},
};

use super::ServerKey;
use crate::{
    Failure, Result, Service, account::check_active, fit::count_fitting, message::EXTERNAL_ID_BYTES_MAX, validate,
};

/// Users that one mailing may name; for more there are several mailings, groups, and everyone.
const USERS_MAX: usize = 10_000;
/// Receivers per second, at most.
const PER_SECOND_MAX: u32 = 10_000;
/// Mailings and receivers of one page.
const PAGE_MAX: u32 = 200;
/// The host application's id of the account that notifications come from.
const NOTIFIER: &str = "skein:notifications";

impl Service {
    /// Stores a mailing in the name of a user; it is carried out from then on, whatever happens to the server. A repeat of the client id
    /// gives the first one. Who asked for it is kept with it.
    ///
    /// Errors: those of a message's content; `NOT_FOUND` (no such sender or receiver), `ACCOUNT_SUSPENDED` (the sender), `NOT_A_MEMBER`, `TOO_LARGE`.
    pub(crate) async fn send_as_user(
        &self,
        key: &ServerKey,
        request: v1::SendAsUserRequest,
    ) -> Result<v1::SendAsUserResponse> {
        let sender = UserId(request.sender_id);
        let row = self.store.lookup_user(sender).await?.ok_or_else(|| nobody("sender_id"))?;
        check_active(&row.user)?;
        if let Some(To::ConversationId(text)) = request.target.as_option().and_then(|target| target.to.as_ref()) {
            self.store.lookup_entry(sender, validate::conversation_id(text)?).await?;
        }
        let mailing = v1::Mailing {
            client_mailing_id: request.client_mailing_id,
            sender_id: sender.0,
            target: request.target,
            content: request.content,
            options: request.options,
            external_id: request.external_id,
            per_second: request.per_second,
            ..Default::default()
        };
        let (mailing, duplicate) = self.accept_mailing(key, mailing).await?;
        Ok(v1::SendAsUserResponse { mailing: mailing.into(), duplicate, ..Default::default() })
    }

    /// The same in the name of the server. Errors: as above; `INVALID_ARGUMENT` when the conversation is not a group.
    pub(crate) async fn send_notification(
        &self,
        key: &ServerKey,
        request: v1::SendNotificationRequest,
    ) -> Result<v1::SendNotificationResponse> {
        if let Some(To::ConversationId(text)) = request.target.as_option().and_then(|target| target.to.as_ref())
            && !validate::conversation_id(text)?.is_group()
        {
            return Err(Failure::invalid("target.conversation_id is not a group; name its people instead"));
        }
        let mailing = v1::Mailing {
            client_mailing_id: request.client_mailing_id,
            sender_id: self.notifier().await?.0,
            target: request.target,
            content: request.content,
            options: request.options,
            external_id: request.external_id,
            per_second: request.per_second,
            notification: true,
            ..Default::default()
        };
        let (mailing, duplicate) = self.accept_mailing(key, mailing).await?;
        Ok(v1::SendNotificationResponse { mailing: mailing.into(), duplicate, ..Default::default() })
    }

    async fn accept_mailing(&self, key: &ServerKey, mut mailing: v1::Mailing) -> Result<(v1::Mailing, bool)> {
        mailing.client_mailing_id = validate::uuid("client_mailing_id", &mailing.client_mailing_id)?;
        let content = mailing.content.as_option().ok_or_else(|| Failure::invalid("content is missing"))?;
        validate::content(content)?;
        validate::bounded("external_id", &mailing.external_id, EXTERNAL_ID_BYTES_MAX)?;
        self.check_target(mailing.target.as_option()).await?;
        mailing.per_second = match mailing.per_second {
            0 => self.admin.mailing_per_second.clamp(1, PER_SECOND_MAX),
            asked => asked.min(PER_SECOND_MAX),
        };
        let mut options = mailing.options.into_option().unwrap_or_default();
        options.confirm_delivery = true;
        mailing.options = options.into();
        mailing.key = key.name.to_string();
        mailing.created_time_ms = self.now_ms();
        let (mailing, duplicate) = self.store.create_mailing(mailing).await?;
        let (mailing_id, sender_id) = (mailing.mailing_id, mailing.sender_id);
        tracing::info!(key = &*key.name, mailing_id, sender_id, duplicate, "a mailing was accepted");
        Ok((mailing, duplicate))
    }

    async fn check_target(&self, target: Option<&v1::MailingTarget>) -> Result<()> {
        match target.and_then(|target| target.to.as_ref()) {
            Some(To::UserId(user)) => match self.store.lookup_user(UserId(*user)).await? {
                Some(_) => Ok(()),
                None => Err(nobody("target.user_id")),
            },
            Some(To::Users(users)) if users.user_ids.is_empty() => Err(Failure::invalid("target.users names nobody")),
            Some(To::Users(users)) if users.user_ids.len() > USERS_MAX => {
                Err(Failure::new(ErrorCode::TooLarge, format!("target.users names more than {USERS_MAX}")))
            }
            Some(To::ConversationId(text)) => validate::conversation_id(text).map(drop),
            Some(To::Users(_) | To::Everyone(true)) => Ok(()),
            Some(To::Everyone(false)) | None => {
                Err(Failure::invalid("target must name a user_id, users, a conversation_id or everyone"))
            }
        }
    }

    /// The account that notifications come from; made when it is needed for the first time.
    async fn notifier(&self) -> Result<UserId> {
        if let Some(row) = self.store.find_user_by_external_id(NOTIFIER).await? {
            return Ok(UserId(row.user.user_id));
        }
        let name = validate::shown_name("admin.notifier_name", &self.admin.notifier_name)?;
        match self.create_user("", name, String::new(), NOTIFIER.to_owned()).await {
            Ok(user) => Ok(UserId(user.user_id)),
            // Two first notifications at once: the other one made the account.
            Err(failure) => match self.store.find_user_by_external_id(NOTIFIER).await? {
                Some(row) => Ok(UserId(row.user.user_id)),
                None => Err(failure),
            },
        }
    }

    /// What became of a mailing. Errors: `NOT_FOUND`.
    pub(crate) async fn get_mailing(
        &self,
        _key: &ServerKey,
        request: v1::GetMailingRequest,
    ) -> Result<v1::GetMailingResponse> {
        let mailing = self.mailing(request.mailing_id).await?;
        Ok(v1::GetMailingResponse { mailing: mailing.into(), ..Default::default() })
    }

    async fn mailing(&self, mailing_id: u64) -> Result<v1::Mailing> {
        let found = self.store.lookup_mailing(mailing_id).await?;
        found.ok_or_else(|| Failure::new(ErrorCode::NotFound, "there is no such mailing"))
    }

    /// Who sent what when, latest first.
    pub(crate) async fn list_mailings(
        &self,
        _key: &ServerKey,
        request: v1::ListMailingsRequest,
    ) -> Result<v1::ListMailingsResponse> {
        let limit = page(request.limit);
        let mut mailings = self.store.list_mailings(request.before_id, limit + 1).await?;
        let count = count_fitting(&mailings).min(limit as usize);
        let has_more = mailings.len() > count;
        mailings.truncate(count);
        Ok(v1::ListMailingsResponse { mailings, has_more, ..Default::default() })
    }

    /// What became of it for each receiver served so far. Errors: `NOT_FOUND`.
    pub(crate) async fn list_receivers(
        &self,
        _key: &ServerKey,
        request: v1::ListReceiversRequest,
    ) -> Result<v1::ListReceiversResponse> {
        self.mailing(request.mailing_id).await?;
        let (limit, after) = (page(request.limit), UserId(request.after_user_id));
        let mut receivers =
            self.store.list_receivers(request.mailing_id, after, limit + 1, request.failed_only).await?;
        let has_more = receivers.len() > limit as usize;
        receivers.truncate(limit as usize);
        Ok(v1::ListReceiversResponse { receivers, has_more, ..Default::default() })
    }

    /// Stops a mailing; a batch that is being sent is still sent. Errors: `NOT_FOUND`.
    pub(crate) async fn cancel_mailing(
        &self,
        key: &ServerKey,
        request: v1::CancelMailingRequest,
    ) -> Result<v1::CancelMailingResponse> {
        self.store.cancel_mailing(request.mailing_id, self.now_ms()).await?;
        tracing::info!(key = &*key.name, mailing_id = request.mailing_id, "a mailing was cancelled");
        let mailing = self.mailing(request.mailing_id).await?;
        Ok(v1::CancelMailingResponse { mailing: mailing.into(), ..Default::default() })
    }
}

fn page(limit: u32) -> u32 {
    if limit == 0 { PAGE_MAX } else { limit.min(PAGE_MAX) }
}

fn nobody(field: &str) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("{field}: there is no such user"))
}

/// The conversation into which a mailing writes one message; `None` when it has receivers of its own.
pub(super) fn one_conversation(mailing: &v1::Mailing) -> Option<ConversationId> {
    match mailing.target.as_option()?.to.as_ref()? {
        To::ConversationId(text) if !mailing.notification => text.parse().ok(),
        _ => None,
    }
}
