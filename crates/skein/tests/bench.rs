//! The crash test itself runs in the tests, small: it must find nothing, and must have had something to find.

use std::process::Command;

use serde_json::Value;

fn crash(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_skein"))
        .args(["bench", "crash", "--senders", "16", "--json"])
        .args(arguments)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for fault in ["lost", "duplicated", "reordered", "gaps", "unread_mismatches", "resurrected", "fence_violations"] {
        assert_eq!(report[fault], 0, "{fault}: {said}");
    }
    for done in ["acked", "repeated", "recalled", "deleted", "refused_as_non_member", "views_checked"] {
        assert!(report[done].as_u64().is_some_and(|count| count > 0), "no {done}: {report}");
    }
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_twice() {
    crash(&["--kills", "2"]);
}

#[test]
fn nothing_is_lost_when_the_parts_of_a_cluster_are_killed() {
    crash(&["--cluster", "2", "--access-nodes", "1", "--kills", "5", "--seed", "7"]);
}

#[test]
fn nothing_is_lost_when_the_links_of_a_cluster_are_cut_or_stall() {
    crash(&["--cluster", "2", "--kills", "0", "--partitions", "5", "--seed", "7"]);
}
