//! Cuts pages down to what fits into a frame of a link, so that everything that can be stored can be pulled, over any transport.

use std::collections::HashSet;

use buffa::Message as _;
use skein_proto::v1;

use crate::fit::{PAGE_BYTES_MAX, count_fitting};

/// The rest of a conversation's changes comes with the next page.
pub(super) fn conversation_page(page: &mut v1::PullConversationResponse) {
    let count = count_fitting(&page.messages);
    if count < page.messages.len() {
        page.messages.truncate(count);
        page.version = page.messages.last().map_or(page.version, |message| message.version);
        page.has_more = true;
    }
}

/// The rest of the history comes with the next page.
pub(super) fn history_page(page: &mut v1::ListHistoryResponse) {
    let count = count_fitting(&page.messages);
    if count < page.messages.len() {
        page.messages.truncate(count);
        page.has_more = true;
    }
}

/// The rest of the entries comes with the next page. Packed messages that do not fit are left out by whole conversations: a client asks for
/// them when it shows one.
pub(super) fn user_page(page: &mut v1::PullUserResponse) {
    let count = count_fitting(&page.entries);
    if count < page.entries.len() {
        page.entries.truncate(count);
        page.next_before_version = page.entries.last().map_or(0, |entry| entry.version);
        page.has_more = true;
        page.heads.clear();
        page.total_unread = 0;
    }
    let (mut bytes, mut packed) = (0, HashSet::new());
    for entry in &page.entries {
        let own = page.messages.iter().filter(|message| message.conversation_id == entry.conversation_id);
        bytes += own.map(|message| message.encoded_len() as usize).sum::<usize>();
        if bytes > PAGE_BYTES_MAX {
            break;
        }
        packed.insert(entry.conversation_id.clone());
    }
    page.messages.retain(|message| packed.contains(&message.conversation_id));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(conversation: &str, version: u64, bytes: usize) -> v1::Message {
        v1::Message {
            conversation_id: conversation.to_owned(),
            version,
            external_id: "x".repeat(bytes),
            ..Default::default()
        }
    }

    #[test]
    fn a_page_ends_where_it_is_full_and_says_where_to_go_on() {
        let messages = (1..=10).map(|version| message("1:2", version, PAGE_BYTES_MAX / 4)).collect();
        let mut page = v1::PullConversationResponse { messages, version: 10, ..Default::default() };
        conversation_page(&mut page);
        assert_eq!((page.messages.len(), page.version, page.has_more), (3, 3, true));
        let mut whole =
            v1::PullConversationResponse { messages: vec![message("1:2", 1, 5)], version: 9, ..Default::default() };
        conversation_page(&mut whole);
        assert_eq!((whole.version, whole.has_more), (9, false));
    }

    #[test]
    fn one_item_that_is_too_large_is_a_page_of_its_own() {
        let messages = vec![message("1:2", 1, 2 * PAGE_BYTES_MAX), message("1:2", 2, 1)];
        let mut page = v1::ListHistoryResponse { messages, ..Default::default() };
        history_page(&mut page);
        assert_eq!((page.messages.len(), page.has_more), (1, true));
    }

    #[test]
    fn packed_messages_are_left_out_by_whole_conversations() {
        let entry =
            |id: &str, version| v1::ConversationEntry { conversation_id: id.to_owned(), version, ..Default::default() };
        let mut page = v1::PullUserResponse {
            entries: vec![entry("1:2", 9), entry("1:3", 8)],
            messages: vec![message("1:2", 1, 10), message("1:3", 1, PAGE_BYTES_MAX), message("1:3", 2, 10)],
            total_unread: 3,
            ..Default::default()
        };
        user_page(&mut page);
        assert_eq!((page.entries.len(), page.messages.len(), page.total_unread), (2, 1, 3));
        page.entries = (0..20)
            .map(|version| v1::ConversationEntry { draft: "x".repeat(8_000), ..entry("1:2", 20 - version) })
            .collect();
        user_page(&mut page);
        assert!(page.has_more && page.next_before_version == page.entries.last().unwrap().version);
        assert_eq!(page.total_unread, 0, "that is for the last page");
    }
}
