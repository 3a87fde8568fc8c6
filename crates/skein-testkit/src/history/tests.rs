//! The checker can fail: each fault, put into a clean history, is named.

use proptest::prelude::*;

use super::*;

/// Two people, two conversations, `count` messages in each, everything acked and seen.
fn clean(count: u64, read_seq: u64) -> History {
    let mut history = History::default();
    for conversation in ["1:2", "g9"] {
        let mut messages = Vec::new();
        for seq in 1..=count {
            let sender = 1 + seq % 2;
            let client_id = format!("{conversation}/{seq}");
            let message_id = seq * 100 + u64::from(conversation == "g9");
            history.sends.push(Send {
                sender,
                conversation: conversation.to_owned(),
                client_id: client_id.clone(),
                acked: Some(Acked { message_id, seq }),
                recalled: seq % 5 == 0,
            });
            messages.push(Seen { seq, message_id, sender, client_id, has_content: seq % 5 != 0, counts: true });
        }
        for user in [1, 2] {
            let own = messages.iter().filter(|message| message.sender == user).map(|message| message.seq).max();
            let floor = own.unwrap_or(0).max(read_seq);
            history.views.push(View {
                user,
                conversation: conversation.to_owned(),
                first_seq: 1,
                read_seq,
                unread: count.saturating_sub(floor),
                messages: messages.clone(),
            });
        }
    }
    history
}

fn names(history: &History, fault: Fault) -> bool {
    let report = check(history);
    assert!(!report.findings.is_empty(), "nothing found instead of {fault:?}");
    report.count(&fault) > 0
}

#[test]
fn a_clean_history_has_no_faults() {
    let report = check(&clean(10, 3));
    assert_eq!(report.acked, 20);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_lost_message_is_named() {
    let mut history = clean(10, 0);
    history.views.iter_mut().for_each(|view| drop(view.messages.pop()));
    assert!(names(&history, Fault::Lost));
}

#[test]
fn a_duplicate_is_named() {
    let mut history = clean(10, 0);
    let mut copy = history.views[0].messages[9].clone();
    (copy.seq, copy.message_id) = (11, 9_999);
    history.views[0].messages.push(copy);
    assert!(names(&history, Fault::Duplicated));
}

#[test]
fn reordering_is_named() {
    let mut history = clean(10, 0);
    for view in &mut history.views {
        let (first, third) = (view.messages[0].clone(), view.messages[2].clone());
        (view.messages[0].client_id, view.messages[0].message_id) = (third.client_id, third.message_id);
        (view.messages[2].client_id, view.messages[2].message_id) = (first.client_id, first.message_id);
    }
    assert!(names(&history, Fault::Reordered));
}

#[test]
fn a_gap_is_named() {
    let mut history = clean(10, 0);
    history.sends.retain(|send| send.acked != Some(Acked { message_id: 400, seq: 4 }));
    history.views[0].messages.remove(3);
    assert!(names(&history, Fault::Gap));
}

#[test]
fn a_wrong_unread_is_named() {
    let mut history = clean(10, 0);
    history.views[1].unread += 1;
    assert!(names(&history, Fault::UnreadMismatch));
}

#[test]
fn a_resurrected_message_is_named() {
    let mut history = clean(10, 0);
    history.views.iter_mut().for_each(|view| view.messages[4].has_content = true);
    assert!(names(&history, Fault::Resurrected));
}

#[test]
fn a_broken_fence_is_named() {
    let mut history = clean(10, 0);
    history.views[3].first_seq = 4;
    assert!(names(&history, Fault::FenceViolated));
}

#[test]
fn divergence_is_named() {
    let mut history = clean(10, 0);
    history.views[3].messages[6].message_id = 7;
    assert!(names(&history, Fault::Diverged));
    let mut history = clean(10, 10);
    history.views[3].messages.pop();
    assert!(names(&history, Fault::Diverged));
}

#[test]
fn an_invented_message_is_named() {
    let mut history = clean(10, 0);
    for view in &mut history.views {
        view.messages[9].client_id = "nobody's".to_owned();
    }
    assert!(names(&history, Fault::Invented));
}

proptest! {
    #[test]
    fn clean_histories_pass_and_any_single_damage_is_found(
        count in 2_u64..30,
        read in 0_u64..30,
        view in 0_usize..4,
        at in any::<prop::sample::Index>(),
        damage in 0..6,
    ) {
        let history = clean(count, read.min(count));
        prop_assert!(check(&history).findings.is_empty());
        let mut broken = history.clone();
        let view = &mut broken.views[view];
        let index = at.index(view.messages.len());
        match damage {
            0 => drop(view.messages.remove(index)),
            1 => view.unread += 1,
            2 => view.messages[index].message_id += 1,
            3 => view.messages[index].client_id.push('x'),
            4 => view.messages[index].has_content ^= true,
            _ => {
                let copy = Seen { seq: count + 1, ..view.messages[index].clone() };
                view.messages.push(copy);
            }
        }
        prop_assert!(!check(&broken).findings.is_empty());
    }
}
