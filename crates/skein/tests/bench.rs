//! The load tool itself runs in the tests, small: the crash test must find nothing, and must have had something to find.

use std::process::Command;

use serde_json::{Value, json};

/// Runs a measurement; its report, and whether it was satisfied.
fn bench(arguments: &[&str]) -> (Value, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skein"));
    let output = command.arg("bench").args(arguments).arg("--json").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {said}"));
    (report, output.status.success())
}

fn above_zero(report: &Value, figure: &str) {
    assert!(report[figure].as_f64().is_some_and(|value| value > 0.0), "no {figure}: {report}");
}

fn crash(arguments: &[&str]) {
    let (report, satisfied) = bench(&[&["crash", "--senders", "16"], arguments].concat());
    for fault in ["lost", "duplicated", "reordered", "gaps", "unread_mismatches", "resurrected", "fence_violations"] {
        assert_eq!(report[fault], 0, "{fault}: {report}");
    }
    assert!(satisfied, "{report}");
    for done in ["acked", "repeated", "recalled", "deleted", "refused_as_non_member", "views_checked"] {
        above_zero(&report, done);
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
    let small = ["history", "--few", "500", "--many", "1000", "--users", "10", "--seconds", "1", "--pages", "20"];
    for store in [&[][..], &["--postgres"]] {
        let (report, satisfied) = bench(&[&small, store].concat());
        assert!(satisfied, "{report}");
        for (size, stored) in [("few", 500), ("many", 1_000)] {
            let measured = &report[size];
            assert!(measured["stored"].as_u64().is_some_and(|count| count >= stored), "{report}");
            above_zero(measured, "send_cpu_us");
            above_zero(measured, "page_p50_us");
        }
    }
}

#[test]
fn those_who_stop_reading_and_those_who_drop_lose_nothing() {
    // On a machine that is busy otherwise they may say that the former speed is not back; nothing may be lost.
    let (slow, _) = bench(&["slow", "--connections", "40", "--seconds", "3"]);
    assert_eq!((&slow["lost"], &slow["stalled_connections"]), (&json!(0), &json!(20)), "{slow}");
    let (storm, _) = bench(&["storm", "--connections", "40", "--rate", "40", "--seconds", "3"]);
    assert_eq!((&storm["lost"], &storm["returned"]), (&json!(0), &json!(40)), "{storm}");
    assert!(storm["resumed_share"].as_f64().is_some_and(|share| share > 0.9), "{storm}");
}

#[test]
fn idle_connections_are_made_by_processes_of_their_own() {
    let (report, satisfied) = bench(&["idle", "--connections", "60", "--heartbeat", "1", "--seconds", "2"]);
    assert!(satisfied, "a connection was lost: {report}");
    assert_eq!((&report["connections"], &report["generator_processes"]), (&json!(60), &json!(1)), "{report}");
}

#[test]
fn devices_get_what_they_lack() {
    let small = ["sync", "--users", "9", "--conversations", "6", "--messages", "5", "--missed", "4", "--seconds", "1"];
    let (report, satisfied) = bench(&small);
    assert!(satisfied, "{report}");
    let (new, away) = (&report["new_device"], &report["after_absence"]);
    assert_eq!((&new["entries_per_sync"], &new["messages_per_sync"]), (&json!(6.0), &json!(30.0)), "{report}");
    assert!(away["entries_per_sync"].as_f64().is_some_and(|count| (1.0..=4.0).contains(&count)), "{report}");
    above_zero(new, "syncs_per_second");
    above_zero(away, "p99_ms");
}
