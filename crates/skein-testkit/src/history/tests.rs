//! The checker can fail: each fault, put into a clean history, is named.

use proptest::prelude::*;

use super::*;

/// What the message at this place says.
fn content_of(seq: u64) -> u64 {
    seq * 7
}

/// Two people, two conversations, `count` messages in each, everything acked and seen; every fifth is taken back.
fn clean(count: u64, read_seq: u64) -> History {
    let mut history = History::default();
    for conversation in ["1:2", "g9"] {
        let mut messages = Vec::new();
        for seq in 1..=count {
            let sender = 1 + seq % 2;
            let client_id = format!("{conversation}/{seq}");
            let message_id = seq * 100 + u64::from(conversation == "g9");
            let recalled = seq % 5 == 0;
            history.sends.push(Send {
                sender,
                conversation: conversation.to_owned(),
                client_id: client_id.clone(),
                content: content_of(seq),
                answers: vec![Acked { message_id, seq }; 1 + (seq % 3) as usize],
                recall: if recalled { Attempt::Done } else { Attempt::None },
                deletion: Attempt::None,
            });
            let content = (!recalled).then(|| content_of(seq));
            messages.push(Seen { seq, message_id, sender, client_id, content, counts: true });
        }
        for user in [1, 2] {
            let own = messages.iter().filter(|message| message.sender == user).map(|message| message.seq).max();
            let floor = own.unwrap_or(0).max(read_seq);
            let conversation = conversation.to_owned();
            let member = Membership { user, conversation: conversation.clone(), first_seq: 1, former: false };
            history.memberships.push(member);
            let unread = count.saturating_sub(floor);
            history.views.push(View { user, conversation, from_seq: 1, read_seq, unread, messages: messages.clone() });
        }
    }
    history
}

/// User 2 deletes the message at `seq`, which must be an own one, and no longer sees it.
fn delete_own(history: &mut History, seq: u64) {
    let send = history.sends.iter_mut().find(|send| send.acked().is_some_and(|acked| acked.seq == seq));
    let send = send.expect("it is in the history");
    assert_eq!(send.sender, 2);
    send.deletion = Attempt::Done;
    history.views[1].messages.retain(|message| message.seq != seq);
}

/// The faults that the checker names, each once.
fn named(history: &History) -> Vec<Fault> {
    let mut named = Vec::new();
    for finding in check(history).findings {
        if !named.contains(&finding.fault) {
            named.push(finding.fault);
        }
    }
    named
}

/// Takes a message out of one conversation for everybody, as a store that forgot it.
fn forget(history: &mut History, conversation: &str, seq: u64) {
    for view in history.views.iter_mut().filter(|view| view.conversation == conversation) {
        view.messages.retain(|message| message.seq != seq);
    }
}

#[test]
fn a_clean_history_has_no_faults() {
    let report = check(&clean(10, 3));
    assert_eq!(report.acked, 20);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_lost_last_message_is_named() {
    let mut history = clean(11, 11);
    forget(&mut history, "1:2", 11);
    assert_eq!(named(&history), [Fault::Lost]);
}

#[test]
fn content_that_vanished_without_a_recall_is_lost() {
    let mut history = clean(10, 0);
    for view in &mut history.views {
        view.messages[0].content = None;
    }
    assert_eq!(named(&history), [Fault::Lost]);
}

#[test]
fn a_member_who_sees_nothing_has_lost_everything() {
    let mut history = clean(10, 0);
    history.views.remove(2);
    assert_eq!(named(&history), [Fault::Lost]);
    assert_eq!(check(&history).findings.len(), 10);
}

#[test]
fn one_place_acked_for_two_messages_is_named() {
    let mut history = clean(10, 0);
    history.sends[1].answers = history.sends[0].answers.clone();
    assert_eq!(named(&history), [Fault::Lost]);
}

#[test]
fn a_duplicate_is_named() {
    let mut history = clean(10, 10);
    for view in &mut history.views[..2] {
        let copy = Seen { seq: 11, message_id: 9_999, counts: false, ..view.messages[8].clone() };
        view.messages.push(copy);
    }
    // A copy of an earlier one would also stand behind later sends of its sender.
    assert_eq!(named(&history), [Fault::Duplicated]);
}

#[test]
fn two_answers_to_one_client_id_are_named() {
    let mut history = clean(10, 0);
    history.sends[6].answers.push(Acked { message_id: 77, seq: 12 });
    assert_eq!(named(&history), [Fault::Duplicated]);
}

#[test]
fn reordering_is_named() {
    let mut history = clean(10, 0);
    // The sender wrote the third before the first: seqs 1 and 3 are of the same sender.
    history.sends.swap(0, 2);
    assert_eq!(named(&history), [Fault::Reordered]);
}

#[test]
fn a_message_that_moved_after_its_ack_is_reordered() {
    let mut history = clean(10, 0);
    let answers = &mut history.sends[0].answers;
    answers.iter_mut().for_each(|answer| answer.seq = 99);
    assert_eq!(named(&history), [Fault::Reordered]);
}

#[test]
fn a_gap_is_named() {
    let mut history = clean(10, 10);
    // Never acked, so nothing is lost; but its seq was given away.
    history.sends[3].answers.clear();
    forget(&mut history, "1:2", 4);
    assert_eq!(named(&history), [Fault::Gap]);
}

#[test]
fn a_wrong_unread_is_named() {
    let mut history = clean(10, 0);
    history.views[1].unread += 1;
    assert_eq!(named(&history), [Fault::UnreadMismatch]);
}

#[test]
fn a_recalled_message_with_content_is_resurrected() {
    let mut history = clean(10, 0);
    history.views.iter_mut().for_each(|view| view.messages[4].content = Some(content_of(5)));
    assert_eq!(named(&history), [Fault::Resurrected]);
}

#[test]
fn an_unclear_recall_may_have_happened_or_not() {
    let mut history = clean(10, 0);
    history.sends.iter_mut().for_each(|send| send.recall = Attempt::Unclear);
    assert!(check(&history).findings.is_empty());
}

#[test]
fn a_deleted_message_is_missing_for_its_user_only_and_stays_away() {
    let mut history = clean(10, 0);
    delete_own(&mut history, 9);
    assert!(check(&history).findings.is_empty(), "{:?}", check(&history).findings);
    let back = history.views[0].messages[8].clone();
    history.views[1].messages.insert(8, back);
    assert_eq!(named(&history), [Fault::Resurrected]);
}

#[test]
fn a_message_from_before_the_member_joined_breaks_the_fence() {
    let mut history = clean(10, 0);
    history.memberships[3].first_seq = 4;
    assert_eq!(named(&history), [Fault::FenceViolated]);
}

#[test]
fn anything_shown_to_a_former_member_or_a_stranger_breaks_the_fence() {
    let mut history = clean(10, 0);
    history.memberships[3].former = true;
    assert_eq!(named(&history), [Fault::FenceViolated]);
    history.memberships.pop();
    assert_eq!(named(&history), [Fault::FenceViolated]);
}

#[test]
fn divergence_is_named() {
    let mut history = clean(10, 10);
    // One device stopped early; nothing acked is missing there.
    history.sends[9].answers.clear();
    history.views[1].messages.pop();
    assert_eq!(named(&history), [Fault::Diverged]);
    // Two devices disagree on whether an unclear recall happened.
    let mut history = clean(10, 10);
    history.sends[0].recall = Attempt::Unclear;
    history.views[1].messages[0].content = None;
    assert_eq!(named(&history), [Fault::Diverged]);
}

#[test]
fn an_invented_message_is_named() {
    let mut history = clean(10, 10);
    for view in &mut history.views[..2] {
        let client_id = "nobody's".to_owned();
        view.messages.push(Seen { seq: 11, message_id: 7, client_id, counts: false, ..view.messages[9].clone() });
    }
    assert_eq!(named(&history), [Fault::Invented]);
}

#[test]
fn another_content_than_was_sent_is_invented() {
    let mut history = clean(10, 0);
    history.views.iter_mut().for_each(|view| view.messages[0].content = Some(1));
    assert_eq!(named(&history), [Fault::Invented]);
}

proptest! {
    #[test]
    fn clean_histories_pass_and_any_single_damage_is_found(
        count in 2_u64..30,
        read in 0_u64..30,
        at_view in 0_usize..4,
        at in any::<prop::sample::Index>(),
        damage in 0..8,
    ) {
        let history = clean(count, read.min(count));
        prop_assert!(check(&history).findings.is_empty());
        let mut broken = history.clone();
        let view = &mut broken.views[at_view];
        let index = at.index(view.messages.len());
        match damage {
            0 => drop(view.messages.remove(index)),
            1 => view.unread += 1,
            2 => view.messages[index].message_id += 1,
            3 => view.messages[index].client_id.push('x'),
            4 => view.messages[index].content = Some(1),
            5 => view.messages[index].seq += 100,
            6 => drop(broken.views.swap_remove(at_view)),
            _ => {
                let copy = Seen { seq: count + 1, ..view.messages[index].clone() };
                view.messages.push(copy);
            }
        }
        prop_assert!(!check(&broken).findings.is_empty());
    }
}
