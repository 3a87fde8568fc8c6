//! Signals: short words between devices that are connected now. They come out of [`Client::updates`] as events.

use std::time::Duration;

use skein_proto::v1::{self, send_signal_request::To};

use crate::{Client, ClientError, account::now_ms};

impl Client {
    /// Sends a signal, once; to how many sessions it was handed. See `signal.proto` for well-known kinds.
    ///
    /// # Errors
    /// [`ClientError::Connection`] without a connection, and what the server refuses with: `NOT_A_MEMBER`, `BLOCKED`, `LIMIT_REACHED`, `RATE_LIMITED`, …
    pub async fn send_signal(&self, to: To, kind: &str, text: &str) -> Result<u32, ClientError> {
        let request =
            v1::SendSignalRequest { to: Some(to), kind: kind.to_owned(), text: text.to_owned(), ..Default::default() };
        let answer: v1::SendSignalResponse = self.call_once("SignalService/SendSignal", &request).await?;
        Ok(answer.delivered)
    }

    /// Sends a signal and waits for the first reply; at most 30 seconds.
    ///
    /// # Errors
    /// As [`Client::send_signal`]; `UNAVAILABLE` when nobody is there, `TIMEOUT` when no reply comes. It may have been carried out all the same.
    pub async fn ask_signal(
        &self,
        to: To,
        kind: &str,
        text: &str,
        patience: Duration,
    ) -> Result<v1::SignalReply, ClientError> {
        let request = v1::SendSignalRequest {
            to: Some(to),
            kind: kind.to_owned(),
            text: text.to_owned(),
            expects_reply_ms: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
            ..Default::default()
        };
        let answer: v1::SendSignalResponse = self.call_once("SignalService/SendSignal", &request).await?;
        answer.reply.into_option().ok_or_else(|| ClientError::Protocol("an answer without a reply".to_owned()))
    }

    /// Answers a signal that expects a reply. False: another reply was first, or nobody waits any more.
    ///
    /// # Errors
    /// As [`Client::send_signal`].
    pub async fn reply_signal(&self, signal_id: &str, text: &str) -> Result<bool, ClientError> {
        let request =
            v1::ReplySignalRequest { signal_id: signal_id.to_owned(), text: text.to_owned(), ..Default::default() };
        let answer: v1::ReplySignalResponse = self.call_once("SignalService/ReplySignal", &request).await?;
        Ok(answer.taken)
    }

    /// Tells the others of a conversation that one writes there. To be called with every key: only one in three seconds is sent. Failures are of no interest.
    pub async fn typing(&self, conversation: &str) {
        if !self.shared.typing.lock().may_tell(conversation, now_ms()) {
            return;
        }
        let _ = self.send_signal(To::ConversationId(conversation.to_owned()), "typing", "").await;
    }

    /// Who writes there just now, the latest last: until six seconds after their last sign, or until their message comes.
    pub fn typing_in(&self, conversation: &str) -> Vec<u64> {
        self.shared.typing.lock().in_conversation(conversation, now_ms())
    }
}
