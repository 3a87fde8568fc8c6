//! Metrics of webhooks, by name. They go to the `metrics` facade and come out at `/metrics`. Names of endpoints are the operator's own.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};

use crate::request::Answer;

/// Says what each metric is, and has those of this endpoint there from the start: a rate needs a value before the first event.
pub(crate) fn describe(webhook: &str) {
    describe_counter!(
        "skein_webhook_events_total",
        "Events that an endpoint was given, by outcome: taken, failed or gone."
    );
    describe_histogram!("skein_webhook_seconds", "Time until an endpoint answered.");
    describe_counter!("skein_webhook_dead_total", "Events that were given up.");
    for outcome in ["taken", "gone", "failed"] {
        let webhook = webhook.to_owned();
        counter!("skein_webhook_events_total", "webhook" => webhook, "outcome" => outcome).increment(0);
    }
    counter!("skein_webhook_dead_total", "webhook" => webhook.to_owned()).increment(0);
}

/// An endpoint was called with this many events.
pub(crate) fn attempt(webhook: &str, events: usize, answer: &Answer, took: Duration) {
    let outcome = match answer {
        Answer::Taken => "taken",
        Answer::Gone => "gone",
        Answer::Failed { .. } => "failed",
    };
    let webhook = webhook.to_owned();
    counter!("skein_webhook_events_total", "webhook" => webhook.clone(), "outcome" => outcome).increment(events as u64);
    histogram!("skein_webhook_seconds", "webhook" => webhook).record(took.as_secs_f64());
}

/// An event was given up.
pub(crate) fn dead(webhook: &str) {
    counter!("skein_webhook_dead_total", "webhook" => webhook.to_owned()).increment(1);
}
