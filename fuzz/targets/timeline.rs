//! The merge of the Rust SDK under anything that a server may say: it never panics, and what is known never becomes less.

use std::collections::HashMap;

use skein_client::Timeline;
use skein_proto::{codec::Codec, v1};

use super::input::Input;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut timeline = Timeline::default();
    timeline.user_id = 7;
    while !input.is_empty() {
        let before = versions(&timeline);
        let user_version = timeline.user_version;
        step(&mut timeline, &mut input);
        assert!(user_version <= timeline.user_version);
        let after = versions(&timeline);
        for (id, version) in before {
            assert!(after.get(&id).is_some_and(|now| version <= *now), "{id} went back from {version}");
        }
        let listed = timeline.listed();
        assert!(listed.iter().all(|entry| entry.member && !entry.hidden));
    }
}

fn versions(timeline: &Timeline) -> HashMap<String, u64> {
    timeline.conversations.iter().map(|(id, known)| (id.clone(), known.version)).collect()
}

fn step(timeline: &mut Timeline, input: &mut Input<'_>) {
    let kind = input.byte();
    let length = usize::from(input.byte());
    match kind % 7 {
        0 | 1 => {
            if let Some(event) = decoded(input.take(length)) {
                timeline.push(&event);
            }
        }
        2 => {
            if let Some(page) = decoded::<v1::PullUserResponse>(input.take(length)) {
                assert_eq!(timeline.merge_user_page(&page, &page.messages), !page.has_more);
            }
        }
        3 => {
            if let Some(page) = decoded::<v1::PullConversationResponse>(input.take(length)) {
                let id = if length.is_multiple_of(2) { "1:7" } else { "g1" };
                assert_eq!(timeline.merge_conversation_page(id, &page), !page.has_more);
            }
        }
        4 => {
            if let Some(page) = decoded(input.take(length)) {
                timeline.merge_history("1:7", &page);
            }
        }
        5 => {
            let wanted = timeline.has_needs();
            let needs = timeline.take_needs();
            assert_eq!(wanted, !needs.is_empty());
            assert!(!timeline.has_needs());
            timeline.return_needs(&needs);
        }
        _ => {
            timeline.abandon_user_pull();
            timeline.restart();
            assert!(timeline.has_needs());
        }
    }
}

fn decoded<T: skein_proto::codec::Body>(bytes: &[u8]) -> Option<T> {
    Codec::Binary.decode(bytes).ok()
}
