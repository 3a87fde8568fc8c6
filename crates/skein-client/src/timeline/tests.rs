//! Any interleaving of pushes, drops and pulls ends in the state of a client that only ever pulled.

use proptest::prelude::*;
use skein_proto::v1::{self, MessageState};

use super::*;

const ME: u64 = 1;
const OTHER: u64 = 2;
const ID: &str = "1:2";

/// A server with one conversation, and a user timeline that moves with it.
#[derive(Default)]
struct Server {
    messages: Vec<v1::Message>,
    version: u64,
    user_version: u64,
    read: u64,
}

impl Server {
    fn send(&mut self, sender_id: u64) -> v1::Event {
        self.version += 1;
        self.user_version += 1;
        let seq = self.messages.len() as u64 + 1;
        let message = v1::Message {
            message_id: 100 + seq,
            conversation_id: ID.to_owned(),
            seq,
            version: self.version,
            sender_id,
            sort_key: seq,
            content: text(format!("{seq}")).into(),
            state: MessageState::Sent.into(),
            ..Default::default()
        };
        if sender_id == ME {
            self.read = seq;
        }
        self.messages.push(message);
        self.event(seq as usize - 1)
    }

    fn change(&mut self, index: usize, recall: bool) -> Option<v1::Event> {
        let index = index % self.messages.len().max(1);
        let message = self.messages.get_mut(index)?;
        self.version += 1;
        self.user_version += 1;
        message.version = self.version;
        if recall {
            message.state = MessageState::Recalled.into();
            message.content = None.into();
        } else if message.state.as_known() == Some(MessageState::Sent) {
            message.edit_count += 1;
            message.content = text(format!("edited {}", message.edit_count)).into();
        }
        Some(self.event(index))
    }

    fn event(&self, index: usize) -> v1::Event {
        let message = self.messages[index].clone();
        let event = v1::MessageEvent { message: message.into(), ..Default::default() };
        v1::Event { body: Some(event.into()), ..Default::default() }
    }

    fn pull_user(&self, since: u64, bundle: usize) -> v1::PullUserResponse {
        let unread = self.messages.iter().filter(|message| message.sender_id != ME && message.seq > self.read).count();
        let entry = v1::ConversationEntry {
            conversation_id: ID.to_owned(),
            version: self.user_version,
            conversation_version: self.version,
            last_seq: self.messages.len() as u64,
            last_message: self.messages.last().cloned().into(),
            sort_key: self.messages.len() as u64,
            unread: unread as u64,
            member: true,
            first_seq: 1,
            peer_id: OTHER,
            ..Default::default()
        };
        v1::PullUserResponse {
            entries: if self.user_version > since { vec![entry] } else { Vec::new() },
            messages: self.messages.iter().rev().take(bundle).rev().cloned().collect(),
            version: self.user_version,
            ..Default::default()
        }
    }

    fn pull_conversation(&self, since: u64, limit: usize) -> v1::PullConversationResponse {
        let mut messages: Vec<_> = self.messages.iter().filter(|message| message.version > since).cloned().collect();
        messages.sort_by_key(|message| message.version);
        let has_more = messages.len() > limit;
        messages.truncate(limit);
        let version = if has_more { messages.last().map_or(0, |message| message.version) } else { self.version };
        v1::PullConversationResponse { messages, version, has_more, ..Default::default() }
    }
}

fn text(text: String) -> v1::Content {
    v1::Content { body: Some(v1::Text { text, ..Default::default() }.into()), ..Default::default() }
}

/// Does what the timeline asks for, until it asks for nothing.
fn satisfy(timeline: &mut Timeline, server: &Server, limit: usize) {
    loop {
        let needs = timeline.take_needs();
        if needs.is_empty() {
            return;
        }
        for need in needs {
            match need {
                Need::User => {
                    let page = server.pull_user(timeline.user_version, 3);
                    timeline.merge_user_page(&page, &page.messages);
                }
                Need::Conversation(id) => {
                    while !timeline.merge_conversation_page(
                        &id,
                        &server.pull_conversation(timeline.conversations[&id].version, limit),
                    ) {}
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send(bool),
    Change(usize, bool),
    /// Delivers one of the pushes that wait, perhaps twice.
    Deliver(usize, bool),
    Drop(usize),
    Repair,
    /// A new session: everything in flight is lost.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(Step::Send),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(index, recall)| Step::Change(index, recall)),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(index, twice)| Step::Deliver(index, twice)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => Just(Step::Repair),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn every_interleaving_converges_to_what_a_pull_says(
        steps in prop::collection::vec(step(), 0..60),
        limit in 1_usize..5,
    ) {
        let mut server = Server::default();
        let mut timeline = Timeline { user_id: ME, ..Timeline::default() };
        let mut in_flight = Vec::new();
        for step in steps {
            match step {
                Step::Send(own) => in_flight.push(server.send(if own { ME } else { OTHER })),
                Step::Change(index, recall) => in_flight.extend(server.change(index, recall)),
                Step::Deliver(index, twice) if !in_flight.is_empty() => {
                    let event = in_flight.remove(index % in_flight.len());
                    timeline.push(&event);
                    if twice {
                        timeline.push(&event);
                    }
                }
                Step::Drop(index) if !in_flight.is_empty() => {
                    in_flight.remove(index % in_flight.len());
                }
                Step::Deliver(..) | Step::Drop(_) => {}
                Step::Repair => satisfy(&mut timeline, &server, limit),
                Step::Reconnect => {
                    in_flight.clear();
                    timeline.need_user();
                    satisfy(&mut timeline, &server, limit);
                }
            }
        }
        // Late pushes arrive after everything else; then the link is resumed no more.
        for event in in_flight {
            timeline.push(&event);
        }
        timeline.need_user();
        satisfy(&mut timeline, &server, limit);

        let Some(conversation) = timeline.conversations.get(ID) else {
            prop_assert!(server.messages.is_empty());
            return Ok(());
        };
        prop_assert_eq!(conversation.version, server.version);
        let held: Vec<_> = conversation.messages.values().cloned().collect();
        let loaded: Vec<_> =
            server.messages.iter().filter(|message| message.seq >= conversation.loaded_from).cloned().collect();
        prop_assert_eq!(held, loaded, "the same messages, in the same order, none twice");
        let entry = conversation.entry.clone().unwrap();
        prop_assert_eq!(Some(entry), server.pull_user(0, 0).entries.pop());
        prop_assert_eq!(timeline.user_version, server.user_version);
    }
}

#[test]
fn what_was_recalled_hidden_or_cleared_does_not_come_back() {
    let mut server = Server::default();
    let first = server.send(OTHER);
    server.send(OTHER);
    let third = server.send(OTHER);
    let mut timeline = Timeline { user_id: ME, ..Timeline::default() };
    timeline.need_user();
    satisfy(&mut timeline, &server, 10);
    let recall = server.change(0, true).unwrap();
    timeline.push(&recall);
    timeline.push(&first);
    assert!(timeline.conversations[ID].messages[&1].content.body.is_none());

    let mut entry = timeline.conversations[ID].entry.clone().unwrap();
    (entry.version, entry.deleted_message_ids) = (entry.version + 1, vec![103]);
    timeline.merge_entry(&entry);
    timeline.push(&third);
    assert!(!timeline.conversations[ID].messages.contains_key(&3));

    (entry.version, entry.cleared_seq) = (entry.version + 1, 2);
    timeline.merge_entry(&entry);
    timeline.push(&recall);
    assert!(timeline.conversations[ID].messages.is_empty());
}

#[test]
fn an_entry_that_was_on_its_way_while_a_message_was_pushed_takes_nothing_back() {
    let mut server = Server::default();
    server.send(OTHER);
    let mut timeline = Timeline { user_id: ME, ..Timeline::default() };
    timeline.need_user();
    satisfy(&mut timeline, &server, 10);
    let mut entry = timeline.conversations[ID].entry.clone().unwrap();
    let second = server.send(OTHER);
    timeline.push(&second);
    (entry.version, entry.pinned) = (entry.version + 1, true);
    timeline.merge_entry(&entry);
    let shown = timeline.conversations[ID].entry.clone().unwrap();
    assert_eq!((shown.last_seq, shown.unread, shown.pinned), (2, 2, true));
    assert_eq!(shown.conversation_version, timeline.conversations[ID].version);
}

#[test]
fn a_state_that_was_kept_in_the_middle_of_a_pull_asks_again() {
    let mut server = Server::default();
    server.send(OTHER);
    let mut timeline = Timeline { user_id: ME, ..Timeline::default() };
    timeline.need_user();
    satisfy(&mut timeline, &server, 10);
    server.send(OTHER);
    let third = server.send(OTHER);
    timeline.push(&third);
    // The pull is under way, and the process ends.
    assert_eq!(timeline.take_needs(), [Need::Conversation(ID.to_owned())]);
    let mut kept = timeline.clone();
    kept.restart();
    assert_eq!(kept.take_needs(), [Need::User, Need::Conversation(ID.to_owned())]);
}

#[test]
fn what_a_failed_pull_did_not_answer_is_still_needed() {
    let mut server = Server::default();
    server.send(OTHER);
    let mut timeline = Timeline { user_id: ME, ..Timeline::default() };
    timeline.need_user();
    let needs = timeline.take_needs();
    assert!(!timeline.has_needs());
    timeline.return_needs(&needs);
    assert!(timeline.has_needs());
}

#[test]
fn the_largest_numbers_there_are_do_not_overflow() {
    let entry = v1::ConversationEntry {
        conversation_id: ID.to_owned(),
        member: true,
        last_seq: u64::MAX,
        unread: u64::MAX,
        conversation_version: u64::MAX,
        ..Default::default()
    };
    let mut timeline = Timeline { user_id: ME, ..Timeline::default() };
    let page = v1::PullUserResponse { entries: vec![entry], version: u64::MAX, ..Default::default() };
    assert!(timeline.merge_user_page(&page, &[]));
    assert_eq!((timeline.user_version, timeline.conversations[ID].version), (u64::MAX, u64::MAX));
    let message = v1::Message { conversation_id: ID.to_owned(), seq: 5, version: u64::MAX, ..Default::default() };
    let event = v1::MessageEvent { message: message.into(), ..Default::default() };
    timeline.push(&v1::Event { body: Some(event.into()), ..Default::default() });
    assert!(!timeline.has_needs() || timeline.take_needs() == [Need::User]);
}
