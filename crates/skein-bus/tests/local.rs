//! The bus of one node passes the suite.

use std::sync::Arc;

use skein_bus::{Bus, conformance::Join, local::LocalBus};
use tokio::sync::mpsc;

async fn open() -> (Join, ()) {
    let join: Join = Box::new(|_| {
        Box::pin(async {
            let (bus, deliveries) = LocalBus::new();
            let bus: Arc<dyn Bus> = Arc::new(bus);
            (bus, deliveries, mpsc::channel(1).1)
        })
    });
    (join, ())
}

skein_bus::conformance_tests!(crate::open; alone);
