//! History of one conversation by seq.

use skein_proto::{limits, v1};
use skein_store::sync::HistoryFrom;

use super::{fit, pull::page};
use crate::{Caller, Failure, Result, Service, validate};

/// Messages of a page when the client names no number.
const MESSAGES_DEFAULT: u32 = 50;

impl Service {
    /// Older than a seq (newest first) or newer than one (oldest first); neither given: from the end. Errors: `NOT_A_MEMBER`, `INVALID_ARGUMENT`.
    pub(crate) async fn list_history(
        &self,
        caller: &Caller,
        request: v1::ListHistoryRequest,
    ) -> Result<v1::ListHistoryResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        let from = match (request.before_seq, request.after_seq) {
            (0, 0) => HistoryFrom::Before(u64::MAX),
            (before, 0) => HistoryFrom::Before(before),
            (0, after) => HistoryFrom::After(after),
            _ => return Err(Failure::invalid("name before_seq or after_seq, not both")),
        };
        let limit = page(request.limit, MESSAGES_DEFAULT, limits::PULL_MESSAGES_MAX);
        let mut response = self.store.list_history(caller.user, conversation, from, limit).await?;
        fit::history_page(&mut response);
        Ok(response)
    }
}
