//! Operations about the nodes themselves, for operators with a server key: who there is, and draining one.

use std::time::Duration;

use bytes::Bytes;
use skein_bus::BusMessage;
use skein_proto::{
    codec::Codec,
    v1::{self, ErrorCode},
};
use skein_service::{Failure, now_ms};
use tokio::time::{Instant, sleep};

use crate::{
    cluster::{Announcement, DrainOrder, Notice, Phase},
    hello::Shared,
};

/// How long another node may take to follow an order.
const OBEYED_MAX: Duration = Duration::from_secs(3);
/// An order to another node may get lost: it is given again after this many looks.
const LOOKS_PER_ORDER: u32 = 10;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Longest time in which clients leave, in milliseconds.
const SPREAD_MS_MAX: u32 = 600_000;

type Answer = Result<Bytes, v1::Error>;

/// Runs the operation if it is one of these; the caller has shown a server key.
pub(super) async fn answer(shared: &Shared, path: &str, codec: Codec, body: &[u8]) -> Option<Answer> {
    match path.rsplit_once("AdminService/")?.1 {
        "DrainNode" => Some(drain(shared, codec, body).await.map(|node| codec.encode(&node)).map_err(Into::into)),
        "ListNodes" => Some(list(shared, codec, body).map(|nodes| codec.encode(&nodes)).map_err(Into::into)),
        _ => None,
    }
}

fn list(shared: &Shared, codec: Codec, body: &[u8]) -> Result<v1::ListNodesResponse, Failure> {
    let _: v1::ListNodesRequest = codec.decode_request(body)?;
    let others = shared.cluster.neighbours.list(now_ms());
    let mut nodes = vec![shared.announcement().to_wire(true)];
    nodes.extend(others.iter().map(|node| node.to_wire(false)));
    Ok(v1::ListNodesResponse { nodes, ..Default::default() })
}

async fn drain(shared: &Shared, codec: Codec, body: &[u8]) -> Result<v1::DrainNodeResponse, Failure> {
    let request: v1::DrainNodeRequest = codec.decode_request(body)?;
    if request.spread_ms > SPREAD_MS_MAX {
        return Err(Failure::invalid(format!("spread_ms is at most {SPREAD_MS_MAX}")));
    }
    let order = DrainOrder {
        name: if request.node.is_empty() { shared.cluster.name.clone() } else { request.node.clone() },
        spread_ms: (request.spread_ms > 0).then_some(request.spread_ms),
        cancel: request.cancel,
        stay: request.stay,
    };
    tracing::info!(node = order.name, cancel = order.cancel, stay = order.stay, "an order to drain");
    let node = if order.name == shared.cluster.name {
        shared.cluster.drain.order(&order);
        obeyed_here(shared, &order).await.to_wire(true)
    } else {
        pass_on(shared, order).await?.to_wire(false)
    };
    Ok(v1::DrainNodeResponse { node: node.into(), ..Default::default() })
}

fn is_obeyed(phase: Phase, order: &DrainOrder) -> bool {
    order.cancel == (phase == Phase::Serving)
}

/// The order is followed by a task of its own: the answer tells of it.
async fn obeyed_here(shared: &Shared, order: &DrainOrder) -> Announcement {
    let mut status = shared.cluster.drain.subscribe();
    let obeyed = status.wait_for(|status| is_obeyed(status.phase, order));
    let _ = tokio::time::timeout(OBEYED_MAX, obeyed).await;
    shared.announcement()
}

/// Gives the order to another node, and waits until that says that it follows.
async fn pass_on(shared: &Shared, order: DrainOrder) -> Result<Announcement, Failure> {
    let known = || shared.cluster.neighbours.list(now_ms()).into_iter().find(|node| node.name == order.name);
    if known().is_none() {
        let text = format!("no node is called {:?}; ListNodes says which there are", order.name);
        return Err(Failure::new(ErrorCode::NotFound, text));
    }
    let end = Instant::now() + OBEYED_MAX;
    for look in 0.. {
        if look % LOOKS_PER_ORDER == 0 {
            shared.bus.publish(BusMessage::Notice(Notice::Drain(order.clone()).encode())).await;
        }
        sleep(LOOK).await;
        match known() {
            Some(node) if is_obeyed(node.phase, &order) => return Ok(node),
            _ if Instant::now() >= end => break,
            _ => {}
        }
    }
    Err(Failure::new(ErrorCode::Unavailable, "the node does not follow; it may not be reached"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_followed_when_the_node_says_so() {
        let (begin, cancel) = (DrainOrder::default(), DrainOrder { cancel: true, ..Default::default() });
        assert!(is_obeyed(Phase::Withdrawn, &begin) && is_obeyed(Phase::Drained, &begin));
        assert!(!is_obeyed(Phase::Serving, &begin) && is_obeyed(Phase::Serving, &cancel));
    }
}
