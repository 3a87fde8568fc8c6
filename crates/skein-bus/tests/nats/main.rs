//! The bus of a cluster passes the suite, over a NATS server of the tests' own; and what it does when that server goes.

mod loss;

use std::sync::Arc;

use skein_bus::{
    Bus, NatsConfig,
    conformance::{Join, World},
    nats::{NatsBus, NodeRole},
};
use skein_testkit::nats::NatsServer;

/// How nodes join the cluster on this server.
fn join(server: &NatsServer) -> Join {
    let config = NatsConfig { urls: vec![server.url()], ..NatsConfig::default() };
    Box::new(move |role: NodeRole| {
        let config = config.clone();
        Box::pin(async move {
            let ends = NatsBus::join(&config, role).await.expect("the configuration is good");
            let bus: Arc<dyn Bus> = ends.bus;
            (bus, ends.deliveries, ends.calls)
        })
    })
}

async fn open() -> (Join, NatsServer) {
    let server = NatsServer::start();
    (join(&server), server)
}

skein_bus::conformance_tests!(crate::open; alone, cluster);

#[tokio::test]
async fn clusters_with_other_prefixes_share_a_server() {
    let server = NatsServer::start();
    let other = NatsConfig { urls: vec![server.url()], prefix: "other".to_owned(), ..NatsConfig::default() };
    let [a, b]: [_; 2] = World::new(join(&server)).nodes().await;
    let ends = NatsBus::join(&other, NodeRole { serves: true, delivers: true }).await.unwrap();
    let user = skein_proto::id::UserId(7);
    b.hold(user, "phone");
    a.knows(user, "phone").await;
    assert!(ends.bus.online_devices(user).await.is_empty());
}
