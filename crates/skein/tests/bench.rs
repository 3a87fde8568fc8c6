//! The load tool itself runs in the tests, small: the crash test must find nothing, and must have had something to find.

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

#[test]
fn what_more_messages_cost_is_measured_on_both_stores() {
    for store in [&[][..], &["--postgres"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_skein"))
            .args(["bench", "history", "--few", "500", "--many", "1000", "--users", "10", "--seconds", "1"])
            .args(["--pages", "20", "--json"])
            .args(store)
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        for (size, stored) in [("few", 500), ("many", 1_000)] {
            let measured = &report[size];
            assert!(measured["stored"].as_u64().is_some_and(|count| count >= stored), "{report}");
            assert!(measured["send_cpu_us"].as_f64().is_some_and(|cost| cost > 0.0), "{report}");
            assert!(measured["page_p50_us"].as_u64().is_some_and(|time| time > 0), "{report}");
        }
    }
}

#[test]
fn those_who_stop_reading_and_those_who_drop_lose_nothing() {
    let runs: [&[&str]; 2] = [
        &["slow", "--connections", "40", "--seconds", "3", "--json"],
        &["storm", "--connections", "40", "--rate", "40", "--seconds", "3", "--json"],
    ];
    for arguments in runs {
        let output =
            Command::new(env!("CARGO_BIN_EXE_skein")).arg("bench").args(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        // On a machine that is busy otherwise it may say that the former speed is not back; nothing may be lost.
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {said}"));
        assert_eq!(report["lost"], 0, "{said}");
        if arguments[0] == "storm" {
            assert_eq!(report["returned"], 40, "{report}");
            assert!(report["resumed_share"].as_f64().is_some_and(|share| share > 0.9), "{report}");
        } else {
            assert_eq!(report["stalled_connections"], 20, "{report}");
        }
    }
}
