//! Metrics of the bus, by name. They go to the `metrics` facade and come out at `/metrics`.

use metrics::{counter, describe_counter, describe_gauge};

/// There, as zero, from the start: a rate needs a value before the first event.
const COUNTERS: &[(&str, &str)] = &[
    ("skein_bus_sent_total", "Packets for other nodes."),
    ("skein_bus_deliveries_total", "Deliveries to other nodes; those that are ready together share a packet."),
    ("skein_bus_unsent_total", "Packets that could not be sent; whoever is concerned is told to pull."),
    ("skein_bus_received_total", "Packets of other nodes."),
    ("skein_bus_malformed_total", "Packets that are not understood: of another version, or of a stranger."),
    ("skein_bus_overflows_total", "Times that packets came faster than they could be taken."),
    ("skein_bus_refused_calls_total", "Calls of access nodes that were refused, because too many were waiting."),
    ("skein_bus_connects_total", "Connections to NATS."),
    ("skein_bus_disconnects_total", "Connections to NATS that were lost."),
];

/// Says what each metric is.
pub(super) fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(*name, *text);
        counter!(*name).increment(0);
    }
    describe_gauge!("skein_bus_connected", "Whether this node is connected to NATS.");
    describe_gauge!("skein_bus_nodes", "Other nodes that this one knows.");
    describe_gauge!("skein_bus_users", "Users on other nodes, as far as this node keeps them.");
}
