//! Before-hooks: a business system that is asked before a message is stored.

use std::sync::Arc;

use async_trait::async_trait;
use skein_proto::v1::{self, ErrorCode};

use crate::{Failure, Result, Service, validate};

/// What the business system says, or what is done when it says nothing in time.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As it is.
    Pass,
    /// With another content.
    Change(Box<v1::Content>),
    /// Not at all; the text is for the sender.
    Refuse(String),
    /// Not now: nobody could be asked, and nothing may pass unasked.
    Unknown,
}

/// Whoever asks the business system. Decides by itself what a missing answer means.
#[async_trait]
pub trait BeforeMessage: Send + Sync + 'static {
    /// Asks; bounded in time.
    async fn judge(&self, draft: v1::BeforeMessage) -> Verdict;
}

impl Service {
    /// Has every message of users judged before it is stored, from now on. Only the first call counts.
    pub fn set_before_message(&self, hook: Arc<dyn BeforeMessage>) {
        let _ = self.before_message.set(hook);
    }

    /// The content that may be stored. Errors: `FORBIDDEN` (refused), `UNAVAILABLE` (nobody could be asked), those of a content when the changed one is wrong.
    pub(crate) async fn judged(
        &self,
        draft: impl FnOnce() -> v1::BeforeMessage,
        content: v1::Content,
    ) -> Result<v1::Content> {
        let Some(hook) = self.before_message.get() else { return Ok(content) };
        match hook.judge(v1::BeforeMessage { content: content.clone().into(), ..draft() }).await {
            Verdict::Pass => Ok(content),
            Verdict::Change(content) => {
                validate::content(&content)?;
                Ok(*content)
            }
            Verdict::Refuse(text) if text.is_empty() => {
                Err(Failure::new(ErrorCode::Forbidden, "this message is not allowed here"))
            }
            Verdict::Refuse(text) => Err(Failure::new(ErrorCode::Forbidden, text)),
            Verdict::Unknown => Err(Failure::new(ErrorCode::Unavailable, "messages cannot be checked now; try again")),
        }
    }
}
