//! Texts that name things: conversations, kinds of events, servers. What is read has one spelling, or one that reads the same.

use skein_client::Address;
use skein_proto::{
    id::{ConversationId, SLOT_COUNT, UserId},
    outbox::{EventKind, KindSet},
};

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<ConversationId>() {
        conversation(id, text);
    }
    let words: Vec<&str> = text.split(',').collect();
    match KindSet::parse(&words) {
        Ok(kinds) => {
            assert_eq!(KindSet::from_bits(kinds.bits()), kinds);
            let names = EventKind::ALL.iter().copied().filter(|kind| kinds.contains(*kind)).map(EventKind::name);
            assert_eq!(KindSet::parse(names), Ok(kinds), "the names of a set make the set");
        }
        Err(unknown) => assert!(unknown.to_string().len() < 1_000, "a refusal quotes little"),
    }
    if let Ok(address) = text.parse::<Address>() {
        let spelled = address.to_string();
        assert_eq!(spelled.parse::<Address>().ok().as_ref(), Some(&address), "{spelled} is another server");
    }
}

fn conversation(id: ConversationId, text: &str) {
    assert_eq!(id.to_string(), text, "one spelling");
    assert_eq!(ConversationId::from_bytes(id.to_bytes()), id);
    assert!(id.slot() < SLOT_COUNT);
    match id.users() {
        None => assert!(id.is_group()),
        Some((small, large)) => {
            assert!(UserId(0) < small && small <= large && !id.is_group());
            assert_eq!(ConversationId::direct(large, small), id);
            assert_eq!((id.peer_of(small), id.peer_of(large)), (Some(large), Some(small)));
        }
    }
}
