//! What two people and a group do with messages, seen from outside.

use serde_json::json;

use crate::{
    http::{call, refused, register, text_to, uuid},
    link::Link,
    server::Server,
};

#[test]
fn a_message_reaches_every_device_of_both_people_in_order() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let login = json!({"username": "ann", "password": "a long password", "device": {"name": "second"}});
    let second = crate::http::Account::from_answer(&call(&server, "", "AccountService/LogIn", login));
    let (mut ann_link, mut second_link, mut bob_link) =
        (Link::connect(&server, &ann), Link::connect(&server, &second), Link::connect(&server, &bob));

    let ids: Vec<u64> = (0..20)
        .map(|number| {
            ann_link.request("MessageService/SendMessage", text_to(&bob.user_id, number, &number.to_string()))
        })
        .collect();
    // Answers come as they finish, seqs are given in the order of the requests.
    let mut answers: Vec<_> = ids.iter().map(|_| ann_link.receive()["response"].clone()).collect();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    for (index, (id, answer)) in ids.iter().zip(answers).enumerate() {
        assert_eq!((&answer["id"], &answer["json"]["seq"]), (&json!(id), &json!((index + 1).to_string())));
    }
    for link in [&mut bob_link, &mut second_link] {
        let mut texts = Vec::new();
        while texts.len() < 20 {
            for event in link.push().1 {
                let event = &event["message"];
                assert_eq!(event["message"]["seq"], (texts.len() + 1).to_string());
                if !texts.is_empty() {
                    assert_eq!(event["previousSeq"], texts.len().to_string());
                }
                texts.push(event["message"]["content"]["text"]["text"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(texts, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn the_same_client_id_gives_the_first_answer_and_a_different_body_is_flagged() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let send = |text| call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, 1, text));
    let (first, again, other) = (send("one"), send("one"), send("two"));
    for repeat in [&again, &other] {
        assert_eq!((&repeat["messageId"], &repeat["duplicate"]), (&first["messageId"], &json!(true)));
    }
    assert_eq!((again["contentDiffers"].as_bool(), other["contentDiffers"].as_bool()), (None, Some(true)));
    let history = json!({"conversationId": first["conversationId"]});
    let history = call(&server, &bob.access, "SyncService/ListHistory", history);
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
    assert_eq!(history["messages"][0]["content"]["text"]["text"], "one");
}

#[test]
fn recall_edit_delete_and_reading_show_in_pulls_and_pushes() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    let mut link = Link::connect(&server, &bob);
    let sent: Vec<_> = (1..=3)
        .map(|number| call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "secret")))
        .collect();
    let conversation = &sent[0]["conversationId"];
    let entry = |token: &str| {
        call(&server, token, "ConversationService/GetConversation", json!({"conversationId": conversation}))["entry"]
            .clone()
    };
    assert_eq!(entry(&bob.access)["unread"], "3");

    let named = |index: usize| json!({"conversationId": conversation, "messageId": sent[index]["messageId"]});
    assert_eq!(refused(&server, &bob.access, "MessageService/RecallMessage", named(0)), "NOT_SENDER");
    call(&server, &ann.access, "MessageService/RecallMessage", named(0));
    let mut edit = named(1);
    edit["content"] = json!({"text": {"text": "better"}});
    assert_eq!(refused(&server, &bob.access, "MessageService/EditMessage", edit.clone()), "NOT_SENDER");
    call(&server, &ann.access, "MessageService/EditMessage", edit);
    let edits = call(&server, &bob.access, "MessageService/ListEdits", named(1));
    assert_eq!(edits["edits"][0]["content"]["text"]["text"], "secret");
    let hidden = json!({"conversationId": conversation, "messageIds": [sent[2]["messageId"]]});
    call(&server, &bob.access, "MessageService/DeleteMessages", hidden);
    while link.pushed_message()["editCount"] != 1 {}

    let pull = json!({"conversationId": conversation});
    let pulled = call(&server, &bob.access, "SyncService/PullConversation", pull.clone());
    let messages = pulled["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2, "{pulled}");
    let recalled = messages.iter().find(|message| message["seq"] == "1").unwrap();
    assert_eq!((&recalled["state"], recalled["content"]["text"].as_object()), (&json!("MESSAGE_STATE_RECALLED"), None));
    assert!(!serde_json::to_string(recalled).unwrap().contains("secret"));
    assert_eq!(
        call(&server, &ann.access, "SyncService/PullConversation", pull)["messages"].as_array().unwrap().len(),
        3
    );

    let read = json!({"conversationId": conversation, "seq": 3});
    let read = call(&server, &bob.access, "ReceiptService/MarkRead", read);
    assert!(read["entry"]["unread"].is_null(), "{read}");
    let readers = json!({"conversationId": conversation, "seq": 2});
    let readers = call(&server, &ann.access, "ReceiptService/ListReaders", readers);
    assert_eq!(readers["read"][0]["userId"], bob.user_id);
    assert_eq!(entry(&ann.access)["peerReadSeq"], "3");
}

#[test]
fn a_group_has_a_fence_for_those_who_join_and_those_who_leave() {
    let server = Server::start();
    let people: Vec<_> = ["ann", "bob", "eve"].iter().map(|name| register(&server, name)).collect();
    let [ann, bob, eve] = people.as_slice() else { unreachable!() };
    let created = json!({"name": "walks", "userIds": [bob.user_id], "clientGroupId": uuid(1)});
    let group = call(&server, &ann.access, "GroupService/CreateGroup", created.clone())["group"].clone();
    let again = call(&server, &ann.access, "GroupService/CreateGroup", created)["group"].clone();
    assert_eq!(group["conversationId"], again["conversationId"]);
    let id = &group["conversationId"];
    let say = |token: &str, number, text| {
        let body = json!({"conversationId": id, "clientMessageId": uuid(number), "content": {"text": {"text": text}}});
        call(&server, token, "MessageService/SendMessage", body)
    };
    say(&ann.access, 1, "before eve");
    call(&server, &bob.access, "GroupService/AddMembers", json!({"conversationId": id, "userIds": [eve.user_id]}));
    say(&ann.access, 2, "with eve");
    let seen = call(&server, &eve.access, "SyncService/ListHistory", json!({"conversationId": id})).to_string();
    assert!(seen.contains("with eve") && !seen.contains("before eve"), "{seen}");

    let removal = json!({"conversationId": id, "userIds": [eve.user_id]});
    assert_eq!(refused(&server, &bob.access, "GroupService/RemoveMembers", removal.clone()), "FORBIDDEN");
    call(&server, &ann.access, "GroupService/RemoveMembers", removal);
    for method in ["SyncService/ListHistory", "SyncService/PullConversation", "GroupService/SyncMembers"] {
        assert_eq!(refused(&server, &eve.access, method, json!({"conversationId": id})), "NOT_A_MEMBER", "{method}");
    }
    let roster = call(&server, &bob.access, "GroupService/SyncMembers", json!({"conversationId": id}));
    let gone = roster["members"].as_array().unwrap().iter().find(|member| member["userId"] == eve.user_id);
    assert!(gone.is_none_or(|member| member["role"].is_null()), "{roster}");
}

#[test]
fn whoever_changes_a_group_is_told_of_the_line_about_it_too() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    // The answers do not carry the lines: the device that caused them needs them as much as any other.
    let mut link = Link::connect(&server, &ann);
    let group = call(&server, &ann.access, "GroupService/CreateGroup", json!({"name": "walks"}))["group"].clone();
    let named = json!({"conversationId": group["conversationId"], "userIds": [bob.user_id]});
    assert_eq!(link.pushed_message()["seq"], "1");
    call(&server, &ann.access, "GroupService/AddMembers", named.clone());
    assert_eq!(link.pushed_message()["seq"], "2");
    // As if that answer had been lost, and the line with it.
    call(&server, &ann.access, "GroupService/AddMembers", named);
    let frame = link.receive();
    assert_eq!(frame["push"]["lagging"], true, "{frame}");
}

#[test]
fn a_pull_after_a_long_absence_has_everything_packed() {
    let server = Server::start();
    let (ann, bob) = (register(&server, "ann"), register(&server, "bob"));
    for number in 0..30 {
        call(&server, &ann.access, "MessageService/SendMessage", text_to(&bob.user_id, number, "again and again"));
    }
    let pull = json!({"messagesPerEntry": 20, "compress": true});
    let pulled = call(&server, &bob.access, "SyncService/PullUser", pull);
    assert_eq!((&pulled["entries"][0]["unread"], &pulled["totalUnread"]), (&json!("30"), &json!("30")));
    let packed = pulled["bundleZlib"].as_str().unwrap().len();
    assert!(packed > 100 && packed < 20 * 60, "20 messages in {packed} characters");
    let since = json!({"sinceVersion": pulled["version"]});
    let nothing = call(&server, &bob.access, "SyncService/PullUser", since);
    assert!(nothing["entries"].is_null() && nothing["hasMore"].is_null(), "{nothing}");
}
