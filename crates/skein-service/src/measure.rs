//! Metrics of the service layer, by name. They go to the `metrics` facade and come out at `/metrics`.

use metrics::{counter, describe_counter};

/// Why something is refused, for the counter that the access layer describes.
const REASONS: &[&str] = &["conversation_rate", "signal_rate"];
/// Whom signals are for.
const TARGETS: &[&str] = &["user", "device", "conversation", "typing", "room"];

/// Says what each metric is; they are there, as zero, from the start: a rate needs a value before the first event.
pub(crate) fn describe() {
    describe_counter!("skein_signals_total", "Signals that were handed over, by whom they are for.");
    describe_counter!("skein_signal_deliveries_total", "Sessions that signals were handed to.");
    counter!("skein_signal_deliveries_total").increment(0);
    for target in TARGETS {
        counter!("skein_signals_total", "target" => *target).increment(0);
    }
    for reason in REASONS {
        counter!("skein_refused_total", "reason" => *reason).increment(0);
    }
}

/// Something was refused because of a limit.
pub(crate) fn refused(reason: &'static str) {
    counter!("skein_refused_total", "reason" => reason).increment(1);
}

/// A signal was handed to so many sessions.
pub(crate) fn signal(target: &'static str, sessions: u32) {
    counter!("skein_signals_total", "target" => target).increment(1);
    counter!("skein_signal_deliveries_total").increment(u64::from(sessions));
}
