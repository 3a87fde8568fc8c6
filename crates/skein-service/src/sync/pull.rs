//! Pulls the user timeline and a conversation timeline.

use std::io::Write as _;

use buffa::Message as _;
use flate2::{Compression, write::ZlibEncoder};
use skein_proto::{limits, v1};

use super::fit;
use crate::{Caller, Failure, Result, Service, validate};

/// Entries of a page when the client names no number.
const ENTRIES_DEFAULT: u32 = 200;
/// Messages of a page when the client names no number.
const MESSAGES_DEFAULT: u32 = 100;

impl Service {
    /// Everything in the caller's own world that changed, latest change first, with the newest messages of each conversation on request.
    pub(crate) async fn pull_user(
        &self,
        caller: &Caller,
        request: v1::PullUserRequest,
    ) -> Result<v1::PullUserResponse> {
        let limit = page(request.limit, ENTRIES_DEFAULT, limits::PULL_ENTRIES_MAX);
        let per_entry = request.messages_per_entry.min(limits::BUNDLE_MESSAGES_MAX);
        let mut response =
            self.store.pull_user(caller.user, request.since_version, request.before_version, limit, per_entry).await?;
        fit::user_page(&mut response);
        if request.compress && !response.messages.is_empty() {
            let bundle = v1::OfflineBundle { messages: std::mem::take(&mut response.messages), ..Default::default() };
            response.bundle_zlib = compress(&bundle.encode_to_vec())?.into();
        }
        Ok(response)
    }

    /// New and changed messages of one conversation, by version. Errors: `NOT_A_MEMBER`.
    pub(crate) async fn pull_conversation(
        &self,
        caller: &Caller,
        request: v1::PullConversationRequest,
    ) -> Result<v1::PullConversationResponse> {
        let conversation = validate::conversation_id(&request.conversation_id)?;
        let limit = page(request.limit, MESSAGES_DEFAULT, limits::PULL_MESSAGES_MAX);
        let mut response =
            self.store.pull_conversation(caller.user, conversation, request.since_version, limit).await?;
        fit::conversation_page(&mut response);
        Ok(response)
    }
}

/// The page size that a request gets.
pub(super) fn page(asked: u32, default: u32, max: u32) -> u32 {
    if asked == 0 { default } else { asked.min(max) }
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).map_err(Failure::internal)?;
    encoder.finish().map_err(Failure::internal)
}
