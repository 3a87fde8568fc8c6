//! Carries mailings out: batch by batch, each one under a lease, at the pace that was asked for.

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, ErrorCode},
};
use skein_store::{
    mailing::{AdvanceMailing, ClaimedMailing, MailingOutcome},
    message::AppendMessage,
};
use tokio::task::JoinSet;

use super::mailing::one_conversation;
use crate::{Caller, Failure, Result, Service, failure::is_retryable, token::new_text_id};

/// Receivers of one batch, at most: they are sent to at once, so that they share a commit.
const BATCH_MAX: u32 = 64;
/// Batches per second that a pace is cut into.
const BATCHES_PER_SECOND: u32 = 4;
/// How long a worker has for a batch.
const LEASE_MS: u64 = 30_000;
/// Pause after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);

impl Service {
    /// Carries out whatever mailing is due, one batch at a time. Never ends; may be dropped at any moment without losing anything.
    pub async fn carry_mailings(self: Arc<Self>) {
        let Ok(holder) = new_text_id() else { return };
        loop {
            let now_ms = self.now_ms();
            match self.store.claim_mailing(&holder, now_ms, now_ms + LEASE_MS).await {
                Ok(Ok(claimed)) => self.clone().carry_batch(&holder, claimed).await,
                Ok(Err(next)) => {
                    let due =
                        next.map_or(Duration::MAX, |next_ms| Duration::from_millis(next_ms.saturating_sub(now_ms)));
                    let _ = tokio::time::timeout(due, self.store.wait_for_mailings()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot look for mailings");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Sends one batch and stores what came of it. When it cannot, the lease is given back or runs out, and the same batch comes again.
    async fn carry_batch(self: Arc<Self>, holder: &str, claimed: ClaimedMailing) {
        let ClaimedMailing { mailing, cursor } = claimed;
        let mut batch = AdvanceMailing {
            mailing_id: mailing.mailing_id,
            holder: holder.to_owned(),
            outcomes: Vec::new(),
            cursor,
            finished: false,
            due_ms: 0,
            now_ms: 0,
        };
        let sent = self.clone().send_batch(&mailing, cursor).await;
        batch.now_ms = self.now_ms();
        match sent {
            Ok((outcomes, finished)) => {
                batch.cursor = outcomes.last().map_or(cursor, |outcome| outcome.user);
                batch.due_ms = batch.now_ms + 1_000 * outcomes.len() as u64 / u64::from(mailing.per_second.max(1));
                (batch.outcomes, batch.finished) = (outcomes, finished);
            }
            Err(failure) => {
                tracing::warn!(mailing_id = mailing.mailing_id, %failure, "a batch will be sent again");
                batch.due_ms = batch.now_ms + PAUSE.as_millis() as u64;
            }
        }
        let (mailing_id, finished) = (batch.mailing_id, batch.finished);
        match self.store.advance_mailing(batch).await {
            Ok(true) if finished => tracing::info!(mailing_id, "a mailing has served everybody"),
            Ok(true) => {}
            Ok(false) => tracing::info!(mailing_id, "a mailing was cancelled, or is another worker's now"),
            Err(error) => tracing::warn!(mailing_id, %error, "a batch could not be stored; it will be sent again"),
        }
    }

    /// What came of the next batch, by id, and whether it is the last one.
    async fn send_batch(self: Arc<Self>, mailing: &v1::Mailing, cursor: UserId) -> Result<(Vec<MailingOutcome>, bool)> {
        if let Some(conversation) = one_conversation(mailing) {
            let user = UserId(mailing.sender_id);
            let sent = outcome(self.send_one(mailing, conversation, user).await)?;
            return Ok((vec![MailingOutcome { user, sent }], true));
        }
        let size = (mailing.per_second / BATCHES_PER_SECOND).clamp(1, BATCH_MAX);
        let targets = self.store.list_mailing_targets(mailing.mailing_id, cursor, size).await?;
        let finished = targets.len() < size as usize;
        let mut sending = JoinSet::new();
        for user in targets {
            let (service, mailing) = (self.clone(), mailing.clone());
            sending.spawn(async move {
                let conversation = ConversationId::direct(UserId(mailing.sender_id), user);
                (user, service.send_one(&mailing, conversation, user).await)
            });
        }
        let mut outcomes = Vec::with_capacity(sending.len());
        while let Some(sent) = sending.join_next().await {
            let (user, sent) = sent.map_err(Failure::internal)?;
            outcomes.push(MailingOutcome { user, sent: outcome(sent)? });
        }
        outcomes.sort_unstable_by_key(|outcome| outcome.user.0 as i64);
        Ok((outcomes, finished))
    }

    /// Sends to one receiver, as the sender would. A repeat sends nothing, because the message's client id is made of the mailing and the receiver.
    async fn send_one(
        &self,
        mailing: &v1::Mailing,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<(ConversationId, u64)> {
        let sender = UserId(mailing.sender_id);
        // No device has an empty id, so all of the sender's are told.
        let device_id = Arc::from("");
        let platform = v1::Platform::Unspecified;
        let caller = Caller { user: sender, device_id, platform, generation: 0, expires_ms: u64::MAX };
        let message = AppendMessage {
            conversation,
            sender,
            client_message_id: message_id(mailing, user),
            content: mailing.content.as_option().cloned().unwrap_or_default(),
            client_time_ms: 0,
            options: mailing.options.as_option().cloned().unwrap_or_default(),
            external_id: mailing.external_id.clone(),
            now_ms: self.now_ms(),
        };
        let sent = self.append(&caller, message).await?;
        Ok((conversation, sent.seq))
    }
}

/// A refusal is an outcome; what may pass later is not.
fn outcome(sent: Result<(ConversationId, u64)>) -> Result<std::result::Result<(ConversationId, u64), ErrorCode>> {
    match sent {
        Ok(sent) => Ok(Ok(sent)),
        Err(failure) if is_retryable(failure.code) => Err(failure),
        Err(failure) => Ok(Err(failure.code)),
    }
}

/// The idempotency key of the message to one receiver: a UUID of version 8.
fn message_id(mailing: &v1::Mailing, user: UserId) -> String {
    let hash = Sha256::digest(format!("mailing/{}/{}/{user}", mailing.key, mailing.client_mailing_id));
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
