//! Forwards messages that the caller can read: one by one, or merged into one.

use sha2::{Digest, Sha256};
use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    limits,
    v1::{self, ErrorCode, MessageState},
};
use skein_store::message::AppendMessage;

use crate::{Caller, Failure, Result, Service, validate};

impl Service {
    /// Copies carry `forwarded_from`; mentions and replies are not taken along. Repeating the same `client_message_id` sends nothing twice, because the
    /// copies' keys are derived from it. Errors: those of a send; `NOT_FOUND` when a message is not readable; a failed target stops the rest.
    pub(crate) async fn forward_messages(
        &self,
        caller: &Caller,
        request: v1::ForwardMessagesRequest,
    ) -> Result<v1::ForwardMessagesResponse> {
        let key = validate::uuid("client_message_id", &request.client_message_id)?;
        let from = validate::conversation_id(&request.from_conversation_id)?;
        let targets: Vec<ConversationId> =
            request.to_conversation_ids.iter().map(|id| validate::conversation_id(id)).collect::<Result<_>>()?;
        let count = request.message_ids.len() * targets.len();
        if count == 0 || count > limits::ITEMS_PER_CALL_MAX {
            return Err(Failure::new(ErrorCode::TooLarge, format!("name 1 to {} copies", limits::ITEMS_PER_CALL_MAX)));
        }
        let ids: Vec<MessageId> = request.message_ids.iter().map(|id| MessageId(*id)).collect();
        let messages = self.store.list_messages(caller.user, from, &ids).await?;
        if messages.len() != ids.len()
            || messages.iter().any(|message| message.state.as_known() != Some(MessageState::Sent))
        {
            return Err(Failure::new(ErrorCode::NotFound, "not all of these messages can be read any more"));
        }
        let contents = if request.merged {
            vec![self.merge(request.title, &messages).await?]
        } else {
            messages.iter().map(copy_of).collect()
        };
        let mut sent = Vec::new();
        for (at, target) in targets.into_iter().enumerate() {
            for (part, content) in contents.iter().enumerate() {
                validate::content(content)?;
                let taken = self.pace.message_to(target, self.now_ms())?;
                let client_message_id = derived_uuid(&key, at, part);
                let draft = || v1::BeforeMessage {
                    sender_id: caller.user.0,
                    conversation_id: target.to_string(),
                    client_message_id: client_message_id.clone(),
                    ..Default::default()
                };
                let content = self.judged(draft, content.clone()).await?;
                let message = AppendMessage {
                    conversation: target,
                    sender: caller.user,
                    client_message_id,
                    content,
                    client_time_ms: 0,
                    options: v1::SendOptions::default(),
                    external_id: String::new(),
                    now_ms: self.now_ms(),
                };
                sent.push(self.append(caller, message).await?);
                taken.used();
            }
        }
        Ok(v1::ForwardMessagesResponse { sent, ..Default::default() })
    }

    async fn merge(&self, title: String, messages: &[v1::Message]) -> Result<v1::Content> {
        validate::bounded("title", &title, 256)?;
        let mut items = Vec::with_capacity(messages.len());
        for message in messages {
            let sender = self.store.lookup_user(UserId(message.sender_id)).await?;
            items.push(v1::MergedItem {
                sender_id: message.sender_id,
                sender_name: sender.map(|row| row.user.display_name).unwrap_or_default(),
                server_time_ms: message.server_time_ms,
                content: message.content.clone(),
                ..Default::default()
            });
        }
        Ok(v1::Content {
            body: Some(v1::MergedForward { title, items, ..Default::default() }.into()),
            ..Default::default()
        })
    }
}

fn copy_of(message: &v1::Message) -> v1::Content {
    let mut content = message.content.clone().into_option().unwrap_or_default();
    if content.forwarded_from == 0 {
        content.forwarded_from = message.message_id;
    }
    content.reply = None.into();
    content.mentions.clear();
    content.mention_all = false;
    content
}

/// The idempotency key of one copy: the same for every repeat of the call.
fn derived_uuid(key: &str, target: usize, part: usize) -> String {
    let hash = Sha256::digest(format!("{key}/{target}/{part}"));
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
